/** Vectors of our own, one for each rule that libocpp's exercise; times in seconds from noon of a Sunday in UTC. */
import { describe, expect, test } from "bun:test";
import type { ChargingProfileType } from "../../../../src/ocpp/v201/index.ts";
import {
  compositeSchedule,
  type Scene,
} from "../../../../src/station/k-smart-charging/calculator/composite-schedule.ts";
import { prepareProfile, secondsOf } from "../../../../src/station/k-smart-charging/calculator/prepared-profile.ts";
import { ProfileIndex } from "../../../../src/station/k-smart-charging/calculator/profile-index.ts";
import { divide, shareStationLimit } from "../../../../src/station/k-smart-charging/calculator/sharing.ts";
import { profileOf } from "./support.ts";

const NOON = new Date("2026-03-01T12:00:00Z");
const START = secondsOf(NOON);
const DAY = 86_400;
const at = (seconds: number): string => new Date((START + seconds) * 1000).toISOString();

interface Installed extends NonNullable<Parameters<typeof profileOf>[1]> {
  readonly evse?: number;
  readonly source?: string;
}

function scene(installed: readonly Installed[], change: Partial<Scene> = {}): Scene {
  return {
    evses: [1, 2].map((evseId) => ({ evseId, isDirectCurrent: false })),
    profiles: new ProfileIndex(
      installed.map(({ evse = 1, source = "CSO", ...options }, index) =>
        prepareProfile(profileOf(NOON, { id: index, ...options }) as unknown as ChargingProfileType, evse, source),
      ),
    ),
    electrical: { voltage: 230, defaultPhases: 3, defaultLimit: { A: 48, W: 33_120 } },
    simulatesTransactions: true,
    ignoredPurposes: new Set(),
    ...change,
  };
}

/** Start, limit and phases of each period. */
function periods(of: Scene, { evse = 1, duration = 600, unit = "A" as "A" | "W", from = 0 } = {}) {
  const window = { startSeconds: START + from, endSeconds: START + from + duration };
  return compositeSchedule(of, evse, window, unit).periods.map(({ startSeconds, limit, numberPhases }) => [
    startSeconds,
    Math.round(limit * 100) / 100,
    numberPhases,
  ]);
}

describe("schedules in time", () => {
  test("K01.FR.11, FR.12: a period lasts until the next one or the end of the schedule; what starts after it never does", () => {
    const schedule = { duration: 200 };
    const own = [
      [0, 10],
      [100, 20],
      [200, 30],
    ] as [number, number][];
    expect(periods(scene([{ periods: own, schedule }]))).toEqual([
      [0, 10, 3],
      [100, 20, 3],
      [200, 48, undefined],
    ]);
  });

  test("K01.FR.30: nothing holds before startSchedule, not even of a recurring schedule", () => {
    const afterwards = [
      [0, 48, undefined],
      [60, 10, 3],
    ];
    expect(periods(scene([{ start: 60, periods: [[0, 10]] }]))).toEqual(afterwards);
    const recurring = { kind: "Recurring", recurrencyKind: "Daily" };
    expect(periods(scene([{ ...recurring, start: 60, periods: [[0, 10]] }]))).toEqual(afterwards);
  });

  test("K01.FR.36, FR.37: valid from validFrom on and before validTo, counted from its own start", () => {
    const own = [
      [0, 10],
      [100, 20],
    ] as [number, number][];
    expect(periods(scene([{ start: -50, periods: own, validFrom: at(30), validTo: at(300) }]))).toEqual([
      [0, 48, undefined],
      [30, 10, 3],
      [50, 20, 3],
      [300, 48, undefined],
    ]);
  });

  test("K01.FR.13: a recurring schedule shorter than its recurrence leaves the rest of the day to the default", () => {
    const daily = { kind: "Recurring", recurrencyKind: "Daily", start: -3 * DAY, schedule: { duration: 3600 } };
    expect(periods(scene([{ ...daily, periods: [[0, 10]] }]), { duration: 2 * DAY })).toEqual([
      [0, 10, 3],
      [3600, 48, undefined],
      [DAY, 10, 3],
      [DAY + 3600, 48, undefined],
    ]);
  });

  test("a daily schedule stays at its hour of UTC when local time shifts (29 March 2026), a weekly one at its weekday", () => {
    const to = 28 * DAY;
    const one = { kind: "Recurring", schedule: { duration: 60 }, periods: [[0, 10]] as [number, number][] };
    expect(periods(scene([{ ...one, recurrencyKind: "Daily" }]), { from: to, duration: 120 })[0]).toEqual([0, 10, 3]);
    expect(periods(scene([{ ...one, recurrencyKind: "Weekly" }]), { from: to, duration: 120 })[0]).toEqual([0, 10, 3]);
    expect(periods(scene([{ ...one, recurrencyKind: "Weekly" }]), { from: to - DAY, duration: 120 })).toEqual([
      [0, 48, undefined],
    ]);
  });

  test("K01.FR.41, FR.42: a relative schedule starts with the transaction, without one with the window", () => {
    const own = [
      [0, 10],
      [100, 20],
    ] as [number, number][];
    const evses = [
      { evseId: 1, isDirectCurrent: false, transaction: { transactionId: "t", anchorSeconds: START - 40 } },
      { evseId: 2, isDirectCurrent: false },
    ];
    const of = scene([{ evse: 0, kind: "Relative", periods: own }], { evses });
    expect(periods(of)).toEqual([
      [0, 10, 3],
      [60, 20, 3],
    ]);
    expect(periods(of, { evse: 2 })).toEqual([
      [0, 10, 3],
      [100, 20, 3],
    ]);
    expect(periods(of, { evse: 0 })).toEqual([
      [0, 20, 3],
      [60, 30, 3],
      [100, 40, 3],
    ]);
  });

  test("a schedule without a start, as older programs have stored it, counts like a relative one", () => {
    const own = { kind: "Relative", chargingProfileKind: "Absolute", periods: [[0, 10]] as [number, number][] };
    expect(periods(scene([own]))).toEqual([[0, 10, 3]]);
  });

  test("an empty window still says what holds at its instant", () => {
    expect(periods(scene([{ periods: [[0, 10]] }]), { duration: 0 })).toEqual([[0, 10, 3]]);
    expect(periods(scene([{ periods: [[0, 10]] }]), { duration: -5 })).toEqual([[0, 48, undefined]]);
  });
});

