import type { Clock, Timer } from "../../lib/clock.ts";

const DAY_MILLISECONDS = 24 * 3600 * 1000;
/** A longer wait is cut into pieces, so that a wall clock that is set meanwhile is noticed. */
const LONGEST_WAIT_MILLISECONDS = 30_000;

/** The next multiple of the interval since midnight UTC, later than `now`; a day begins anew at midnight. */
export function nextAligned(now: Date, intervalSeconds: number): Date {
  const sinceMidnight = now.getTime() % DAY_MILLISECONDS;
  const interval = intervalSeconds * 1000;
  const next = Math.min((Math.floor(sinceMidnight / interval) + 1) * interval, DAY_MILLISECONDS);
  return new Date(now.getTime() - sinceMidnight + next);
}

/** Calls `tick` with each aligned instant, once and not before the wall clock shows it. */
export function everyAligned(clock: Clock, intervalSeconds: number, tick: (instant: Date) => void): Timer {
  let due = nextAligned(clock.now(), intervalSeconds);
  let timer: Timer;
  const wait = (): void => {
    const remaining = due.getTime() - clock.now().getTime();
    timer = clock.after(Math.min(Math.max(1, remaining), LONGEST_WAIT_MILLISECONDS), check);
  };
  const check = (): void => {
    const now = clock.now();
    const instant = due;
    const next = nextAligned(now, intervalSeconds);
    const isDue = now >= instant;
    // Set back: the instant that was waited for is further away than the next one.
    if (isDue || next < instant) due = next;
    wait();
    if (isDue) tick(nextAligned(instant, intervalSeconds) < now ? lastAligned(now, intervalSeconds) : instant);
  };
  wait();
  return { cancel: () => timer.cancel() };
}

/** The instant that `now` lies behind, when the wall clock was set forward over several. */
function lastAligned(now: Date, intervalSeconds: number): Date {
  const sinceMidnight = now.getTime() % DAY_MILLISECONDS;
  const interval = intervalSeconds * 1000;
  return new Date(now.getTime() - sinceMidnight + Math.floor(sinceMidnight / interval) * interval);
}
