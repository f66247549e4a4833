import type {
  EvseManagerSessionEvent,
  EvseManagerStopTransactionReason,
  PowermeterPowermeter,
  UnitsSignedSignedMeterValue,
} from "../everest/interfaces/index.ts";
import { isOcppInteger } from "../lib/integer.ts";
import type { ReasonEnumType } from "../ocpp/v201/index.ts";
import type { EvseEvent, MeterReading } from "../station/ports.ts";
import { parseTimestamp, toMeterReading, toSignedMeterValue } from "./meter-reading.ts";
import { toPresentedToken } from "./tokens.ts";

/** EVerest's reasons that have another name in OCPP (BEHAVIOUR 5.4). */
const STOPPED_REASON: Partial<Record<EvseManagerStopTransactionReason, ReasonEnumType>> = {
  HardReset: "ImmediateReset",
  SoftReset: "Other",
  UnlockCommand: "Other",
};
/** Where OCPP has a trigger, but no reason of its own. */
const CAUSE: Partial<Record<EvseManagerStopTransactionReason, "UnlockCommand" | "ResetCommand">> = {
  SoftReset: "ResetCommand",
  UnlockCommand: "UnlockCommand",
};
const OCPP_REASONS: ReadonlySet<string> = new Set<ReasonEnumType>([
  "DeAuthorized",
  "EmergencyStop",
  "EnergyLimitReached",
  "EVDisconnected",
  "GroundFault",
  "ImmediateReset",
  "Local",
  "LocalOutOfCredit",
  "MasterPass",
  "Other",
  "OvercurrentFault",
  "PowerLoss",
  "PowerQuality",
  "Reboot",
  "Remote",
  "SOCLimitReached",
  "StoppedByEV",
  "TimeLimitReached",
  "Timeout",
]);

export function toStoppedReason(reason: EvseManagerStopTransactionReason | undefined): ReasonEnumType {
  const mapped = reason === undefined ? "Other" : (STOPPED_REASON[reason] ?? reason);
  return OCPP_REASONS.has(mapped) ? (mapped as ReasonEnumType) : "Other";
}

/** The other way round: what EVerest is told to stop a transaction for. */
export function fromStoppedReason(reason: ReasonEnumType): EvseManagerStopTransactionReason {
  return reason === "ImmediateReset" ? "HardReset" : (reason as EvseManagerStopTransactionReason);
}

/** Where the reason is missing or unknown, a session with a token began with it, and any other with the cable. */
function startReason(context: EvseManagerSessionEvent["session_started"]): "Authorized" | "EVConnected" {
  if (context?.reason === "Authorized" || context?.reason === "EVConnected") return context.reason;
  return context?.id_tag === undefined ? "EVConnected" : "Authorized";
}

/**
 * A session event of EVerest in the station's words; undefined for events that mean nothing to OCPP.
 * Missing context objects are tolerated: the event happened all the same.
 */
export function toEvseEvent(
  evseId: number,
  event: EvseManagerSessionEvent,
  now: Date,
  stateOfChargePercent?: number,
  warn: (message: string) => void = () => {},
): EvseEvent | undefined {
  const base = {
    evseId,
    connectorId: event.connector_id ?? 1,
    timestamp: parseTimestamp(event.timestamp, now),
    sessionId: event.uuid,
  };
  const meterOf = (
    context:
      | { readonly meter_value?: PowermeterPowermeter; readonly signed_meter_value?: UnitsSignedSignedMeterValue }
      | undefined,
  ): { meter?: MeterReading } =>
    context?.meter_value === undefined
      ? {}
      : {
          meter: toMeterReading(context.meter_value, now, { stateOfChargePercent, signed: context.signed_meter_value }),
        };
  const signedStartOf = (signed: UnitsSignedSignedMeterValue | undefined) => {
    const signedStart = signed && toSignedMeterValue(signed);
    return signedStart === undefined ? {} : { signedStart };
  };
  const tokenOf = (context: { readonly id_tag?: Parameters<typeof toPresentedToken>[0] } | undefined) => {
    const token = toPresentedToken(context?.id_tag, warn);
    return token === undefined ? {} : { token };
  };
  const reservationOf = (context: { readonly reservation_id?: number } | undefined) =>
    context?.reservation_id !== undefined && isOcppInteger(context.reservation_id)
      ? { reservationId: context.reservation_id }
      : {};

  switch (event.event) {
    case "SessionStarted": {
      const context = event.session_started;
      const reason = startReason(context);
      return {
        ...base,
        kind: "SessionStarted",
        reason,
        ...tokenOf(context),
        ...reservationOf(context),
        ...meterOf(context),
      };
    }
    case "TransactionStarted": {
      const context = event.transaction_started;
      return {
        ...base,
        kind: "TransactionStarted",
        ...tokenOf(context),
        ...reservationOf(context),
        ...meterOf(context),
      };
    }
    case "TransactionFinished": {
      const context = event.transaction_finished;
      const cause = context?.reason === undefined ? undefined : CAUSE[context.reason];
      return {
        ...base,
        kind: "TransactionFinished",
        stoppedReason: toStoppedReason(context?.reason),
        ...(cause !== undefined && { cause }),
        ...tokenOf(context),
        ...meterOf(context),
        ...signedStartOf(context?.start_signed_meter_value),
      };
    }
    case "SessionFinished":
      return { ...base, kind: "SessionFinished", ...meterOf(event.session_finished) };
    case "SessionResumed":
      return { ...base, kind: "SessionResumed" };
    case "ChargingStarted":
      return { ...base, kind: "ChargingStarted" };
    case "ChargingPausedEV":
      return { ...base, kind: "SuspendedEV" };
    case "ChargingPausedEVSE":
      return { ...base, kind: "SuspendedEVSE", reasons: event.charging_paused_evse?.reasons ?? [] };
    case "Deauthorized":
      return { ...base, kind: "Deauthorized" };
    case "SwitchingPhases":
      return { ...base, kind: "PhasesSwitched" };
    case "Enabled":
    case "Disabled":
      return { ...base, kind: event.event };
    case "ReservationStart":
      return { ...base, kind: "ReservationStarted" };
    case "ReservationEnd":
      return { ...base, kind: "ReservationEnded" };
    default:
      return undefined;
  }
}
