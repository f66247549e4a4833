import type { DeviceModel, VariableState } from "../../device-model/device-model.ts";
import { OcppError } from "../../ocpp/errors.ts";

/** What the device model says of a message with items, and how many bytes an item takes that is as short as it can be. */
export interface MessageLimits {
  readonly items: number | undefined;
  readonly bytes: number | undefined;
  readonly shortestItemBytes?: number;
}

/**
 * The bytes that a message may have: what `BytesPerMessage` says, but no less than the promised number of items takes.
 * EVerest's shipped limits (100 items, 2,048 bytes) contradict each other, and a CSMS may send as many items as it was told.
 */
export function byteLimit({ items = 0, bytes, shortestItemBytes = 0 }: MessageLimits): number {
  return bytes === undefined ? Number.POSITIVE_INFINITY : Math.max(bytes, items * shortestItemBytes);
}

/** B06.FR.16, FR.17, B08.FR.17, FR.18 and alike. @throws OcppError */
export function checkMessageLimits(request: unknown, count: number, limits: MessageLimits): void {
  const { items } = limits;
  if (items !== undefined && count > items)
    throw new OcppError("OccurrenceConstraintViolation", `at most ${items} items in one message`);
  const bytes = byteLimit(limits);
  if (Number.isFinite(bytes) && Buffer.byteLength(JSON.stringify(request)) > bytes)
    throw new OcppError("FormatViolation", `at most ${bytes} bytes in one message`);
}

/** Component and variable as GetVariables and SetVariables name them, in JSON. */
function addressBytes({ component: { definition }, name, instance }: VariableState): number {
  const { evseId, connectorId } = definition;
  const item = {
    component: {
      name: definition.name,
      instance: definition.instance,
      evse: evseId === undefined ? undefined : { id: evseId, connectorId },
    },
    variable: { name, instance },
  };
  return Buffer.byteLength(JSON.stringify(item)) + 1; // the comma
}

/** The bytes of the longest item without optional members that names one of the variables. */
export function longestAddressBytes(deviceModel: DeviceModel): number {
  let longest = 0;
  for (const { variables } of deviceModel.allComponents())
    for (const variable of variables.values()) longest = Math.max(longest, addressBytes(variable));
  return longest;
}
