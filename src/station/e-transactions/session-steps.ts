import type { StationContext } from "../context.ts";
import type { MeterReading } from "../ports.ts";
import type { Moment } from "./event-builder.ts";
import { begins } from "./interruption.ts";
import { newSession, type Session } from "./session.ts";
import type { Sessions } from "./sessions.ts";
import type { TransactionEvents } from "./transaction-events.ts";
import type { TransactionValues } from "./transaction-values.ts";
import { type SessionEvent, type SessionInput, type Step, type TxPoints, transition } from "./transition.ts";

/** Carries the steps of the sessions' state machine out; the function decides, stores and tells what an event makes of its session. */
export function createSessionSteps(
  { logger, model }: StationContext,
  sessions: Sessions,
  told: TransactionEvents,
  values: TransactionValues,
  points: () => TxPoints,
): (event: SessionEvent, countedAt: Date) => void {
  /** Sessions that are over, by EVSE: what still arrives of them is too late. */
  const lastSessionIds = new Map<number, string>();

  /** The reading that came with the event, unless a newer one is known and nothing would be lost with the older. */
  const readingOf = (event: SessionInput): MeterReading | undefined => {
    const own = "meter" in event ? event.meter : undefined;
    const known = model.evse(event.evseId)?.reading;
    if (own === undefined || known === undefined) return own ?? known;
    const isSigned = own.samples.some(({ signedMeterValue }) => signedMeterValue !== undefined);
    return isSigned || own.timestamp >= known.timestamp ? own : known;
  };

  const carryOut = (step: Step, event: SessionInput, countedAt: Date): Session | undefined => {
    const { session, trigger = "AbnormalCondition", stoppingToken } = step;
    const moment: Moment = { timestamp: event.timestamp, countedAt };
    const reading = readingOf(event);
    let next = session;
    if (step.starts) next = told.begin(session, trigger, moment, reading);
    else if (step.ends) next = told.end(session, { ...moment, trigger, stoppingToken, reading, event });
    else if (step.trigger !== undefined) {
      const meterValue = event.kind === "SessionResumed" ? values.update(reading, "Interruption.End") : [];
      next = told.update(session, { ...moment, trigger, meterValue, stoppingToken });
    }
    return step.over ? undefined : next;
  };

  /** What an earlier session left at the EVSE when another one begins: its end was never told. */
  const endForgotten = (session: Session, moment: Moment): void => {
    logger.warn(`Session ${session.sessionId} of EVSE ${session.evseId} ended without a word: another one begins`);
    const stopped: Session = { ...session, stoppedReason: session.stoppedReason ?? "Other" };
    sessions.decide(session.evseId, () => {
      told.end(stopped, { ...moment, trigger: "AbnormalCondition", reading: model.evse(session.evseId)?.reading });
      return undefined;
    });
    lastSessionIds.set(session.evseId, session.sessionId);
  };

  /** The session that an event belongs to; undefined when it speaks of one that is over. */
  const sessionOf = (event: SessionInput, countedAt: Date): Session | undefined => {
    const current = sessions.at(event.evseId);
    const { sessionId, evseId } = event;
    if (current !== undefined && (sessionId === "" || sessionId === current.sessionId)) return current;
    if (current?.sessionId === "") return { ...current, sessionId };
    const isOver = sessionId !== "" && lastSessionIds.get(evseId) === sessionId && event.kind !== "SessionStarted";
    if (isOver || !begins(event)) return undefined;
    if (current !== undefined) endForgotten(current, { timestamp: event.timestamp, countedAt });
    return newSession(sessionId, evseId, event.connectorId);
  };

  return (event, countedAt) => {
    const session = sessionOf(event, countedAt);
    if (session === undefined) {
      logger.warn(`${event.kind} of EVSE ${event.evseId} is ignored: session "${event.sessionId}" does not run`);
      return;
    }
    const step = transition(session, event, points());
    sessions.decide(event.evseId, () => carryOut(step, event, countedAt));
    if (step.over) lastSessionIds.set(event.evseId, step.session.sessionId);
  };
}
