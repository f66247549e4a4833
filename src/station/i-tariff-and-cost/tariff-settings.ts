import { VariableHandle } from "../../device-model/variable-handle.ts";
import { CustomizationCtrlr, DisplayMessageCtrlr, TariffCostCtrlr } from "../../device-model/variables.ts";
import type { MessageContentType } from "../../ocpp/v201/index.ts";
import type { StationContext } from "../context.ts";

/** Decimals where the configuration names none: a thousandth (BEHAVIOUR 19.2). */
const DEFAULT_DECIMALS = 3;
/** OCA's extension has room for so many texts beside the first. */
const EXTRA_TEXTS_LIMIT = 4;

export type FallbackText = "TariffFallbackMessage" | "OfflineTariffFallbackMessage" | "TotalCostFallbackMessage";

/** `en_US` and `en-us` are one language: component files write both. */
function languageKey(language: string): string {
  return language.replaceAll("_", "-").toLowerCase();
}

/** What TariffCostCtrlr and its neighbours in the device model say about money and texts. */
export class TariffSettings {
  constructor(private readonly deviceModel: StationContext["deviceModel"]) {}

  isOn(name: "Tariff" | "Cost"): boolean {
    return (
      this.deviceModel.read(TariffCostCtrlr[`Available_${name}`]) === true &&
      this.deviceModel.read(TariffCostCtrlr[`Enabled_${name}`]) === true
    );
  }

  get currency(): string {
    return this.deviceModel.read(TariffCostCtrlr.Currency) ?? "";
  }

  get decimals(): number {
    return this.deviceModel.read(TariffCostCtrlr.NumberOfDecimalsForCostValues) ?? DEFAULT_DECIMALS;
  }

  get showsQrCodes(): boolean {
    return this.deviceModel.read(DisplayMessageCtrlr.QRCodeDisplayCapable) === true;
  }

  /** OCA's California pricing: prices and triggers in customData. */
  get readsCostMessages(): boolean {
    return (
      this.deviceModel.read(CustomizationCtrlr.CustomImplementationEnabled_org_openchargealliance_costmsg) === true
    );
  }

  private get readsOtherLanguages(): boolean {
    const handle = CustomizationCtrlr.CustomImplementationEnabled_org_openchargealliance_multilanguage;
    return this.deviceModel.read(handle) === true;
  }

  /** The languages that the charger can show: the valuesList of DisplayMessageCtrlr.Language. */
  private get languages(): readonly string[] {
    const variable = this.deviceModel.find(DisplayMessageCtrlr.Language);
    const list = typeof variable === "string" ? undefined : variable.characteristics.valuesList;
    return (list ?? "")
      .split(",")
      .map((language) => language.trim())
      .filter((language) => language !== "");
  }

  /** A configured text: first the one without a language, then one for each language that has its own. */
  texts(name: FallbackText): readonly MessageContentType[] {
    const main = this.read(name, undefined);
    const others = this.languages.flatMap((language): MessageContentType[] => {
      const content = this.read(name, language) || this.read(name, language.replaceAll("_", "-"));
      return content ? [{ format: "UTF8", language: language.replaceAll("_", "-"), content }] : [];
    });
    return [...(main ? [{ format: "UTF8" as const, content: main }] : []), ...others];
  }

  /** I04.FR.01: the tariff for whom there is no other; offline a text of its own, if there is one. */
  fallbackTariff(online: boolean): readonly MessageContentType[] {
    if (!this.isOn("Tariff")) return [];
    const offline = online ? [] : this.texts("OfflineTariffFallbackMessage");
    return offline.length > 0 ? offline : this.texts("TariffFallbackMessage");
  }

  /** The texts of the extension in languages that the charger can show. */
  otherLanguages(texts: readonly MessageContentType[] = []): readonly MessageContentType[] {
    if (!this.readsOtherLanguages) return [];
    const known = new Set(this.languages.map(languageKey));
    return texts
      .filter(({ language }) => language !== undefined && known.has(languageKey(language)))
      .slice(0, EXTRA_TEXTS_LIMIT);
  }

  private read(variable: FallbackText, instance: string | undefined): string | undefined {
    const address = { component: "TariffCostCtrlr", variable, ...(instance !== undefined && { instance }) };
    return this.deviceModel.read(new VariableHandle(address, "string"));
  }
}
