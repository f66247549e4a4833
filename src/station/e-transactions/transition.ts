import type { ChargingStateEnumType, ReasonEnumType, TriggerReasonEnumType } from "../../ocpp/v201/index.ts";
import type { EvseEvent, MeterReading, PresentedToken } from "../ports.ts";
import { type Session, withTransaction } from "./session.ts";

export type TxPoint =
  | "ParkingBayOccupancy"
  | "EVConnected"
  | "Authorized"
  | "DataSigned"
  | "PowerPathClosed"
  | "EnergyTransfer";

export interface TxPoints {
  readonly start: readonly TxPoint[];
  readonly stop: readonly TxPoint[];
}

/** What happens to a session: events of the hardware side, and a signed value that the meter gives by itself. */
export type SessionInput =
  | EvseEvent
  | (Pick<EvseEvent, "evseId" | "connectorId" | "timestamp" | "sessionId"> & {
      readonly kind: "DataSigned";
      readonly meter: MeterReading;
    });

/** What an event means for the transaction, before anything is written. */
export interface Step {
  readonly session: Session;
  /** The trigger to report when a transaction is open before or after; undefined: nothing to report. */
  readonly trigger?: TriggerReasonEnumType;
  readonly starts: boolean;
  readonly ends: boolean;
  /** The token that stopped the transaction (E07.FR.02). */
  readonly stoppingToken?: PresentedToken;
  /** The session is over: the EVSE is free. */
  readonly over: boolean;
}

function holds(point: TxPoint, session: Session): boolean {
  switch (point) {
    case "EVConnected":
      return session.evConnected; // E01.FR.02, E06.FR.02
    case "Authorized":
      return session.authorized; // E01.FR.03, E06.FR.03, FR.04
    case "DataSigned":
      return session.dataSigned; // E01.FR.04
    case "PowerPathClosed":
      return session.authorized && session.evConnected; // E01.FR.05, E06.FR.06
    case "EnergyTransfer":
      return session.energyFlows; // E01.FR.06, E06.FR.07
    default:
      // Nothing at the hardware side reports parking bays.
      return false;
  }
}

/** TriggerReason of the end for each reason of the hardware side (BEHAVIOUR 5.4). */
const TRIGGER_OF_REASON: Partial<Record<ReasonEnumType, TriggerReasonEnumType>> = {
  DeAuthorized: "Deauthorized",
  Remote: "RemoteStop",
  Local: "StopAuthorized",
  MasterPass: "StopAuthorized", // C16.FR.06, FR.07
  StoppedByEV: "StopAuthorized", // E15.FR.04, FR.05
  EVDisconnected: "EVCommunicationLost",
  ImmediateReset: "ResetCommand",
  Reboot: "ResetCommand",
  EnergyLimitReached: "EnergyLimitReached",
  SOCLimitReached: "EnergyLimitReached",
  LocalOutOfCredit: "ChargingStateChanged",
  TimeLimitReached: "TimeLimitReached",
  Timeout: "EVConnectTimeout",
};

/** Reasons that end a transaction wherever its stop point is: nothing is left that could go on. */
const ENDS_ANYWAY: ReadonlySet<string> = new Set<ReasonEnumType>([
  "ImmediateReset",
  "Reboot",
  "PowerLoss",
  "EmergencyStop",
  "GroundFault",
  "OvercurrentFault",
  "PowerQuality",
  "Timeout",
]);

interface Change {
  readonly session: Session;
  readonly trigger?: TriggerReasonEnumType;
  /** No energy can follow any more, whether some has flowed or not. */
  readonly finished?: boolean;
  readonly endsAnyway?: boolean;
  readonly stoppingToken?: PresentedToken;
  readonly over?: boolean;
}

/** With another driver of the same transaction another reservation may end, which is told as well (H01.FR.15). */
function withReservation(session: Session, reservationId: number | undefined): Session {
  if (reservationId === undefined || reservationId === session.reservationId) return session;
  return { ...withTransaction(session, (transaction) => ({ ...transaction, reservationTold: false })), reservationId };
}

