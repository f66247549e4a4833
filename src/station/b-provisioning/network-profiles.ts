import * as v from "valibot";
import type { DeviceModel, SetResult } from "../../device-model/device-model.ts";
import { InternalCtrlr, OCPPCommCtrlr, SecurityCtrlr } from "../../device-model/variables.ts";
import type { ConnectionProfile } from "../../ocpp/connection.ts";
import { csmsUrlDefect } from "../../ocpp/station-url.ts";
import type { SetNetworkProfileRequest, SetNetworkProfileResponse } from "../../ocpp/v201/index.ts";
import { NetworkConnectionProfileTypeSchema } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";
import { answerOr } from "../model/answer-or.ts";
import { isProfileList, readProfiles, rememberLastConnected } from "../model/network-profiles.ts";
import { isForbiddenDowngrade } from "../model/security-profile.ts";

/** Are interfaces of the operating system set out for OCPP's names, and is this one not among them? */
function isUnknownInterface(deviceModel: DeviceModel, ocppInterface: string): boolean {
  const variable = deviceModel.find(InternalCtrlr.IFace);
  if (typeof variable === "string") return false;
  const instances = [...variable.component.variables.values()]
    .filter(({ name, instance }) => name === variable.name && instance !== undefined)
    .map(({ instance }) => instance);
  return instances.length > 0 && !instances.includes(ocppInterface) && !deviceModel.read(InternalCtrlr.IFace);
}

/** B09, B10 and A05: network profiles and their order. */
export const networkProfiles = declareBlock({
  name: "network-profiles",
  letter: "B",
  hears: { "station.accepted": "reading", "link.connected": "reading" },
  create,
});

