import { afterEach, expect, test } from "bun:test";
import type { ExternalLimitEvent } from "../../../../src/station/ports.ts";
import { InProcessCharger } from "../../../support/in-process-charger.ts";
import { driver } from "./support.ts";

let charger: InProcessCharger;
let drive: ReturnType<typeof driver>;
afterEach(() => charger.dispose());

const start = async (variables: Record<string, string> = {}) => {
  charger = await new InProcessCharger(1, {
    "SmartChargingCtrlr.ExternalControlSignalsEnabled": "true",
    "SmartChargingCtrlr.LimitChangeSignificance": "10",
    ...variables,
  }).start();
  drive = driver(charger);
  await charger.clock.advance(100);
};
type SetEvent = ExternalLimitEvent & { kind: "set" };
const signal = async (limit: number, more: Partial<SetEvent> = {}) => {
  charger.hardwareEvents.emit("externalLimit", {
    kind: "set",
    source: "EMS",
    unit: "A",
    periods: [{ startSeconds: 0, limit }],
    ...more,
  });
  await charger.clock.advance(100);
};
const release = async (source: "EMS" | "SO" = "EMS") => {
  charger.hardwareEvents.emit("externalLimit", { kind: "released", source });
  await charger.clock.advance(100);
};
const stored = () => charger.core.chargingProfiles.list();
const notified = () => charger.callsOf("NotifyChargingLimit");
const rateChanges = () =>
  charger.callsOf("TransactionEvent").filter(({ triggerReason }) => triggerReason === "ChargingRateChanged");

test("K11.FR.05, K12.FR.01, FR.02, FR.04, FR.05: the total load keeps it, and the CSMS hears of it", async () => {
  await start();
  await signal(40, { isGridCritical: true, source: "SO" });
  expect(drive.told().at(-1)).toEqual([
    [0, 40],
    [1, 40],
    [2, 40],
  ]);
  expect(notified()).toEqual([{ chargingLimit: { chargingLimitSource: "SO", isGridCritical: true } }]);
  expect(stored()).toMatchObject([{ id: -1, evseId: 0, purpose: "ChargingStationExternalConstraints", source: "SO" }]);
  // Not each EVSE 40 A, as libocpp has it.
  expect(await drive.composite(0, 60)).toEqual([{ startPeriod: 0, limit: 40, numberPhases: 3 }]);
});

test("K11.FR.01, FR.04: a running transaction keeps it, and its changed rate is told", async () => {
  await start();
  await drive.startTransaction(1);
  drive.forget();
  await signal(10, { evseId: 1 });
  expect(drive.told().at(-1)).toEqual([
    [0, 58],
    [1, 10],
  ]);
  expect(notified()).toEqual([{ chargingLimit: { chargingLimitSource: "EMS" }, evseId: 1 }]);
  expect(rateChanges()).toHaveLength(1);
});

test("K11.FR.02, SC.03: small changes are not told one by one, but what they add up to is", async () => {
  await start();
  await drive.startTransaction(1);
  await signal(20);
  drive.forget();
  for (const limit of [19, 18.5]) await signal(limit);
  expect(notified()).toEqual([]);
  expect(rateChanges()).toEqual([]);
  expect(await drive.composite(1, 60)).toMatchObject([{ limit: 18.5 }]);
  await signal(17.9);
  expect(notified()).toHaveLength(1);
  expect(rateChanges()).toHaveLength(1);
});

test("K11.FR.03, K12.FR.03: with NotifyChargingLimitWithSchedules the schedule goes along", async () => {
  await start({ "SmartChargingCtrlr.NotifyChargingLimitWithSchedules": "true" });
  const beginning = new Date("2026-01-01T00:10:00.000Z");
  await signal(0, {
    unit: "W",
    start: beginning,
    durationSeconds: 3600,
    periods: [
      { startSeconds: 0, limit: 11_000, numberOfPhases: 3 },
      { startSeconds: 600, limit: 0 },
    ],
  });
  expect(notified()).toEqual([
    {
      chargingLimit: { chargingLimitSource: "EMS" },
      chargingSchedule: [
        {
          id: 1,
          startSchedule: beginning.toISOString(),
          duration: 3600,
          chargingRateUnit: "W",
          chargingSchedulePeriod: [
            { startPeriod: 0, limit: 11_000, numberPhases: 3 },
            { startPeriod: 600, limit: 0 },
          ],
        },
      ],
    },
  ]);
});

