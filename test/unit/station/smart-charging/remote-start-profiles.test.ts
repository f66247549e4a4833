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
const restart = async () => {
  charger.crash();
  await charger.start();
  await charger.clock.advance(100);
};
const stored = () => charger.core.chargingProfiles.list().map(({ id }) => id);

describe("K05, F01.FR.10–12, FR.26: RequestStartTransaction with a TxProfile", () => {
  const remoteStart = async (chargingProfile: object, more: object = {}) =>
    (
      await charger.call("RequestStartTransaction", {
        evseId: 1,
        remoteStartId: 7,
        idToken: { idToken: "APP", type: "Central" },
        chargingProfile,
        ...more,
      })
    ).body as Payload;
  const profile = async (options: Parameters<ReturnType<typeof driver>["set"]>[1] = {}) =>
    (await import("./support.ts")).profileOf(charger.clock.now(), {
      id: 4,
      purpose: "TxProfile",
      kind: "Relative",
      periods: [[0, 6]],
      ...options,
    });

  test("K05.FR.03: it holds from the beginning of the transaction that comes of it, and goes with it", async () => {
    await start();
    await drive.set(1, { id: 1, periods: [[0, 20]] });
    expect(await remoteStart(await profile())).toEqual({ status: "Accepted" });
    expect(await drive.composite(1, 60)).toEqual([{ startPeriod: 0, limit: 20, numberPhases: 3 }]);
    drive.forget();
    const transactionId = await drive.startTransaction(1, drive.remoteToken);
    expect(drive.told().at(-1)).toEqual([
      [0, 54],
      [1, 6],
    ]);
    expect(charger.core.chargingProfiles.list()).toMatchObject([{ id: 1 }, { id: 4, evseId: 1, transactionId }]);
    await drive.endTransaction(1);
    expect(stored()).toEqual([1]);
  });

  test("another driver's transaction does not get it", async () => {
    await start();
    await remoteStart(await profile());
    await drive.startTransaction(1);
    expect(await drive.composite(1, 60)).toEqual([{ startPeriod: 0, limit: 48 }]);
  });

  test("a start that never came to anything does not leave its profile to one of the same id", async () => {
    await start();
    await remoteStart(await profile());
    await charger.clock.advance(60_000);
    const again = { evseId: 1, remoteStartId: 7, idToken: { idToken: "APP", type: "Central" } };
    expect((await charger.call("RequestStartTransaction", again)).body).toEqual({ status: "Accepted" });
    await drive.startTransaction(1, drive.remoteToken);
    expect(await drive.composite(1, 60)).toEqual([{ startPeriod: 0, limit: 48 }]);
  });

  test("it waits for its transaction over a restart", async () => {
    await start();
    await remoteStart(await profile());
    await restart();
    await drive.startTransaction(1, drive.remoteToken);
    expect(await drive.composite(1, 60)).toEqual([{ startPeriod: 0, limit: 6, numberPhases: 3 }]);
  });

  test("F01.FR.13: a transaction that waits for its driver gets it with the authorization", async () => {
    await start({ "TxCtrlr.TxStartPoint": "EVConnected" });
    charger.event(1, { kind: "SessionStarted", sessionId: "s1", reason: "EVConnected" });
    await charger.clock.advance(10);
    const transactionId = charger.model.evse(1)?.transaction?.transactionId ?? "none";
    expect(await remoteStart(await profile())).toEqual({ status: "Accepted", transactionId });
    charger.event(1, { kind: "TransactionStarted", sessionId: "s1", token: drive.remoteToken });
    await charger.clock.advance(10);
    expect(await drive.composite(1, 60)).toEqual([{ startPeriod: 0, limit: 6, numberPhases: 3 }]);
  });

  test("K05.FR.02, FR.05: an invalid one is Rejected as InvalidProfile or InvalidSchedule", async () => {
    await start();
    expect(await remoteStart(await profile({ purpose: "TxDefaultProfile" }))).toEqual({
      status: "Rejected",
      statusInfo: { reasonCode: "InvalidProfile", additionalInfo: "RequestStartTransactionNonTxProfile" },
    });
    expect(await remoteStart(await profile({ periods: [[0, 6, { numberPhases: 9 }]] }))).toEqual({
      status: "Rejected",
      statusInfo: { reasonCode: "InvalidSchedule", additionalInfo: "ChargingSchedulePeriodUnsupportedNumberPhases" },
    });
    expect(await remoteStart(await profile({ stackLevel: 43 }))).toMatchObject({
      statusInfo: { reasonCode: "InvalidProfile", additionalInfo: "ProfileStackLevelExceeded" },
    });
  });

  test.each(["Available", "Enabled"])("K05.FR.04: with %s false it is ignored, and the start goes on", async (name) => {
    await start({ [`SmartChargingCtrlr.${name}`]: "false" });
    expect(await remoteStart(await profile({ purpose: "TxDefaultProfile" }))).toEqual({ status: "Accepted" });
    await drive.startTransaction(1, drive.remoteToken);
    expect(stored()).toEqual([]);
  });
});
