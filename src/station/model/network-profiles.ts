import * as v from "valibot";
import type { DeviceModel } from "../../device-model/device-model.ts";
import { parseJson } from "../../lib/json-text.ts";
import type { ConnectionProfile } from "../../ocpp/connection.ts";
import type { KeyValueRepository } from "../../store/key-value-repository.ts";
import { isForbiddenDowngrade } from "./security-profile.ts";

/** An entry of InternalCtrlr.NetworkConnectionProfiles; what else its connection data hold is kept as it is. */
const StoredProfile = v.object({
  configurationSlot: v.number(),
  connectionData: v.looseObject({
    ocppCsmsUrl: v.string(),
    securityProfile: v.number(),
    ocppInterface: v.optional(v.string(), "Wired0"),
  }),
});
export type StoredProfile = v.InferOutput<typeof StoredProfile>;

function parseList(text: string): readonly unknown[] {
  try {
    const entries: unknown = parseJson(text);
    return Array.isArray(entries) ? entries : [];
  } catch {
    return [];
  }
}

/** The readable profiles of InternalCtrlr.NetworkConnectionProfiles: an entry that is broken does not take the others along. */
export function readProfiles(text = "[]"): readonly StoredProfile[] {
  return parseList(text).flatMap((entry) => {
    const parsed = v.safeParse(StoredProfile, entry);
    return parsed.success ? [parsed.output] : [];
  });
}

/** Is the text a list of profiles, none of them broken? */
export function isProfileList(text: string): boolean {
  const { length } = parseList(text);
  return length > 0 && readProfiles(text).length === length;
}

const LAST_CONNECTED_KEY = "network.lastConnected";
const LastConnected = v.object({
  slot: v.number(),
  url: v.string(),
  securityProfile: v.number(),
  ocppInterface: v.string(),
});

/** The profile as it was when it worked: a slot that is overwritten later does not strand the station. */
export function rememberLastConnected(keyValues: KeyValueRepository, profile: ConnectionProfile): void {
  keyValues.set(LAST_CONNECTED_KEY, profile);
}

/** B10.FR.07: where the station may fall back to. */
export function readLastConnected(
  keyValues: KeyValueRepository,
  deviceModel: DeviceModel,
): ConnectionProfile | undefined {
  const last = keyValues.get(LAST_CONNECTED_KEY, LastConnected);
  return last === undefined || isForbiddenDowngrade(deviceModel, last.securityProfile) ? undefined : last;
}
