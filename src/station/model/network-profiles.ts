import * as v from "valibot";
import type { DeviceModel } from "../../device-model/device-model.ts";
import { configuredSlots, emptySlot } from "../../device-model/network-configuration.ts";
import {
  parseValue,
  type ValueKind,
  type VariableAddress,
  type VariableHandle,
} from "../../device-model/variable-handle.ts";
import { InternalCtrlr, NetworkConfiguration, OCPPCommCtrlr, SecurityCtrlr } from "../../device-model/variables.ts";
import type { ConnectionProfile } from "../../ocpp/connection.ts";
import type { APNType, OCPPInterfaceEnumType, VPNType } from "../../ocpp/v201/index.ts";
import type { KeyValueRepository } from "../../store/key-value-repository.ts";
import { isForbiddenDowngrade } from "./security-profile.ts";

/** The network profile of a slot that can be used. */
export interface NetworkProfile {
  readonly slot: number;
  readonly url: string;
  readonly securityProfile: number;
  readonly ocppInterface: OCPPInterfaceEnumType;
  readonly messageTimeoutSeconds: number;
  readonly apn?: APNType;
  readonly vpn?: VPNType;
}

/** Connection data as SetNetworkProfile and InternalCtrlr.NetworkConnectionProfiles have them; those of OCPP 2.1 have more members. */
export type ConnectionData = Readonly<Record<string, unknown>>;

/** Which member of the connection data a variable of the slot's component holds. */
const MEMBERS: readonly (readonly [VariableHandle<ValueKind>, ...string[]])[] = [
  [NetworkConfiguration.OcppCsmsUrl, "ocppCsmsUrl"],
  [NetworkConfiguration.SecurityProfile, "securityProfile"],
  [NetworkConfiguration.OcppInterface, "ocppInterface"],
  [NetworkConfiguration.OcppTransport, "ocppTransport"],
  [NetworkConfiguration.OcppVersion, "ocppVersion"],
  [NetworkConfiguration.MessageTimeout, "messageTimeout"],
  [NetworkConfiguration.Identity, "identity"],
  [NetworkConfiguration.BasicAuthPassword, "basicAuthPassword"],
  [NetworkConfiguration.Apn, "apn", "apn"],
  [NetworkConfiguration.ApnUserName, "apn", "apnUserName"],
  [NetworkConfiguration.ApnPassword, "apn", "apnPassword"],
  [NetworkConfiguration.SimPin, "apn", "simPin"],
  [NetworkConfiguration.PreferredNetwork, "apn", "preferredNetwork"],
  [NetworkConfiguration.UseOnlyPreferredNetwork, "apn", "useOnlyPreferredNetwork"],
  [NetworkConfiguration.ApnAuthentication, "apn", "apnAuthentication"],
  [NetworkConfiguration.VpnServer, "vpn", "server"],
  [NetworkConfiguration.VpnUser, "vpn", "user"],
  [NetworkConfiguration.VpnGroup, "vpn", "group"],
  [NetworkConfiguration.VpnPassword, "vpn", "password"],
  [NetworkConfiguration.VpnKey, "vpn", "key"],
  [NetworkConfiguration.VpnType, "vpn", "type"],
];
const REQUIRED = [
  NetworkConfiguration.OcppCsmsUrl,
  NetworkConfiguration.SecurityProfile,
  NetworkConfiguration.OcppInterface,
  NetworkConfiguration.OcppTransport,
  NetworkConfiguration.MessageTimeout,
];
const REQUIRED_OF_VPN = [
  NetworkConfiguration.VpnServer,
  NetworkConfiguration.VpnUser,
  NetworkConfiguration.VpnPassword,
  NetworkConfiguration.VpnKey,
  NetworkConfiguration.VpnType,
];
/** All variables of a slot's component by which its profile is described. */
export const PROFILE_VARIABLES: readonly VariableHandle<ValueKind>[] = Object.values(NetworkConfiguration);

function textOf(deviceModel: DeviceModel, handle: VariableHandle<ValueKind>, slot: number): string {
  return deviceModel.stored(handle.ofInstance(slot)) ?? "";
}

function isTrue(deviceModel: DeviceModel, handle: VariableHandle<"boolean">, slot: number): boolean {
  return deviceModel.read(handle.ofInstance(slot)) === true;
}

/** The variables without which the profile of a slot cannot be used (CHANGES c.8), by name; the URL alone for an unused slot. */
export function missingOfProfile(deviceModel: DeviceModel, slot: number): readonly string[] {
  const required: VariableHandle<ValueKind>[] = [
    ...REQUIRED,
    ...(isTrue(deviceModel, NetworkConfiguration.ApnEnabled, slot) ? [NetworkConfiguration.Apn] : []),
    ...(isTrue(deviceModel, NetworkConfiguration.VpnEnabled, slot) ? REQUIRED_OF_VPN : []),
  ];
  const isThere = (handle: VariableHandle<ValueKind>): boolean => {
    const value = deviceModel.read(handle.ofInstance(slot));
    return value !== undefined && value !== "";
  };
  return required.filter((handle) => !isThere(handle)).map(({ variable }) => variable);
}