function create({ core, csms, deviceModel, events, hardware, logger }: Given) {
  let connectedWith: ConnectionProfile | undefined;

  const profiles = () => readProfiles(deviceModel.read(InternalCtrlr.NetworkConnectionProfiles));

  /** What the security profiles need, as the hardware side knew it at the beginning of SetVariables. */
  let installed = { csmsRoot: false, stationCertificate: false };
  const lowestProfile = (): number =>
    deviceModel.read(InternalCtrlr.AllowSecurityLevelZeroConnections) === true ? 0 : 1;

  /** The slots that the device model names: at least two (B09.FR.06). */
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
    const { securityProfile, ocppCsmsUrl, ocppTransport, ocppVersion, ocppInterface, messageTimeout } = connectionData;
    if (ocppTransport !== "JSON" || ocppVersion !== "OCPP20")
      return refuse("InvalidNetworkConf", "OCPP 2.0.1 over JSON only");
    if (connectionData.apn !== undefined || connectionData.vpn !== undefined)
      return refuse("InvalidNetworkConf", "APN and VPN cannot be set up through this station"); // told honestly, not stored in vain
    if (isUnknownInterface(deviceModel, ocppInterface))
      return refuse("InvalidNetworkConf", `no network interface is set out as ${ocppInterface}`);
    if (messageTimeout < 1) return refuse("InvalidNetworkConf", "the message timeout is no time");
    if (securityProfile < lowestProfile() || securityProfile > 3)
      return refuse("InvalidNetworkConf", "security profiles are 1, 2 and 3"); // B09.FR.02
    const urlDefect = csmsUrlDefect(ocppCsmsUrl, securityProfile);
    if (urlDefect !== undefined) return refuse("InvalidNetworkConf", urlDefect);
    if (isForbiddenDowngrade(deviceModel, securityProfile))
      return refuse("NoSecurityDowngrade", "lower than the active security profile"); // B09.FR.04, FR.31
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
    try {
      deviceModel.write(InternalCtrlr.NetworkConnectionProfiles, JSON.stringify(next), "internal");
    } catch (error) {
      logger.error(`The network profile of slot ${configurationSlot} could not be stored: ${(error as Error).message}`);
      return { response: { status: "Failed", statusInfo: { reasonCode: "InternalError" } } }; // B09.FR.03
    }
    events.emit("securityEvent", {
      type: "ReconfigurationOfSecurityParameters",
      techInfo: `Network profile of slot ${configurationSlot} set, security profile ${connectionData.securityProfile}`,
    });
    return { response: { status: "Accepted" } }; // B09.FR.01
  });

  const rejected = (reasonCode: string, additionalInfo: string): SetResult => ({
    status: "Rejected",
    reasonCode,
    additionalInfo,
  });

  const gatherInstalled = async (): Promise<void> => {
    const [csmsRoot, stationCertificate] = await Promise.all([
      answerOr(logger, "CSMS roots are not known", hardware.security.isCaInstalled("CSMS"), false),
      answerOr(logger, "The own certificate is not known", hardware.security.leafCertificateFiles("CSMS"), undefined),
    ]);
    installed = { csmsRoot, stationCertificate: stationCertificate !== undefined };
  };

  /** A05.FR.02, FR.03: a higher security profile needs its certificates beforehand. */
  const missingFor = (securityProfile: number): string | undefined => {
    if (securityProfile <= (deviceModel.read(SecurityCtrlr.SecurityProfile) ?? 0)) return undefined;
    if (securityProfile >= 2 && !installed.csmsRoot) return "no CSMS root certificate is installed";
    if (securityProfile === 3 && !installed.stationCertificate) return "no charging station certificate is installed";
    return undefined;
  };

  /** B10.FR.01, FR.02, A05.FR.04: every slot of the list must hold a profile that can be used now. */
  const checkPriority = (value: string): SetResult | undefined => {
    const stored = profiles();
    for (const slot of value.split(",").map((item) => item.trim())) {
      const found = stored.find((profile) => String(profile.configurationSlot) === slot);
      if (slot === "") return rejected("InvalidValue", "an entry of the list names no slot");
      if (found === undefined) return rejected("InvalidConfSlot", `slot ${slot} holds no profile`);
      const { ocppCsmsUrl, securityProfile } = found.connectionData;
      if (isForbiddenDowngrade(deviceModel, securityProfile))
        return rejected("NoSecurityDowngrade", `slot ${slot} is less secure`); // A05.FR.09, FR.10
      const defect = csmsUrlDefect(ocppCsmsUrl, securityProfile) ?? missingFor(securityProfile);
      if (defect !== undefined) return rejected("InvalidNetworkConf", `slot ${slot}: ${defect}`);
    }
    return undefined;
  };
  deviceModel.prepareRules(OCPPCommCtrlr.NetworkConfigurationPriority, gatherInstalled);
  deviceModel.addRule(OCPPCommCtrlr.NetworkConfigurationPriority, checkPriority);
  deviceModel.addRule(InternalCtrlr.NetworkConnectionProfiles, (value) => {
    if (!isProfileList(value)) return rejected("InvalidNetworkConf", "no list of profiles");
    const given = readProfiles(value);
    for (const { configurationSlot, connectionData } of given) {
      const defect = csmsUrlDefect(connectionData.ocppCsmsUrl, connectionData.securityProfile);
      if (defect !== undefined) return rejected("InvalidNetworkConf", `slot ${configurationSlot}: ${defect}`);
    }
    // Not a way around B09.FR.04.
    const lower = given.some(({ connectionData }) => isForbiddenDowngrade(deviceModel, connectionData.securityProfile));
    return lower ? rejected("NoSecurityDowngrade", "a profile is less secure than the active one") : undefined;
  });

  /**
   * A05.FR.06: once the CSMS has accepted the station over this security profile there is no way back. Not earlier: a CSMS
   * that lets the station connect but does not accept it must not cut it off from the profile that works.
   */
  const adoptSecurityProfile = (securityProfile: number): void => {
    if (deviceModel.read(SecurityCtrlr.SecurityProfile) === securityProfile) return;
    deviceModel.write(SecurityCtrlr.SecurityProfile, securityProfile, "internal");
    events.emit("securityEvent", {
      type: "ReconfigurationOfSecurityParameters",
      techInfo: `security profile ${securityProfile} is in use`,
    });
    const lower = profiles().filter(({ connectionData }) => connectionData.securityProfile < securityProfile);
    if (lower.length === 0) return;
    const slots = new Set(lower.map(({ configurationSlot }) => String(configurationSlot)));
    const kept = profiles().filter(
      (profile) => !lower.some((one) => one.configurationSlot === profile.configurationSlot),
    );
    const priority = deviceModel.read(OCPPCommCtrlr.NetworkConfigurationPriority) ?? [];
    logger.warn(`The profiles of slots ${[...slots].join(", ")} are removed: they are less secure than the one in use`);
    deviceModel.write(InternalCtrlr.NetworkConnectionProfiles, JSON.stringify(kept), "internal");
    const remaining = priority.filter((slot) => !slots.has(slot));
    deviceModel.write(OCPPCommCtrlr.NetworkConfigurationPriority, remaining, "internal");
  };

  /** A full disk does not keep the station from going on with the connection that it has. */
  const tryToStore = (store: () => void): void => {
    try {
      store();
    } catch (error) {
      logger.error(`The network profile in use could not be stored: ${(error as Error).message}`);
    }
  };

  /** The profile works: the CSMS has accepted the station over it. */
  const confirm = (profile: ConnectionProfile): void =>
    tryToStore(() => {
      core.unitOfWork.run(() => rememberLastConnected(core.keyValues, profile));
      adoptSecurityProfile(profile.securityProfile);
    });

  const takeConnection = (profile: ConnectionProfile, switchedProfile: boolean): void => {
    const { slot } = profile;
    connectedWith = profile;
    tryToStore(() => deviceModel.write(OCPPCommCtrlr.ActiveNetworkProfile, slot, "internal"));
    if (csms.registration === "Accepted" && !switchedProfile) confirm(profile);
    const data = profiles().find(({ configurationSlot }) => configurationSlot === slot)?.connectionData;
    const parsed = v.safeParse(NetworkConnectionProfileTypeSchema, data);
    if (!parsed.success) logger.info(`The network profile of slot ${slot} has no complete connection data`);
    csms.useMessageTimeout(parsed.success ? parsed.output.messageTimeout : undefined);
  };

  return {
    hears: {
      "station.accepted": () => {
        if (connectedWith !== undefined) confirm(connectedWith);
      },
      "link.connected": ({ profile, switchedProfile }: HeardEvents["link.connected"]) =>
        takeConnection(profile, switchedProfile),
    },
  };
}
