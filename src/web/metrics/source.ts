import type { Emitter } from "../../lib/events.ts";
import type { CsmsLink } from "../../ocpp/csms-link.ts";
import type { StationEvents } from "../../station/events.ts";
import type { StationModel } from "../../station/model/station-model.ts";
import type { CoreDatabase } from "../../store/core-database.ts";

/** The connection to EVerest's broker. */
export interface BusStatus {
  readonly isConnected: boolean;
  readonly waiting: number;
  readonly losses: number;
  readonly dropped: number;
}

/** The parts of a station that has been put together, as far as something is measured there. */
export interface MeasuredStation {
  readonly csms: Pick<CsmsLink, "events" | "status" | "registration" | "waitingMessages">;
  readonly model: Pick<StationModel, "evses">;
  readonly events: Pick<Emitter<StationEvents>, "on">;
  readonly core: Pick<CoreDatabase, "watchCommits"> & {
    readonly durableQueue: Pick<CoreDatabase["durableQueue"], "putAsideLength">;
  };
  readonly bus: () => BusStatus;
}
