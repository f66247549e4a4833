import type { Clock } from "./clock.ts";

/** So long ago at most did something happen that is told now; a longer time means that the wall clock was set in between. */
const LONGEST_AGE_MILLISECONDS = 600_000;

/**
 * A time for durations: the wall clock as it was when this was made, carried on by the clock that never jumps. Only
 * differences mean something.
 */
export class SteadyTime {
  private readonly originMilliseconds: number;

  constructor(private readonly clock: Clock) {
    this.originMilliseconds = clock.now().getTime() - clock.monotonicMilliseconds();
  }

  now(): Date {
    return new Date(this.originMilliseconds + this.clock.monotonicMilliseconds());
  }

  /** The steady time of something that has just happened, given when it happened by the wall clock. */
  of(timestamp: Date): Date {
    const age = this.clock.now().getTime() - timestamp.getTime();
    const isCredible = age > 0 && age <= LONGEST_AGE_MILLISECONDS;
    return new Date(this.now().getTime() - (isCredible ? age : 0));
  }
}
