import * as v from "valibot";
import type { SetResult } from "../../device-model/device-model.ts";
import { InternalCtrlr, OCPPCommCtrlr, SecurityCtrlr } from "../../device-model/variables.ts";
import type {
  NetworkConnectionProfileType,
  SetNetworkProfileRequest,
  SetNetworkProfileResponse,
} from "../../ocpp/v201/index.ts";
import { NetworkConnectionProfileTypeSchema } from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";

const StoredProfiles = v.array(
  v.object({
    configurationSlot: v.number(),
    connectionData: v.looseObject({ ocppCsmsUrl: v.string(), securityProfile: v.number() }),
  }),
);
type StoredProfile = v.InferOutput<typeof StoredProfiles>[number];

export function readProfiles(text: string | undefined): readonly StoredProfile[] {
  try {
    const parsed = v.safeParse(StoredProfiles, JSON.parse(text ?? "[]"));
    return parsed.success ? parsed.output : [];
  } catch {
    return [];
  }
}

function isWebSocketUrl(url: string, securityProfile: number): boolean {
  if (!URL.canParse(url)) return false;
  const { protocol } = new URL(url);
  return securityProfile >= 2 ? protocol === "wss:" : protocol === "ws:" || protocol === "wss:";
}

/** B09, B10 and A05: network profiles and their order. */
export function createNetworkProfilesBlock(context: StationContext): Block {
  const { csms, deviceModel, logger } = context;
  const unsubscribes: (() => void)[] = [];

  const profiles = () => readProfiles(deviceModel.read(InternalCtrlr.NetworkConnectionProfiles));

  /** A00.FR.005, A05.FR.08, FR.09: never down, except from 3 to 2 where that is allowed. */
  const isDowngrade = (securityProfile: number): boolean => {
    const active = deviceModel.read(SecurityCtrlr.SecurityProfile) ?? 0;
    if (securityProfile >= active) return false;
    const mayDowngrade = deviceModel.read(SecurityCtrlr.AllowSecurityProfileDowngrade) === true;
    return !(mayDowngrade && active === 3 && securityProfile === 2);
  };

  const slotsAllowed = (): readonly string[] => {
    const variable = deviceModel.find(OCPPCommCtrlr.NetworkConfigurationPriority);
    const list = typeof variable === "string" ? undefined : variable.characteristics.valuesList;
    return list?.split(",").map((slot) => slot.trim()) ?? [];
  };

  const refuse = (reasonCode: string, additionalInfo: string): SetNetworkProfileResponse => ({
    status: "Rejected",
    statusInfo: { reasonCode, additionalInfo },
  });

  const defect = ({
    configurationSlot,
    connectionData,
  }: SetNetworkProfileRequest): SetNetworkProfileResponse | undefined => {
    const allowed = slotsAllowed();
    if (allowed.length > 0 && !allowed.includes(String(configurationSlot)))
      return refuse("InvalidConfSlot", "no such slot"); // B09.FR.05
    const { securityProfile, ocppCsmsUrl, ocppTransport, ocppVersion } = connectionData;
    if (ocppTransport !== "JSON" || ocppVersion !== "OCPP20")
      return refuse("InvalidNetworkConf", "OCPP 2.0.1 over JSON only");
    if (connectionData.apn !== undefined || connectionData.vpn !== undefined)
      return refuse("InvalidNetworkConf", "APN and VPN cannot be set up through this station"); // told honestly, not stored in vain
    if (securityProfile < 1 || securityProfile > 3)
      return refuse("InvalidNetworkConf", "security profiles are 1, 2 and 3"); // B09.FR.02
    if (!isWebSocketUrl(ocppCsmsUrl, securityProfile))
      return refuse("InvalidNetworkConf", "the URL does not fit the security profile");
    if (isDowngrade(securityProfile)) return refuse("NoSecurityDowngrade", "lower than the active security profile"); // B09.FR.04, FR.31
    return undefined;
  };

  csms.handle("SetNetworkProfile", (request) => {
    const refused = defect(request);
    if (refused !== undefined) return { response: refused };
    const { configurationSlot, connectionData } = request;
    const others = profiles().filter((profile) => profile.configurationSlot !== configurationSlot);
    const next = [...others, { configurationSlot, connectionData }].sort(
      (one, other) => one.configurationSlot - other.configurationSlot,
    );
    deviceModel.write(InternalCtrlr.NetworkConnectionProfiles, JSON.stringify(next), "internal");
    return { response: { status: "Accepted" } }; // B09.FR.01
  });

  /** B10.FR.01, FR.02: every slot of the list must hold a usable profile. */
  const checkPriority = (value: string): SetResult | undefined => {
    const stored = profiles();
    for (const slot of value.split(",").map((item) => item.trim())) {
      const found = stored.find((profile) => String(profile.configurationSlot) === slot);
      if (found === undefined)
        return { status: "Rejected", reasonCode: "InvalidConfSlot", additionalInfo: `slot ${slot} holds no profile` };
      const data = found.connectionData as unknown as NetworkConnectionProfileType;
      if (!isWebSocketUrl(data.ocppCsmsUrl, data.securityProfile))
        return { status: "Rejected", reasonCode: "InvalidNetworkConf", additionalInfo: `slot ${slot} is not usable` };
      if (isDowngrade(data.securityProfile))
        return { status: "Rejected", reasonCode: "NoSecurityDowngrade", additionalInfo: `slot ${slot} is less secure` };
    }
    return undefined;
  };
  deviceModel.addRule(OCPPCommCtrlr.NetworkConfigurationPriority, checkPriority);
  deviceModel.addRule(InternalCtrlr.NetworkConnectionProfiles, (value) =>
    readProfiles(value).length > 0 ? undefined : { status: "Rejected", reasonCode: "InvalidNetworkConf" },
  );

  return {
    name: "network-profiles",
    start() {
      unsubscribes.push(
        csms.events.on("connected", ({ profileSlot, securityProfile }) => {
          deviceModel.write(OCPPCommCtrlr.ActiveNetworkProfile, profileSlot, "internal");
          deviceModel.write(SecurityCtrlr.SecurityProfile, securityProfile, "internal");
          const data = profiles().find(({ configurationSlot }) => configurationSlot === profileSlot)?.connectionData;
          const parsed = v.safeParse(NetworkConnectionProfileTypeSchema, data);
          if (!parsed.success)
            logger.info(`The network profile of slot ${profileSlot} has no complete connection data`);
          csms.useMessageTimeout(parsed.success ? parsed.output.messageTimeout : undefined);
        }),
      );
    },
    stop() {
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
    },
  };
}
