import type { Timer } from "../../lib/clock.ts";
import { isStorageError } from "../../store/storage-error.ts";
import type { StationContext } from "../context.ts";
import type { SessionInput } from "./transition.ts";

/** A decision that cannot be stored (disk full) is tried again; what happens meanwhile waits behind it. */
const STORE_RETRY_MILLISECONDS = 1_000;
const WAITING_EVENTS_LIMIT = 10_000;

export interface EventIntake {
  receive(event: SessionInput): void;
  stop(): void;
}

/** Takes events in order and each until it is stored: the hardware side does not tell them a second time. */
export function createEventIntake(
  { clock, logger, model }: StationContext,
  take: (event: SessionInput) => void,
): EventIntake {
  const waiting: SessionInput[] = [];
  let retry: Timer | undefined;

  const takeWaiting = (): void => {
    retry?.cancel();
    for (let event = waiting[0]; event !== undefined; event = waiting[0]) {
      try {
        take(event);
      } catch (error) {
        const { message } = error as Error;
        if (isStorageError(error)) {
          logger.critical(`${event.kind} of EVSE ${event.evseId} cannot be stored and waits: ${message}`);
          retry = clock.after(STORE_RETRY_MILLISECONDS, takeWaiting);
          return;
        }
        // It would fail for ever, and must not hold up the others.
        logger.critical(`${event.kind} of EVSE ${event.evseId} cannot be taken and is left out: ${message}`);
      }
      waiting.shift();
    }
  };

  return {
    receive(event) {
      const evse = model.evse(event.evseId);
      if (evse === undefined) {
        logger.error(`${event.kind} of EVSE ${event.evseId} is ignored: there is no such EVSE`);
        return;
      }
      const known = evse.connectors.some(({ connectorId }) => connectorId === event.connectorId);
      if (!known) logger.error(`${event.kind} names connector ${event.connectorId} of EVSE ${event.evseId}: no such`);
      if (waiting.length >= WAITING_EVENTS_LIMIT) {
        logger.critical(
          `${event.kind} of EVSE ${event.evseId} is lost: ${WAITING_EVENTS_LIMIT} events wait to be stored`,
        );
        return;
      }
      waiting.push(known ? event : { ...event, connectorId: evse.connectors[0]?.connectorId ?? 1 });
      if (waiting.length === 1) takeWaiting();
    },
    stop: () => retry?.cancel(),
  };
}