function authorize(session: Session, event: { token?: PresentedToken; reservationId?: number }): Session {
  const renewed = session.authorized
    ? session
    : withTransaction(session, (transaction) => ({ ...transaction, tokenTold: false, remoteStartTold: false })); // E02.FR.20
  return {
    ...withReservation(renewed, event.reservationId),
    ...(event.token !== undefined && { token: event.token }),
    authorized: true,
  };
}

function plugIn(session: Session, connectorId: number): Session {
  return {
    ...session,
    connectorId,
    evConnected: true,
    chargingState: session.chargingState === "Idle" ? "EVConnected" : session.chargingState,
  };
}

function startSession(session: Session, event: EvseEvent & { kind: "SessionStarted" }): Change {
  if (event.reason === "Authorized")
    return { session: authorize(session, event), ...(!session.authorized && { trigger: "Authorized" }) };
  return {
    session: withReservation(plugIn(session, event.connectorId), event.reservationId),
    ...(!session.evConnected && { trigger: "CablePluggedIn" }), // E02.FR.06
  };
}

/** Both conditions hold now; whichever is new is what happened. */
function closePowerPath(session: Session, event: EvseEvent & { kind: "TransactionStarted" }): Change {
  const trigger = session.evConnected ? (session.authorized ? undefined : "Authorized") : "CablePluggedIn";
  return {
    session: plugIn(authorize(session, event), event.connectorId),
    ...(trigger !== undefined && { trigger }),
  };
}

/** B12.FR.04, FR.08: a reset has asked for the end, so it is the reason, whatever the hardware side calls it. */
export function endsByReset({ transaction }: Session): boolean {
  return transaction?.stopAsked === "ImmediateReset";
}

function finishTransaction(session: Session, event: EvseEvent & { kind: "TransactionFinished" }): Change {
  const unplugged = event.stoppedReason === "EVDisconnected";
  const isReset = endsByReset(session);
  const reason = isReset ? "ImmediateReset" : event.stoppedReason;
  const trigger = (isReset ? undefined : event.cause) ?? TRIGGER_OF_REASON[reason] ?? "AbnormalCondition"; // E06.FR.16
  return {
    session: {
      ...session,
      authorized: false, // E09.FR.01
      energyFlows: false,
      evConnected: session.evConnected && !unplugged,
      chargingState: unplugged || !session.evConnected ? "Idle" : "EVConnected",
      // The first reason is what began the end (ReasonEnumType).
      stoppedReason: isReset ? reason : (session.stoppedReason ?? reason),
    },
    trigger,
    finished: true,
    endsAnyway: ENDS_ANYWAY.has(reason),
    // A resumed session is ended with this, and EVerest says no more of it (BEHAVIOUR 3.3).
    over: reason === "PowerLoss" && event.sessionId === "",
    ...(event.token !== undefined && trigger === "StopAuthorized" && { stoppingToken: event.token }), // E07.FR.02
  };
}

/** Authorization is withdrawn: nobody plugged in in time, or the token is no longer good. */
function deauthorize(session: Session): Change {
  if (!session.authorized) return { session };
  const withdrawn: Session = { ...session, authorized: false, energyFlows: false };
  return session.evConnected
    ? {
        session: {
          ...withdrawn,
          chargingState: "EVConnected",
          stoppedReason: session.stoppedReason ?? "DeAuthorized",
        },
        trigger: "Deauthorized",
        finished: true,
      }
    : {
        session: { ...withdrawn, stoppedReason: session.stoppedReason ?? "Timeout" },
        trigger: session.stoppedReason === "Remote" ? "RemoteStop" : "EVConnectTimeout",
        endsAnyway: true, // C01.FR.26, E03.FR.05, E10.FR.02, F02.FR.07
      };
}

function finishSession(session: Session): Change {
  const neverConnected = session.authorized && !session.evConnected && session.stoppedReason === undefined;
  return {
    session: {
      ...session,
      authorized: false,
      evConnected: false,
      energyFlows: false,
      chargingState: "Idle",
      stoppedReason: session.stoppedReason ?? (neverConnected ? "Timeout" : "EVDisconnected"),
    },
    trigger: neverConnected ? "EVConnectTimeout" : "EVCommunicationLost",
    endsAnyway: true,
    over: true,
  };
}

