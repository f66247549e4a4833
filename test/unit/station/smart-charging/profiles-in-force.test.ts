import { afterEach, describe, expect, test } from "bun:test";
import { defaultAnswer, InProcessCharger, type Payload } from "../../../support/in-process-charger.ts";
import { driver } from "./support.ts";

let charger: InProcessCharger;
let drive: ReturnType<typeof driver>;
afterEach(() => charger.dispose());

const start = async (variables: Record<string, string> = {}) => {
  charger = await new InProcessCharger(1, variables).start();
  drive = driver(charger);
  await charger.clock.advance(100);
};
/** When what was answered before has long arrived. */
const restart = async () => {
  await charger.clock.advance(20_000);
  charger.crash();
  await charger.start();
  await charger.clock.advance(100);
};
const stored = () => charger.core.chargingProfiles.list().map(({ id }) => id);

describe("K08: GetCompositeSchedule", () => {
  test("K08.FR.02, FR.03, FR.06: from now on, idle EVSEs as if a transaction ran, EVSE 0 in total", async () => {
    await start();
    await drive.set(0, {
      kind: "Relative",
      periods: [
        [0, 16],
        [300, 10],
      ],
    });
    await drive.set(0, { id: 2, purpose: "ChargingStationMaxProfile", periods: [[0, 25]] });
    await charger.clock.advance(700);
    const answer = (await charger.call("GetCompositeSchedule", { evseId: 0, duration: 400, chargingRateUnit: "A" }))
      .body;
    expect(answer).toMatchObject({
      status: "Accepted",
      schedule: {
        evseId: 0,
        duration: 400,
        chargingRateUnit: "A",
        scheduleStart: `${charger.clock.now().toISOString().slice(0, 19)}.000Z`,
      },
    });
    expect((answer as { schedule: Payload }).schedule.chargingSchedulePeriod).toEqual([
      { startPeriod: 0, limit: 25, numberPhases: 3 },
      { startPeriod: 300, limit: 20, numberPhases: 3 },
    ]);
    expect(await drive.composite(1, 400)).toEqual([
      { startPeriod: 0, limit: 16, numberPhases: 3 },
      { startPeriod: 300, limit: 10, numberPhases: 3 },
    ]);
  });

  test("K08.FR.05: an unknown EVSE is Rejected, so is a window that goes back in time", async () => {
    await start();
    expect(await drive.composite(7)).toEqual({
      status: "Rejected",
      statusInfo: { reasonCode: "InvalidValue", additionalInfo: "EvseDoesNotExist" },
    } as unknown as Payload[]);
    expect(await drive.composite(1, -1)).toMatchObject({ status: "Rejected" });
    expect(await drive.composite(1, 0)).toEqual([{ startPeriod: 0, limit: 48 }]);
  });

  test("K01.FR.50, FR.51: power becomes current per phase, rounded down to the one decimal that a message may have", async () => {
    await start();
    await drive.set(1, { unit: "W", periods: [[0, 5000, { numberPhases: 3 }]] });
    await drive.set(2, { id: 2, periods: [[0, 10, { numberPhases: 1 }]] });
    expect(await drive.composite(1, 60, { chargingRateUnit: "A" })).toEqual([
      { startPeriod: 0, limit: 7.2, numberPhases: 3 },
    ]);
    expect(await drive.composite(2, 60, { chargingRateUnit: "W" })).toEqual([
      { startPeriod: 0, limit: 2300, numberPhases: 1 },
    ]);
    expect(await drive.composite(0, 60, { chargingRateUnit: "W" })).toEqual([
      { startPeriod: 0, limit: 7300, numberPhases: 3 },
    ]);
  });

  test("a window of many years costs no more than its periods: the schedule ends where a message is full", async () => {
    await start();
    await drive.set(1, {
      kind: "Recurring",
      recurrencyKind: "Daily",
      periods: [
        [0, 10],
        [3600, 20],
      ],
    });
    const answer = (await charger.call("GetCompositeSchedule", { evseId: 1, duration: 2_000_000_000 })).body as {
      schedule: { duration: number; chargingSchedulePeriod: Payload[] };
    };
    expect(answer.schedule.chargingSchedulePeriod).toHaveLength(1024);
    expect(answer.schedule.duration).toBe(512 * 86_400);
  });
});

