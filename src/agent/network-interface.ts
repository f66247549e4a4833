import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import type { DeviceModel } from "../device-model/device-model.ts";
import { VariableHandle } from "../device-model/variable-handle.ts";
import { InternalCtrlr } from "../device-model/variables.ts";

/**
 * The local address from which a profile connects; undefined: the operating system's routes decide.
 * `InternalCtrlr.IFace` with the profile's ocppInterface as instance (`IFace[Wireless0]`), else without instance, names
 * an interface of the operating system or an address. @throws when that interface has no address.
 */
export function localAddressFor(deviceModel: DeviceModel, ocppInterface: string, url: string): string | undefined {
  const { component, variable } = InternalCtrlr.IFace;
  const ofProfile = new VariableHandle({ component, variable, instance: ocppInterface }, "string");
  const name = deviceModel.read(ofProfile) || deviceModel.read(InternalCtrlr.IFace) || "";
  if (name === "" || isIP(name) !== 0) return name || undefined;
  const addresses = networkInterfaces()[name] ?? [];
  const wanted = new URL(url).hostname.startsWith("[") ? "IPv6" : "IPv4";
  const address = (addresses.find(({ family }) => family === wanted) ?? addresses[0])?.address;
  if (address === undefined) throw new Error(`the network interface ${name} of ${ocppInterface} has no address`);
  return address;
}
