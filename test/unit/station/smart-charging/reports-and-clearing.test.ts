import { afterEach, describe, expect, test } from "bun:test";
import { InProcessCharger, type Payload } from "../../../support/in-process-charger.ts";
import { driver } from "./support.ts";

let charger: InProcessCharger;
let drive: ReturnType<typeof driver>;
afterEach(() => charger.dispose());

const start = async (variables: Record<string, string> = {}) => {
  charger = await new InProcessCharger(1, variables).start();
  drive = driver(charger);
  await charger.clock.advance(100);
};
const stored = () => charger.core.chargingProfiles.list().map(({ id }) => id);
/** A limit that the CSMS has not set. */
const limitOfOthers = async (evseId: number, limit: number) => {
  charger.hardwareEvents.emit("externalLimit", {
    kind: "set",
    source: "EMS",
    evseId,
    unit: "A",
    periods: [{ startSeconds: 0, limit }],
  });
  await charger.clock.advance(10);
};
const EXTERNAL = { "SmartChargingCtrlr.ExternalControlSignalsEnabled": "true" };

describe("K09: GetChargingProfiles", () => {
  const reports = () => charger.callsOf("ReportChargingProfiles");
  const idsOf = (report: Payload) => (report.chargingProfile as { id: number }[]).map(({ id }) => id);

  test("K09.FR.01–06: each EVSE and source in a message of its own, all but the last to be continued", async () => {
    await start(EXTERNAL);
    await drive.set(0, { id: 1, purpose: "ChargingStationMaxProfile" });
    await drive.set(1, { id: 2 });
    await drive.set(1, { id: 3, stackLevel: 1 });
    await limitOfOthers(0, 30);
    expect(await drive.get({ chargingProfile: {} })).toEqual({ status: "Accepted" });
    await charger.clock.advance(100);
    expect(
      reports().map((report) => [
        report.requestId,
        report.evseId,
        report.chargingLimitSource,
        report.tbc,
        idsOf(report),
      ]),
    ).toEqual([
      [5, 0, "CSO", true, [1]],
      [5, 1, "CSO", true, [2, 3]],
      [5, 0, "EMS", false, [-1]],
    ]);
  });

  test.each([
    ["K09.FR.04: one EVSE", { evseId: 1, chargingProfile: { chargingProfilePurpose: "TxDefaultProfile" } }, [2, 3]],
    ["K09.FR.05: the station", { evseId: 0, chargingProfile: { stackLevel: 0 } }, [1]],
    ["K09.FR.06: a stack level everywhere", { chargingProfile: { stackLevel: 0 } }, [1, 2]],
    ["K09.FR.03: ids, whatever else is said", { chargingProfile: { chargingProfileId: [3, 9], stackLevel: 0 } }, [3]],
    ["a source", { chargingProfile: { chargingLimitSource: ["CSO"] } }, [1, 2, 3]],
  ])("%s", async (_, request, ids) => {
    await start();
    await drive.set(0, { id: 1, purpose: "ChargingStationMaxProfile" });
    await drive.set(1, { id: 2 });
    await drive.set(1, { id: 3, stackLevel: 1 });
    expect(await drive.get(request)).toEqual({ status: "Accepted" });
    await charger.clock.advance(100);
    expect(reports().flatMap(idsOf)).toEqual(ids);
  });

  test("NoProfiles when nothing matches", async () => {
    await start();
    await drive.set(1, { id: 2 });
    expect(await drive.get({ chargingProfile: { chargingLimitSource: ["SO"] } })).toEqual({ status: "NoProfiles" });
    expect(await drive.get({ evseId: 2, chargingProfile: {} })).toEqual({ status: "NoProfiles" });
    expect(reports()).toEqual([]);
  });

  test("more than fits into a message is told in several", async () => {
    await start({ "InternalCtrlr.MaxMessageSize": "3000" });
    const periods = Array.from({ length: 40 }, (_, index) => [index, 6] as const);
    for (const id of [1, 2, 3]) await drive.set(1, { id, stackLevel: id, periods });
    await drive.get({ chargingProfile: { chargingProfilePurpose: "TxDefaultProfile" } });
    await charger.clock.advance(100);
    expect(reports().map((report) => [idsOf(report), report.tbc])).toEqual([
      [[1], true],
      [[2], true],
      [[3], false],
    ]);
  });
});

describe("K10: ClearChargingProfile", () => {
  const install = async () => {
    await start(EXTERNAL);
    await drive.set(0, { id: 1, purpose: "ChargingStationMaxProfile" });
    await drive.set(1, { id: 2 });
    await drive.set(1, { id: 3, stackLevel: 1 });
    await limitOfOthers(1, 30);
  };

  test.each([
    ["K10.FR.03: an id", { chargingProfileId: 3 }, "Accepted", [-1, 1, 2]],
    ["K10.FR.01: an id that nobody has", { chargingProfileId: 8 }, "Unknown", [-1, 1, 2, 3]],
    ["K10.FR.09: the id of an external constraint", { chargingProfileId: -1 }, "Unknown", [-1, 1, 2, 3]],
    ["K10.FR.04: an EVSE", { chargingProfileCriteria: { evseId: 1 } }, "Accepted", [-1, 1]],
    [
      "K10.FR.04: all criteria together",
      { chargingProfileCriteria: { evseId: 1, stackLevel: 1, chargingProfilePurpose: "TxDefaultProfile" } },
      "Accepted",
      [-1, 1, 2],
    ],
    ["K10.FR.01: criteria that nothing meets", { chargingProfileCriteria: { evseId: 2 } }, "Unknown", [-1, 1, 2, 3]],
    ["K10.FR.04: no criteria at all", {}, "Accepted", [-1]],
    ["K10.FR.04: empty criteria", { chargingProfileCriteria: {} }, "Accepted", [-1]],
  ])("%s", async (_, request, status, left) => {
    await install();
    expect(await drive.clear(request)).toEqual({ status });
    expect(stored()).toEqual(left);
  });

  test("K10.FR.06, FR.08: external constraints are not cleared by the CSMS", async () => {
    await install();
    const purpose = "ChargingStationExternalConstraints";
    expect(await drive.clear({ chargingProfileCriteria: { chargingProfilePurpose: purpose } })).toEqual({
      status: "Unknown",
      statusInfo: {
        reasonCode: "InvalidValue",
        additionalInfo: "ChargingStationExternalConstraintsInClearChargingProfileRequest",
      },
    });
    await drive.clear({});
    expect(await drive.clear({ chargingProfileCriteria: { evseId: 1 } })).toEqual({ status: "Unknown" });
    expect(stored()).toEqual([-1]);
  });

  test("K10.FR.07: a transaction that began with a default goes on without it", async () => {
    await start();
    await drive.set(1, { id: 2, periods: [[0, 10]] });
    const transactionId = await drive.startTransaction(1);
    await drive.clear({ chargingProfileId: 2 });
    expect(charger.model.evse(1)?.transaction?.transactionId).toBe(transactionId);
    expect(await drive.composite(1, 60)).toEqual([{ startPeriod: 0, limit: 48 }]);
  });
});
