import type { DeviceModel } from "../../device-model/device-model.ts";
import { ISO15118Ctrlr } from "../../device-model/variables.ts";

/** Does the station talk ISO 15118 at all? Without it there is no Plug and Charge, and no certificate is shown to an EV. */
export function isIso15118On(deviceModel: Pick<DeviceModel, "read">): boolean {
  return deviceModel.read(ISO15118Ctrlr.Available) !== false && deviceModel.read(ISO15118Ctrlr.Enabled) !== false;
}