test("K11.FR.06, errata 2.37: it is reported under its purpose with a negative id, which an update keeps", async () => {
  await start();
  await signal(20);
  await signal(30, { source: "Other" });
  await signal(10);
  await drive.get({ chargingProfile: { chargingProfilePurpose: "ChargingStationExternalConstraints" } });
  await charger.clock.advance(100);
  expect(
    charger
      .callsOf("ReportChargingProfiles")
      .map(({ chargingLimitSource, chargingProfile }) => [
        chargingLimitSource,
        (chargingProfile as { id: number }[]).map(({ id }) => id),
      ]),
  ).toEqual([
    ["EMS", [-1]],
    ["Other", [-2]],
  ]);
});

test("SC.01: limits of different sources hold side by side, the lowest counts", async () => {
  await start();
  await signal(10);
  await signal(30, { source: "SO" });
  expect(await drive.composite(0, 60)).toMatchObject([{ limit: 10 }]);
  await release("EMS");
  expect(await drive.composite(0, 60)).toMatchObject([{ limit: 30 }]);
});

test("K13.FR.01–03, errata 2.48: a released limit holds no longer, with or without transaction, and that is told", async () => {
  await start();
  await signal(10);
  await release();
  expect(charger.callsOf("ClearedChargingLimit")).toEqual([{ chargingLimitSource: "EMS" }]);
  expect(rateChanges()).toEqual([]);
  expect(await drive.composite(0, 60)).toEqual([{ startPeriod: 0, limit: 96 }]);
  await drive.startTransaction(1);
  await signal(10);
  drive.forget();
  await release();
  expect(rateChanges()).toHaveLength(1);
  await release();
  expect(charger.callsOf("ClearedChargingLimit")).toHaveLength(1);
});

test("it holds after a restart, and what happens offline is told later", async () => {
  await start();
  charger.reachable = false;
  charger.disconnect();
  await signal(10);
  charger.crash();
  charger.reachable = true;
  await charger.start();
  await charger.clock.advance(60_000);
  expect(await drive.composite(0, 60)).toMatchObject([{ limit: 10 }]);
  expect(notified()).toHaveLength(1);
  await signal(10);
  expect(notified()).toHaveLength(1);
});

test.each([
  ["no periods", { periods: [] }],
  ["a first period after 0", { periods: [{ startSeconds: 5, limit: 1 }] }],
  ["periods out of order", { periods: [0, 9, 5].map((startSeconds) => ({ startSeconds, limit: 1 })) }],
  ["a negative limit", { periods: [{ startSeconds: 0, limit: -1 }] }],
  ["no number", { periods: [{ startSeconds: 0, limit: Number.NaN }] }],
  ["an unknown EVSE", { evseId: 9 }],
  ["a negative duration", { durationSeconds: -1 }],
])("a limit with %s is logged and changes nothing", async (_, more) => {
  await start();
  await signal(10, more);
  expect(stored()).toEqual([]);
  expect(notified()).toEqual([]);
  expect(charger.log.some((line) => line.includes("is ignored"))).toBe(true);
});

test("with ExternalControlSignalsEnabled false a signal is ignored, but a release still counts", async () => {
  await start();
  await signal(10);
  await charger.call("SetVariables", {
    setVariableData: [
      {
        attributeValue: "false",
        component: { name: "SmartChargingCtrlr" },
        variable: { name: "ExternalControlSignalsEnabled" },
      },
    ],
  });
  await signal(20);
  expect(await drive.composite(0, 60)).toMatchObject([{ limit: 10 }]);
  await release();
  expect(stored()).toEqual([]);
});

test("SC.02: a rate that the CSMS itself changes is told, too, after its answer; what a schedule does by itself is not", async () => {
  await start();
  await drive.startTransaction(1);
  drive.forget();
  await drive.set(1, {
    periods: [
      [0, 10],
      [60, 20],
    ],
  });
  await charger.clock.advance(10);
  expect(rateChanges()).toHaveLength(1);
  await charger.clock.advance(120_000);
  expect(rateChanges()).toHaveLength(1);
});
