import { SmartChargingCtrlr } from "../../device-model/variables.ts";
import type {
  CompositeScheduleType,
  GetCompositeScheduleRequest,
  GetCompositeScheduleResponse,
} from "../../ocpp/v201/index.ts";
import { type CompositeSchedule, compositeSchedule } from "./calculator/composite-schedule.ts";
import { type RateUnit, secondsOf } from "./calculator/prepared-profile.ts";
import type { SmartChargingParts } from "./parts.ts";
import { requireSmartCharging } from "./scene-builder.ts";

const ROUNDING = 1e-6;

/** A limit in a message has one decimal; it is never rounded up (SC.01). */
function oneDecimal(limit: number): number {
  return Math.floor(limit * 10 + ROUNDING) / 10;
}

export function toMessage({
  evseId,
  unit,
  startSeconds,
  durationSeconds,
  periods,
}: CompositeSchedule): CompositeScheduleType {
  return {
    evseId,
    duration: durationSeconds,
    scheduleStart: new Date(startSeconds * 1000).toISOString(),
    chargingRateUnit: unit,
    chargingSchedulePeriod: periods.map(({ startSeconds: startPeriod, limit, numberPhases, phaseToUse }) => ({
      startPeriod,
      limit: oneDecimal(limit),
      ...(numberPhases !== undefined && { numberPhases }),
      ...(phaseToUse !== undefined && { phaseToUse }),
    })),
  };
}

function rejected(reasonCode: string, additionalInfo: string): GetCompositeScheduleResponse {
  return { status: "Rejected", statusInfo: { reasonCode, additionalInfo } };
}

/** K08: GetCompositeSchedule. */
export function handleGetCompositeSchedule({ context, builder }: SmartChargingParts): void {
  const { clock, csms, deviceModel, model } = context;

  const answer = ({
    evseId,
    duration,
    chargingRateUnit,
  }: GetCompositeScheduleRequest): GetCompositeScheduleResponse => {
    if (evseId !== 0 && model.evse(evseId) === undefined) return rejected("InvalidValue", "EvseDoesNotExist"); // K08.FR.05
    if (duration < 0) return rejected("ValueTooLow", "NegativeDuration");
    const units = deviceModel.read(SmartChargingCtrlr.RateUnit) ?? [];
    const unit = chargingRateUnit ?? (units[0] as RateUnit | undefined) ?? "A";
    if (units.length > 0 && !units.includes(unit))
      return rejected("UnsupportedRateUnit", "ChargingScheduleChargingRateUnitUnsupported"); // K08.FR.07
    const startSeconds = secondsOf(clock.now());
    const window = { startSeconds, endSeconds: startSeconds + duration };
    return { status: "Accepted", schedule: toMessage(compositeSchedule(builder.scene(), evseId, window, unit)) }; // K08.FR.02, FR.03
  };

  csms.handle("GetCompositeSchedule", (request) => {
    requireSmartCharging(context);
    return { response: answer(request) };
  });
}
