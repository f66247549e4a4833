/**
 * The vectors of libocpp's own tests (../shared/reference/libocpp/smart-charging-vectors), as far as they are about OCPP
 * 2.0.1. Where one contradicts the specification it is named below, with the requirement that holds instead.
 */
import { describe, expect } from "bun:test";
import type { ChargingProfileType } from "../../../../src/ocpp/v201/index.ts";
import { compositeSchedule } from "../../../../src/station/k-smart-charging/calculator/composite-schedule.ts";
import {
  prepareProfile,
  scheduleStart,
  secondsOf,
  segmentAt,
} from "../../../../src/station/k-smart-charging/calculator/prepared-profile.ts";
import { ProfileIndex } from "../../../../src/station/k-smart-charging/calculator/profile-index.ts";

import { check, type Vector, vectors } from "./vector-support.ts";

const FOUR_WEEKS_MILLISECONDS = 28 * 86_400_000;

/**
 * Some vectors want a recurring schedule to hold before its own startSchedule, which K01.FR.30 forbids (mix-16A-1P,
 * start-19-week, entry-22-weekN-2 and others like them). They are run with the start moved back by whole recurrences, so
 * that everything else that they say is checked.
 */
function meant(profile: ChargingProfileType, windowStart: string): ChargingProfileType {
  const isEarly = profile.chargingSchedule.some(({ startSchedule = "" }) => startSchedule > windowStart);
  if (profile.chargingProfileKind !== "Recurring" || !isEarly) return profile;
  return {
    ...profile,
    chargingSchedule: profile.chargingSchedule.map((schedule) => ({
      ...schedule,
      startSchedule: new Date(Date.parse(schedule.startSchedule ?? "") - FOUR_WEEKS_MILLISECONDS).toISOString(),
    })),
  };
}

interface CompositeVector extends Vector {
  readonly config: Readonly<Record<string, number>>;
  readonly numberOfEvses: number;
  readonly currentType: "AC" | "DC";
  readonly profiles: readonly { readonly evseId: number; readonly profile: ChargingProfileType }[];
  readonly transactions: readonly { evseId: number; transactionId: string; startTime: string | null }[];
  readonly simulateTransactionActive: boolean;
  readonly request: { evseId: number; start: string; end: string; chargingRateUnit: "A" | "W" };
  readonly expected: {
    readonly duration: number;
    readonly chargingSchedulePeriod: readonly { startPeriod: number; limit: number; numberPhases?: number }[];
  };
  readonly compare: { readonly fields: readonly string[]; readonly startPeriodTolerance: number };
}

describe("composite schedules (K08.FR.02–04, FR.06)", async () => {
  check(await vectors<CompositeVector>("composite-schedule.json"), (vector) => {
    const { config, request, expected, compare } = vector;
    const scene = {
      evses: Array.from({ length: vector.numberOfEvses }, (_, index) => {
        const running = vector.transactions.find(({ evseId }) => evseId === index + 1);
        return {
          evseId: index + 1,
          isDirectCurrent: vector.currentType === "DC",
          ...(running !== undefined && {
            transaction: {
              transactionId: running.transactionId,
              anchorSeconds: running.startTime === null ? undefined : secondsOf(running.startTime),
            },
          }),
        };
      }),
      profiles: new ProfileIndex(
        vector.profiles.map(({ evseId, profile }) => prepareProfile(meant(profile, request.start), evseId)),
      ),
      electrical: {
        voltage: config.SupplyVoltage ?? 230,
        defaultPhases: config.CompositeScheduleDefaultNumberPhases ?? 3,
        defaultLimit: {
          A: config.CompositeScheduleDefaultLimitAmps ?? 48,
          W: config.CompositeScheduleDefaultLimitWatts ?? 33_120,
        },
      },
      simulatesTransactions: vector.simulateTransactionActive,
      ignoredPurposes: new Set<never>(),
    };
    const window = { startSeconds: secondsOf(request.start), endSeconds: secondsOf(request.end) };
    const schedule = compositeSchedule(scene, request.evseId, window, request.chargingRateUnit);
    expect(schedule.durationSeconds).toBe(expected.duration);
    expect(schedule.periods.map(({ limit }) => Math.round(limit * 1000))).toEqual(
      expected.chargingSchedulePeriod.map(({ limit }) => Math.round(limit * 1000)),
    );
    expected.chargingSchedulePeriod.forEach((wanted, index) => {
      const period = schedule.periods[index];
      expect(Math.abs((period?.startSeconds ?? -1) - wanted.startPeriod)).toBeLessThanOrEqual(
        compare.startPeriodTolerance,
      );
      if (compare.fields.includes("numberPhases")) expect(period?.numberPhases).toBe(wanted.numberPhases);
    });
  });
});

interface StartVector extends Vector {
  readonly now: string;
  readonly windowEnd: string;
  readonly sessionStart: string | null;
  readonly expected: readonly string[];
}

describe("starts of a schedule (K01.FR.30, FR.40–42)", async () => {
  check(await vectors<StartVector>("schedule-start-times.json"), (vector) => {
    const profile = prepareProfile(meant(vector.profile, vector.now), 1);
    const now = secondsOf(vector.now);
    const anchor = vector.sessionStart === null ? now : secondsOf(vector.sessionStart);
    const starts: number[] = [];
    for (let at = now; at < secondsOf(vector.windowEnd); ) {
      const start = scheduleStart(profile, anchor, at);
      starts.push(start);
      at = start + profile.recurrenceSeconds;
    }
    expect(starts).toEqual(vector.expected.map(secondsOf));
  });
});

interface EntryVector extends Omit<StartVector, "expected"> {
  readonly periodIndex: number;
  readonly expectedFirstEntries: readonly { readonly start: string; readonly end: string }[];
  readonly exactCount: boolean;
}

describe("intervals of one period (K01.FR.11–13, FR.36, FR.37)", async () => {
  check(await vectors<EntryVector>("period-entries.json"), (vector) => {
    const profile = prepareProfile(meant(vector.profile, vector.now), 1);
    const wanted = profile.periods[vector.periodIndex];
    const now = secondsOf(vector.now);
    const anchor = vector.sessionStart === null ? now : secondsOf(vector.sessionStart);
    const entries: { start: number; end: number }[] = [];
    // From well before the window, since an interval that began there is told from its beginning.
    const from = Math.min(now, ...vector.expectedFirstEntries.map(({ start }) => secondsOf(start))) - 14 * 86_400;
    for (let at = from; at < secondsOf(vector.windowEnd); ) {
      const { period, untilSeconds } = segmentAt(profile, anchor, at);
      if (period !== undefined && period === wanted && untilSeconds > now)
        entries.push({ start: at, end: untilSeconds });
      at = untilSeconds;
    }
    const expected = vector.expectedFirstEntries.map(({ start, end }) => ({
      start: secondsOf(start),
      end: secondsOf(end),
    }));
    expect(vector.exactCount ? entries : entries.slice(0, expected.length)).toEqual(expected);
  });
});
