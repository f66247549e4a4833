import type { Random } from "../../lib/random.ts";
import { backOffMilliseconds } from "../../ocpp/back-off.ts";
import type { Attempts, OcspEntry } from "./ocsp-cache.ts";

const HOUR_MILLISECONDS = 3_600_000;
export const DAY_MILLISECONDS = 24 * HOUR_MILLISECONDS;
/** M06.FR.10: at least once a week, also when the answer takes its time. */
const LONGEST_INTERVAL_MILLISECONDS = 7 * DAY_MILLISECONDS - HOUR_MILLISECONDS;
/** An answer that expires is fetched so long before, but is not younger than this when it is. */
const EXPIRY_MARGIN_MILLISECONDS = HOUR_MILLISECONDS;
/** 10 s, doubled up to a day. */
const BACK_OFF = { waitMinimumSeconds: 10, repeatTimes: 14, randomRangeSeconds: 5 };

export interface Moment {
  readonly monotonicMilliseconds: number;
  readonly wall: Date;
}

/** How long until the CSMS is to be asked about a certificate; 0 or less: now. `intervalSeconds` is InternalCtrlr.OcspRequestInterval. */
export function untilAsked(entry: OcspEntry, now: Moment, intervalSeconds: number | undefined): number {
  return Math.max(
    untilOld(entry, now, intervalSeconds),
    entry.asking.notBeforeMilliseconds - now.monotonicMilliseconds,
  );
}

function untilOld(
  { answer, fetchedAtMilliseconds, isStale }: OcspEntry,
  now: Moment,
  intervalSeconds?: number,
): number {
  if (isStale || answer === undefined || fetchedAtMilliseconds === undefined) return 0;
  const interval = Math.min((intervalSeconds ?? Number.POSITIVE_INFINITY) * 1000, LONGEST_INTERVAL_MILLISECONDS);
  const age = now.monotonicMilliseconds - fetchedAtMilliseconds;
  if (answer.nextUpdate === undefined) return interval - age;
  const untilExpiry = answer.nextUpdate.getTime() - now.wall.getTime();
  return Math.min(interval - age, Math.max(untilExpiry - EXPIRY_MARGIN_MILLISECONDS, EXPIRY_MARGIN_MILLISECONDS - age));
}

/** Notes a failure; the next attempt waits longer, for what nobody offers a day. */
export function noteFailure(attempts: Attempts, nowMilliseconds: number, random: Random, isHopeless = false): void {
  const wait = isHopeless ? DAY_MILLISECONDS : backOffMilliseconds(attempts.failures, BACK_OFF, random);
  attempts.failures++;
  attempts.notBeforeMilliseconds = nowMilliseconds + wait;
}
