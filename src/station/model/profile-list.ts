import { createHash } from "node:crypto";
import * as v from "valibot";
import type { DeviceModel } from "../../device-model/device-model.ts";
import { configuredSlots } from "../../device-model/network-configuration.ts";
import { valueDefect } from "../../device-model/value-rules.ts";
import type { VariableAddress } from "../../device-model/variable-handle.ts";
import { InternalCtrlr, OCPPCommCtrlr } from "../../device-model/variables.ts";
import { parseJson } from "../../lib/json-text.ts";
import type { KeyValueRepository } from "../../store/key-value-repository.ts";
import { type ConnectionData, connectionDataOf, isSlotInUse, missingOfProfile, writesOf } from "./network-profiles.ts";

/**
 * InternalCtrlr.NetworkConnectionProfiles, the list in which May's libocpp and older versions of this program keep the
 * network profiles. The components NetworkConfiguration are what counts; the list follows them, so that the way back is open.
 */
const ListEntry = v.object({
  configurationSlot: v.pipe(v.number(), v.integer(), v.minValue(0)),
  connectionData: v.looseObject({ ocppCsmsUrl: v.string(), securityProfile: v.number() }),
});
export type ListEntry = v.InferOutput<typeof ListEntry>;

function parseList(text: string): readonly unknown[] {
  try {
    const entries: unknown = parseJson(text);
    return Array.isArray(entries) ? entries : [];
  } catch {
    return [];
  }
}

/** The readable entries of the list: one that is broken does not take the others along. */
export function readList(text = "[]"): readonly ListEntry[] {
  return parseList(text).flatMap((entry) => {
    const parsed = v.safeParse(ListEntry, entry);
    return parsed.success ? [parsed.output] : [];
  });
}

/** Is the text a list of profiles, none of them broken? */
export function isProfileList(text: string): boolean {
  const { length } = parseList(text);
  return length > 0 && readList(text).length === length;
}

/** Libocpp of May knows 2.0.1 by this name. */
const OCPP_201 = "OCPP20";
const OWN_MEMBERS = new Set([
  "ocppCsmsUrl",
  "securityProfile",
  "ocppInterface",
  "ocppTransport",
  "ocppVersion",
  "messageTimeout",
  "identity",
  "basicAuthPassword",
  "apn",
  "vpn",
]);

const DEFAULT_MESSAGE_TIMEOUT_SECONDS = 60;
/** Members that are write-only in the components. */
const SECRETS: readonly (readonly [string, string?])[] = [
  ["basicAuthPassword"],
  ["apn", "apnPassword"],
  ["apn", "simPin"],
  ["vpn", "password"],
  ["vpn", "key"],
];

function isObject(value: unknown): value is ConnectionData {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Connection data with every secret replaced by what `replace` gives for it; undefined leaves it out. */
function mapSecrets(
  data: ConnectionData,
  replace: (secret: unknown, member: string, inner: string | undefined) => unknown,
): ConnectionData {
  const result: Record<string, unknown> = { ...data };
  for (const [member, inner] of SECRETS) {
    const value = result[member];
    if (inner === undefined) result[member] = replace(value, member, inner);
    else if (isObject(value)) result[member] = { ...value, [inner]: replace(value[inner], member, inner) };
  }
  return result;
}

/** The list as it may be read: its entries without passwords, keys and PINs. */
export function withoutSecrets(text: string): string {
  const shown = readList(text).map(({ configurationSlot, connectionData }) => ({
    configurationSlot,
    connectionData: mapSecrets(connectionData, () => undefined),
  }));
  return text === "" ? "" : JSON.stringify(shown);
}

/** An entry that was made from what may be read: for the same CSMS its slot keeps the secrets that it lacks. */
function withKnownSecrets(deviceModel: DeviceModel, { configurationSlot, connectionData }: ListEntry): ConnectionData {
  const known = connectionDataOf(deviceModel, configurationSlot);
  if (known.ocppCsmsUrl !== connectionData.ocppCsmsUrl) return connectionData;
  return mapSecrets(connectionData, (secret, member, inner) => {
    const group = known[member];
    return secret ?? (inner === undefined ? group : isObject(group) ? group[inner] : undefined);
  });
}

function fingerprint({ connectionData }: ListEntry): string {
  const sorted = JSON.stringify(connectionData, (_key, value: unknown) =>
    typeof value === "object" && value !== null && !Array.isArray(value)
      ? Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)))
      : value,
  );
  return createHash("sha256").update(sorted).digest("hex");
}

/** What the list said when it was last written here, by slot: tells what somebody else has written since. */
const WRITTEN_KEY = "network.profileList";
const Written = v.record(v.string(), v.string());

