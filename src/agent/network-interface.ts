import { isIP } from "node:net";
import { networkInterfaces } from "node:os";
import type { DeviceModel } from "../device-model/device-model.ts";
import { VariableHandle } from "../device-model/variable-handle.ts";
import { InternalCtrlr } from "../device-model/variables.ts";
import { type ConnectionProfile, UnusableProfileError } from "../ocpp/connection.ts";
import type { OCPPInterfaceEnumType } from "../ocpp/v201/index.ts";
import { networkProfileOf } from "../station/model/network-profiles.ts";
import type { NetworkPort } from "../station/ports.ts";

/** An address of an interface of the operating system, of the family of the URL if it has one; an address is itself. */
function addressOf(nameOrAddress: string, url: string): string | undefined {
  if (isIP(nameOrAddress) !== 0) return nameOrAddress;
  const addresses = networkInterfaces()[nameOrAddress] ?? [];
  const wanted = new URL(url).hostname.startsWith("[") ? "IPv6" : "IPv4";
  return (addresses.find(({ family }) => family === wanted) ?? addresses[0])?.address;
}

/**
 * As the configuration says: `InternalCtrlr.IFace` with the profile's ocppInterface as instance (`IFace[Wireless0]`), else
 * without instance, names an interface of the operating system or an address. @throws when that interface has no address.
 */
function configuredAddress(deviceModel: DeviceModel, ocppInterface: string, url: string): string | undefined {
  const { component, variable } = InternalCtrlr.IFace;
  const ofProfile = new VariableHandle({ component, variable, instance: ocppInterface }, "string");
  const name = deviceModel.read(ofProfile) || deviceModel.read(InternalCtrlr.IFace) || "";
  if (name === "") return undefined;
  const address = addressOf(name, url);
  if (address === undefined) throw new Error(`the network interface ${name} of ${ocppInterface} has no address`);
  return address;
}

/**
 * The local address from which a profile connects; undefined: the operating system's routes decide. The hardware side is
 * asked to make the interface ready first, where it offers that (CHANGES b.2).
 * @throws UnusableProfileError when the profile cannot be used now, another error when its interface has no address.
 */
export async function localAddressFor(
  { deviceModel, network }: { readonly deviceModel: DeviceModel; readonly network: NetworkPort | undefined },
  { slot, ocppInterface }: Pick<ConnectionProfile, "slot" | "ocppInterface">,
  url: string,
): Promise<string | undefined> {
  if (network === undefined) return configuredAddress(deviceModel, ocppInterface, url);
  const { apn, vpn } = networkProfileOf(deviceModel, slot) ?? {};
  const request = {
    ocppInterface: ocppInterface as OCPPInterfaceEnumType,
    ...(apn !== undefined && { apn }),
    ...(vpn !== undefined && { vpn }),
  };
  const timeoutSeconds = deviceModel.read(InternalCtrlr.NetworkConfigTimeout) ?? DEFAULT_TIMEOUT_SECONDS;
  const outcome = await network.configure(request, timeoutSeconds * 1000);
  if (outcome.status === "Failed") throw new UnusableProfileError(`${ocppInterface} is not ready: ${outcome.reason}`);
  if (outcome.status === "NotSupported") {
    if (apn !== undefined || vpn !== undefined)
      throw new UnusableProfileError("nobody on the hardware side sets up the APN or VPN of the profile");
    return configuredAddress(deviceModel, ocppInterface, url);
  }
  const { interfaceAddress } = outcome;
  if (interfaceAddress === undefined || interfaceAddress === "") return undefined;
  const address = addressOf(interfaceAddress, url);
  if (address === undefined) throw new UnusableProfileError(`the network interface ${interfaceAddress} has no address`);
  return address;
}

/** As libocpp without InternalCtrlr.NetworkConfigTimeout. */
const DEFAULT_TIMEOUT_SECONDS = 60;
