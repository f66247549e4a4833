import type { SetRequest, SetResult } from "../../device-model/device-model.ts";
import { configuredSlots, emptySlot } from "../../device-model/network-configuration.ts";
import { InternalCtrlr, NetworkConfiguration, OCPPCommCtrlr, SecurityCtrlr } from "../../device-model/variables.ts";
import type { ConnectionProfile } from "../../ocpp/connection.ts";
import type { SetNetworkProfileRequest, SetNetworkProfileResponse } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";
import {
  activeSlot,
  identityOf,
  missingOfProfile,
  networkProfileOf,
  PROFILE_VARIABLES,
  prioritySlots,
  rememberLastConnected,
  usableProfiles,
  writesOf,
} from "../model/network-profiles.ts";
import {
  followComponents,
  isProfileList,
  type ListEntry,
  readList,
  takeOverList,
  withoutSecrets,
  writesOfEntry,
} from "../model/profile-list.ts";
import { addSlotRules, NetworkProfileChecks, toSetResult } from "./network-profile-checks.ts";

/** The name of 2.0.1 in the device model. */
const OCPP_201 = "OCPP201";
/** So many slots there may be, where the configuration does not say which. */
const SLOTS_LIMIT = 32;

/** B09, B10 and A05: network profiles and their order. */
export const networkProfiles = declareBlock({
  name: "network-profiles",
  letter: "B",
  hears: { "station.accepted": "reading", "link.connected": "reading" },
  create,
});

