import type { CompositePeriod, CompositeSchedule } from "./composite-schedule.ts";
import type { RateUnit } from "./prepared-profile.ts";

/** Below this an EV does not charge at all (IEC 61851). */
const LEAST_AMPERES = 6;
/** Sums of decimal fractions are never exact. */
const ROUNDING = 1e-6;
/** So small a part of a limit is left over rather than given away by rounding. */
const GRAIN = 100;

/**
 * Divides `total` among wishes so that nobody gets more than wished and the others get as much as possible, all the same.
 * Whoever cannot get at least `least` goes empty, the last first.
 */
export function divide(total: number, wishes: readonly number[], least: number): readonly number[] {
  const given = wishes.map(() => 0);
  let served = wishes.map((_, index) => index);
  while (served.length > 1 && total / served.length < least) served = served.slice(0, -1);
  let left = total;
  let count = served.length;
  for (const index of served.toSorted((one, other) => (wishes[one] ?? 0) - (wishes[other] ?? 0))) {
    const share = Math.min(wishes[index] ?? 0, left / count);
    given[index] = share;
    left -= share;
    count--;
  }
  return given;
}

function periodAt({ periods }: CompositeSchedule, seconds: number): CompositePeriod {
  return periods.findLast(({ startSeconds }) => startSeconds <= seconds) ?? { startSeconds: 0, limit: 0 };
}

/**
 * The EVSEs' schedules so that together they never exceed the station's (K04.FR.05), for chargers in which nobody keeps the
 * station's limit: it is divided among the EVSEs in `claimants` (an EV is there), in this order; among all while there is none.
 */
export function shareStationLimit(
  station: CompositeSchedule,
  evses: readonly CompositeSchedule[],
  claimants: readonly number[],
  wattsPerAmpere: number,
): readonly CompositeSchedule[] {
  const unit: RateUnit = station.unit;
  const least = unit === "A" ? LEAST_AMPERES : LEAST_AMPERES * wattsPerAmpere;
  const ordered = claimants.length > 0 ? claimants : evses.map(({ evseId }) => evseId);
  const starts = [...new Set([station, ...evses].flatMap(({ periods }) => periods.map((one) => one.startSeconds)))];
  const shares = evses.map((): CompositePeriod[] => []);
  for (const startSeconds of starts.toSorted((one, other) => one - other)) {
    const total = periodAt(station, startSeconds).limit;
    const own = evses.map((schedule) => periodAt(schedule, startSeconds));
    const isTooMuch = own.reduce((sum, { limit }) => sum + limit, 0) > total + ROUNDING;
    const wishes = ordered.map((evseId) => own[evses.findIndex((one) => one.evseId === evseId)]?.limit ?? 0);
    const given = isTooMuch ? divide(total, wishes, least) : [];
    evses.forEach(({ evseId }, index) => {
      const period = own[index] ?? { startSeconds, limit: 0 };
      const share = Math.floor((given[ordered.indexOf(evseId)] ?? 0) * GRAIN) / GRAIN;
      const limit = isTooMuch ? share : period.limit;
      const last = shares[index]?.at(-1);
      const isSame = last?.limit === limit && last.numberPhases === period.numberPhases;
      if (!isSame || last.phaseToUse !== period.phaseToUse) shares[index]?.push({ ...period, startSeconds, limit });
    });
  }
  return evses.map((schedule, index) => ({ ...schedule, periods: shares[index] ?? [] }));
}
