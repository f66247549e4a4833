import { expect, test } from "bun:test";
import fc from "fast-check";
import type { ChargingProfileType } from "../../../../src/ocpp/v201/index.ts";
import {
  type CompositeSchedule,
  compositeSchedule,
  compositeSchedules,
} from "../../../../src/station/k-smart-charging/calculator/composite-schedule.ts";
import { prepareProfile, secondsOf } from "../../../../src/station/k-smart-charging/calculator/prepared-profile.ts";
import { ProfileIndex } from "../../../../src/station/k-smart-charging/calculator/profile-index.ts";
import { type NaiveStation, naiveLimit } from "./naive-reference.ts";

const SEED = Number(process.env.SEED ?? 20_261_127);
const RUNS = Number(process.env.RUNS ?? 3_000);
const NOW = secondsOf("2026-03-01T12:00:00Z");
const iso = (seconds: number): string => new Date(seconds * 1000).toISOString();

/** Moments near the window, near a recurrence of it, and far away. */
const moment = fc.oneof(
  fc.integer({ min: -90, max: 90 }),
  fc.integer({ min: -90, max: 90 }).map((seconds) => seconds - 86_400),
  fc.integer({ min: -90, max: 90 }).map((seconds) => seconds - 604_800),
  fc.constantFrom(-400 * 86_400, 400 * 86_400),
);

const periods = fc
  .uniqueArray(fc.oneof(fc.integer({ min: 1, max: 150 }), fc.integer({ min: 86_390, max: 86_410 })), { maxLength: 5 })
  .chain((later) =>
    fc.tuple(
      ...[0, ...later.toSorted((one, other) => one - other)].map((startPeriod) =>
        fc.record({
          startPeriod: fc.constant(startPeriod),
          limit: fc.constantFrom(0, 6, 10.5, 16, 32, 2300, 4140, 11_040),
          numberPhases: fc.constantFrom(undefined, 1, 2, 3),
        }),
      ),
    ),
  );

const profile = fc
  .record({
    id: fc.integer({ min: -5, max: 30 }),
    stackLevel: fc.integer({ min: 0, max: 3 }),
    purpose: fc.constantFrom(
      "ChargingStationExternalConstraints",
      "ChargingStationMaxProfile",
      "TxDefaultProfile",
      "TxProfile",
    ),
    kind: fc.constantFrom("Absolute", "Recurring", "Relative"),
    recurrency: fc.constantFrom("Daily", "Weekly"),
    start: moment,
    validFrom: fc.option(moment, { nil: undefined }),
    validTo: fc.option(moment, { nil: undefined }),
    duration: fc.option(fc.integer({ min: 0, max: 200 }), { nil: undefined }),
    unit: fc.constantFrom("A", "W"),
    transactionId: fc.constantFrom("t1", "t2", "gone"),
    periods,
  })
  .map(
    (raw) =>
      ({
        id: raw.id,
        stackLevel: raw.stackLevel,
        chargingProfilePurpose: raw.purpose,
        chargingProfileKind: raw.kind,
        ...(raw.kind === "Recurring" && { recurrencyKind: raw.recurrency }),
        ...(raw.validFrom !== undefined && { validFrom: iso(NOW + raw.validFrom) }),
        ...(raw.validTo !== undefined && { validTo: iso(NOW + raw.validTo) }),
        ...(raw.purpose === "TxProfile" && { transactionId: raw.transactionId }),
        chargingSchedule: [
          {
            id: 1,
            chargingRateUnit: raw.unit,
            ...(raw.kind !== "Relative" && { startSchedule: iso(NOW + raw.start) }),
            ...(raw.duration !== undefined && { duration: raw.duration }),
            chargingSchedulePeriod: raw.periods.map(({ numberPhases, ...period }) => ({
              ...period,
              ...(numberPhases !== undefined && { numberPhases }),
            })),
          },
        ],
      }) as unknown as ChargingProfileType,
  );

