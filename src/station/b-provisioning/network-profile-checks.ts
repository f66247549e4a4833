import type { DeviceModel, SetRequest, SetResult } from "../../device-model/device-model.ts";
import { valueDefect } from "../../device-model/value-rules.ts";
import type { ValueKind, VariableHandle } from "../../device-model/variable-handle.ts";
import { InternalCtrlr, NetworkConfiguration, SecurityCtrlr } from "../../device-model/variables.ts";
import type { Logger } from "../../log/logger.ts";
import { csmsUrlDefect } from "../../ocpp/station-url.ts";
import { answerOr } from "../model/answer-or.ts";
import {
  activeSlot,
  type ConnectionData,
  missingOfProfile,
  networkProfileOf,
  PROFILE_VARIABLES,
  prioritySlots,
} from "../model/network-profiles.ts";
import { isPasswordText } from "../model/password-text.ts";
import type { ListEntry } from "../model/profile-list.ts";
import { isForbiddenDowngrade } from "../model/security-profile.ts";
import type { Hardware } from "../ports.ts";

/** Why a profile, or a change of one, is refused; reason codes of the appendix and of EVerest (CHANGES c.8). */
export interface Refusal {
  readonly reasonCode:
    | "InvalidConfSlot"
    | "InvalidNetworkConf"
    | "InvalidValue"
    | "NoSecurityDowngrade"
    | "PriorityNetworkConf";
  readonly additionalInfo: string;
}

/** 2.0.1 under the names of its own messages and of the device model. */
const OCPP_201_NAMES: readonly unknown[] = ["OCPP20", "OCPP201"];

const invalid = (additionalInfo: string): Refusal => ({ reasonCode: "InvalidNetworkConf", additionalInfo });

export function toSetResult(refusal: Refusal | undefined): SetResult | undefined {
  return refusal === undefined ? undefined : { status: "Rejected", ...refusal };
}

/** Are interfaces of the operating system set out for OCPP's names, and is this one not among them? */
function isUnknownInterface(deviceModel: DeviceModel, ocppInterface: string): boolean {
  const variable = deviceModel.find(InternalCtrlr.IFace);
  if (typeof variable === "string") return false;
  const instances = [...variable.component.variables.values()]
    .filter(({ name, instance }) => name === variable.name && instance !== undefined)
    .map(({ instance }) => instance);
  return instances.length > 0 && !instances.includes(ocppInterface) && !deviceModel.read(InternalCtrlr.IFace);
}

/** What the checks of network profiles know, and what they find. */
export class NetworkProfileChecks {
  /** What the security profiles need, as the hardware side knew it at the beginning of the request. */
  private installed = { csmsRoot: false, stationCertificate: false };
  /** URL and security profile that the request at hand wants to give a slot. */
  private requested: readonly SetRequest[] = [];

  constructor(
    private readonly deviceModel: DeviceModel,
    private readonly hardware: Pick<Hardware, "security" | "network">,
    private readonly logger: Logger,
  ) {}

  /** To be called before the checks: asks the hardware side for the certificates. Never rejects. */
  async gather(requests: readonly SetRequest[] = []): Promise<void> {
    const { security } = this.hardware;
    const [csmsRoot, stationCertificate] = await Promise.all([
      answerOr(this.logger, "CSMS roots are not known", security.isCaInstalled("CSMS"), false),
      answerOr(this.logger, "The own certificate is not known", security.leafCertificateFiles("CSMS"), undefined),
    ]);
    this.installed = { csmsRoot, stationCertificate: stationCertificate !== undefined };
    this.requested = requests;
  }

  /** SetNetworkProfile (B09.FR.02, FR.04, FR.31), without the slot. */
  profileDefect(data: ConnectionData): Refusal | undefined {
    const securityProfile = Number(data.securityProfile);
    if (isForbiddenDowngrade(this.deviceModel, securityProfile))
      return { reasonCode: "NoSecurityDowngrade", additionalInfo: "lower than the active security profile" };
    const lowest = this.deviceModel.read(InternalCtrlr.AllowSecurityLevelZeroConnections) === true ? 0 : 1;
    if (securityProfile < lowest || securityProfile > 3) return invalid("security profiles are 1, 2 and 3");
    if (data.ocppTransport !== "JSON" || !OCPP_201_NAMES.includes(data.ocppVersion))
      return invalid("OCPP 2.0.1 over JSON only");
    if (Number(data.messageTimeout) < 1) return invalid("the message timeout is no time");
    if (isUnknownInterface(this.deviceModel, String(data.ocppInterface)))
      return invalid(`no network interface is set out as ${String(data.ocppInterface)}`);
    if ((data.apn !== undefined || data.vpn !== undefined) && this.hardware.network?.canSetUpApnAndVpn !== true)
      return invalid("APN and VPN cannot be set up through this station"); // told honestly, not stored in vain
    return this.connectionDefect(String(data.ocppCsmsUrl), securityProfile);
  }

  /** An entry of InternalCtrlr.NetworkConnectionProfiles that another one wants to write. */
  entryDefect({ configurationSlot, connectionData }: ListEntry): Refusal | undefined {
    const { ocppCsmsUrl, securityProfile } = connectionData;
    const defect = csmsUrlDefect(ocppCsmsUrl, securityProfile);
    if (defect !== undefined) return invalid(`slot ${configurationSlot}: ${defect}`);
    // Not a way around B09.FR.04.
    return isForbiddenDowngrade(this.deviceModel, securityProfile)
      ? { reasonCode: "NoSecurityDowngrade", additionalInfo: "a profile is less secure than the active one" }
      : undefined;
  }