describe("profiles together", () => {
  test("K01.FR.17: a higher stack level overrules, where it says nothing the lower one holds", () => {
    const low = { stackLevel: 0, periods: [[0, 10]] as [number, number][] };
    const high = { stackLevel: 1, start: 100, periods: [[0, 30]] as [number, number][], schedule: { duration: 100 } };
    expect(periods(scene([low, high]))).toEqual([
      [0, 10, 3],
      [100, 30, 3],
      [200, 10, 3],
    ]);
  });

  test("SC.01, K08.FR.04: of different purposes the lowest, a TxProfile instead of the default (K02.FR.04, FR.08)", () => {
    const transaction = { transactionId: "t", anchorSeconds: START };
    const evses = [{ evseId: 1, isDirectCurrent: false, transaction }];
    const of = scene(
      [
        { periods: [[0, 10]] },
        { purpose: "TxProfile", transactionId: "t", periods: [[0, 25]], schedule: { duration: 300 } },
        { purpose: "TxProfile", transactionId: "gone", stackLevel: 9, periods: [[0, 6]] },
        { evse: 0, purpose: "ChargingStationMaxProfile", start: 100, periods: [[0, 20]], schedule: { duration: 100 } },
        { purpose: "ChargingStationExternalConstraints", start: 150, periods: [[0, 13]], schedule: { duration: 10 } },
      ],
      { evses },
    );
    expect(periods(of)).toEqual([
      [0, 25, 3],
      [100, 20, 3],
      [150, 13, 3],
      [160, 20, 3],
      [200, 25, 3],
      [300, 10, 3],
    ]);
  });

  test("K01.FR.14, FR.15: a default on the station holds on every EVSE beside its own", () => {
    const of = scene([
      { evse: 0, periods: [[0, 20]] },
      { evse: 2, stackLevel: 1, periods: [[0, 10]] },
    ]);
    expect(periods(of, { evse: 1 })).toEqual([[0, 20, 3]]);
    expect(periods(of, { evse: 2 })).toEqual([[0, 10, 3]]);
  });

  test("K12.FR.01, K04.FR.05: the station's maximum and external constraints limit the sum, not each EVSE's part of it", () => {
    const external = { evse: 0, purpose: "ChargingStationExternalConstraints" };
    expect(periods(scene([{ ...external, periods: [[0, 10]] }]), { evse: 0 })).toEqual([[0, 10, 3]]);
    const max = { evse: 0, purpose: "ChargingStationMaxProfile", periods: [[0, 30]] as [number, number][] };
    const tx = { evse: 1, periods: [[0, 10]] as [number, number][] };
    expect(periods(scene([max, tx]), { evse: 0 })).toEqual([[0, 30, 3]]);
    expect(periods(scene([tx]), { evse: 0 })).toEqual([[0, 58, undefined]]);
  });

  test("SC.01: external constraints of two sources hold side by side, whatever their stack levels", () => {
    const external = { purpose: "ChargingStationExternalConstraints" };
    const of = scene([
      { ...external, source: "EMS", stackLevel: 0, periods: [[0, 10]] },
      { ...external, source: "SO", stackLevel: 5, periods: [[0, 16]] },
    ]);
    expect(periods(of)).toEqual([[0, 10, 3]]);
  });

  test("offline, purposes that are to be ignored then do not count", () => {
    const of = scene([{ periods: [[0, 10]] }], { ignoredPurposes: new Set(["TxDefaultProfile"] as const) });
    expect(periods(of)).toEqual([[0, 48, undefined]]);
  });

  test("K08.FR.06: without a transaction, and without pretending one, a default does not count", () => {
    expect(periods(scene([{ periods: [[0, 10]] }], { simulatesTransactions: false }))).toEqual([[0, 48, undefined]]);
  });

  test("equal neighbours become one period", () => {
    const own = [
      [0, 10],
      [100, 10],
      [200, 20],
    ] as [number, number][];
    expect(periods(scene([{ periods: own }]))).toEqual([
      [0, 10, 3],
      [200, 20, 3],
    ]);
  });
});

