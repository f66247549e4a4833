import type { MessageContentType } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given } from "../block.ts";
import { TariffSettings } from "./tariff-settings.ts";

/** Variables of which the texts are made, by component. */
const SOURCES: Readonly<Record<string, readonly string[]>> = {
  tariffcostctrlr: ["available", "enabled", "tarifffallbackmessage", "offlinetarifffallbackmessage"],
};

/** I01 and I04: the tariff before a transaction, for everybody and for those whom the CSMS tells nothing of their own. */
export const tariffInformation = declareBlock({
  name: "tariff-information",
  letter: "I",
  provides: ["tariff"],
  hears: { "link.connected": "follow-up", "link.disconnected": "follow-up" },
  create,
});

function create({ csms, deviceModel, hardware }: Given) {
  const settings = new TariffSettings(deviceModel);
  let told = "[]";
  let unsubscribe = (): void => {};

  /** What everybody may read; an empty list takes back what was told before. */
  const tell = (online: boolean): void => {
    const texts = settings.fallbackTariff(online);
    if (JSON.stringify(texts) === told) return;
    told = JSON.stringify(texts);
    hardware.observer.defaultPrice(texts);
  };

  const fallback = (): readonly MessageContentType[] => settings.fallbackTariff(csms.connected);

  return {
    provides: { tariff: { fallback } },
    hears: {
      "link.connected": () => tell(true),
      "link.disconnected": () => tell(false),
    },
    start() {
      unsubscribe = deviceModel.onAnyChange(({ variable }) => {
        const names = SOURCES[variable.component.definition.name.toLowerCase()];
        if (names?.includes(variable.name.toLowerCase())) tell(csms.connected);
      });
      tell(csms.connected);
    },
    stop: () => unsubscribe(),
  };
}