  /** B10.FR.01, FR.02, A05.FR.04: every slot of the list must hold a profile that can be used now. */
  priorityDefect(value: string): Refusal | undefined {
    for (const text of value.split(",").map((item) => item.trim())) {
      if (text === "") return { reasonCode: "InvalidValue", additionalInfo: "an entry of the list names no slot" };
      const slot = Number(text);
      if (!/^\d+$/.test(text)) return invalid(`${text} is no slot`);
      const profile = networkProfileOf(this.deviceModel, slot);
      if (profile === undefined)
        return invalid(`slot ${slot} holds no whole profile: ${missingOfProfile(this.deviceModel, slot).join(", ")}`);
      if (isForbiddenDowngrade(this.deviceModel, profile.securityProfile))
        return { reasonCode: "NoSecurityDowngrade", additionalInfo: `slot ${slot} is less secure` }; // A05.FR.09, FR.10
      if (
        (profile.apn !== undefined || profile.vpn !== undefined) &&
        this.hardware.network?.canSetUpApnAndVpn === false
      )
        return invalid(`slot ${slot}: APN and VPN cannot be set up`);
      const defect = this.connectionDefect(profile.url, profile.securityProfile);
      if (defect !== undefined) return { ...defect, additionalInfo: `slot ${slot}: ${defect.additionalInfo}` };
    }
    return undefined;
  }

  /** SetVariables on a variable of a slot (CHANGES c.8). */
  variableDefect(slot: number, { variable: name }: VariableHandle<ValueKind>, value: string): Refusal | undefined {
    if (slot === activeSlot(this.deviceModel) || prioritySlots(this.deviceModel).includes(slot))
      return {
        reasonCode: "PriorityNetworkConf",
        additionalInfo: `slot ${slot} is in use: SetNetworkProfile changes it`,
      };
    switch (name) {
      case "SecurityProfile":
        if (isForbiddenDowngrade(this.deviceModel, Number(value)))
          return { reasonCode: "NoSecurityDowngrade", additionalInfo: "lower than the active security profile" };
        return this.resultDefect(slot, this.pending(slot, NetworkConfiguration.OcppCsmsUrl), value);
      case "OcppCsmsUrl":
        return this.resultDefect(slot, value, this.pending(slot, NetworkConfiguration.SecurityProfile));
      case "OcppTransport":
        return value === "JSON" ? undefined : invalid("JSON only");
      case "OcppVersion":
        return OCPP_201_NAMES.includes(value) ? undefined : invalid("OCPP 2.0.1 only");
      case "OcppInterface":
        return isUnknownInterface(this.deviceModel, value)
          ? invalid(`no network interface is set out as ${value}`)
          : undefined;
      case "Identity":
        return value.includes(":") ? { reasonCode: "InvalidValue", additionalInfo: "a colon (A00.FR.204)" } : undefined;
      case "BasicAuthPassword":
        return isPasswordText(value)
          ? undefined
          : { reasonCode: "InvalidValue", additionalInfo: "a character that is not allowed in passwords" };
      default:
        return undefined;
    }
  }

  /** What the slot will have when the request at hand is carried out; what its variable cannot take is not counted. */
  private pending(slot: number, of: VariableHandle<ValueKind>): string {
    const handle = of.ofInstance(slot);
    const variable = this.deviceModel.find(handle);
    const wanted = this.requested.filter(
      ({ address, attributeType, value }) =>
        attributeType === "Actual" &&
        typeof variable !== "string" &&
        this.deviceModel.find(address) === variable &&
        valueDefect(value, variable.characteristics) === undefined,
    );
    return wanted.at(-1)?.value ?? this.deviceModel.stored(handle) ?? "";
  }

  /** URL and security profile must fit each other as soon as both are there. */
  private resultDefect(slot: number, url: string, securityProfile: string): Refusal | undefined {
    if (url === "" || securityProfile === "") return undefined;
    const defect = this.connectionDefect(url, Number(securityProfile));
    return defect && { ...defect, additionalInfo: `slot ${slot}: ${defect.additionalInfo}` };
  }

  private connectionDefect(url: string, securityProfile: number): Refusal | undefined {
    const defect = csmsUrlDefect(url, securityProfile) ?? this.missingFor(securityProfile);
    return defect === undefined ? undefined : invalid(defect);
  }

  /** A05.FR.02, FR.03: a higher security profile needs its certificates beforehand. */
  private missingFor(securityProfile: number): string | undefined {
    if (securityProfile <= (this.deviceModel.read(SecurityCtrlr.SecurityProfile) ?? 0)) return undefined;
    const { csmsRoot, stationCertificate } = this.installed;
    if (securityProfile >= 2 && !csmsRoot) return "no CSMS root certificate is installed";
    if (securityProfile === 3 && !stationCertificate) return "no charging station certificate is installed";
    return undefined;
  }
}

/** Registers the checks of a slot's variables. */
export function addSlotRules(
  deviceModel: DeviceModel,
  checks: NetworkProfileChecks,
  slot: number,
  gather: (requests: readonly SetRequest[]) => Promise<void>,
): void {
  for (const variable of PROFILE_VARIABLES) {
    const handle = variable.ofInstance(slot);
    deviceModel.prepareRules(handle, gather);
    deviceModel.addRule(handle, (value) => toSetResult(checks.variableDefect(slot, variable, value)));
  }
}
