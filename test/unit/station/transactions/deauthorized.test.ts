import { afterEach, describe, expect, test } from "bun:test";
import { card, energy, Rig } from "./support.ts";

let rig: Rig;
afterEach(() => rig.charger.dispose());

const points = (start: string, stop: string) => ({ "TxCtrlr.TxStartPoint": start, "TxCtrlr.TxStopPoint": stop });
const keepGoing = (maximum: string) => ({
  "TxCtrlr.StopTxOnInvalidId": "false",
  "TxCtrlr.MaxEnergyOnInvalidId": maximum,
});
const start = async (variables: Record<string, string> = {}) => {
  rig = await Rig.start(variables);
  rig.answerEvents(({ idToken }) => (idToken === undefined ? {} : { idTokenInfo: { status: "Invalid" } }));
  return rig;
};

describe("StopTxOnInvalidId (E05.FR.09, FR.10, E06.FR.04)", () => {
  test.each(["Authorized", "PowerPathClosed", "EnergyTransfer", "EVConnected,Authorized"])(
    "stop point %s: Ended, Deauthorized",
    async (stop) => {
      await start(points("PowerPathClosed", stop));
      await rig.plug().begin().charge().pass();
      expect(rig.commands("stopTransaction")).toEqual([[1, "DeAuthorized"]]);
      await rig.finish("DeAuthorized").pass();
      expect(rig.brief.at(-1)).toBe("Ended Deauthorized EVConnected DeAuthorized");
    },
  );

  test("stop point EnergyTransfer ends a transaction in which no energy has flowed yet", async () => {
    await start(points("PowerPathClosed", "EnergyTransfer"));
    await rig.plug().begin().pass();
    await rig.finish("DeAuthorized").pass();
    expect(rig.brief.at(-1)).toBe("Ended Deauthorized EVConnected DeAuthorized");
  });

  test("stop point EVConnected: Updated, Deauthorized; Ended when unplugged, for the same reason", async () => {
    await start(points("PowerPathClosed", "EVConnected"));
    await rig.plug().begin().charge().pass();
    await rig.finish("DeAuthorized").unplug().pass();
    expect(rig.brief.slice(-2)).toEqual([
      "Updated Deauthorized EVConnected",
      "Ended EVCommunicationLost Idle DeAuthorized",
    ]);
  });

  test("before anybody has plugged in the hardware side has nothing to stop: the authorization is withdrawn", async () => {
    await start(points("Authorized", "Authorized"));
    rig.charger.hardwareAnswers.stopTransaction = () => false;
    await rig.present().pass();
    expect(rig.commands("withdrawAuthorization")).toEqual([[1]]);
    expect(rig.brief).toEqual(["Started Authorized Idle", "Ended Deauthorized Idle DeAuthorized"]);
    rig.charger.event(1, { kind: "Deauthorized", sessionId: "s" });
    await rig.unplug().pass();
    expect(rig.events).toHaveLength(2);
  });

  test("a stop that the hardware side cannot take is asked again, not for ever", async () => {
    await start();
    rig.charger.hardwareAnswers.stopTransaction = () => Promise.reject(new Error("no answer"));
    await rig.plug().begin().charge().pass(300_000);
    expect(rig.commands("stopTransaction")).toHaveLength(5);
    expect(rig.charger.log.some((line) => line.includes("Transaction s of EVSE 1 goes on"))).toBe(true);
  });

  test("the reason of the end is what the hardware side says, even when another stop was asked for", async () => {
    await start();
    await rig.plug().begin().charge().pass();
    await rig.finish("Local").pass();
    expect(rig.brief.at(-1)).toBe("Ended StopAuthorized EVConnected Local");
  });
});

describe("StopTxOnInvalidId false", () => {
  test("E05.FR.02: no energy is allowed: paused at once, and again whenever it flows", async () => {
    await start(keepGoing("0"));
    await rig.plug().begin().pass();
    expect(rig.commands("pauseCharging")).toHaveLength(1);
    await rig.charge().pass();
    expect(rig.commands("pauseCharging")).toHaveLength(2);
    rig.charger.event(1, { kind: "SuspendedEVSE", sessionId: "s", reasons: ["UserPause"] });
    await rig.pass();
    expect(rig.brief.at(-1)).toBe("Updated ChargingStateChanged SuspendedEVSE");
    for (let second = 0; second < 5; second++) await rig.reading([energy(1_000)]).pass(1_000);
    expect(rig.commands("pauseCharging")).toHaveLength(2);
  });

  test("E05.FR.03: what is allowed counts from the start of the transaction", async () => {
    await start(keepGoing("500"));
    rig.charger.react = () => "silence";
    await rig
      .reading([energy(1_000)])
      .plug()
      .begin()
      .charge()
      .pass();
    rig.reading([energy(1_400)]);
    expect(rig.commands("pauseCharging")).toEqual([]);
    rig.reading([energy(1_600)]);
    rig.answerEvents(({ idToken }) => (idToken === undefined ? {} : { idTokenInfo: { status: "Blocked" } }));
    rig.charger.disconnect();
    await rig.pass(60_000);
    expect(rig.commands("pauseCharging")).toEqual([[1]]);
  });

  test("E05.FR.03: an energy limit is not taken for exceeded because the meter has told only the start so far", async () => {
    await start(keepGoing("500"));
    rig.plug();
    const meter = { timestamp: rig.charger.clock.now(), samples: [energy(1_000)] };
    rig.charger.event(1, { kind: "TransactionStarted", sessionId: "s", token: card(), meter });
    await rig.charge().pass();
    expect(rig.commands("pauseCharging")).toEqual([]);
    rig.reading([energy(1_500)]);
    expect(rig.commands("pauseCharging")).toEqual([[1]]);
  });

  test("the limit survives a crash", async () => {
    await start(keepGoing("500"));
    await rig
      .reading([energy(1_000)])
      .plug()
      .begin()
      .charge()
      .pass();
    await rig.crash();
    await rig.suspend().charge().pass();
    rig.reading([energy(1_499)]);
    expect(rig.commands("pauseCharging")).toEqual([]);
    rig.reading([energy(1_500)]);
    expect(rig.commands("pauseCharging")).toEqual([[1]]);
  });
});

test("a later event's answer reaches the authorization, too: the EVSE of the transaction is known", async () => {
  rig = await Rig.start(points("EVConnected", "EVConnected"));
  rig.answerEvents(({ idToken }) =>
    idToken === undefined
      ? {}
      : { idTokenInfo: { status: "Accepted", groupIdToken: { idToken: "G", type: "Central" } } },
  );
  await rig.plug().begin().pass();
  expect(rig.commands("publishValidationUpdate")).toEqual([
    [{ evseId: 1, idTokenInfo: { status: "Accepted", groupIdToken: { idToken: "G", type: "Central" } } }],
  ]);
});
