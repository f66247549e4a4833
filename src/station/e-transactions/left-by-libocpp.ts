import * as v from "valibot";
import { type ChargingStateEnumType, IdTokenTypeSchema } from "../../ocpp/v201/index.ts";
import type { QueuedTransactionEvent } from "../../store/message-queue-repository.ts";
import type { StoredTransaction } from "../../store/transaction-repository.ts";
import type { StationContext } from "../context.ts";
import { followCharging } from "./charging-time.ts";
import { newSession, newTransaction, type Session, type Transaction } from "./session.ts";

const CHARGING_STATES = ["Charging", "EVConnected", "SuspendedEV", "SuspendedEVSE", "Idle"] as const;

/** What libocpp's row tells of a transaction, or where it kept none, its waiting events. */
type LeftTransaction = Omit<StoredTransaction, "state">;

function chargingStateOf(text: string | undefined): ChargingStateEnumType | undefined {
  return CHARGING_STATES.find((state) => state === text);
}

/** The latest of the times that are known of a transaction: then it was alive. */
function lastKnown(
  startedAt: Date,
  events: readonly QueuedTransactionEvent[],
  meterValues: readonly unknown[],
): string {
  const value = v.safeParse(v.object({ timestamp: v.string() }), meterValues.at(-1));
  const times = [...events.map(({ timestamp }) => timestamp), ...(value.success ? [value.output.timestamp] : [])];
  return new Date(Math.max(startedAt.getTime(), ...times.map((time) => Date.parse(time)))).toISOString();
}

function followStates(transaction: Transaction, events: readonly QueuedTransactionEvent[]): Transaction {
  return events.reduce((followed, { timestamp, transactionInfo }) => {
    const state = chargingStateOf(transactionInfo.chargingState);
    return state === undefined ? followed : followCharging(followed, state, new Date(timestamp));
  }, transaction);
}

function tokenOf(events: readonly QueuedTransactionEvent[]): Pick<Session, "token"> {
  const told = events.find(({ idToken }) => idToken !== undefined)?.idToken;
  const parsed = v.safeParse(IdTokenTypeSchema, told);
  return parsed.success ? { token: { idToken: parsed.output, remote: false } } : {};
}

function toSession(left: LeftTransaction, { core }: StationContext): Session {
  const { transactionId, evseId, connectorId, startedAt, idTokenSent } = left;
  const events = core.durableQueue.transactionEvents(transactionId);
  const states = events.map(({ transactionInfo }) => chargingStateOf(transactionInfo.chargingState));
  // libocpp's row has the state of the start only.
  const chargingState =
    states.findLast((state) => state !== undefined) ?? chargingStateOf(left.chargingState) ?? "EVConnected";
  const queued = core.durableQueue.highestSequenceNumber(transactionId) ?? -1;
  return {
    ...newSession(transactionId, evseId, connectorId),
    ...tokenOf(events),
    authorized: idTokenSent,
    evConnected: chargingState !== "Idle",
    energyFlows: chargingState === "Charging",
    chargingState,
    transactionCount: 1,
    transaction: {
      ...followStates(newTransaction(transactionId, startedAt), events),
      nextSequenceNumber: Math.max(left.nextSequenceNumber, queued + 1),
      tokenTold: idTokenSent,
      evseTold: true,
      chargingStateTold: chargingState,
      lastEventAt: lastKnown(startedAt, events, core.meterValues.list(transactionId)),
    },
  };
}

/** Without ResumeTransactionsOnBoot libocpp kept no row: what the CSMS will learn of the transaction is all there is. */
function fromQueue(transactionId: string, { core, logger }: StationContext): LeftTransaction | undefined {
  const events = core.durableQueue.transactionEvents(transactionId);
  const first = events[0];
  const evse = events.findLast((event) => event.evse !== undefined)?.evse;
  if (first === undefined || evse === undefined) {
    logger.error(`Transaction ${transactionId} was left without its EVSE; it cannot be ended`);
    return undefined;
  }
  return {
    transactionId,
    evseId: evse.id,
    connectorId: evse.connectorId ?? 1,
    startedAt: new Date(first.timestamp),
    nextSequenceNumber: 0,
    chargingState: "EVConnected",
    idTokenSent: events.some(({ idToken }) => idToken !== undefined),
  };
}

/** Transactions that libocpp left running (STORES 4, point 3), the newest of an EVSE first. */
export function sessionsLeftByLibocpp(context: StationContext): readonly Session[] {
  const { core } = context;
  const rows = core.transactions.leftByLibocpp();
  const rowIds = new Set(rows.map(({ transactionId }) => transactionId));
  const queued = core.durableQueue
    .openTransactions()
    .filter((transactionId) => !rowIds.has(transactionId) && !core.transactions.has(transactionId))
    .map((transactionId) => fromQueue(transactionId, context))
    .filter((left) => left !== undefined)
    .reverse();
  return [...rows, ...queued].map((left) => toSession(left, context));
}
