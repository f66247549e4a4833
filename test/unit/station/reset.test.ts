import { afterEach, describe, expect, test } from "bun:test";
import { sleep } from "../../../src/lib/clock.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const TOKEN = { idToken: { idToken: "A", type: "ISO14443" }, remote: false } as const;
const start = async (variables: Readonly<Record<string, string>> = {}) => {
  charger = await new InProcessCharger(1, variables).start();
  await charger.clock.advance(1_000);
};
const reset = async (request: object) => (await charger.call("Reset", request)).body as { status: string };
const resets = () => charger.hardwareCalls.filter(({ name }) => name === "reset").map(({ args }) => args[0]);
const enabling = () => charger.hardwareCalls.filter(({ name }) => name === "enableConnector").map(({ args }) => args);
const pass = (seconds: number) => charger.clock.advance(seconds * 1000);
const plugIn = (evseId = 1) =>
  charger.event(evseId, { kind: "SessionStarted", sessionId: `s${evseId}`, reason: "EVConnected" });
const begin = (evseId = 1) => {
  plugIn(evseId);
  charger.event(evseId, { kind: "TransactionStarted", sessionId: `s${evseId}`, token: TOKEN });
};
const finish = (evseId = 1) =>
  charger.event(evseId, { kind: "TransactionFinished", sessionId: `s${evseId}`, stoppedReason: "Local" });
const unplug = (evseId = 1) => charger.event(evseId, { kind: "SessionFinished", sessionId: `s${evseId}` });
const allowEvseReset = (evseId: number) =>
  charger.deviceModel.set(
    [{ address: { component: "EVSE", evseId, variable: "AllowReset" }, attributeType: "Actual", value: "true" }],
    "test",
    { mayWriteReadOnly: true },
  );
const remoteStart = { remoteStartId: 1, idToken: TOKEN.idToken };
const boots = () => charger.callsOf("BootNotification").map(({ reason }) => reason);

