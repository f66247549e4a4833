import { existsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connectionProfiles } from "../../agent/csms-connection.ts";
import { openStores, type Stores } from "../../agent/stores.ts";
import type { ModuleParameters } from "../../config/parameters.ts";
import { ComponentConfigError } from "../../device-model/component-config.ts";
import type { DeviceModel } from "../../device-model/device-model.ts";
import type { Clock } from "../../lib/clock.ts";
import { ExplainedError } from "../../lib/explained-error.ts";
import { silentLogger } from "../../log/logger.ts";
import type { ConnectionProfile } from "../../ocpp/connection.ts";
import {
  missingOfProfile,
  networkProfileOf,
  prioritySlots,
  readLastConnected,
} from "../../station/model/network-profiles.ts";
import { takeOverList } from "../../station/model/profile-list.ts";
import { databaseFiles } from "../database-location.ts";
import { copyDatabase } from "../inspect/live-database.ts";
import { inWorkDirectory } from "../selftest/work-directory.ts";

/** Copies hold passwords: in memory where there is such a place, and nowhere any more as soon as they are open. */
const WORK = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/**
 * What a start would read: component configuration and databases, these as copies, since opening changes them.
 * @throws ExplainedError with every defect of the component configuration, DatabaseError
 */
export function openCopies(parameters: ModuleParameters, shareDirectory: string, clock: Clock): Stores {
  return inWorkDirectory(WORK, (directory) => {
    const copied: ModuleParameters = {
      ...parameters,
      CoreDatabasePath: directory,
      DeviceModelDatabasePath: join(directory, "device_model_storage.db"),
      EverestDeviceModelDatabasePath: join(directory, "everest_device_model_storage.db"),
    };
    const [originals, copies] = [databaseFiles(parameters), databaseFiles(copied)];
    for (const name of ["core", "deviceModel", "everestDeviceModel"] as const)
      if ((statSync(originals[name], { throwIfNoEntry: false })?.size ?? 0) > 0)
        copyDatabase(originals[name], copies[name]);
    const stores = open({ parameters: copied, shareDirectory, clock, logger: silentLogger });
    takeOverList(stores.deviceModel, stores.core.keyValues);
    return stores;
  });
}

function open(options: Parameters<typeof openStores>[0]): Stores {
  try {
    return openStores(options);
  } catch (error) {
    if (error instanceof ComponentConfigError) throw new ExplainedError(error.defects.join("\n"));
    throw error;
  }
}

function isSame(one: ConnectionProfile, other: ConnectionProfile): boolean {
  return one.slot === other.slot && one.url === other.url && one.securityProfile === other.securityProfile;
}

/** The profiles that a start would try, the last one that worked at their end. */
export function profilesToTry({ deviceModel, core }: Stores): readonly ConnectionProfile[] {
  const profiles = connectionProfiles(deviceModel);
  const last = readLastConnected(core.keyValues, deviceModel);
  return last === undefined || profiles.some((profile) => isSame(profile, last)) ? profiles : [...profiles, last];
}

/** Slots of the priority list that nobody would try, and why. */
export function unusableSlots(deviceModel: DeviceModel): readonly string[] {
  const usable = new Set(connectionProfiles(deviceModel).map(({ slot }) => slot));
  return prioritySlots(deviceModel)
    .filter((slot) => !usable.has(slot))
    .map((slot) => {
      const name = `slot ${slot} of OCPPCommCtrlr.NetworkConfigurationPriority cannot be used`;
      const profile = networkProfileOf(deviceModel, slot);
      return profile === undefined
        ? `${name}: ${missingOfProfile(deviceModel, slot).join(", ")} of its network profile missing`
        : `${name}: its security profile ${profile.securityProfile} is lower than SecurityCtrlr.SecurityProfile (A00.FR.005)`;
    });
}