function create({ core, csms, deviceModel, events, hardware, logger }: Given) {
  const checks = new NetworkProfileChecks(deviceModel, hardware, logger);
  const gather = (requests: readonly SetRequest[]): Promise<void> => checks.gather(requests);
  let connectedWith: ConnectionProfile | undefined;

  /** A full disk does not keep the station from going on with what it has. */
  const tryToStore = (store: () => void): void => {
    try {
      store();
    } catch (error) {
      logger.error(`The network profiles could not be stored: ${(error as Error).message}`);
    }
  };

  /** InternalCtrlr.NetworkConnectionProfiles says what the components say, for programs that know nothing of them. */
  const follow = (): void => tryToStore(() => followComponents(deviceModel, core.keyValues));

  const reconfigured = (techInfo: string): void =>
    events.emit("securityEvent", { type: "ReconfigurationOfSecurityParameters", techInfo });

  const watch = (slot: number): void => {
    addSlotRules(deviceModel, checks, slot, gather);
    for (const variable of PROFILE_VARIABLES)
      deviceModel.onChange(variable.ofInstance(slot), ({ source }) => {
        if (source === "internal") return;
        follow();
        if (variable === NetworkConfiguration.SecurityProfile || variable === NetworkConfiguration.BasicAuthPassword)
          reconfigured(`${variable.variable} of slot ${slot} changed`);
      });
  };

  tryToStore(() => {
    const taken = takeOverList(deviceModel, core.keyValues);
    if (taken.length > 0) logger.info(`The network profiles of slots ${taken.join(", ")} are taken over from the list`);
  });
  for (const slot of configuredSlots(deviceModel)) watch(slot);
  for (const slot of prioritySlots(deviceModel))
    if (networkProfileOf(deviceModel, slot) === undefined)
      logger.warn(
        `Slot ${slot} of NetworkConfigurationPriority cannot be used: ${missingOfProfile(deviceModel, slot).join(", ")} missing`,
      );

  /** The slots that the device model names: at least two (B09.FR.06). */
  const slotsAllowed = (): readonly string[] => {
    const variable = deviceModel.find(OCPPCommCtrlr.NetworkConfigurationPriority);
    const list = typeof variable === "string" ? undefined : variable.characteristics.valuesList;
    return list?.split(",").map((slot) => slot.trim()) ?? [];
  };

  const hasRoomFor = (slots: readonly number[]): boolean => {
    const known = new Set(configuredSlots(deviceModel));
    const all = new Set([...known, ...slots]);
    return all.size === known.size || all.size <= SLOTS_LIMIT;
  };

  const refusal = ({ configurationSlot, connectionData }: SetNetworkProfileRequest) => {
    const allowed = slotsAllowed();
    const isAllowed = allowed.length === 0 || allowed.includes(String(configurationSlot));
    if (configurationSlot < 0 || !isAllowed || !hasRoomFor([configurationSlot]))
      return { reasonCode: "InvalidConfSlot", additionalInfo: "no such slot" } as const; // B09.FR.05
    return checks.profileDefect({ ...connectionData });
  };

  /** A slot for which there was no component. */
  const ensureSlot = (slot: number): void => {
    if (configuredSlots(deviceModel).includes(slot)) return;
    deviceModel.addComponentBeside(InternalCtrlr.NetworkConnectionProfiles, emptySlot(slot));
    watch(slot);
  };

  csms.handle("SetNetworkProfile", async (request): Promise<{ response: SetNetworkProfileResponse }> => {
    await checks.gather();
    const refused = refusal(request);
    if (refused !== undefined) return { response: { status: "Rejected", statusInfo: refused } };
    const { configurationSlot, connectionData } = request;
    try {
      ensureSlot(configurationSlot);
      deviceModel.writeAll(writesOf(configurationSlot, { ...connectionData }), "internal");
    } catch (error) {
      logger.error(`The network profile of slot ${configurationSlot} could not be stored: ${(error as Error).message}`);
      return { response: { status: "Failed", statusInfo: { reasonCode: "InternalError" } } }; // B09.FR.03
    }
    follow();
    reconfigured(
      `Network profile of slot ${configurationSlot} set, security profile ${connectionData.securityProfile}`,
    );
    return { response: { status: "Accepted" } }; // B09.FR.01
  });

  deviceModel.prepareRules(OCPPCommCtrlr.NetworkConfigurationPriority, gather);
  deviceModel.addRule(OCPPCommCtrlr.NetworkConfigurationPriority, (value) => toSetResult(checks.priorityDefect(value)));
  // -1 is libocpp's word for endless; without an attempt the station would never connect.
  deviceModel.addRule(OCPPCommCtrlr.NetworkProfileConnectionAttempts, (value) =>
    Number(value) === 0 ? { status: "Rejected", reasonCode: "ValueTooLow", additionalInfo: "no attempt" } : undefined,
  );

  deviceModel.addRule(InternalCtrlr.NetworkConnectionProfiles, (value): SetResult | undefined => {
    const entries = readList(value);
    if (!isProfileList(value) || !hasRoomFor(entries.map(({ configurationSlot }) => configurationSlot)))
      return { status: "Rejected", reasonCode: "InvalidNetworkConf", additionalInfo: "no list of profiles" };
    return toSetResult(entries.map((entry) => checks.entryDefect(entry)).find((defect) => defect !== undefined));
  });
  /** The list as a whole, written by the CSMS or another module: slots that it does not name are empty afterwards. */
  const takeList = (entries: readonly ListEntry[]): void => {
    const named = new Set(entries.map(({ configurationSlot }) => configurationSlot));
    for (const slot of named) ensureSlot(slot);
    const emptied = configuredSlots(deviceModel).filter((slot) => !named.has(slot));
    deviceModel.writeAll(
      [
        ...entries.flatMap((entry) => writesOfEntry(deviceModel, entry)),
        ...emptied.flatMap((slot) => writesOf(slot, {})),
      ],
      "internal",
    );
  };
  deviceModel.onChange(InternalCtrlr.NetworkConnectionProfiles, ({ value, source }) => {
    if (source === "internal") return;
    tryToStore(() => takeList(readList(value)));
    follow();
  });
  // Passwords and PINs are write-only in the components; the list tells no more than they do.
  deviceModel.compute(InternalCtrlr.NetworkConnectionProfiles, () =>
    withoutSecrets(deviceModel.stored(InternalCtrlr.NetworkConnectionProfiles) ?? ""),
  );

  // The active slot's own identity is the one that counts; a new one for the station takes its place (CHANGES c.8).
  deviceModel.compute(SecurityCtrlr.Identity, () => {
    const slot = activeSlot(deviceModel);
    const isListed = slot !== undefined && prioritySlots(deviceModel).includes(slot);
    return (isListed ? identityOf(deviceModel, slot) : deviceModel.stored(SecurityCtrlr.Identity)) ?? "";
  });
  for (const [ofStation, ofSlot] of [
    [SecurityCtrlr.Identity, NetworkConfiguration.Identity],
    [SecurityCtrlr.BasicAuthPassword, NetworkConfiguration.BasicAuthPassword],
  ] as const) {
    /** The active slot's own value, and copies of what is replaced: August's libocpp fills every slot with them. */
    const giveWay = (replaced: string | undefined): void => {
      const slots = configuredSlots(deviceModel);
      const own = (slot: number): string => deviceModel.stored(ofSlot.ofInstance(slot)) || "";
      const active = activeSlot(deviceModel);
      const gone = new Set([replaced, ...(active === undefined ? [] : [own(active)])]);
      const emptied = slots.filter((slot) => own(slot) !== "" && (slot === active || gone.has(own(slot))));
      tryToStore(() =>
        deviceModel.writeAll(
          emptied.map((slot) => [ofSlot.ofInstance(slot), ""] as const),
          "internal",
        ),
      );
      follow();
    };
    deviceModel.onChange(ofStation, ({ source, oldValue }) => {
      if (source !== "internal") giveWay(oldValue);
    });
    // The value that the station has already: no change is told, but it is to count from now on.
    deviceModel.addRule(ofStation, (value) => {
      if (value === deviceModel.stored(ofStation)) giveWay(undefined);
      return undefined;
    });
  }

  /**
   * A05.FR.06: once the CSMS has accepted the station over this security profile there is no way back. Not earlier: a CSMS
   * that lets the station connect but does not accept it must not cut it off from the profile that works.
   */
  const adoptSecurityProfile = (securityProfile: number): void => {
    if (deviceModel.read(SecurityCtrlr.SecurityProfile) === securityProfile) return;
    deviceModel.write(SecurityCtrlr.SecurityProfile, securityProfile, "internal");
    reconfigured(`security profile ${securityProfile} is in use`);
    const lower = usableProfiles(deviceModel)
      .filter((profile) => profile.securityProfile < securityProfile)
      .map(({ slot }) => slot);
    if (lower.length === 0) return;
    logger.warn(`The profiles of slots ${lower.join(", ")} are removed: they are less secure than the one in use`);
    const remaining = prioritySlots(deviceModel).filter((slot) => !lower.includes(slot));
    deviceModel.writeAll(
      [
        ...lower.flatMap((slot) => writesOf(slot, {})),
        [OCPPCommCtrlr.NetworkConfigurationPriority, remaining.join(",")],
      ],
      "internal",
    );
    follow();
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
    tryToStore(() => deviceModel.writeAll([[NetworkConfiguration.OcppVersion.ofInstance(slot), OCPP_201]], "internal"));
    const inUse = networkProfileOf(deviceModel, slot);
    if (inUse === undefined) logger.info(`The network profile of slot ${slot} has no complete connection data`);
    csms.useMessageTimeout(inUse?.messageTimeoutSeconds);
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
