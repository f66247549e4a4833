import type { ChargingLimits } from "../ports.ts";

type Period = ChargingLimits["periods"][number];

function isSame(one: Period, other: Period): boolean {
  return (
    one.limit === other.limit && one.numberOfPhases === other.numberOfPhases && one.phaseToUse === other.phaseToUse
  );
}

/**
 * What every EVSE was told last. Its schedule goes on in time, the last period without end: the same limits seen a
 * minute later are nothing new, but a period that begins is. `floats`: only time has passed, so a schedule with the same
 * distances from now is that of an idle EVSE, whose relative schedule begins with the next transaction.
 */
export class ToldLimits {
  private readonly last = new Map<number, ChargingLimits>();

  isNews(limits: ChargingLimits, floats: boolean): boolean {
    const told = this.last.get(limits.evseId);
    if (told === undefined || told.unit !== limits.unit) return true;
    const shiftSeconds = (limits.start.getTime() - told.start.getTime()) / 1000;
    if (told.periods.length !== limits.periods.length) return true;
    return limits.periods.some((period, index) => {
      const before = told.periods[index];
      if (before === undefined || !isSame(before, period)) return true;
      const startsAsTold = before.startSeconds === period.startSeconds + shiftSeconds;
      return index > 0 && !startsAsTold && !(floats && before.startSeconds === period.startSeconds);
    });
  }

  note(limits: ChargingLimits): void {
    this.last.set(limits.evseId, limits);
  }
}