describe("OnIdle waits (errata 2.14)", () => {
  test("TC_B_21, B12.FR.01, FR.03: it waited for the unplugging after the transaction was stopped", async () => {
    await start();
    begin();
    expect(await reset({ type: "OnIdle" })).toEqual({ status: "Scheduled" });
    await pass(20);
    expect(resets()).toEqual([]);
    finish();
    await pass(20);
    expect(resets()).toEqual([true]);
    expect(charger.callsOf("TransactionEvent").at(-1)).toMatchObject({ eventType: "Ended" });
    charger.crash();
    charger.calls.length = 0;
    await charger.start();
    await pass(1);
    expect(boots()).toEqual(["ScheduledReset"]);
    expect(charger.callsOf("StatusNotification")[0]).toMatchObject({ evseId: 1, connectorStatus: "Occupied" });
    await pass(60);
    expect(resets()).toEqual([true]);
  });

  test("B12.FR.01: for the transaction that lasts as long as the cable is plugged", async () => {
    await start({ "TxCtrlr.TxStartPoint": "EVConnected", "TxCtrlr.TxStopPoint": "EVConnected" });
    begin();
    await reset({ type: "OnIdle" });
    finish();
    await pass(20);
    expect(resets()).toEqual([]);
    unplug();
    await pass(20);
    expect(resets()).toEqual([true]);
  });

  test("B11.FR.07: for a cable that is locked without a transaction, not for one that is only plugged in", async () => {
    await start({ "TxCtrlr.TxStartPoint": "EnergyTransfer", "TxCtrlr.TxStopPoint": "EnergyTransfer" });
    begin();
    plugIn(2);
    expect(await reset({ type: "OnIdle" })).toEqual({ status: "Scheduled" });
    await pass(20);
    expect(resets()).toEqual([]);
    charger.event(1, { kind: "Deauthorized", sessionId: "s1" });
    await pass(20);
    expect(resets()).toEqual([true]);
  });

  test("for relays that were closed although the token was refused and the transaction has ended", async () => {
    await start({ "TxCtrlr.StopTxOnInvalidId": "true", "TxCtrlr.TxStopPoint": "Authorized" });
    charger.hardwareAnswers.stopTransaction = () => false;
    const { react } = charger;
    charger.react = (call) =>
      call.payload.idToken !== undefined ? { answer: { idTokenInfo: { status: "Blocked" } } } : react(call);
    begin();
    await pass(1);
    charger.event(1, { kind: "ChargingStarted", sessionId: "s1" });
    expect(await reset({ type: "OnIdle" })).toEqual({ status: "Scheduled" });
    await pass(15);
    expect(charger.model.evse(1)).toMatchObject({ transaction: undefined, authorized: false, energyFlows: true });
    expect(resets()).toEqual([]);
    finish();
    await pass(20);
    expect(resets()).toEqual([true]);
  });

  test("TC_B_41: an EVSE that was free reported Unavailable; it is Available and takes nobody until the reset", async () => {
    await start();
    begin(1);
    begin(2);
    expect(await reset({ type: "OnIdle" })).toEqual({ status: "Scheduled" });
    charger.calls.length = 0;
    finish(1);
    charger.event(1, { kind: "Disabled" });
    await pass(1);
    unplug(1);
    await pass(20);
    expect(enabling().slice(-1)).toEqual([[1, 1, false]]);
    expect(charger.callsOf("StatusNotification")).toMatchObject([{ evseId: 1, connectorStatus: "Available" }]);
    const started = await charger.call("RequestStartTransaction", { evseId: 1, ...remoteStart });
    expect(started.body).toMatchObject({ status: "Rejected" });
    const anywhere = await charger.call("RequestStartTransaction", remoteStart);
    expect(anywhere.body).toMatchObject({ status: "Rejected" });
    expect(resets()).toEqual([]);
    finish(2);
    await pass(20);
    expect(resets()).toEqual([true]);
  });

  test("what the CSMS makes Inoperative while the reset waits is Unavailable nevertheless", async () => {
    await start();
    begin(1);
    await reset({ type: "OnIdle" });
    await charger.call("ChangeAvailability", { operationalStatus: "Inoperative", evse: { id: 2 } });
    await pass(1);
    expect(charger.callsOf("StatusNotification").at(-1)).toMatchObject({ evseId: 2, connectorStatus: "Unavailable" });
  });

  test("B11.FR.07: for a reservation, whose EVSE stays open for its driver", async () => {
    await start();
    charger.event(1, { kind: "ReservationStarted", reservationId: 7 });
    expect(await reset({ type: "OnIdle" })).toEqual({ status: "Scheduled" });
    await pass(20);
    expect(enabling()).toContainEqual([2, 1, false]);
    expect(enabling()).not.toContainEqual([1, 1, false]);
    charger.event(1, { kind: "ReservationEnded", reservationId: 7 });
    await pass(20);
    expect(resets()).toEqual([true]);
  });

  test("B11.FR.07: for a firmware update and for a log upload", async () => {
    await start();
    charger.hardwareEvents.emit("firmwareStatus", { state: "Downloading", requestId: 1 });
    await charger.call("GetLog", { logType: "DiagnosticsLog", requestId: 2, log: { remoteLocation: "ftp://here" } });
    expect(await reset({ type: "OnIdle" })).toEqual({ status: "Scheduled" });
    charger.hardwareEvents.emit("firmwareStatus", { state: "DownloadFailed", requestId: 1 });
    await pass(20);
    expect(resets()).toEqual([]);
    charger.hardwareEvents.emit("logStatus", { state: "Uploaded", requestId: 2 });
    await pass(20);
    expect(resets()).toEqual([true]);
  });

  test("for the system when it does not allow the reset at that moment", async () => {
    await start();
    begin();
    await reset({ type: "OnIdle" });
    charger.hardwareAnswers.isResetAllowed = () => false;
    finish();
    unplug();
    await pass(30);
    expect(resets()).toEqual([]);
    charger.hardwareAnswers.isResetAllowed = () => true;
    await pass(30);
    expect(resets()).toEqual([true]);
  });
});

describe("a promised reset survives a restart", () => {
  test("B12.FR.03: OnIdle, also while the transaction of before is not yet heard of again", async () => {
    await start();
    begin();
    await reset({ type: "OnIdle" });
    charger.crash();
    await charger.start();
    await pass(15);
    expect(resets()).toEqual([]);
    charger.event(1, { kind: "SessionResumed", sessionId: "s1" });
    await pass(15);
    expect(resets()).toEqual([]);
    finish();
    unplug();
    await pass(20);
    expect(resets()).toEqual([true]);
  });

  test("B11.FR.04: once carried out it is over, and is the boot reason if the system knows none", async () => {
    await start();
    expect(await reset({ type: "OnIdle" })).toEqual({ status: "Accepted" });
    await pass(2);
    expect(resets()).toEqual([false]);
    charger.crash();
    await charger.start();
    await pass(100);
    expect(resets()).toEqual([false]);
    expect(boots()).toEqual(["PowerUp", "RemoteReset"]);
    charger.crash();
    await charger.start();
    await pass(1);
    expect(boots()).toEqual(["PowerUp", "RemoteReset", "PowerUp"]);
  });

  test("B12.FR.05: the Ended event that the CSMS did not confirm is sent after the reset", async () => {
    await start();
    begin();
    await pass(1);
    charger.hardwareAnswers.stopTransaction = () => {
      charger.event(1, { kind: "TransactionFinished", sessionId: "s1", stoppedReason: "ImmediateReset" });
      return true;
    };
    const { react } = charger;
    charger.react = (call) => (call.action === "TransactionEvent" ? "silence" : react(call));
    expect(await reset({ type: "Immediate" })).toEqual({ status: "Accepted" }); // B12.FR.02
    await pass(20);
    expect(resets()).toEqual([false]);
    charger.crash();
    charger.calls.length = 0;
    charger.react = react;
    await charger.start();
    await pass(5);
    expect(charger.callsOf("TransactionEvent")).toMatchObject([
      { eventType: "Ended", triggerReason: "ResetCommand", transactionInfo: { stoppedReason: "ImmediateReset" } },
    ]);
  });
});