/** Does a slot hold a profile at all, whole or not? */
export function isSlotInUse(deviceModel: DeviceModel, slot: number): boolean {
  return textOf(deviceModel, NetworkConfiguration.OcppCsmsUrl, slot) !== "";
}

/** What a slot's component says, in the form of connection data. */
export function connectionDataOf(deviceModel: DeviceModel, slot: number): ConnectionData {
  const data: Record<string, unknown> = {};
  const groups: Record<string, Record<string, unknown>> = {
    ...(isTrue(deviceModel, NetworkConfiguration.ApnEnabled, slot) && { apn: {} }),
    ...(isTrue(deviceModel, NetworkConfiguration.VpnEnabled, slot) && { vpn: {} }),
  };
  for (const [handle, member, inner] of MEMBERS) {
    const text = textOf(deviceModel, handle, slot);
    const value = text === "" ? undefined : parseValue(handle.kind, text);
    if (value === undefined || member === undefined) continue;
    const group = inner === undefined ? undefined : groups[member];
    if (inner === undefined) data[member] = value;
    else if (group !== undefined) group[inner] = value;
  }
  return { ...data, ...groups };
}

/** The profile of a slot; undefined when it cannot be used (`missingOfProfile` says why). */
export function networkProfileOf(deviceModel: DeviceModel, slot: number): NetworkProfile | undefined {
  if (missingOfProfile(deviceModel, slot).length > 0) return undefined;
  const data = connectionDataOf(deviceModel, slot);
  return {
    slot,
    url: String(data.ocppCsmsUrl),
    securityProfile: Number(data.securityProfile),
    ocppInterface: data.ocppInterface as OCPPInterfaceEnumType,
    messageTimeoutSeconds: Number(data.messageTimeout),
    ...(data.apn !== undefined && { apn: data.apn as APNType }),
    ...(data.vpn !== undefined && { vpn: data.vpn as VPNType }),
  };
}

/** The usable profiles of all slots. */
export function usableProfiles(deviceModel: DeviceModel): readonly NetworkProfile[] {
  return configuredSlots(deviceModel).flatMap((slot) => networkProfileOf(deviceModel, slot) ?? []);
}

function memberOf(data: ConnectionData, member: string | undefined, inner: string | undefined): unknown {
  const value = member === undefined ? undefined : data[member];
  if (inner === undefined) return value;
  return typeof value === "object" && value !== null ? (value as ConnectionData)[inner] : undefined;
}

/** The values of a slot's component for connection data, all of them: what was there before is gone. */
export function writesOf(slot: number, data: ConnectionData): readonly (readonly [VariableAddress, string])[] {
  const blanks = new Map(
    emptySlot(slot).variables.map(({ name, attributes }) => [
      name,
      attributes.find(({ type }) => type === "Actual")?.value,
    ]),
  );
  const members = MEMBERS.map(([handle, member, inner]) => {
    const value = memberOf(data, member, inner);
    const text = value === undefined || value === null ? (blanks.get(handle.variable) ?? "") : String(value);
    return [handle.ofInstance(slot), text] as const;
  });
  return [
    ...members,
    [NetworkConfiguration.ApnEnabled.ofInstance(slot), String(data.apn !== undefined)],
    [NetworkConfiguration.VpnEnabled.ofInstance(slot), String(data.vpn !== undefined)],
  ];
}

/** The identity towards the CSMS of a slot: its own, else the station's; undefined when there is none. */
export function identityOf(deviceModel: Pick<DeviceModel, "read" | "stored">, slot: number): string | undefined {
  return (
    deviceModel.read(NetworkConfiguration.Identity.ofInstance(slot)) ||
    deviceModel.stored(SecurityCtrlr.Identity) ||
    deviceModel.read(InternalCtrlr.ChargePointId) ||
    undefined
  );
}

/** The password that a slot has of its own. */
export function ownPasswordOf(deviceModel: DeviceModel, slot: number): string | undefined {
  return deviceModel.read(NetworkConfiguration.BasicAuthPassword.ofInstance(slot)) || undefined;
}

/** The slot of the connection, or of the last one. */
export function activeSlot(deviceModel: DeviceModel): number | undefined {
  return deviceModel.read(OCPPCommCtrlr.ActiveNetworkProfile);
}

/** Slots of NetworkConfigurationPriority; what is no slot is left out. */
export function prioritySlots(deviceModel: DeviceModel): readonly number[] {
  const slots = deviceModel.read(OCPPCommCtrlr.NetworkConfigurationPriority) ?? [];
  return slots.map(Number).filter((slot) => Number.isSafeInteger(slot));
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
