import type { Timer } from "../../lib/clock.ts";
import type { StationContext } from "../context.ts";
import { importedEnergyWattHours, phasesInUse } from "../model/meter-values.ts";
import type { MeterReading } from "../ports.ts";
import type { BlockServices } from "../services.ts";
import { lastKnownReading, type Session } from "./session.ts";
import type { SessionInput } from "./transition.ts";

/** So long after the start the hardware side may still speak of a session that was running; then it is over. */
const RESUME_WINDOW_MILLISECONDS = 20_000;
const STORE_RETRY_MILLISECONDS = 1_000;
/** Power that only a charging EV draws. */
const CHARGING_WATTS = 100;

/** Events with which a session begins, or shows that it has begun. */
const BEGINS: ReadonlySet<string> = new Set([
  "SessionStarted",
  "TransactionStarted",
  "ChargingStarted",
  "SuspendedEV",
  "SuspendedEVSE",
]);

export function begins(event: SessionInput): boolean {
  return BEGINS.has(event.kind);
}

/** EVerest reports the end of a resumed session without its id (BEHAVIOUR 3.3). */
function isSameSession(session: Session, event: SessionInput): boolean {
  if (event.sessionId !== "") return event.sessionId === session.sessionId;
  return event.kind === "SessionResumed" || event.kind === "TransactionFinished" || event.kind === "SessionFinished";
}

function energyFlows(reading: MeterReading | undefined, before: MeterReading | undefined): boolean {
  const energy = importedEnergyWattHours(reading);
  const energyBefore = importedEnergyWattHours(before);
  const power = reading?.samples.find(
    ({ measurand, phase }) => measurand === "Power.Active.Import" && phase === undefined,
  );
  const rises = energy !== undefined && energyBefore !== undefined && energy > energyBefore;
  return rises && (phasesInUse(reading) !== undefined || (power?.value ?? 0) >= CHARGING_WATTS);
}

export interface SessionKeeper {
  /** The session goes on as if nothing had happened. */
  adopt(session: Session): void;
  /** The session did not survive: its transaction ends when the station last knew it to be alive. */
  abandon(session: Session): void;
}

export interface Interruption {
  /** To be called with every event before it is taken: decides about what an earlier run left at its EVSE. */
  meet(event: SessionInput): void;
  hasTransaction(transactionId: string): boolean;
  start(left: Map<number, Session>): void;
  stop(): void;
}

/**
 * Power loss: a session that was running before the restart goes on when the hardware side speaks of it, or when
 * energy flows on; it is over when another one begins at its EVSE, or when nothing is heard of it.
 */
export function createInterruption(
  { clock, logger, model }: StationContext,
  connectors: BlockServices["connectors"],
  keeper: SessionKeeper,
): Interruption {
  let left = new Map<number, Session>();
  let timer: Timer | undefined;

  const adopt = (session: Session): void => {
    keeper.adopt(session);
    left.delete(session.evseId);
    logger.info(`Session ${session.sessionId} of EVSE ${session.evseId} goes on after the restart`);
  };

  /** The cable of a session: until something else is known it is as it was. */
  const showCable = ({ evseId, connectorId }: Session, connected: boolean): void =>
    connectors.update(evseId, connectorId, (connector) => {
      connector.occupied = connected;
    });

  const abandon = (session: Session, evConnected: boolean): void => {
    keeper.abandon(session);
    left.delete(session.evseId);
    showCable(session, evConnected);
    const { transaction, evseId } = session;
    if (transaction !== undefined)
      logger.warn(
        `Transaction ${transaction.transactionId} of EVSE ${evseId} did not survive the restart; it is ended`,
      );
  };

  const settle = (): void => {
    try {
      for (const session of [...left.values()]) {
        if (energyFlows(model.evse(session.evseId)?.reading, lastKnownReading(session))) adopt(session);
        else if (session.transaction !== undefined) abandon(session, false);
        // Without a transaction nothing has to be ended: should it be heard of after all, its token is known.
        else showCable(session, false);
      }
    } catch (error) {
      logger.critical(`What an earlier run left cannot be settled yet: ${(error as Error).message}`);
      timer = clock.after(STORE_RETRY_MILLISECONDS, settle);
    }
  };

  return {
    meet(event) {
      const session = left.get(event.evseId);
      if (session === undefined) return;
      if (isSameSession(session, event)) adopt(session);
      else if (begins(event)) abandon(session, event.kind !== "SessionStarted" || event.reason === "EVConnected");
    },
    hasTransaction: (transactionId) =>
      [...left.values()].some(({ transaction }) => transaction?.transactionId === transactionId),
    start(found) {
      left = found;
      for (const session of left.values()) showCable(session, session.evConnected);
      timer = clock.after(RESUME_WINDOW_MILLISECONDS, settle);
    },
    stop: () => timer?.cancel(),
  };
}