const station = fc.record({
  evses: fc
    .array(
      fc.record({
        isDirectCurrent: fc.boolean(),
        transaction: fc.option(
          fc.record({
            transactionId: fc.constantFrom("t1", "t2"),
            anchorSeconds: fc.option(fc.integer({ min: -60, max: 0 }), { nil: undefined }),
          }),
          { nil: undefined },
        ),
      }),
      { minLength: 1, maxLength: 3 },
    )
    .map((evses) =>
      evses.map(({ isDirectCurrent, transaction }, index) => ({
        evseId: index + 1,
        isDirectCurrent,
        ...(transaction !== undefined && {
          transaction: {
            ...transaction,
            anchorSeconds: transaction.anchorSeconds === undefined ? undefined : NOW + transaction.anchorSeconds,
          },
        }),
      })),
    ),
  installed: fc
    .array(fc.record({ evseId: fc.integer({ min: 0, max: 3 }), profile }), { maxLength: 9 })
    // As the checks of SetChargingProfile leave it: one profile of a purpose on each level.
    .map((all) => {
      const taken = new Set<string>();
      return all.filter(({ evseId, profile: { chargingProfilePurpose: purpose, stackLevel, transactionId } }) => {
        const place = purpose === "TxDefaultProfile" ? "" : `${evseId}`;
        const key = `${purpose} ${place} ${stackLevel} ${transactionId}`;
        const isFree = !taken.has(key);
        taken.add(key);
        return isFree;
      });
    }),
  voltage: fc.constantFrom(110, 230),
  defaultPhases: fc.constantFrom(1, 3),
  defaultLimit: fc.constantFrom({ A: 48, W: 33_120 }, { A: 0, W: 0 }),
  simulatesTransactions: fc.boolean(),
  ignored: fc.subarray(["ChargingStationMaxProfile", "TxDefaultProfile", "TxProfile"]),
});

function sceneOf(one: NaiveStation) {
  return {
    evses: one.evses,
    profiles: new ProfileIndex(one.installed.map(({ evseId, profile }) => prepareProfile(profile, evseId))),
    electrical: { voltage: one.voltage, defaultPhases: one.defaultPhases, defaultLimit: one.defaultLimit },
    simulatesTransactions: one.simulatesTransactions,
    ignoredPurposes: new Set<string>(one.ignored) as ReadonlySet<string> as ReadonlySet<never>,
  };
}

const rounded = (value: number): number => Math.round(value * 1e6) / 1e6;

function limitAt({ periods }: CompositeSchedule, elapsed: number) {
  const period = periods.findLast(({ startSeconds }) => startSeconds <= elapsed);
  return { limit: rounded(period?.limit ?? -1), phases: period?.numberPhases };
}

test(`the calculator says at every second what a naive reference says (seed ${SEED})`, () => {
  fc.assert(
    fc.property(
      station,
      fc.integer({ min: 1, max: 150 }),
      fc.constantFrom("A" as const, "W" as const),
      (naive, duration, unit) => {
        const scene = sceneOf(naive);
        const window = { startSeconds: NOW, endSeconds: NOW + duration };
        const all = compositeSchedules(scene, window, unit);
        expect(all.map(({ evseId }) => evseId)).toEqual([0, ...naive.evses.map(({ evseId }) => evseId)]);
        for (const schedule of all) {
          expect(compositeSchedule(scene, schedule.evseId, window, unit)).toEqual(schedule);
          expect(schedule.durationSeconds).toBe(duration);
          const seconds = Array.from({ length: duration }, (_, elapsed) => elapsed);
          expect(seconds.map((elapsed) => limitAt(schedule, elapsed))).toEqual(
            seconds.map((elapsed) => {
              const { limit, phases } = naiveLimit(naive, schedule.evseId, unit, NOW, NOW + elapsed);
              return { limit: rounded(limit), phases };
            }),
          );
          // A period begins only where something changes, and within the window.
          const [first, ...later] = schedule.periods.map(({ startSeconds }) => startSeconds);
          expect(first).toBe(0);
          for (const start of later) {
            expect(start).toBeLessThan(duration);
            expect(limitAt(schedule, start)).not.toEqual(limitAt(schedule, start - 1));
          }
        }
      },
    ),
    { seed: SEED, numRuns: RUNS },
  );
}, 60_000);
