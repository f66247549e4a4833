import type { SteadyTime } from "../../lib/steady-time.ts";
import type { StationContext } from "../context.ts";
import { UntilStored } from "../model/until-stored.ts";
import type { SessionInput } from "./transition.ts";

export interface EventIntake {
  receive(event: SessionInput): void;
  stop(): void;
}

/** Takes the events of EVSEs and connectors that exist, in order and each until it is stored. */
export function createEventIntake(
  { clock, logger, model }: StationContext,
  steadyTime: SteadyTime,
  take: (event: SessionInput, countedAt: Date) => void,
): EventIntake {
  const untilStored = new UntilStored(clock, logger);

  return {
    receive(event) {
      const evse = model.evse(event.evseId);
      if (evse === undefined) {
        logger.error(`${event.kind} of EVSE ${event.evseId} is ignored: there is no such EVSE`);
        return;
      }
      const known = evse.connectors.some(({ connectorId }) => connectorId === event.connectorId);
      if (!known) logger.error(`${event.kind} names connector ${event.connectorId} of EVSE ${event.evseId}: no such`);
      const placed = known ? event : { ...event, connectorId: evse.connectors[0]?.connectorId ?? 1 };
      const countedAt = steadyTime.of(event.timestamp);
      untilStored.take(`${event.kind} of EVSE ${event.evseId}`, () => take(placed, countedAt));
    },
    stop: () => untilStored.stop(),
  };
}
