import { afterEach, describe, expect, test } from "bun:test";
import { InProcessCharger, type Payload } from "../../../support/in-process-charger.ts";
import { REFUSALS } from "./refusals.ts";
import { driver } from "./support.ts";

let charger: InProcessCharger;
let drive: ReturnType<typeof driver>;
afterEach(() => charger.dispose());

const start = async (variables: Record<string, string> = {}) => {
  charger = await new InProcessCharger(1, variables).start();
  drive = driver(charger);
  await charger.clock.advance(100);
};
const stored = () => charger.core.chargingProfiles.list().map(({ id, evseId }) => [id, evseId]);
const entries = () =>
  charger.deviceModel.get(
    { component: "SmartChargingCtrlr", variable: "Entries", instance: "ChargingProfiles" },
    "Actual",
  );

test.each(REFUSALS)(
  "%s is Rejected with its reason, and nothing changes",
  async (_, evseId, options, reasonCode, info) => {
    await start();
    await drive.set(2, { id: 9, periods: [[0, 13]] });
    drive.forget();
    expect(await drive.set(evseId, options)).toEqual({
      status: "Rejected",
      statusInfo: { reasonCode, additionalInfo: info },
    });
    expect(stored()).toEqual([[9, 2]]);
    expect(drive.told()).toEqual([]);
  },
);

describe("profiles that stand in each other's way", () => {
  test("K01.FR.06: one purpose, stack level and EVSE, validities that overlap; touching ones do not (K01.FR.37)", async () => {
    await start();
    const [january, february, march] = ["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"];
    expect(await drive.set(1, { validFrom: january, validTo: february })).toEqual({ status: "Accepted" });
    expect(await drive.set(1, { id: 2, validFrom: february, validTo: march })).toEqual({ status: "Accepted" });
    const clash = {
      status: "Rejected",
      statusInfo: { reasonCode: "DuplicateProfile", additionalInfo: "DuplicateProfileValidityPeriod" },
    };
    expect(await drive.set(1, { id: 3, validFrom: "2026-01-31T23:59:59Z" })).toEqual(clash);
    expect(await drive.set(1, { id: 3 })).toEqual(clash);
    expect(await drive.set(1, { id: 3, stackLevel: 1 })).toEqual({ status: "Accepted" });
    expect(await drive.set(2, { id: 4 })).toEqual({ status: "Accepted" });
  });

  test("K01.FR.52, FR.53: a default on the station and one on an EVSE may not share a level", async () => {
    await start();
    await drive.set(1, { id: 1 });
    const duplicate = {
      status: "Rejected",
      statusInfo: { reasonCode: "DuplicateProfile", additionalInfo: "DuplicateTxDefaultProfileFound" },
    };
    expect(await drive.set(0, { id: 2 })).toEqual(duplicate);
    expect(await drive.set(0, { id: 2, stackLevel: 1 })).toEqual({ status: "Accepted" });
    expect(await drive.set(1, { id: 3, stackLevel: 1 })).toEqual(duplicate);
    // The very profile moves to the station.
    expect(await drive.set(0, { id: 1 })).toEqual({ status: "Accepted" });
    expect(stored()).toEqual([
      [1, 0],
      [2, 0],
    ]);
  });

  test("K01.FR.05: the same id replaces, also on another EVSE", async () => {
    await start();
    await drive.set(1, { periods: [[0, 10]] });
    await drive.set(2, { periods: [[0, 12]] });
    expect(stored()).toEqual([[1, 2]]);
    expect(await drive.composite(1)).toEqual([{ startPeriod: 0, limit: 48 }]);
    expect(await drive.composite(2)).toEqual([{ startPeriod: 0, limit: 12, numberPhases: 3 }]);
  });

  test("K01.FR.04, FR.33, FR.39: TxProfiles of the transaction on the EVSE, one on each level", async () => {
    await start();
    const transactionId = await drive.startTransaction(1);
    const tx = { purpose: "TxProfile", kind: "Relative" };
    expect(await drive.set(1, { ...tx, transactionId: "other" })).toMatchObject({
      status: "Rejected",
      statusInfo: { reasonCode: "TxNotFound", additionalInfo: "TxProfileTransactionNotOnEvse" },
    });
    expect(await drive.set(1, { ...tx, transactionId })).toEqual({ status: "Accepted" });
    expect(await drive.set(1, { ...tx, id: 2, transactionId })).toMatchObject({
      status: "Rejected",
      statusInfo: { reasonCode: "InvalidStackLevel", additionalInfo: "TxProfileConflictingStackLevel" },
    });
    expect(await drive.set(1, { ...tx, id: 2, stackLevel: 1, transactionId })).toEqual({ status: "Accepted" });
  });

  test("errata 2.36: a phaseToUse that conflicts, or cannot be shown not to, is Rejected", async () => {
    await start({ "SmartChargingCtrlr.ACPhaseSwitchingSupported": "true" });
    const phase = (phaseToUse: number) => ({
      periods: [[0, 10, { numberPhases: 1, phaseToUse }]] as [number, number, object][],
    });
    const conflict = {
      status: "Rejected",
      statusInfo: { reasonCode: "InvalidSchedule", additionalInfo: "PhaseToUseConflict" },
    };
    const max = { purpose: "ChargingStationMaxProfile", schedule: { duration: 3600 } };
    expect(await drive.set(0, { ...max, id: 1, ...phase(1) })).toEqual({ status: "Accepted" });
    expect(await drive.set(1, { id: 2, ...phase(3) })).toEqual(conflict);
    expect(await drive.set(1, { id: 2, ...phase(1) })).toEqual({ status: "Accepted" });
    expect(await drive.set(2, { id: 3, start: 3600, ...phase(3) })).toEqual({ status: "Accepted" });
    expect(await drive.set(0, { id: 4, stackLevel: 1, kind: "Relative", ...phase(3) })).toEqual(conflict);
    expect(await drive.set(0, { id: 4, stackLevel: 1, kind: "Relative", periods: [[0, 6]] })).toEqual({
      status: "Accepted",
    });
  });

  test("errata 2.36: daily schedules at different hours do not conflict, weeks ahead as today", async () => {
    await start({ "SmartChargingCtrlr.ACPhaseSwitchingSupported": "true" });
    const daily = (phaseToUse: number, start: number, duration: number) => ({
      kind: "Recurring",
      recurrencyKind: "Daily",
      start,
      periods: [[0, 10, { numberPhases: 1, phaseToUse }]] as [number, number, object][],
      schedule: { duration },
    });
    await drive.set(0, { purpose: "ChargingStationMaxProfile", ...daily(1, 0, 3600) });
    expect(await drive.set(1, { id: 2, ...daily(2, 3600, 3600) })).toEqual({ status: "Accepted" });
    expect(await drive.set(1, { id: 2, ...daily(2, 3599, 3600) })).toMatchObject({ status: "Rejected" });
    expect(await drive.set(1, { id: 3, stackLevel: 2, ...daily(2, 40 * 86_400 + 1800, 60) })).toMatchObject({
      status: "Rejected",
    });
  });
});

