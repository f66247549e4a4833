import type { DeviceModel } from "../device-model/device-model.ts";
import type { CsmsLink } from "../ocpp/csms-link.ts";
import type { StationServices } from "../station/services.ts";

/** The running station as the provided interfaces need it; undefined before it has been started. */
export interface RunningStation {
  readonly deviceModel: DeviceModel;
  readonly csms: CsmsLink;
  readonly services: Pick<StationServices, "authorization" | "availability" | "tariff">;
  stop(): boolean;
  restart(): boolean;
  securityEvent(event: { type: string; techInfo?: string; critical?: boolean; timestamp?: Date }): void;
}
