import { afterEach, describe, expect, test } from "bun:test";
import { InProcessCharger, type Payload } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const card = (idToken: string) => ({ idToken: { idToken, type: "ISO14443" as const }, remote: false });
const remote = (remoteStartId: number) => ({
  idToken: { idToken: "APP", type: "Central" as const },
  remote: true,
  remoteStartId,
});
const start = async (variables: Record<string, string> = {}) => {
  charger = await new InProcessCharger(1, variables).start();
  await charger.clock.advance(100);
  return charger;
};
const events = () => charger.callsOf("TransactionEvent");
const brief = () =>
  events().map((event: Payload) => {
    const { chargingState, stoppedReason } = event.transactionInfo as {
      chargingState?: string;
      stoppedReason?: string;
    };
    return [event.eventType, event.triggerReason, chargingState, stoppedReason]
      .filter((part) => part !== undefined)
      .join(" ");
  });

const plugFirst = (sessionId = "s") => {
  charger.event(1, { kind: "SessionStarted", sessionId, reason: "EVConnected" });
  charger.event(1, { kind: "TransactionStarted", sessionId, token: card("A") });
};
const cardFirst = (sessionId = "s", token: ReturnType<typeof card> = card("A")) => {
  charger.event(1, { kind: "SessionStarted", sessionId, reason: "Authorized", token });
};
const plugAfterCard = (sessionId = "s", token: ReturnType<typeof card> = card("A")) =>
  charger.event(1, { kind: "TransactionStarted", sessionId, token });
const charge = () => charger.event(1, { kind: "ChargingStarted", sessionId: "s" });
const stopByCard = () =>
  charger.event(1, { kind: "TransactionFinished", sessionId: "s", stoppedReason: "Local", token: card("A") });
const unplug = () => charger.event(1, { kind: "SessionFinished", sessionId: "s" });

describe("start and stop points (E01, E06)", () => {
  const points = (startPoint: string, stopPoint: string) => ({
    "TxCtrlr.TxStartPoint": startPoint,
    "TxCtrlr.TxStopPoint": stopPoint,
  });
  const play = async (...steps: (() => void)[]) => {
    for (const step of steps) step();
    await charger.clock.advance(1_000);
    return brief();
  };

  test("PowerPathClosed, plug first, stop by card", async () => {
    await start();
    expect(await play(plugFirst, charge, stopByCard, unplug)).toEqual([
      "Started Authorized EVConnected",
      "Updated ChargingStateChanged Charging",
      "Ended StopAuthorized EVConnected Local",
    ]);
  });

  test("PowerPathClosed, card first: the plug starts it", async () => {
    await start();
    expect(await play(cardFirst, plugAfterCard, charge)).toEqual([
      "Started CablePluggedIn EVConnected",
      "Updated ChargingStateChanged Charging",
    ]);
    expect(events()[0]).toMatchObject({ idToken: { idToken: "A" }, evse: { id: 1, connectorId: 1 } });
  });

  test("EVConnected: Started without token, then Updated Authorized with it (E02.FR.01); ends when unplugged with the first reason (F04.FR.03)", async () => {
    await start(points("EVConnected", "EVConnected"));
    expect(await play(plugFirst, charge, stopByCard, unplug)).toEqual([
      "Started CablePluggedIn EVConnected",
      "Updated Authorized EVConnected",
      "Updated ChargingStateChanged Charging",
      "Updated StopAuthorized EVConnected",
      "Ended EVCommunicationLost Idle Local",
    ]);
    expect(events()[0]?.idToken).toBeUndefined();
    expect(events()[1]).toMatchObject({ idToken: { idToken: "A" } });
  });

  test("Authorized, card first: evse and connector in the event after the plug (E01.FR.16, E03.FR.12)", async () => {
    await start(points("Authorized", "Authorized"));
    expect(await play(cardFirst, plugAfterCard, charge)).toEqual([
      "Started Authorized Idle",
      "Updated CablePluggedIn EVConnected",
      "Updated ChargingStateChanged Charging",
    ]);
    expect(events()[0]?.evse).toEqual({ id: 1 });
    expect(events()[1]?.evse).toEqual({ id: 1, connectorId: 1 });
  });

  test("Authorized, nobody plugs in: EVConnectTimeout, Timeout (E03.FR.05)", async () => {
    await start(points("Authorized", "Authorized"));
    expect(await play(cardFirst, () => charger.event(1, { kind: "Deauthorized", sessionId: "s" }), unplug)).toEqual([
      "Started Authorized Idle",
      "Ended EVConnectTimeout Idle Timeout",
    ]);
  });

  test("EnergyTransfer starts with the energy and stops with it", async () => {
    await start(points("EnergyTransfer", "EnergyTransfer"));
    expect(await play(plugFirst, charge, () => charger.event(1, { kind: "SuspendedEV", sessionId: "s" }))).toEqual([
      "Started ChargingStateChanged Charging",
      "Ended ChargingStateChanged SuspendedEV StoppedByEV",
    ]);
  });

  test("unplugged while charging (E10): EVCommunicationLost, EVDisconnected", async () => {
    await start();
    const finish = () =>
      charger.event(1, { kind: "TransactionFinished", sessionId: "s", stoppedReason: "EVDisconnected" });
    expect((await play(plugFirst, charge, finish, unplug)).at(-1)).toBe(
      "Ended EVCommunicationLost Idle EVDisconnected",
    );
  });

  test("remote start: the next event says RemoteStart and carries remoteStartId (F01.FR.19, F02.FR.21)", async () => {
    await start(points("EVConnected", "EVConnected"));
    charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
    charger.event(1, { kind: "TransactionStarted", sessionId: "s", token: remote(42) });
    await charger.clock.advance(100);
    expect(events()[1]).toMatchObject({
      triggerReason: "RemoteStart",
      transactionInfo: { remoteStartId: 42 },
      idToken: { idToken: "APP" },
    });
  });

  test("changed stop points hold for the running session", async () => {
    await start();
    plugFirst();
    await charger.call("SetVariables", {
      setVariableData: [
        { component: { name: "TxCtrlr" }, variable: { name: "TxStopPoint" }, attributeValue: "EVConnected" },
      ],
    });
    expect((await play(stopByCard)).at(-1)).toBe("Updated StopAuthorized EVConnected");
  });

  test("the numbers are contiguous and the first id is the session's", async () => {
    await start();
    await play(plugFirst, charge, stopByCard, unplug);
    expect(events().map(({ seqNo }) => seqNo)).toEqual([0, 1, 2]);
    expect(events()[0]).toMatchObject({ transactionInfo: { transactionId: "s" } });
  });
});