test("K01.FR.34: several schedules only for an EV that has told its needs", async () => {
  await start();
  const [schedule] = (await import("./support.ts")).profileOf(charger.clock.now(), {}).chargingSchedule;
  const profile = { chargingSchedule: [schedule, { ...schedule, id: 2 }] };
  const request = {
    evseId: 1,
    chargingProfile: {
      id: 1,
      stackLevel: 0,
      chargingProfilePurpose: "TxDefaultProfile",
      chargingProfileKind: "Absolute",
      ...profile,
    },
  };
  expect((await charger.call("SetChargingProfile", request)).body).toMatchObject({
    status: "Rejected",
    statusInfo: { reasonCode: "InvalidSchedule", additionalInfo: "ChargingProfileSeveralChargingSchedules" },
  });
  const evse = charger.model.evse(1);
  if (evse !== undefined) evse.chargingNeedsTold = true;
  expect((await charger.call("SetChargingProfile", request)).body).toEqual({ status: "Accepted" });
});

test("at its limits a profile is accepted: stack level, periods, a pause, dates in year 1 and 9999", async () => {
  await start();
  const periods = Array.from({ length: 42 }, (_, index) => [index * 60, index] as const);
  expect(await drive.set(1, { stackLevel: 42, periods })).toEqual({ status: "Accepted" });
  expect(
    await drive.set(2, {
      id: 2,
      kind: "Recurring",
      recurrencyKind: "Weekly",
      validFrom: "0001-01-01T00:00:00Z",
      validTo: "9999-12-31T23:59:59Z",
      periods: [[0, 0]],
      schedule: { startSchedule: "0001-01-01T00:00:00Z" },
    }),
  ).toEqual({ status: "Accepted" });
  expect(await drive.composite(2)).toEqual([{ startPeriod: 0, limit: 0, numberPhases: 3 }]);
  expect(await drive.composite(1, 120)).toEqual([
    { startPeriod: 0, limit: 0, numberPhases: 3 },
    { startPeriod: 60, limit: 1, numberPhases: 3 },
  ]);
});