describe("B12.FR.04: an immediate reset ends the transaction with ResetCommand and ImmediateReset", () => {
  const ended = () => charger.callsOf("TransactionEvent").filter(({ eventType }) => eventType === "Ended");
  const byReset = { triggerReason: "ResetCommand", transactionInfo: { stoppedReason: "ImmediateReset" } };

  test("when the hardware side knows of nothing to stop", async () => {
    await start();
    begin();
    charger.hardwareAnswers.stopTransaction = () => false;
    await reset({ type: "Immediate" });
    await pass(10);
    expect(ended()).toMatchObject([byReset]);
    expect(resets()).toEqual([false]);
  });

  test("when the hardware side takes the stop and never reports the end", async () => {
    await start();
    begin();
    await reset({ type: "Immediate" });
    await pass(5);
    expect([ended(), resets()]).toEqual([[], []]);
    await pass(15);
    expect(ended()).toMatchObject([byReset]);
    expect(resets()).toEqual([false]);
  });

  test("when it began while the reset waited for the delivery of another one's end", async () => {
    await start();
    begin();
    charger.hardwareAnswers.stopTransaction = () => false;
    const { react } = charger;
    charger.react = (call) => (call.action === "TransactionEvent" ? "silence" : react(call));
    await reset({ type: "Immediate" });
    begin(2);
    charger.react = react;
    await pass(20);
    expect(resets()).toEqual([false]);
    await pass(60);
    expect(ended().map(({ transactionInfo }) => (transactionInfo as { transactionId: string }).transactionId)).toEqual([
      "s1",
      "s2",
    ]);
    expect(ended()).toMatchObject([byReset, byReset]);
  });

  test("when the hardware side calls the reason otherwise", async () => {
    await start();
    begin();
    await reset({ type: "Immediate" });
    charger.event(1, { kind: "TransactionFinished", sessionId: "s1", stoppedReason: "Other" });
    await pass(10);
    expect(ended()).toMatchObject([byReset]);
  });

  test("when the power was gone before the end was reported, whether the hardware side speaks of it again or not", async () => {
    for (const speaks of [true, false]) {
      await start();
      begin();
      await pass(1);
      await reset({ type: "Immediate" });
      charger.crash();
      charger.calls.length = 0;
      await charger.start();
      if (speaks) {
        charger.event(1, { kind: "SessionResumed", sessionId: "s1" });
        charger.event(1, { kind: "TransactionFinished", stoppedReason: "PowerLoss" });
      }
      await pass(30);
      expect(ended()).toMatchObject([byReset]);
      if (speaks) charger.dispose();
    }
  });
});

describe("a reset that does not come", () => {
  test("is tried again as often as ResetRetries says, then the station serves again", async () => {
    await start({ "OCPPCommCtrlr.ResetRetries": "1" });
    begin();
    await reset({ type: "OnIdle" });
    charger.hardwareAnswers.reset = () => {
      throw new Error("no answer from System");
    };
    finish();
    unplug();
    await pass(60);
    expect(resets()).toEqual([true, true]);
    expect(enabling().at(-1)?.[2]).toBe(true);
    expect(charger.services.resets.isPending(1)).toBe(false);
  });

  test("also when the system never answers the command", async () => {
    await start({ "OCPPCommCtrlr.ResetRetries": "1" });
    charger.hardwareAnswers.reset = () => new Promise(() => {});
    await reset({ type: "Immediate" });
    await pass(200);
    expect(resets()).toEqual([false, false]);
    expect(charger.services.resets.isPending(1)).toBe(false);
  });

  test("also when the system took the command and nothing happened", async () => {
    await start({ "OCPPCommCtrlr.ResetRetries": "2" });
    await reset({ type: "Immediate" });
    await pass(300);
    expect(resets()).toEqual([false, false, false]);
    expect(charger.log.join("\n")).toContain("could not be reset");
  });
});

test("evseId 0 was refused as an unknown EVSE; it means the station, as in ChangeAvailability", async () => {
  await start();
  begin();
  expect(await reset({ type: "OnIdle", evseId: 0 })).toEqual({ status: "Scheduled" });
  finish();
  await pass(20);
  expect(resets()).toEqual([true]);
});

