import type { DeviceModel } from "../../device-model/device-model.ts";
import type { ValueKind, ValueOf, VariableHandle } from "../../device-model/variable-handle.ts";

/** A setting of one EVSE where the device model has it for that EVSE, else the station's. */
export function readAt<Kind extends ValueKind>(
  deviceModel: Pick<DeviceModel, "read">,
  handle: VariableHandle<Kind>,
  evseId: number | undefined,
): ValueOf[Kind] | undefined {
  const there = evseId === undefined ? undefined : deviceModel.read(handle.at(evseId));
  return there ?? deviceModel.read(handle);
}
