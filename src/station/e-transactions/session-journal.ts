import * as v from "valibot";
import type { StationContext } from "../context.ts";
import type { Session } from "./session.ts";

/** Ids of the latest transactions that are over, kept so that none is ever given twice (E01.FR.08, E02.FR.08). */
const ENDED_IDS_KEY = "transactions.endedIds";
const ENDED_IDS_LIMIT = 256;
/** transactionId is a text of at most so many characters. */
const ID_LENGTH_LIMIT = 36;

/** Sessions without a transaction; those with one lie in the table of transactions. */
export function idleSessionKey(evseId: number): string {
  return `transactions.idleSession.${evseId}`;
}

/** What must outlive the process: to be called inside a unit of work. */
export interface SessionJournal {
  /** Keeps the session of an EVSE, with or without a transaction; undefined: there is none any more. */
  save(evseId: number, session: Session | undefined): void;
  /** The transaction is over: its record goes, its id is never given again. */
  close(transactionId: string): void;
  /** The id of a session's next transaction: its own where that is fit and new, else a random one. */
  nextTransactionId(session: Session): string;
}

export function createSessionJournal({ core, random }: StationContext): SessionJournal {
  let endedIds: readonly string[] = core.keyValues.get(ENDED_IDS_KEY, v.array(v.string())) ?? [];
  /** EVSEs that certainly have no idle session stored: there is nothing to remove. */
  const withoutIdle = new Set<number>();

  const removeIdle = (evseId: number): void => {
    if (withoutIdle.has(evseId)) return;
    core.keyValues.remove(idleSessionKey(evseId));
    core.unitOfWork.afterCommit(() => withoutIdle.add(evseId));
  };

  return {
    save(evseId, session) {
      if (session === undefined) return removeIdle(evseId);
      const { transaction } = session;
      if (transaction === undefined) {
        withoutIdle.delete(evseId);
        core.keyValues.set(idleSessionKey(evseId), session);
        return;
      }
      removeIdle(evseId);
      core.transactions.save({
        transactionId: transaction.transactionId,
        evseId,
        connectorId: session.connectorId,
        startedAt: new Date(transaction.startedAt),
        nextSequenceNumber: transaction.nextSequenceNumber,
        chargingState: session.chargingState,
        idTokenSent: transaction.tokenTold,
        state: session,
      });
    },
    close(transactionId) {
      const ids = [...endedIds, transactionId].slice(-ENDED_IDS_LIMIT);
      core.keyValues.set(ENDED_IDS_KEY, ids);
      core.transactions.remove(transactionId);
      core.unitOfWork.afterCommit(() => {
        endedIds = ids;
      });
    },
    nextTransactionId({ sessionId, transactionCount }) {
      const fits = sessionId !== "" && sessionId.length <= ID_LENGTH_LIMIT;
      return fits && transactionCount === 0 && !endedIds.includes(sessionId) ? sessionId : random.uuid();
    },
  };
}
