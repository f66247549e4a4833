import type {
  MeterValueType,
  ReasonEnumType,
  TransactionEventRequest,
  TriggerReasonEnumType,
} from "../../ocpp/v201/index.ts";
import type { PresentedToken } from "../ports.ts";
import { followCharging, secondsCharged } from "./charging-time.ts";
import type { Session, Transaction } from "./session.ts";

export interface EventFacts {
  readonly eventType: "Started" | "Updated" | "Ended";
  readonly trigger: TriggerReasonEnumType;
  readonly timestamp: Date;
  /** The same moment by the steady time, which durations are counted with. */
  readonly countedAt: Date;
  readonly offline: boolean;
  readonly meterValue: readonly MeterValueType[];
  readonly stoppingToken?: PresentedToken | undefined;
  /** What the meter says now; undefined when it does not tell. */
  readonly numberOfPhases?: number | undefined;
}

/** When something happened, by the wall clock and by the steady time. */
export type Moment = Pick<EventFacts, "timestamp" | "countedAt">;

/** Some clocks of the hardware side tell whole seconds: so much may a time lie before that of the event before. */
const ROUNDING_MILLISECONDS = 1_000;

/** The event's own time, but not before the event that it follows when only rounding put it there. */
function notBefore(timestamp: Date, lastEventAt: string): Date {
  const last = Date.parse(lastEventAt);
  const late = last - timestamp.getTime();
  return late > 0 && late < ROUNDING_MILLISECONDS ? new Date(last) : timestamp;
}

/** What this event tells of the things that are told once, or when they changed (part 2, E 1.5). */
function news(session: Session, transaction: Transaction, { eventType, trigger, numberOfPhases }: EventFacts) {
  const charging = session.chargingState === "Charging";
  // Only plain readings leave the state out when it has not changed.
  const isReading = trigger === "MeterValuePeriodic" || trigger === "MeterValueClock";
  return {
    token: session.authorized && !transaction.tokenTold ? session.token?.idToken : undefined,
    evse: !transaction.evseTold && (session.evConnected || eventType === "Started"),
    state: !isReading || session.chargingState !== transaction.chargingStateTold,
    reservation: session.authorized && !transaction.reservationTold ? session.reservationId : undefined,
    phases: charging && numberOfPhases !== transaction.phasesTold ? numberOfPhases : undefined,
  };
}

/** Builds the next event of a transaction and the session that remembers what has been told with it. */
export function buildEvent(
  session: Session,
  transaction: Transaction,
  facts: EventFacts,
): { readonly request: TransactionEventRequest; readonly session: Session } {
  const { eventType, trigger, stoppingToken } = facts;
  const timestamp = notBefore(facts.timestamp, transaction.lastEventAt);
  const told = news(session, transaction, facts);
  const token = stoppingToken?.idToken ?? told.token;
  const remoteStartId = session.token?.remote === true ? session.token.remoteStartId : undefined;
  const request: TransactionEventRequest = {
    eventType,
    timestamp: timestamp.toISOString(),
    triggerReason: trigger, // E01.FR.15, E02.FR.15, E06.FR.15
    // E01.FR.07, E02.FR.07, E03.FR.06, E04.FR.04, E05.FR.04, E06.FR.14, E07.FR.11, E08.FR.08, E09.FR.04
    seqNo: transaction.nextSequenceNumber,
    offline: facts.offline, // E04.FR.03, E08.FR.07; false is told as well, since some CSMSs wait for it
    ...(told.phases !== undefined && { numberOfPhasesUsed: told.phases }), // E02.FR.18, FR.19, E03.FR.13, FR.14
    ...(told.reservation !== undefined && { reservationId: told.reservation }), // E01.FR.13, E02.FR.03, E03.FR.03
    transactionInfo: {
      transactionId: transaction.transactionId,
      ...(told.state && { chargingState: session.chargingState }), // E01.FR.18, E02.FR.13
      ...(eventType === "Ended" && {
        timeSpentCharging: Math.round(secondsCharged(transaction, facts.countedAt)),
        stoppedReason: (session.stoppedReason ?? "Other") as ReasonEnumType, // E06.FR.08, E07.FR.05, FR.06
      }),
      ...(remoteStartId !== undefined && { remoteStartId }), // C05.FR.03, F01.FR.25, F02.FR.01
    },
    ...(token !== undefined && { idToken: token }), // C05.FR.05, C12.FR.02, E01.FR.10, E02.FR.01, E03.FR.01, E07.FR.02
    ...(told.evse && {
      evse: { id: session.evseId, ...(session.evConnected && { connectorId: session.connectorId }) }, // E01.FR.16
    }),
    ...(facts.meterValue.length > 0 && { meterValue: facts.meterValue }),
  };
  const isReady = session.authorized && session.evConnected && transaction.readyAt === undefined;
  const after: Transaction = {
    ...followCharging(transaction, session.chargingState, facts.countedAt),
    ...(isReady && { readyAt: timestamp.toISOString() }),
    nextSequenceNumber: transaction.nextSequenceNumber + 1,
    tokenTold: transaction.tokenTold || told.token !== undefined,
    evseTold: transaction.evseTold || (told.evse && session.evConnected),
    remoteStartTold: transaction.remoteStartTold || remoteStartId !== undefined,
    reservationTold: transaction.reservationTold || told.reservation !== undefined,
    chargingStateTold: told.state ? session.chargingState : transaction.chargingStateTold,
    ...(told.phases !== undefined && { phasesTold: told.phases }),
    lastEventAt: timestamp.toISOString(),
  };
  return { request, session: { ...session, transaction: after } };
}
