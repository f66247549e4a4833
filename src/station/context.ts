/** What every functional block is given beside the services that it needs. Blocks do not import one another. */
import type { DeviceModel } from "../device-model/device-model.ts";
import type { Clock } from "../lib/clock.ts";
import type { Emitter } from "../lib/events.ts";
import type { Random } from "../lib/random.ts";
import type { Logger } from "../log/logger.ts";
import type { CsmsLink } from "../ocpp/csms-link.ts";
import type { CoreDatabase } from "../store/core-database.ts";
import type { StationEvents } from "./events.ts";
import type { StationModel } from "./model/station-model.ts";
import type { BootReason, Hardware } from "./ports.ts";

/** Settings that come from the module configuration or the process, not from the device model. */
export interface StationSettings {
  readonly resetStopDelaySeconds: number;
  /** What the hardware side says; `bootReason` of the services knows more. */
  readonly bootReason: BootReason;
  /** The day of the release: no clock that is right shows an earlier time. */
  readonly released: Date;
  readonly messageLogDirectory: string;
  readonly compositeSchedule: {
    readonly intervalSeconds: number;
    readonly durationSeconds: number;
    readonly unit: "A" | "W";
  };
}

export interface StationContext {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly deviceModel: DeviceModel;
  readonly csms: CsmsLink;
  readonly core: CoreDatabase;
  readonly hardware: Hardware;
  /** To tell the others; whoever wants to hear declares it (`block.ts`). */
  readonly events: Pick<Emitter<StationEvents>, "emit">;
  readonly model: StationModel;
  readonly settings: StationSettings;
  /** Writes down all that is known of the station, without secrets, for a log upload; resolves to the path of the file. */
  readonly writeDiagnostics: () => Promise<string>;
}
