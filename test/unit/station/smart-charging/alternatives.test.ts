import { expect, test } from "bun:test";
import type { ChargingProfileType } from "../../../../src/ocpp/v201/index.ts";
import { alternativeSchedules } from "../../../../src/station/k-smart-charging/calculator/alternatives.ts";
import type { Scene } from "../../../../src/station/k-smart-charging/calculator/composite-schedule.ts";
import { ProfileIndex } from "../../../../src/station/k-smart-charging/calculator/profile-index.ts";
import { profileOf } from "./support.ts";

const NOW = new Date("2026-01-01T00:00:00Z");
const WINDOW = { startSeconds: NOW.getTime() / 1000, endSeconds: NOW.getTime() / 1000 + 600 };
const SCENE: Scene = {
  evses: [
    { evseId: 1, isDirectCurrent: false, transaction: { transactionId: "T", anchorSeconds: WINDOW.startSeconds } },
  ],
  profiles: new ProfileIndex([]),
  electrical: { voltage: 230, defaultPhases: 3, defaultLimit: { A: 48, W: 33_120 } },
  simulatesTransactions: true,
  ignoredPurposes: new Set(),
};

/** A TxProfile with one schedule for each list of periods. */
function txProfile(
  stackLevel: number,
  schedules: readonly (readonly (readonly [number, number])[])[],
  duration?: number,
  transactionId = "T",
) {
  const base = profileOf(NOW, { id: stackLevel + 1, stackLevel, purpose: "TxProfile", transactionId });
  const [schedule] = base.chargingSchedule;
  const chargingSchedule = schedules.map((periods, index) => ({
    ...schedule,
    id: index + 1,
    ...(duration !== undefined && { duration }),
    chargingSchedulePeriod: periods.map(([startPeriod, limit]) => ({ startPeriod, limit })),
  }));
  const profile = { ...base, chargingSchedule } as unknown as ChargingProfileType;
  return { evseId: 1, source: "CSO" as const, profile };
}
const stationMax = {
  evseId: 0,
  source: "CSO" as const,
  profile: profileOf(NOW, {
    id: 9,
    purpose: "ChargingStationMaxProfile",
    periods: [[0, 20]],
  }) as unknown as ChargingProfileType,
};

const limits = (...installed: readonly ReturnType<typeof txProfile>[]) =>
  alternativeSchedules(SCENE, [...installed, stationMax], 1, WINDOW, "A").map(({ periods }) =>
    periods.map(({ startSeconds, limit }) => [startSeconds, limit]),
  );

test("K15.FR.22: of profiles of several stack levels the first schedules go together, the second ones, the third ones", () => {
  const low = txProfile(0, [[[0, 10]], [[0, 11]], [[0, 12]]]);
  const high = txProfile(1, [[[0, 6]], [[0, 7]], [[0, 30]]], 300);
  expect(limits(low, high)).toEqual([
    [
      [0, 6],
      [300, 10],
    ],
    [
      [0, 7],
      [300, 11],
    ],
    // The station's maximum holds for each of them.
    [
      [0, 20],
      [300, 12],
    ],
  ]);
});

test("K15.FR.22: where a profile has no second schedule its first one holds, whatever the EV chooses", () => {
  const low = txProfile(0, [[[0, 10]], [[0, 11]]]);
  const high = txProfile(1, [[[0, 6]]], 300);
  expect(limits(low, high)).toEqual([
    [
      [0, 6],
      [300, 10],
    ],
    [
      [0, 6],
      [300, 11],
    ],
  ]);
});

test("there is no choice without several schedules, nor by a profile of another transaction", () => {
  const other = txProfile(0, [[[0, 1]], [[0, 2]]], undefined, "another");
  expect(limits(txProfile(1, [[[0, 10]]]), other)).toEqual([[[0, 10]]]);
});