test("Entries: the number of profiles is told, and no more than its maxLimit are kept", async () => {
  await start();
  charger.deviceModel.describe(
    (await import("../../../../src/device-model/variables.ts")).SmartChargingCtrlr.Entries_ChargingProfiles,
    {
      maxLimit: 2,
    },
  );
  await drive.set(1, { id: 1 });
  await drive.set(1, { id: 2, stackLevel: 1 });
  expect(entries()).toEqual({ status: "Accepted", value: "2" });
  expect(await drive.set(1, { id: 3, stackLevel: 2 })).toEqual({
    status: "Rejected",
    statusInfo: { reasonCode: "OutOfStorage", additionalInfo: "ChargingProfileEntriesExceeded" },
  });
  expect(await drive.set(1, { id: 2, stackLevel: 2 })).toEqual({ status: "Accepted" });
});

test("K01.FR.26, K08.FR.07: a unit that is not in RateUnit", async () => {
  await start({ "SmartChargingCtrlr.RateUnit": "A" });
  const refusal = {
    status: "Rejected",
    statusInfo: { reasonCode: "UnsupportedRateUnit", additionalInfo: "ChargingScheduleChargingRateUnitUnsupported" },
  };
  expect(await drive.set(1, { unit: "W" })).toEqual(refusal);
  expect(await drive.composite(1, 60, { chargingRateUnit: "W" })).toEqual(refusal);
});

test("K01.FR.44: direct current knows no phases", async () => {
  await start();
  charger.deviceModel.write(
    (await import("../../../../src/device-model/variables.ts")).EVSE.SupplyPhases.at(1),
    0,
    "test",
    true,
  );
  expect(await drive.set(1, { periods: [[0, 6, { numberPhases: 1 }]] })).toEqual({
    status: "Rejected",
    statusInfo: { reasonCode: "InvalidSchedule", additionalInfo: "ChargingSchedulePeriodExtraneousPhaseValues" },
  });
  await drive.set(1, { unit: "W", periods: [[0, 20_000]] });
  expect(await drive.composite(1, 60, { chargingRateUnit: "W" })).toEqual([{ startPeriod: 0, limit: 20_000 }]);
});

test.each(["Available", "Enabled"])(
  "K01.FR.29: with SmartChargingCtrlr.%s false every request is NotSupported",
  async (variable) => {
    await start({ [`SmartChargingCtrlr.${variable}`]: "false" });
    for (const [action, payload] of [
      ["ClearChargingProfile", { chargingProfileId: 1 }],
      ["GetChargingProfiles", { requestId: 1, chargingProfile: {} }],
      ["GetCompositeSchedule", { evseId: 1, duration: 60 }],
    ] as const)
      expect(await charger.call(action, payload)).toMatchObject({ kind: "error", body: "NotSupported" });
    expect(await drive.set(1)).toBe("NotSupported" as unknown as Payload);
  },
);

test("while smart charging is switched off the CSMS's profiles rest, and hold again afterwards", async () => {
  await start();
  await drive.set(1, { periods: [[0, 10]] });
  const enable = (value: string) =>
    charger.call("SetVariables", {
      setVariableData: [
        { attributeValue: value, component: { name: "SmartChargingCtrlr" }, variable: { name: "Enabled" } },
      ],
    });
  await enable("false");
  expect(drive.told().at(-1)).toEqual([
    [0, 96],
    [1, 48],
  ]);
  await enable("true");
  expect(drive.told().at(-1)).toEqual([
    [0, 58],
    [1, 10],
  ]);
});
