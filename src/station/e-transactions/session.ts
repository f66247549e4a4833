import * as v from "valibot";
import type { ChargingStateEnumType, ReasonEnumType, TriggerReasonEnumType } from "../../ocpp/v201/index.ts";
import { IdTokenTypeSchema } from "../../ocpp/v201/index.ts";
import type { EvseEvent, PresentedToken } from "../ports.ts";

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

const Token = v.object({
  idToken: IdTokenTypeSchema,
  groupIdToken: v.exactOptional(IdTokenTypeSchema),
  remoteStartId: v.exactOptional(v.number()),
  remote: v.boolean(),
});

/** The session of one EVSE with its transaction, as it is kept in the database. */
export const SessionSchema = v.object({
  sessionId: v.string(),
  evseId: v.number(),
  connectorId: v.number(),
  evConnected: v.boolean(),
  authorized: v.boolean(),
  energyFlows: v.boolean(),
  chargingState: v.picklist(["Charging", "EVConnected", "SuspendedEV", "SuspendedEVSE", "Idle"]),
  token: v.exactOptional(Token),
  reservationId: v.exactOptional(v.number()),
  /** What began the end of the transaction (Local, Remote …), kept until it is over. */
  stoppedReason: v.exactOptional(v.string()),
  transaction: v.exactOptional(
    v.object({
      transactionId: v.string(),
      startedAt: v.string(),
      nextSequenceNumber: v.number(),
      /** What the CSMS has been told so far. */
      tokenTold: v.boolean(),
      evseTold: v.boolean(),
      remoteStartTold: v.boolean(),
      reservationTold: v.boolean(),
      chargingStateTold: v.picklist(["Charging", "EVConnected", "SuspendedEV", "SuspendedEVSE", "Idle"]),
      lastEventAt: v.string(),
      chargingSince: v.exactOptional(v.string()),
      secondsCharged: v.number(),
      /** A stop that was asked of the hardware side and is not confirmed yet: asked again after a restart. */
      stopAsked: v.exactOptional(v.string()),
      /** E05.FR.03: energy register at which an invalid token has used up what it is allowed. */
      energyLimitWattHours: v.exactOptional(v.number()),
    }),
  ),
  /** Transactions that this session has had; the first one carries the session's id. */
  transactionCount: v.number(),
});
export type Session = v.InferOutput<typeof SessionSchema>;

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

export function newSession(sessionId: string, evseId: number, connectorId: number): Session {
  return {
    sessionId,
    evseId,
    connectorId,
    evConnected: false,
    authorized: false,
    energyFlows: false,
    chargingState: "Idle",
    transactionCount: 0,
  };
}

function holds(point: TxPoint, session: Session | undefined): boolean {
  if (session === undefined) return false;
  switch (point) {
    case "EVConnected":
      return session.evConnected; // E01.FR.02
    case "Authorized":
      return session.authorized; // E01.FR.03
    case "PowerPathClosed":
      return session.authorized && session.evConnected; // E01.FR.05
    case "EnergyTransfer":
      return session.energyFlows; // E01.FR.06
    default:
      // Nothing at the hardware side reports parking bays, or the moment at which a value was signed.
      return false;
  }
}

