import type {
  ChargingStateEnumType,
  MeterValueType,
  ReasonEnumType,
  TransactionEventRequest,
  TriggerReasonEnumType,
} from "../../ocpp/v201/index.ts";
import type { PresentedToken } from "../ports.ts";
import type { Session } from "./session.ts";

export type Transaction = NonNullable<Session["transaction"]>;

export interface EventFacts {
  readonly eventType: "Started" | "Updated" | "Ended";
  readonly trigger: TriggerReasonEnumType;
  readonly timestamp: Date;
  readonly offline: boolean;
  readonly meterValue: readonly MeterValueType[];
  readonly stoppingToken?: PresentedToken | undefined;
  readonly numberOfPhasesUsed?: number | undefined;
}

function secondsCharged(transaction: Transaction, at: Date): number {
  const running =
    transaction.chargingSince === undefined ? 0 : (at.getTime() - Date.parse(transaction.chargingSince)) / 1000;
  return transaction.secondsCharged + Math.max(0, running);
}

/** Counts the time that energy flows (timeSpentCharging). */
export function followCharging(transaction: Transaction, state: ChargingStateEnumType, at: Date): Transaction {
  if (state === "Charging")
    return transaction.chargingSince === undefined ? { ...transaction, chargingSince: at.toISOString() } : transaction;
  const { chargingSince: _, ...rest } = transaction;
  return { ...rest, secondsCharged: secondsCharged(transaction, at) };
}

/** Builds the next event of a transaction and the session that remembers what has been told with it. */
export function buildEvent(
  session: Session,
  transaction: Transaction,
  facts: EventFacts,
): { readonly request: TransactionEventRequest; readonly session: Session } {
  const { eventType, trigger, timestamp, stoppingToken } = facts;
  const ended = eventType === "Ended";
  const token =
    stoppingToken?.idToken ??
    (session.token !== undefined && session.authorized && !transaction.tokenTold ? session.token.idToken : undefined);
  const tellsEvse = !transaction.evseTold && (session.evConnected || eventType === "Started");
  const remoteStartId = session.token?.remote === true ? session.token.remoteStartId : undefined;
  // E01.FR.18; only plain readings leave the state out.
  const isReading = trigger === "MeterValuePeriodic" || trigger === "MeterValueClock";
  const tellsState = !isReading || session.chargingState !== transaction.chargingStateTold;
  const tellsReservation = session.reservationId !== undefined && !transaction.reservationTold;
  const request: TransactionEventRequest = {
    eventType,
    timestamp: timestamp.toISOString(),
    triggerReason: trigger,
    seqNo: transaction.nextSequenceNumber,
    ...(facts.offline && { offline: true }), // E04.FR.03
    ...(facts.numberOfPhasesUsed !== undefined && { numberOfPhasesUsed: facts.numberOfPhasesUsed }), // E02.FR.18
    ...(tellsReservation && { reservationId: session.reservationId as number }), // E01.FR.13
    transactionInfo: {
      transactionId: transaction.transactionId,
      ...(tellsState && { chargingState: session.chargingState }), // E01.FR.18
      ...(ended && {
        timeSpentCharging: Math.round(secondsCharged(transaction, timestamp)),
        stoppedReason: (session.stoppedReason ?? "Other") as ReasonEnumType, // E06.FR.08
      }),
      ...(remoteStartId !== undefined && { remoteStartId }), // F01.FR.25, F02.FR.01
    },
    ...(token !== undefined && { idToken: token }), // E03.FR.01, E07.FR.02
    ...(tellsEvse && {
      evse: { id: session.evseId, ...(session.evConnected && { connectorId: session.connectorId }) }, // E01.FR.16
    }),
    ...(facts.meterValue.length > 0 && { meterValue: facts.meterValue }),
  };
  const told: Transaction = {
    ...followCharging(transaction, session.chargingState, timestamp),
    nextSequenceNumber: transaction.nextSequenceNumber + 1,
    tokenTold: transaction.tokenTold || (token !== undefined && stoppingToken === undefined),
    evseTold: transaction.evseTold || (tellsEvse && session.evConnected),
    remoteStartTold: transaction.remoteStartTold || remoteStartId !== undefined,
    reservationTold: transaction.reservationTold || tellsReservation,
    chargingStateTold: tellsState ? session.chargingState : transaction.chargingStateTold,
    lastEventAt: timestamp.toISOString(),
  };
  return { request, session: { ...session, transaction: told } };
}

export function newTransaction(transactionId: string, startedAt: Date): Transaction {
  return {
    transactionId,
    startedAt: startedAt.toISOString(),
    nextSequenceNumber: 0,
    tokenTold: false,
    evseTold: false,
    remoteStartTold: false,
    reservationTold: false,
    chargingStateTold: "Idle",
    lastEventAt: startedAt.toISOString(),
    secondsCharged: 0,
  };
}
