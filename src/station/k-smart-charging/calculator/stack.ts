import { type PreparedPeriod, type PreparedProfile, type RateUnit, segmentAt } from "./prepared-profile.ts";

/** The period that counts among the profiles of one purpose. */
export interface Leading {
  readonly period: PreparedPeriod;
  readonly unit: RateUnit;
  readonly stackLevel: number;
}

interface Cursor {
  readonly profile: PreparedProfile;
  period: PreparedPeriod | undefined;
  untilSeconds: number;
}

/**
 * The profiles of one purpose while time goes on: where the highest stack level says nothing, the next one does
 * (K01.FR.17). Time only goes forward, and nobody looks at what is covered.
 */
export class Stack {
  private readonly cursors: Cursor[];
  private until = Number.POSITIVE_INFINITY;

  constructor(
    profiles: readonly PreparedProfile[],
    private readonly anchorSeconds: number,
  ) {
    this.cursors = profiles
      .map((profile) => ({ profile, period: undefined, untilSeconds: Number.NEGATIVE_INFINITY }))
      .sort((one, other) => other.profile.stackLevel - one.profile.stackLevel);
  }

  leadingAt(atSeconds: number): Leading | undefined {
    this.until = Number.POSITIVE_INFINITY;
    for (const cursor of this.cursors) {
      if (cursor.untilSeconds <= atSeconds) {
        const { period, untilSeconds } = segmentAt(cursor.profile, this.anchorSeconds, atSeconds);
        cursor.period = period;
        cursor.untilSeconds = untilSeconds;
      }
      if (cursor.untilSeconds < this.until) this.until = cursor.untilSeconds;
      if (cursor.period !== undefined)
        return { period: cursor.period, unit: cursor.profile.unit, stackLevel: cursor.profile.stackLevel };
    }
    return undefined;
  }

  /** Until when nothing changes, seen from the last `leadingAt`. */
  get untilSeconds(): number {
    return this.until;
  }
}
