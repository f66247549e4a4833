import type { ChargingStateEnumType } from "../../ocpp/v201/index.ts";
import { type Session, type Transaction, withTransaction } from "./session.ts";

/** How much longer than it was last written down a session may have lived: it is written down every minute. */
const LONGEST_UNKNOWN_MILLISECONDS = 60_000;

/** Seconds in which energy has flowed, until a moment of the steady time (timeSpentCharging). */
export function secondsCharged({ chargingSince, secondsCharged: before }: Transaction, at: Date): number {
  const running = chargingSince === undefined ? 0 : (at.getTime() - Date.parse(chargingSince)) / 1000;
  return before + Math.max(0, running);
}

/** Counts the time that energy flows. */
export function followCharging(transaction: Transaction, state: ChargingStateEnumType, at: Date): Transaction {
  if (state === "Charging")
    return transaction.chargingSince === undefined ? { ...transaction, chargingSince: at.toISOString() } : transaction;
  const { chargingSince: _, ...rest } = transaction;
  return { ...rest, secondsCharged: secondsCharged(transaction, at) };
}

/** When the session was last counted, by the steady time of the run that wrote it. */
export function lastCountedAt({ lastKnown, transaction }: Session): Date {
  return new Date(lastKnown?.countedAt ?? lastKnown?.at ?? transaction?.lastEventAt ?? 0);
}

/**
 * A session of an earlier run, counted on by this one: what was counted then stays, of the time in between the wall clock
 * is the best that is known, and one that was set back says nothing.
 */
export function countOn(session: Session, now: Date): Session {
  return withTransaction(session, (transaction) => {
    if (transaction.chargingSince === undefined) return transaction;
    const lastAt = new Date(session.lastKnown?.at ?? transaction.lastEventAt);
    return {
      ...transaction,
      secondsCharged: secondsCharged(transaction, lastCountedAt(session)),
      chargingSince: (lastAt < now ? lastAt : now).toISOString(),
    };
  });
}

/** The moment until which a session is counted that did not survive, given when it was last alive by the wall clock. */
export function countedUntil({ lastKnown, transaction }: Session, lastAlive: Date): Date {
  const unknown = lastAlive.getTime() - Date.parse(lastKnown?.at ?? transaction?.lastEventAt ?? "");
  const more = Math.min(Math.max(0, unknown), LONGEST_UNKNOWN_MILLISECONDS);
  return new Date(Date.parse(transaction?.chargingSince ?? lastAlive.toISOString()) + more);
}
