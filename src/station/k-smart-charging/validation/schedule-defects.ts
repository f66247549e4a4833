import type {
  ChargingProfileType,
  ChargingSchedulePeriodType,
  ChargingScheduleType,
} from "../../../ocpp/v201/index.ts";
import { defect, type ProfileDefect } from "./defect.ts";

/** What feeds an EVSE, or the station. */
export interface Supply {
  readonly isDirectCurrent: boolean;
  readonly phases: number;
}

export interface ScheduleRules {
  readonly supply: Supply;
  /** SmartChargingCtrlr.ACPhaseSwitchingSupported. */
  readonly switchesPhases: boolean;
  readonly rateUnits: readonly string[];
  readonly periodsPerSchedule: number;
  /** The transaction has told the needs of its EV (ISO 15118). */
  readonly allowsSeveralSchedules: boolean;
}

/** Numbers that EVerest and libocpp keep in 32 bits must fit there. */
const fits = (value: number | undefined): boolean => value === undefined || Number.isFinite(Math.fround(value));

function phaseDefect(period: ChargingSchedulePeriodType, rules: ScheduleRules): ProfileDefect | undefined {
  const { numberPhases, phaseToUse } = period;
  const { supply } = rules;
  if (phaseToUse !== undefined && (numberPhases !== 1 || phaseToUse < 1 || phaseToUse > 3))
    return defect("InvalidSchedule", "ChargingSchedulePeriodInvalidPhaseToUse"); // K01.FR.19, errata 2.36
  if (phaseToUse !== undefined && !supply.isDirectCurrent && !rules.switchesPhases)
    return defect("InvalidSchedule", "ChargingSchedulePeriodPhaseToUseACPhaseSwitchingUnsupported"); // K01.FR.20, FR.48
  if (supply.isDirectCurrent && (numberPhases !== undefined || phaseToUse !== undefined))
    return defect("InvalidSchedule", "ChargingSchedulePeriodExtraneousPhaseValues"); // K01.FR.44
  if (numberPhases !== undefined && (numberPhases < 1 || numberPhases > supply.phases))
    return defect("InvalidSchedule", "ChargingSchedulePeriodUnsupportedNumberPhases"); // K01.FR.43, FR.45
  return undefined;
}

function periodsDefect(
  periods: readonly ChargingSchedulePeriodType[],
  rules: ScheduleRules,
): ProfileDefect | undefined {
  if (periods.length === 0) return defect("InvalidSchedule", "ChargingProfileNoChargingSchedulePeriods");
  if (periods.length > rules.periodsPerSchedule) return defect("TooManyElements", "PeriodsPerScheduleExceeded");
  let last = -1;
  for (const [index, period] of periods.entries()) {
    if (index === 0 && period.startPeriod !== 0)
      return defect("InvalidSchedule", "ChargingProfileFirstStartScheduleIsNotZero"); // K01.FR.31
    if (period.startPeriod <= last) return defect("InvalidSchedule", "ChargingSchedulePeriodsOutOfOrder"); // K01.FR.35
    last = period.startPeriod;
    const ofPhases = phaseDefect(period, rules);
    if (ofPhases !== undefined) return ofPhases;
    if (!fits(period.limit)) return defect("InvalidSchedule", "ChargingSchedulePeriodNonFiniteValue");
    if (period.limit < 0) return defect("InvalidSchedule", "ChargingSchedulePeriodNegativeLimit");
  }
  return undefined;
}

function scheduleDefect(
  schedule: ChargingScheduleType,
  isRelative: boolean,
  rules: ScheduleRules,
): ProfileDefect | undefined {
  const ofPeriods = periodsDefect(schedule.chargingSchedulePeriod, rules);
  if (ofPeriods !== undefined) return ofPeriods;
  const { startSchedule, duration, minChargingRate, chargingRateUnit } = schedule;
  if (!fits(minChargingRate)) return defect("InvalidSchedule", "ChargingScheduleNonFiniteValue");
  if (minChargingRate !== undefined && minChargingRate < 0)
    return defect("InvalidSchedule", "ChargingScheduleNegativeMinChargingRate");
  if (duration !== undefined && duration < 0) return defect("InvalidSchedule", "ChargingScheduleNegativeDuration");
  if (!isRelative && startSchedule === undefined)
    return defect("InvalidSchedule", "ChargingProfileMissingRequiredStartSchedule"); // K01.FR.40
  if (isRelative && startSchedule !== undefined)
    return defect("InvalidSchedule", "ChargingProfileExtraneousStartSchedule"); // K01.FR.41
  if (!rules.rateUnits.includes(chargingRateUnit))
    return defect("UnsupportedRateUnit", "ChargingScheduleChargingRateUnitUnsupported"); // K01.FR.26
  return undefined;
}

/** What is wrong with the schedules of a profile; undefined if nothing. */
export function schedulesDefect(profile: ChargingProfileType, rules: ScheduleRules): ProfileDefect | undefined {
  const { chargingSchedule, chargingProfileKind } = profile;
  if (chargingSchedule.length === 0) return defect("InvalidSchedule", "ChargingProfileEmptyChargingSchedules");
  for (const schedule of chargingSchedule) {
    const found = scheduleDefect(schedule, chargingProfileKind === "Relative", rules);
    if (found !== undefined) return found;
  }
  if (chargingSchedule.length > 1 && !rules.allowsSeveralSchedules)
    return defect("InvalidSchedule", "ChargingProfileSeveralChargingSchedules"); // K01.FR.34
  return undefined;
}