test("/status shows the profiles and the limits of the next day", async () => {
  await start();
  await drive.set(1, { id: 4, periods: [[0, 10]] });
  expect(charger.services.statusViews.read().charging).toMatchObject({
    profiles: [{ id: 4, evseId: 1, purpose: "TxDefaultProfile", stackLevel: 0, kind: "Absolute", source: "CSO" }],
    schedules: [
      { evseId: 0, duration: 86_400, chargingSchedulePeriod: [{ startPeriod: 0, limit: 58 }] },
      { evseId: 1, chargingSchedulePeriod: [{ startPeriod: 0, limit: 10, numberPhases: 3 }] },
      { evseId: 2, chargingSchedulePeriod: [{ startPeriod: 0, limit: 48 }] },
    ],
  });
});

describe("restart", () => {
  test("K01.FR.27: profiles outlive a restart; those of transactions that do not survive are removed", async () => {
    await start();
    await drive.set(1, { id: 1, periods: [[0, 10]] });
    const transactionId = await drive.startTransaction(1);
    await drive.set(1, { id: 2, purpose: "TxProfile", kind: "Relative", transactionId, periods: [[0, 6]] });
    await restart();
    expect(await drive.composite(1, 60)).toEqual([{ startPeriod: 0, limit: 6, numberPhases: 3 }]);
    // Nothing is heard of the session: the transaction is ended.
    await charger.clock.advance(10 * 60_000);
    expect(stored()).toEqual([1]);
    expect(await drive.composite(1, 60)).toEqual([{ startPeriod: 0, limit: 10, numberPhases: 3 }]);
  });

  test("K01.FR.41, FR.42: a relative TxProfile counts from when the EV was ready, also after a restart", async () => {
    await start();
    const transactionId = await drive.startTransaction(1);
    const [purpose, kind] = ["TxProfile", "Relative"];
    await charger.clock.advance(30_000);
    await drive.set(1, {
      purpose,
      kind,
      transactionId,
      periods: [
        [0, 6],
        [100, 12],
      ],
    });
    await restart();
    expect(await drive.composite(1, 600)).toEqual([
      { startPeriod: 0, limit: 6, numberPhases: 3 },
      { startPeriod: 50, limit: 12, numberPhases: 3 },
    ]);
  });

  test("a TxProfile whose transaction was gone before the start counts for nothing", async () => {
    await start();
    const transactionId = await drive.startTransaction(1);
    await drive.set(1, { id: 2, purpose: "TxProfile", kind: "Relative", transactionId, periods: [[0, 6]] });
    charger.core.transactions.remove(transactionId);
    await restart();
    expect(stored()).toEqual([]);
  });

  test("a row of an unknown form is told and stays, the others count", async () => {
    await start();
    await drive.set(1, { id: 1, periods: [[0, 10]] });
    charger.core.database.run(
      "INSERT INTO CHARGING_PROFILES (ID, EVSE_ID, STACK_LEVEL, CHARGING_PROFILE_PURPOSE, PROFILE) VALUES (8, 0, 0, 'LocalGeneration', '{}'), (9, 0, 0, 'x', 'no JSON')",
    );
    await restart();
    expect(charger.log.filter((line) => line.includes("stored charging profile"))).toHaveLength(2);
    expect(await drive.composite(1, 60)).toEqual([{ startPeriod: 0, limit: 10, numberPhases: 3 }]);
    expect(charger.core.database.query("SELECT count(*) FROM CHARGING_PROFILES").values()[0]).toEqual([3]);
  });

  test("what libocpp has left holds: its fillers for a missing validity are none, and version 5 knew no source", async () => {
    await start();
    const profile = {
      id: 3,
      stackLevel: 1,
      chargingProfilePurpose: "TxDefaultProfile",
      chargingProfileKind: "Recurring",
      recurrencyKind: "Daily",
      validFrom: "1970-01-01T00:00:00.000Z",
      validTo: "2262-04-11T23:46:49.854Z",
      chargingSchedule: [
        {
          id: 1,
          startSchedule: "2024-01-17T00:00:00.000Z",
          duration: 86_400,
          chargingRateUnit: "W",
          chargingSchedulePeriod: [{ startPeriod: 0, limit: 6900.0, numberPhases: 3 }],
        },
      ],
    };
    charger.core.database.run(
      "INSERT INTO CHARGING_PROFILES (ID, EVSE_ID, STACK_LEVEL, CHARGING_PROFILE_PURPOSE, PROFILE) VALUES (3, 0, 1, 'TxDefaultProfile', ?)",
      [JSON.stringify(profile)],
    );
    await restart();
    expect(await drive.composite(2, 60, { chargingRateUnit: "A" })).toEqual([
      { startPeriod: 0, limit: 10, numberPhases: 3 },
    ]);
    await drive.get({ chargingProfile: {} });
    await charger.clock.advance(100);
    const { validFrom: _, validTo: __, ...asSet } = profile;
    expect(charger.callsOf("ReportChargingProfiles")).toMatchObject([{ chargingLimitSource: "CSO", evseId: 0 }]);
    expect(charger.callsOf("ReportChargingProfiles")[0]?.chargingProfile).toEqual([asSet]);
  });

  test("libocpp finds the validity that it always writes, the CSMS does not", async () => {
    await start();
    await drive.set(1, { id: 1 });
    const [row] = charger.core.database
      .query("SELECT PROFILE, CHARGING_LIMIT_SOURCE, TRANSACTION_ID FROM CHARGING_PROFILES")
      .values();
    expect(JSON.parse(String(row?.[0]))).toMatchObject({
      validFrom: "1970-01-01T00:00:00.000Z",
      validTo: "2262-04-11T23:46:49.854Z",
    });
    expect(row?.slice(1)).toEqual(["CSO", null]);
    await restart();
    await drive.get({ chargingProfile: {} });
    await charger.clock.advance(100);
    const [report] = charger.callsOf("ReportChargingProfiles");
    expect(report).toHaveProperty("chargingProfile.0.id", 1);
    expect(report).not.toHaveProperty("chargingProfile.0.validFrom");
  });

  const unasked = () => charger.callsOf("ReportChargingProfiles").map(({ chargingProfile }) => chargingProfile);

  test("a profile whose answer may not have arrived is reported, once; one whose answer has arrived is not", async () => {
    await start();
    await drive.set(1, { id: 1, periods: [[0, 10]] });
    await charger.clock.advance(20_000);
    await drive.set(2, { id: 2, periods: [[0, 10]] });
    charger.crash();
    charger.calls.length = 0;
    await charger.start();
    await charger.clock.advance(100);
    expect(charger.callsOf("ReportChargingProfiles")).toMatchObject([
      { requestId: 0, evseId: 2, chargingLimitSource: "CSO", chargingProfile: [{ id: 2 }] },
    ]);
    charger.calls.length = 0;
    await restart();
    expect(unasked()).toEqual([]);
  });

  test("likewise when the connection is lost right after the answer; until the CSMS has answered the report it stays", async () => {
    await start();
    await drive.set(1, { id: 1 });
    charger.react = (call) =>
      call.action === "ReportChargingProfiles" ? "silence" : { answer: defaultAnswer(call.action, charger.clock) };
    charger.disconnect();
    await charger.clock.advance(60_000);
    expect(unasked()).toMatchObject([[{ id: 1 }]]);
    charger.react = (call) => ({ answer: defaultAnswer(call.action, charger.clock) });
    charger.disconnect();
    await charger.clock.advance(60_000);
    charger.disconnect();
    await charger.clock.advance(60_000);
    expect(unasked()).toMatchObject([[{ id: 1 }], [{ id: 1 }]]);
  });

  test("a profile that was cleared meanwhile is not reported", async () => {
    await start();
    await drive.set(1, { id: 1 });
    await drive.clear({ chargingProfileId: 1 });
    charger.crash();
    await charger.start();
    await charger.clock.advance(100);
    expect(unasked()).toEqual([]);
  });

  test("when nothing can be stored the profile is Rejected, and nothing changes", async () => {
    await start();
    charger.core.database.run(
      "CREATE TRIGGER full BEFORE INSERT ON CHARGING_PROFILES BEGIN SELECT RAISE(FAIL, 'disk full'); END",
    );
    drive.forget();
    expect(await drive.set(1, { periods: [[0, 10]] })).toMatchObject({
      status: "Rejected",
      statusInfo: { reasonCode: "InternalError" },
    });
    expect(drive.told()).toEqual([]);
    expect(await drive.composite(1, 60)).toEqual([{ startPeriod: 0, limit: 48 }]);
  });
});
