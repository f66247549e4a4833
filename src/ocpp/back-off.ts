import type { Random } from "../lib/random.ts";

export interface BackOffSettings {
  readonly waitMinimumSeconds: number;
  readonly repeatTimes: number;
  readonly randomRangeSeconds: number;
}

/** No setting makes a station wait longer than this between two attempts. */
const LONGEST_WAIT_SECONDS = 24 * 3600;

/**
 * Waiting time before reconnection attempt number `failures + 1` (part 4, 5.3 with errata 4): RetryBackOffWaitMinimum,
 * doubled after each failed attempt up to RetryBackOffRepeatTimes times, plus a fresh random part each time.
 */
export function backOffMilliseconds(failures: number, settings: BackOffSettings, random: Random): number {
  const doublings = Math.min(failures, Math.max(0, settings.repeatTimes), 30);
  const seconds = settings.waitMinimumSeconds * 2 ** doublings + random.next() * settings.randomRangeSeconds;
  return Math.min(seconds, LONGEST_WAIT_SECONDS) * 1000;
}