describe("refused", () => {
  test("B11.FR.01, FR.06: when the system does not allow it", async () => {
    await start();
    charger.hardwareAnswers.isResetAllowed = () => false;
    for (const type of ["Immediate", "OnIdle"])
      expect(await reset({ type })).toMatchObject({ status: "Rejected", statusInfo: { reasonCode: "NotEnabled" } });
  });

  test("B11.FR.06: when the system does not say in time whether it does", async () => {
    await start();
    charger.hardwareAnswers.isResetAllowed = async () => {
      await sleep(charger.clock, 5_000);
      throw new Error("no answer within 5 s");
    };
    const from = charger.answers.length;
    charger.sendText(JSON.stringify([2, "late", "Reset", { type: "Immediate" }]));
    await pass(10);
    expect(charger.answers.slice(from)).toMatchObject([{ messageId: "late", body: { status: "Rejected" } }]);
  });

  test("B12.FR.10: Immediate during a firmware update", async () => {
    await start();
    charger.hardwareEvents.emit("firmwareStatus", { state: "Downloading", requestId: 1 });
    expect(await reset({ type: "Immediate" })).toMatchObject({
      status: "Rejected",
      statusInfo: { reasonCode: "FwUpdateInProgress" },
    });
    expect(charger.services.resets.isPending(undefined)).toBe(false);
  });

  test("B11.FR.09, B12.FR.09: a single EVSE that cannot be reset by itself, and one that does not exist", async () => {
    await start();
    expect(await reset({ type: "OnIdle", evseId: 1 })).toMatchObject({
      statusInfo: { reasonCode: "UnsupportedRequest" },
    });
    expect(await reset({ type: "OnIdle", evseId: 5 })).toMatchObject({ statusInfo: { reasonCode: "UnknownEvse" } });
  });
});

describe("a single EVSE that allows it (B11.FR.10)", () => {
  test("B11.FR.08: is switched off and on; the station and the other EVSE go on", async () => {
    await start();
    await allowEvseReset(1);
    begin(2);
    charger.hardwareCalls.length = 0;
    expect(await reset({ type: "OnIdle", evseId: 1 })).toEqual({ status: "Accepted" });
    await pass(10);
    expect(enabling()).toEqual([
      [1, 1, false],
      [1, 1, true],
    ]);
    expect([resets(), charger.model.evse(2)?.transaction?.transactionId]).toEqual([[], "s2"]);
  });

  test("B12.FR.07: waits for its own transaction only; a reset of the station that waits is not forgotten", async () => {
    await start();
    await allowEvseReset(1);
    begin(1);
    begin(2);
    expect(await reset({ type: "OnIdle" })).toEqual({ status: "Scheduled" });
    expect(await reset({ type: "OnIdle", evseId: 1 })).toEqual({ status: "Scheduled" });
    finish(1);
    unplug(1);
    await pass(20);
    expect(resets()).toEqual([]);
    finish(2);
    unplug(2);
    await pass(20);
    expect(resets()).toEqual([true]);
  });

  test("B12.FR.08: Immediate ends its transaction first", async () => {
    await start();
    await allowEvseReset(1);
    begin(1);
    begin(2);
    charger.hardwareAnswers.stopTransaction = (evseId) => {
      charger.event(Number(evseId), { kind: "TransactionFinished", sessionId: "s1", stoppedReason: "ImmediateReset" });
      return true;
    };
    expect(await reset({ type: "Immediate", evseId: 1 })).toEqual({ status: "Accepted" });
    await pass(10);
    expect(charger.callsOf("TransactionEvent").filter(({ eventType }) => eventType === "Ended")).toMatchObject([
      {
        triggerReason: "ResetCommand",
        transactionInfo: { transactionId: "s1", stoppedReason: "ImmediateReset" },
      },
    ]);
    expect(enabling()).toContainEqual([1, 1, false]);
  });

  test("B12.FR.06, B11.FR.02: an EVSE that the CSMS made Inoperative stays so, over the reset of EVSE and station", async () => {
    await start();
    await allowEvseReset(1);
    await charger.call("ChangeAvailability", { operationalStatus: "Inoperative", evse: { id: 1 } });
    await reset({ type: "Immediate", evseId: 1 });
    await pass(10);
    expect(enabling().at(-1)).toEqual([1, 1, false]);
    await reset({ type: "Immediate" });
    await pass(10);
    charger.crash();
    charger.calls.length = 0;
    await charger.start();
    await pass(1);
    expect(charger.callsOf("StatusNotification").map(({ connectorStatus }) => connectorStatus)).toEqual([
      "Unavailable", // B01.FR.07
      "Available",
    ]);
  });
});