describe("what the CSMS says of a token (E05, C15)", () => {
  const refuse = () => {
    charger.react = ({ action, payload }) => ({
      answer:
        action === "TransactionEvent" && payload.idToken !== undefined ? { idTokenInfo: { status: "Invalid" } } : {},
    });
  };
  const calls = (name: string) => charger.hardwareCalls.filter((call) => call.name === name).map(({ args }) => args);

  test("E05.FR.10: StopTxOnInvalidId stops through the hardware side", async () => {
    await start();
    refuse();
    plugFirst();
    await charger.clock.advance(100);
    expect(calls("stopTransaction")).toEqual([[1, "DeAuthorized"]]);
    expect(calls("publishValidationUpdate")).toHaveLength(1);
  });

  test("E05.FR.02: without it the energy is paused", async () => {
    await start({ "TxCtrlr.StopTxOnInvalidId": "false", "TxCtrlr.MaxEnergyOnInvalidId": "0" });
    refuse();
    plugFirst();
    await charger.clock.advance(100);
    expect(calls("pauseCharging")).toEqual([[1]]);
  });

  test("E05.FR.03: MaxEnergyOnInvalidId lets so much through", async () => {
    await start({ "TxCtrlr.StopTxOnInvalidId": "false", "TxCtrlr.MaxEnergyOnInvalidId": "500" });
    charger.meter(1, 1_000);
    refuse();
    plugFirst();
    await charger.clock.advance(100);
    charger.meter(1, 1_400);
    expect(calls("pauseCharging")).toEqual([]);
    charger.meter(1, 1_501);
    expect(calls("pauseCharging")).toEqual([[1]]);
  });

  test("a stop that was asked before a crash is asked again", async () => {
    await start();
    refuse();
    plugFirst();
    charger.hardwareAnswers.stopTransaction = () => new Promise(() => {});
    await charger.clock.advance(100);
    charger.crash();
    charger.hardwareAnswers = {};
    await charger.start();
    charger.event(1, { kind: "ChargingStarted", sessionId: "s" });
    await charger.clock.advance(100);
    expect(calls("stopTransaction").length).toBeGreaterThan(1);
  });
});

