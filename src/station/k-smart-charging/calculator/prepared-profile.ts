import type { ChargingProfilePurposeEnumType, ChargingProfileType } from "../../../ocpp/v201/index.ts";

export type RateUnit = "A" | "W";

/** One period, seconds counted from the start of its schedule. */
export interface PreparedPeriod {
  readonly startSeconds: number;
  readonly limit: number;
  /** What the profile says, or the 3 that are assumed (K01.FR.49). */
  readonly phases: number;
  readonly phaseToUse: number | undefined;
}

/** A charging profile with its times as whole seconds since 1970, ready to be looked up many times. */
export interface PreparedProfile {
  readonly id: number;
  readonly evseId: number;
  /** Who set it (ChargingLimitSource). */
  readonly source: string;
  readonly purpose: ChargingProfilePurposeEnumType;
  readonly stackLevel: number;
  readonly transactionId: string | undefined;
  /** Undefined: the schedule starts with the transaction (Relative). */
  readonly startSeconds: number | undefined;
  /** Infinity for a schedule that does not come again. */
  readonly recurrenceSeconds: number;
  readonly validFromSeconds: number;
  readonly validToSeconds: number;
  readonly durationSeconds: number;
  readonly unit: RateUnit;
  readonly periods: readonly PreparedPeriod[];
}

/** What a profile says at one instant: a period or nothing, and until when that holds. */
export interface Segment {
  readonly period: PreparedPeriod | undefined;
  readonly untilSeconds: number;
}

const DAY_SECONDS = 86_400;
const ASSUMED_PHASES = 3;

export function secondsOf(time: string | Date): number {
  return Math.floor((typeof time === "string" ? Date.parse(time) : time.getTime()) / 1000);
}

/** Days and weeks have always the same length: UTC knows no summer time. */
function recurrenceSeconds({ chargingProfileKind, recurrencyKind }: ChargingProfileType): number {
  if (chargingProfileKind !== "Recurring") return Number.POSITIVE_INFINITY;
  return recurrencyKind === "Weekly" ? 7 * DAY_SECONDS : DAY_SECONDS;
}

/** The first schedule is in force; there are more only for an EV that has told its needs, which may choose (K01.FR.34, K15.FR.22). */
export function prepareProfile(
  profile: ChargingProfileType,
  evseId: number,
  source = "CSO",
  choice = 0,
): PreparedProfile {
  const schedule = profile.chargingSchedule[choice] ?? profile.chargingSchedule[0];
  const isRelative = profile.chargingProfileKind === "Relative" || schedule?.startSchedule === undefined;
  const periods = (schedule?.chargingSchedulePeriod ?? []).map(({ startPeriod, limit, numberPhases, phaseToUse }) => ({
    startSeconds: startPeriod,
    limit,
    phases: numberPhases ?? ASSUMED_PHASES,
    phaseToUse,
  }));
  return {
    id: profile.id,
    evseId,
    source,
    purpose: profile.chargingProfilePurpose,
    stackLevel: profile.stackLevel,
    transactionId: profile.transactionId,
    startSeconds: isRelative ? undefined : secondsOf(schedule.startSchedule),
    recurrenceSeconds: isRelative ? Number.POSITIVE_INFINITY : recurrenceSeconds(profile),
    validFromSeconds: profile.validFrom === undefined ? Number.NEGATIVE_INFINITY : secondsOf(profile.validFrom), // K01.FR.10
    validToSeconds: profile.validTo === undefined ? Number.POSITIVE_INFINITY : secondsOf(profile.validTo),
    durationSeconds: schedule?.duration ?? Number.POSITIVE_INFINITY,
    unit: schedule?.chargingRateUnit ?? "A",
    periods: periods.toSorted((one, other) => one.startSeconds - other.startSeconds),
  };
}

/**
 * When the schedule that concerns `atSeconds` starts: the latest start that is not later, else the first one. A schedule
 * with a start in the future holds nothing before it, whatever its recurrence (K01.FR.30).
 */
export function scheduleStart(profile: PreparedProfile, anchorSeconds: number, atSeconds: number): number {
  const first = profile.startSeconds ?? anchorSeconds;
  if (profile.recurrenceSeconds === Number.POSITIVE_INFINITY || atSeconds < first) return first;
  return first + Math.floor((atSeconds - first) / profile.recurrenceSeconds) * profile.recurrenceSeconds;
}

function periodIndex(periods: readonly PreparedPeriod[], elapsedSeconds: number): number {
  let low = 0;
  let high = periods.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((periods[middle]?.startSeconds ?? 0) <= elapsedSeconds) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** What the profile says at `atSeconds`; a Relative schedule starts at `anchorSeconds` (K01.FR.41, FR.42). */
export function segmentAt(profile: PreparedProfile, anchorSeconds: number, atSeconds: number): Segment {
  const { validFromSeconds, validToSeconds, periods } = profile;
  if (atSeconds >= validToSeconds) return { period: undefined, untilSeconds: Number.POSITIVE_INFINITY }; // K01.FR.37
  if (atSeconds < validFromSeconds) return { period: undefined, untilSeconds: validFromSeconds }; // K01.FR.36
  const start = scheduleStart(profile, anchorSeconds, atSeconds);
  if (atSeconds < start) return { period: undefined, untilSeconds: Math.min(start, validToSeconds) };
  const next = start + profile.recurrenceSeconds;
  const end = Math.min(start + profile.durationSeconds, next); // K01.FR.11–13
  if (atSeconds >= end) return { period: undefined, untilSeconds: Math.min(next, validToSeconds) };
  const index = periodIndex(periods, atSeconds - start);
  const following = start + (periods[index + 1]?.startSeconds ?? Number.POSITIVE_INFINITY);
  return { period: periods[index], untilSeconds: Math.min(following, end, validToSeconds) };
}
