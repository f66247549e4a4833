import type { DeviceModel } from "../../device-model/device-model.ts";
import { ISO15118Ctrlr } from "../../device-model/variables.ts";

/**
 * Does the station, and the EVSE, talk ISO 15118 at all? Without it there is no Plug and Charge, and no certificate is shown
 * to an EV.
 */
export function isIso15118On(deviceModel: Pick<DeviceModel, "read">, evseId?: number): boolean {
  return [ISO15118Ctrlr.Available, ISO15118Ctrlr.Enabled].every(
    (handle) =>
      deviceModel.read(handle) !== false && (evseId === undefined || deviceModel.read(handle.at(evseId)) !== false),
  );
}