function fingerprints(entries: readonly ListEntry[]): Readonly<Record<string, string>> {
  return Object.fromEntries(entries.map((entry) => [String(entry.configurationSlot), fingerprint(entry)]));
}

/** The list that says what the components say; members that only the list has (customData) stay. */
function listOf(deviceModel: DeviceModel): readonly ListEntry[] {
  const before = new Map(
    readList(deviceModel.stored(InternalCtrlr.NetworkConnectionProfiles)).map((entry) => [
      entry.configurationSlot,
      entry,
    ]),
  );
  return configuredSlots(deviceModel)
    .filter((slot) => missingOfProfile(deviceModel, slot).length === 0)
    .map((configurationSlot) => {
      const further = Object.entries(before.get(configurationSlot)?.connectionData ?? {}).filter(
        ([member]) => !OWN_MEMBERS.has(member),
      );
      const connectionData = {
        ...Object.fromEntries(further),
        ...connectionDataOf(deviceModel, configurationSlot),
        ocppVersion: OCPP_201,
      };
      return v.parse(ListEntry, { configurationSlot, connectionData });
    });
}

/** Can the variable take the text? A password that has worked may be shorter than new ones must be. */
function fits(deviceModel: DeviceModel, address: VariableAddress, text: string): boolean {
  const variable = deviceModel.find(address);
  if (typeof variable === "string" || text === "") return true;
  const { minLimit, ...others } = variable.characteristics;
  const isText = others.dataType === "string";
  return valueDefect(text, isText || minLimit === undefined ? others : { ...others, minLimit }) === undefined;
}

/** An entry of the list as values for its component; what a variable cannot take is as if it were not there. */
export function writesOfEntry(
  deviceModel: DeviceModel,
  entry: ListEntry,
): readonly (readonly [VariableAddress, string])[] {
  const { configurationSlot: slot } = entry;
  const messageTimeout = deviceModel.read(OCPPCommCtrlr.MessageTimeout_Default) ?? DEFAULT_MESSAGE_TIMEOUT_SECONDS;
  const blanks = writesOf(slot, { messageTimeout });
  return writesOf(slot, { messageTimeout, ...withKnownSecrets(deviceModel, entry) }).map(([address, text], index) =>
    fits(deviceModel, address, text) ? ([address, text] as const) : (blanks[index] ?? [address, ""]),
  );
}

/**
 * The change of the list that follows a change of the components; undefined when it says already what they say. An empty
 * list is never written: it would be no use to anybody.
 */
export function listChange(deviceModel: DeviceModel): string | undefined {
  const entries = listOf(deviceModel);
  const present = readList(deviceModel.stored(InternalCtrlr.NetworkConnectionProfiles));
  const same = JSON.stringify(fingerprints(entries)) === JSON.stringify(fingerprints(present));
  return same || entries.length === 0 ? undefined : JSON.stringify(entries);
}

/** Brings the list up to date, and remembers what it says. */
export function followComponents(deviceModel: DeviceModel, keyValues: KeyValueRepository): void {
  const change = listChange(deviceModel);
  if (change !== undefined) deviceModel.write(InternalCtrlr.NetworkConnectionProfiles, change, "internal");
  const written = fingerprints(readList(deviceModel.stored(InternalCtrlr.NetworkConnectionProfiles)));
  if (JSON.stringify(written) !== JSON.stringify(keyValues.get(WRITTEN_KEY, Written)))
    keyValues.set(WRITTEN_KEY, written);
}

/**
 * At the start: profiles that only the list has, or that were changed there by somebody who knows nothing of the components
 * (May's libocpp, an older version of this program, an edited file), are taken over; otherwise the components count.
 * @returns the slots that were taken over.
 */
export function takeOverList(deviceModel: DeviceModel, keyValues: KeyValueRepository): readonly number[] {
  const written = keyValues.get(WRITTEN_KEY, Written);
  const taken = readList(deviceModel.stored(InternalCtrlr.NetworkConnectionProfiles)).filter(
    (entry) =>
      !isSlotInUse(deviceModel, entry.configurationSlot) ||
      (written !== undefined && written[String(entry.configurationSlot)] !== fingerprint(entry)),
  );
  const writes = taken.flatMap((entry) => writesOfEntry(deviceModel, entry));
  try {
    deviceModel.writeAll(writes, "internal");
  } catch (error) {
    // A full disk: the station connects all the same, and takes over once more at the next start.
    deviceModel.writeAll(writes, "internal", true);
    throw error;
  }
  followComponents(deviceModel, keyValues);
  return taken.map(({ configurationSlot }) => configurationSlot);
}
