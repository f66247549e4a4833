import * as v from "valibot";
import { MeterValueTypeSchema } from "../../ocpp/v201/index.ts";
import type { Given } from "../block.ts";
import type { StationContext } from "../context.ts";
import { thinToSize } from "../model/meter-values.ts";
import { lastCountedAt } from "./charging-time.ts";
import { sessionsLeftByLibocpp } from "./left-by-libocpp.ts";
import { type Session, SessionSchema } from "./session.ts";
import { idleSessionKey } from "./session-journal.ts";
import { queueEvent } from "./transaction-events.ts";

/** Sessions that an earlier run left, by EVSE. */
export type LeftSessions = Map<number, Session>;

/** Meter values of an event that is written for a transaction long gone. */
const METER_VALUES_LIMIT_BYTES = 30_000;

/** Our own records; replaced are those whose row is gone (see `nextSequenceNumber`). */
function ownSessions({ core, logger }: StationContext): {
  readonly current: readonly Session[];
  readonly replaced: readonly Session[];
} {
  const sessions = core.transactions.states().flatMap((state) => {
    const parsed = v.safeParse(SessionSchema, state);
    if (parsed.success) return [parsed.output];
    logger.error(`A stored transaction has an unknown form and is left alone: ${parsed.issues[0].message}`);
    return [];
  });
  const current: Session[] = [];
  const replaced: Session[] = [];
  for (const session of sessions) {
    const { transaction } = session;
    const next = transaction && core.transactions.nextSequenceNumber(transaction.transactionId);
    if (transaction === undefined || next === undefined) replaced.push(session);
    else {
      const nextSequenceNumber = Math.max(transaction.nextSequenceNumber, next);
      current.push({ ...session, transaction: { ...transaction, nextSequenceNumber } });
    }
  }
  return { current, replaced };
}

/** A transaction on whose EVSE another one began: it ended when it was last heard of. */
function endSuperseded(context: Given<"reservations">, session: Session): void {
  const { core, logger } = context;
  const { transaction } = session;
  if (transaction === undefined) return;
  const { transactionId, lastEventAt } = transaction;
  logger.warn(`Transaction ${transactionId} of EVSE ${session.evseId} was never ended; it is ended`);
  const stored = core.meterValues.list(transactionId).flatMap((value) => {
    const parsed = v.safeParse(MeterValueTypeSchema, value);
    return parsed.success ? [parsed.output] : [];
  });
  core.unitOfWork.run(() => {
    queueEvent(context, { ...session, stoppedReason: "PowerLoss", energyFlows: false }, transaction, {
      eventType: "Ended",
      trigger: "AbnormalCondition",
      timestamp: new Date(lastEventAt),
      countedAt: lastCountedAt(session),
      offline: true,
      meterValue: thinToSize(stored, METER_VALUES_LIMIT_BYTES),
    });
    core.transactions.remove(transactionId);
    core.meterValues.remove(transactionId);
  });
}

/** Reads what is stored, our own records and those that libocpp left (STORES 4, point 3); one goes on for each EVSE. */
export function readLeftSessions(context: Given<"reservations">): LeftSessions {
  const sessions: LeftSessions = new Map();
  const { current, replaced } = ownSessions(context);
  for (const session of [...current, ...sessionsLeftByLibocpp(context), ...replaced])
    if (sessions.has(session.evseId)) endSuperseded(context, session);
    else sessions.set(session.evseId, session);
  for (const { evseId } of context.model.evses) {
    const idle = context.core.keyValues.get(idleSessionKey(evseId), SessionSchema);
    if (idle !== undefined && !sessions.has(evseId)) sessions.set(evseId, idle);
  }
  return sessions;
}