/** Energy concerns only a connected EV, and flows only with authorization: what nobody told must have happened. */
function energy(session: Session, chargingState: ChargingStateEnumType, flows: boolean): Change {
  const nothingEndedYet = session.stoppedReason === undefined;
  const changed: Session = {
    ...session,
    evConnected: session.evConnected || nothingEndedYet,
    authorized: session.authorized || (flows && nothingEndedYet && session.transactionCount === 0),
    chargingState,
    energyFlows: flows,
  };
  return chargingState === session.chargingState
    ? { session: changed }
    : { session: changed, trigger: "ChargingStateChanged" };
}

/** Events about the EVSE itself are nothing to a session. */
export type SessionEvent = Exclude<
  SessionInput,
  { kind: "Enabled" | "Disabled" | "ReservationStarted" | "ReservationEnded" }
>;

export function concernsSession(event: SessionInput): event is SessionEvent {
  return !["Enabled", "Disabled", "ReservationStarted", "ReservationEnded"].includes(event.kind);
}

function change(session: Session, event: SessionEvent): Change {
  switch (event.kind) {
    case "SessionStarted":
      return startSession(session, event);
    case "TransactionStarted":
      return closePowerPath(session, event);
    case "ChargingStarted":
      return energy(session, "Charging", true);
    case "SuspendedEV":
      return energy(session, "SuspendedEV", false); // E01.FR.19
    case "SuspendedEVSE":
      return energy(session, "SuspendedEVSE", false);
    case "DataSigned":
    case "PhasesSwitched":
      return { session };
    case "SessionResumed":
      return { session, trigger: "AbnormalCondition" };
    case "Deauthorized":
      return deauthorize(session);
    case "TransactionFinished":
      return finishTransaction(session, event);
    case "SessionFinished":
      return finishSession(session);
  }
}

/** The first event after a remote start says so, whatever caused it (F01.FR.19, F02.FR.21). */
function withRemoteStart(trigger: TriggerReasonEnumType, session: Session): TriggerReasonEnumType {
  const told = session.transaction?.remoteStartTold ?? false;
  const begins =
    trigger === "Authorized" ||
    trigger === "CablePluggedIn" ||
    trigger === "ChargingStateChanged" ||
    trigger === "SignedDataReceived";
  return session.token?.remote === true && !told && begins && session.authorized ? "RemoteStart" : trigger;
}

function isSigned(event: SessionInput): boolean {
  return "meter" in event && (event.meter?.samples.some((sample) => sample.signedMeterValue !== undefined) ?? false);
}

/**
 * The pure state machine of a session: what an event of the hardware side does to it, and whether the transaction
 * starts or ends with it. The first transaction of a session starts as soon as a start point holds, so that changed
 * variables take effect with the next event; a further one only when a start point begins to hold anew (E01).
 * It ends when a stop point ceases to hold (E06).
 */
export function transition(session: Session, event: SessionEvent, points: TxPoints): Step {
  const changed = change(session, event);
  const next: Session = isSigned(event) ? { ...changed.session, dataSigned: true } : changed.session;
  const open = session.transaction !== undefined;
  const finishes = changed.finished === true || changed.endsAnyway === true;
  const begun = points.start.filter(
    (point) => holds(point, next) && (session.transactionCount === 0 || !holds(point, session)),
  );
  // One EVSE, one session, one transaction (E01.FR.14).
  const starts = !open && !finishes && begun.length > 0;
  const stopped = points.stop.some(
    (point) =>
      !holds(point, next) && (holds(point, session) || (point === "EnergyTransfer" && changed.finished === true)),
  );
  const onlySigned = starts && begun.every((point) => point === "DataSigned");
  const trigger = onlySigned
    ? "SignedDataReceived"
    : (changed.trigger ?? (starts ? "ChargingStateChanged" : undefined));
  return {
    session: next,
    ...(trigger !== undefined && { trigger: withRemoteStart(trigger, next) }),
    starts,
    ends: open && (stopped || changed.endsAnyway === true),
    ...(changed.stoppingToken !== undefined && { stoppingToken: changed.stoppingToken }),
    over: changed.over === true,
  };
}
