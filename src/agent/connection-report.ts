import type { DeviceModel } from "../device-model/device-model.ts";
import type { ConnectionProfile } from "../ocpp/connection.ts";
import type { CsmsLink } from "../ocpp/csms-link.ts";
import { identityOf } from "../station/model/network-profiles.ts";
import type { ObserverPort } from "../station/ports.ts";

/** As EVerest's modules write it (CHANGES b.1). */
const OCPP_VERSION = "2.0.1";

/** Tells the other modules of each connection, each loss, and each network profile that has used up its attempts. */
export function reportConnection(
  csms: Pick<CsmsLink, "events">,
  deviceModel: Pick<DeviceModel, "read" | "stored">,
  observer: Pick<ObserverPort, "connection">,
): void {
  let connectedWith: ConnectionProfile | undefined;
  const tell = (connected: boolean, { url, securityProfile, slot, ocppInterface }: ConnectionProfile): void => {
    const identity = identityOf(deviceModel, slot);
    observer.connection({
      connected,
      csmsUrl: url,
      ...(identity !== undefined && { identity }),
      securityProfile,
      configurationSlot: slot,
      ocppInterface,
      ocppTransport: "JSON",
      ...(connectedWith !== undefined && { ocppVersion: OCPP_VERSION }),
    });
  };
  csms.events.on("connected", ({ profile }) => {
    connectedWith = profile;
    tell(true, profile);
  });
  csms.events.on("disconnected", () => {
    if (connectedWith !== undefined) tell(false, connectedWith);
  });
  csms.events.on("profileFailed", ({ profile }) => tell(false, profile));
}