describe("offline and failing delivery (E04, E11–E13)", () => {
  test("E13: a refused event is sent again after interval × attempts, then given up with a log line that names it", async () => {
    await start({ "OCPPCommCtrlr.MessageAttempts": "3", "OCPPCommCtrlr.MessageAttemptInterval": "10" });
    charger.react = ({ action }) => (action === "TransactionEvent" ? { error: "InternalError" } : { answer: {} });
    plugFirst();
    await charger.clock.advance(9_000);
    expect(events()).toHaveLength(1);
    await charger.clock.advance(2_000);
    expect(events()).toHaveLength(2);
    await charger.clock.advance(18_000);
    expect(events()).toHaveLength(2);
    await charger.clock.advance(5_000);
    expect(events()).toHaveLength(3);
    expect(charger.csms.durableQueueLength).toBe(0);
    expect(
      charger.log.some((line) => line.includes("TransactionEvent Started 0 of s is discarded after 3 attempts")),
    ).toBe(true);
  });

  test("E11.FR.07: what was queued online becomes offline when the connection goes", async () => {
    await start();
    charger.react = () => "silence";
    plugFirst();
    await charger.clock.advance(10);
    expect(events()[0]?.offline).toBeUndefined();
    charger.react = () => ({ answer: {} });
    charger.disconnect();
    await charger.clock.advance(20_000);
    expect(events().at(-1)).toMatchObject({ seqNo: 0, offline: true });
  });

  test("E04.FR.07, FR.08: too long a queue loses every other Updated, never Started or Ended", async () => {
    await start({ "InternalCtrlr.MessageQueueSizeThreshold": "10" });
    charger.reachable = false;
    charger.disconnect();
    plugFirst();
    for (let turn = 0; turn < 12; turn++) {
      charge();
      charger.event(1, { kind: "SuspendedEV", sessionId: "s" });
    }
    stopByCard();
    expect(charger.csms.durableQueueLength).toBeLessThanOrEqual(11);
    charger.reachable = true;
    await charger.clock.advance(120_000);
    expect(events()[0]?.eventType).toBe("Started");
    expect(events().at(-1)?.eventType).toBe("Ended");
    expect(charger.log.some((line) => line.includes("E04.FR.08"))).toBe(true);
  });

  test("E14: GetTransactionStatus with and without id", async () => {
    await start();
    const status = async (request: object) => (await charger.call("GetTransactionStatus", request)).body;
    expect(await status({ transactionId: "unknown" })).toEqual({ ongoingIndicator: false, messagesInQueue: false });
    expect(await status({})).toEqual({ messagesInQueue: false });
    plugFirst();
    await charger.clock.advance(100);
    expect(await status({ transactionId: "s" })).toEqual({ ongoingIndicator: true, messagesInQueue: false });
  });

  test("a full disk: events wait in order and are told once they can be stored", async () => {
    await start();
    charger.core.database.run("PRAGMA query_only = ON");
    plugFirst();
    charge();
    await charger.clock.advance(5_000);
    expect(events()).toEqual([]);
    expect(charger.log.some((line) => line.startsWith("critical") && line.includes("waits"))).toBe(true);
    charger.core.database.run("PRAGMA query_only = OFF");
    await charger.clock.advance(2_000);
    expect(events().map(({ seqNo, triggerReason }) => [seqNo, triggerReason])).toEqual([
      [0, "Authorized"],
      [1, "ChargingStateChanged"],
    ]);
  });

  test("power loss: a transaction that nobody resumes is ended with PowerLoss", async () => {
    await start();
    plugFirst();
    await charger.clock.advance(100);
    charger.crash();
    await charger.start();
    await charger.clock.advance(30_000);
    expect(brief().at(-1)).toBe("Ended AbnormalCondition EVConnected PowerLoss");
  });

  test("incident: the id of an ended transaction is not given again when its session goes on after a restart (E01.FR.08)", async () => {
    await start({ "TxCtrlr.TxStartPoint": "EnergyTransfer" });
    plugFirst();
    charge();
    await charger.clock.advance(100);
    charger.crash();
    await charger.start();
    await charger.clock.advance(30_000);
    charge();
    await charger.clock.advance(100);
    const ids = new Set(
      events().map(({ transactionInfo }) => (transactionInfo as { transactionId: string }).transactionId),
    );
    expect(ids.size).toBe(2);
  });
});

describe("meter values (J01, J02)", () => {
  test("begin, periodic and end; Ended holds what was collected (E06.FR.11)", async () => {
    await start({ "SampledDataCtrlr.TxUpdatedInterval": "10", "SampledDataCtrlr.TxEndedInterval": "15" });
    charger.meter(1, 100);
    plugFirst();
    charge();
    charger.meter(1, 150);
    await charger.clock.advance(31_000);
    charger.meter(1, 200);
    stopByCard();
    await charger.clock.advance(100);
    const contexts = (event: Payload | undefined) =>
      ((event?.meterValue ?? []) as { sampledValue: { context: string }[] }[]).map(
        ({ sampledValue }) => sampledValue[0]?.context,
      );
    expect(contexts(events()[0])).toEqual(["Transaction.Begin"]);
    expect(events().filter(({ triggerReason }) => triggerReason === "MeterValuePeriodic")).toHaveLength(3);
    expect(contexts(events().at(-1))).toEqual([
      "Transaction.Begin",
      "Sample.Periodic",
      "Sample.Periodic",
      "Transaction.End",
    ]);
  });

  test("clock-aligned outside and inside a transaction (J01.FR.14)", async () => {
    await start({ "AlignedDataCtrlr.Interval": "900", "SampledDataCtrlr.TxUpdatedInterval": "0" });
    charger.meter(1, 1);
    charger.meter(2, 2);
    plugFirst();
    await charger.clock.advance(900_000);
    expect(events().filter(({ triggerReason }) => triggerReason === "MeterValueClock")).toHaveLength(1);
    expect(charger.callsOf("MeterValues")).toMatchObject([
      { evseId: 2, meterValue: [{ sampledValue: [{ context: "Sample.Clock" }] }] },
    ]);
  });
});