/** TriggerReason of the end for each reason of the hardware side (BEHAVIOUR 5.4). */
const TRIGGER_OF_REASON: Partial<Record<ReasonEnumType, TriggerReasonEnumType>> = {
  DeAuthorized: "Deauthorized",
  Remote: "RemoteStop",
  Local: "StopAuthorized",
  MasterPass: "StopAuthorized",
  StoppedByEV: "StopAuthorized",
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
const ENDS_ANYWAY: ReadonlySet<string> = new Set(["ImmediateReset", "Reboot", "PowerLoss", "EmergencyStop"]);

interface Change {
  readonly session: Session;
  readonly trigger?: TriggerReasonEnumType;
  readonly endsAnyway?: boolean;
  readonly stoppingToken?: PresentedToken;
  readonly over?: boolean;
}

function withToken(session: Session, token: PresentedToken | undefined, reservationId: number | undefined): Session {
  return {
    ...session,
    ...(token !== undefined && { token }),
    ...(reservationId !== undefined && { reservationId }),
  };
}

function authorize(session: Session, event: { token?: PresentedToken; reservationId?: number }): Session {
  return { ...withToken(session, event.token, event.reservationId), authorized: true };
}

function plugIn(session: Session): Session {
  return {
    ...session,
    evConnected: true,
    chargingState: session.chargingState === "Idle" ? "EVConnected" : session.chargingState,
  };
}

function finishTransaction(session: Session, event: EvseEvent & { kind: "TransactionFinished" }): Change {
  const unplugged = event.stoppedReason === "EVDisconnected";
  const stopped: Session = {
    ...session,
    authorized: false,
    energyFlows: false,
    evConnected: session.evConnected && !unplugged,
    chargingState: unplugged || !session.evConnected ? "Idle" : "EVConnected",
    // The first reason is what began the end (ReasonEnumType).
    stoppedReason: session.stoppedReason ?? event.stoppedReason,
  };
  return {
    session: stopped,
    trigger: TRIGGER_OF_REASON[event.stoppedReason] ?? "AbnormalCondition", // E06.FR.16
    endsAnyway: ENDS_ANYWAY.has(event.stoppedReason),
    ...(event.token !== undefined && { stoppingToken: event.token }),
  };
}

/** Authorization is withdrawn: nobody plugged in in time (E03.FR.05), or the token is no longer good. */
function deauthorize(session: Session): Change {
  if (!session.authorized) return { session };
  const withdrawn: Session = { ...session, authorized: false };
  return session.evConnected
    ? { session: { ...withdrawn, stoppedReason: session.stoppedReason ?? "DeAuthorized" }, trigger: "Deauthorized" }
    : {
        session: { ...withdrawn, stoppedReason: session.stoppedReason ?? "Timeout" },
        trigger: session.stoppedReason === "Remote" ? "RemoteStop" : "EVConnectTimeout",
        endsAnyway: true,
      };
}

function energy(session: Session, chargingState: ChargingStateEnumType, flows: boolean): Change {
  const changed: Session = { ...session, chargingState, energyFlows: flows };
  return chargingState === session.chargingState
    ? { session: changed }
    : { session: changed, trigger: "ChargingStateChanged" };
}

function change(session: Session, event: EvseEvent): Change | undefined {
  switch (event.kind) {
    case "SessionStarted":
      return event.reason === "EVConnected"
        ? { session: plugIn(withToken(session, event.token, event.reservationId)), trigger: "CablePluggedIn" }
        : { session: authorize(session, event), trigger: "Authorized" };
    case "TransactionStarted": {
      const trigger = session.evConnected ? "Authorized" : "CablePluggedIn";
      return { session: plugIn(authorize(session, event)), trigger };
    }
    case "ChargingStarted":
      return energy(session, "Charging", true);
    case "SuspendedEV":
      return energy(session, "SuspendedEV", false);
    case "SuspendedEVSE":
      return energy(session, "SuspendedEVSE", false);
    case "Deauthorized":
      return deauthorize(session);
    case "TransactionFinished":
      return finishTransaction(session, event);
    case "SessionFinished":
      return {
        session: {
          ...session,
          authorized: false,
          evConnected: false,
          energyFlows: false,
          chargingState: "Idle",
          stoppedReason: session.stoppedReason ?? "EVDisconnected",
        },
        trigger: "EVCommunicationLost",
        endsAnyway: true,
        over: true,
      };
    default:
      return undefined;
  }
}

/** F01.FR.19, F02.FR.21: the first event after a remote start says so, whatever caused it. */
function withRemoteStart(trigger: TriggerReasonEnumType, session: Session): TriggerReasonEnumType {
  const told = session.transaction?.remoteStartTold ?? false;
  const begins = trigger === "Authorized" || trigger === "CablePluggedIn" || trigger === "ChargingStateChanged";
  return session.token?.remote === true && !told && begins && session.authorized ? "RemoteStart" : trigger;
}

/**
 * The pure state machine of a session: what an event of the hardware side does to it, and whether the transaction
 * starts or ends with it. Start and stop points count when they begin or cease to hold (E01, E06), so changed
 * variables take effect with the next event.
 */
export function transition(session: Session, event: EvseEvent, points: TxPoints): Step | undefined {
  const changed = change(session, event);
  if (changed === undefined) return undefined;
  const next = { ...changed.session, connectorId: event.connectorId };
  const open = session.transaction !== undefined;
  const starts = !open && points.start.some((point) => !holds(point, session) && holds(point, next));
  const stopped = points.stop.some((point) => holds(point, session) && !holds(point, next));
  return {
    session: next,
    ...(changed.trigger !== undefined && { trigger: withRemoteStart(changed.trigger, next) }),
    starts,
    ends: open && (stopped || changed.endsAnyway === true),
    ...(changed.stoppingToken !== undefined && { stoppingToken: changed.stoppingToken }),
    over: changed.over === true,
  };
}