describe("units and phases", () => {
  test("K01.FR.49–51, errata 2.36, 2.40: three phases if nothing is said, the lowest number of all, W / (V · phases)", () => {
    const watts = { unit: "W", periods: [[0, 6900]] as [number, number][] };
    expect(periods(scene([watts]))).toEqual([[0, 10, 3]]);
    const single = { unit: "W", periods: [[0, 2300, { numberPhases: 1 }]] as [number, number, object][] };
    expect(periods(scene([single]))).toEqual([[0, 10, 1]]);
    const max = {
      evse: 0,
      purpose: "ChargingStationMaxProfile",
      periods: [[0, 16, { numberPhases: 1 }]] as [number, number, object][],
    };
    expect(periods(scene([watts, max]))).toEqual([[0, 16, 1]]);
    expect(periods(scene([watts, max]), { unit: "W" })).toEqual([[0, 3680, 1]]);
  });

  test("the sum of EVSEs with different units and phases is that of what each may draw", () => {
    const of = scene([
      { evse: 1, unit: "W", periods: [[0, 2300, { numberPhases: 1 }]] },
      { evse: 2, periods: [[0, 16]] },
    ]);
    expect(periods(of, { evse: 0 })).toEqual([[0, 26, 3]]);
    expect(periods(of, { evse: 0, unit: "W" })).toEqual([[0, 2300 + 16 * 690, 3]]);
  });

  test("direct current has no phases (K01.FR.44)", () => {
    const evses = [{ evseId: 1, isDirectCurrent: true }];
    const of = scene([{ unit: "W", periods: [[0, 50_000]] }], { evses });
    expect(periods(of, { unit: "W" })).toEqual([[0, 50_000, undefined]]);
  });

  test("K01.FR.46: the phase that is to be used is told", () => {
    const of = scene([{ periods: [[0, 10, { numberPhases: 1, phaseToUse: 3 }]] }]);
    const window = { startSeconds: START, endSeconds: START + 60 };
    expect(compositeSchedule(of, 1, window, "A").periods).toEqual([
      { startSeconds: 0, limit: 10, numberPhases: 1, phaseToUse: 3, stackLevel: 0 },
    ]);
  });
});

describe("sharing the station's limit (K04.FR.05)", () => {
  test.each([
    ["enough for all", 50, [10, 20], [10, 20]],
    ["all the same", 30, [32, 32], [15, 15]],
    ["what one does not need goes to the others", 30, [6, 32, 32], [6, 12, 12]],
    ["too little for all: the last goes empty", 10, [32, 32], [10, 0]],
    ["too little for one is still given", 4, [32, 32], [4, 0]],
    ["nothing", 0, [32, 32], [0, 0]],
  ])("%s", (_, total, wishes, given) => {
    expect(divide(total, wishes, 6)).toEqual(given);
  });

  test("from period to period, never more than the station may have", () => {
    const schedule = (evseId: number, ...limits: [number, number][]) => ({
      evseId,
      unit: "A" as const,
      startSeconds: START,
      durationSeconds: 600,
      periods: limits.map(([startSeconds, limit]) => ({ startSeconds, limit })),
    });
    const shared = shareStationLimit(
      schedule(0, [0, 40], [100, 20]),
      [schedule(1, [0, 20]), schedule(2, [0, 16], [200, 32])],
      [2, 1],
      690,
    );
    expect(shared.map((one) => one.periods)).toEqual([
      [
        { startSeconds: 0, limit: 20 },
        { startSeconds: 100, limit: 10 },
      ],
      [
        { startSeconds: 0, limit: 16 },
        { startSeconds: 100, limit: 10 },
      ],
    ]);
  });
});
