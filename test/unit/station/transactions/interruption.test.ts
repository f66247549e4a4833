import { afterEach, describe, expect, test } from "bun:test";
import { card, current, energy, Rig, samplesOf } from "./support.ts";

let rig: Rig;
afterEach(() => rig.charger.dispose());

const RESUME_WINDOW_MILLISECONDS = 20_000;
const contexts = (event: Parameters<typeof samplesOf>[0]) => samplesOf(event).map(({ context }) => context);

/** Charging for ten minutes, then the power is gone. */
const charging = async (variables: Record<string, string> = {}) => {
  rig = await Rig.start(variables);
  await rig
    .reading([energy(1_000)])
    .plug()
    .begin()
    .charge()
    .pass(300_000);
  await rig.reading([energy(2_000)]).pass(330_000);
  return rig;
};

describe("power loss in a transaction", () => {
  test("nobody speaks of it again: Ended with PowerLoss, the last known value and the time when it was known", async () => {
    await charging();
    const lastMinute = new Date(Math.floor(rig.charger.clock.monotonicMilliseconds() / 60_000) * 60_000);
    await rig.crash();
    await rig.pass(RESUME_WINDOW_MILLISECONDS + 100);
    const ended = rig.events.at(-1);
    expect(rig.brief.at(-1)).toBe("Ended AbnormalCondition EVConnected PowerLoss");
    expect(samplesOf(ended)).toMatchObject([
      { context: "Transaction.Begin", value: 1_000 },
      { context: "Transaction.End", value: 2_000 },
    ]);
    const sinceStart = Date.parse(String(ended?.timestamp)) - Date.parse("2026-01-01T00:00:00.000Z");
    expect(Math.abs(sinceStart - lastMinute.getTime())).toBeLessThan(1_000);
    expect(ended?.transactionInfo).toMatchObject({ timeSpentCharging: expect.any(Number) });
    expect(rig.charger.model.evse(1)?.connectors[0]?.status).toBe("Available");
    expect((await rig.charger.call("GetTransactionStatus", { transactionId: "s" })).body).toMatchObject({
      ongoingIndicator: false,
    });
  });

  test("what the meter says after the restart is no value of a transaction that is over", async () => {
    await charging({ "AlignedDataCtrlr.TxEndedInterval": "10" });
    await rig.crash();
    await rig.reading([energy(9_999)]).pass(RESUME_WINDOW_MILLISECONDS + 100);
    const values = samplesOf(rig.events.at(-1)).map(({ value }) => value);
    expect(rig.brief.at(-1)).toBe("Ended AbnormalCondition EVConnected PowerLoss");
    expect(Math.max(...values)).toBe(2_000);
  });

  test("until that is clear it is ongoing, and its connector occupied (E14.FR.02)", async () => {
    await charging();
    await rig.crash();
    expect((await rig.charger.call("GetTransactionStatus", { transactionId: "s" })).body).toMatchObject({
      ongoingIndicator: true,
    });
    expect(rig.charger.model.evse(1)?.connectors[0]?.status).toBe("Occupied");
  });

  test("EVerest resumes the session: an event says so, sampling goes on, both sides of the gap are in the end", async () => {
    await charging({ "SampledDataCtrlr.TxUpdatedInterval": "60" });
    await rig.crash();
    rig.reading([energy(2_100)]);
    rig.charger.event(1, { kind: "SessionResumed", sessionId: "s" });
    await rig.pass();
    expect(rig.brief.at(-1)).toBe("Updated AbnormalCondition Charging");
    expect(contexts(rig.events.at(-1))).toEqual(["Interruption.End"]);
    const told = rig.events.length;
    await rig.pass(121_000);
    expect(rig.events.slice(told).map(({ triggerReason }) => triggerReason)).toEqual([
      "MeterValuePeriodic",
      "MeterValuePeriodic",
    ]);
    await rig
      .reading([energy(2_200)])
      .finish("Local")
      .pass();
    expect(samplesOf(rig.events.at(-1)).map(({ context, value }) => [context, value])).toEqual([
      ["Transaction.Begin", 1_000],
      ["Interruption.Begin", 2_000],
      ["Interruption.End", 2_100],
      ["Transaction.End", 2_200],
    ]);
    expect(rig.events.map(({ seqNo }) => seqNo)).toEqual(rig.events.map((_event, index) => index));
  });

  test("EVerest ends it itself, without its id (BEHAVIOUR 3.3)", async () => {
    await charging();
    await rig.crash();
    rig.charger.event(1, { kind: "SessionResumed", sessionId: "s" });
    rig.charger.event(1, { kind: "TransactionFinished", sessionId: "", stoppedReason: "PowerLoss" });
    await rig.pass(RESUME_WINDOW_MILLISECONDS);
    expect(rig.brief.slice(-2)).toEqual([
      "Updated AbnormalCondition Charging",
      "Ended AbnormalCondition EVConnected PowerLoss",
    ]);
  });

  test("another session begins at the EVSE: the old one is ended first", async () => {
    await charging();
    await rig.crash();
    await rig.plug("new").begin("new", card("OTHER")).pass();
    expect(rig.brief.slice(-2)).toEqual([
      "Ended AbnormalCondition EVConnected PowerLoss",
      "Started Authorized EVConnected",
    ]);
    expect(rig.charger.model.evse(1)?.connectors[0]?.status).toBe("Occupied");
  });

  test("only this process had died: the meter shows that energy flows on, so the transaction does", async () => {
    await charging();
    await rig.crash();
    await rig.reading([energy(2_050), current("L1", 16)]).pass(RESUME_WINDOW_MILLISECONDS + 100);
    expect(rig.charger.model.evse(1)?.transaction?.transactionId).toBe("s");
    await rig.suspend().pass();
    expect(rig.brief.at(-1)).toBe("Updated ChargingStateChanged SuspendedEV");
  });
});

test("incident: a session without a transaction yet survives a crash with its token", async () => {
  rig = await Rig.start({ "TxCtrlr.TxStartPoint": "EnergyTransfer" });
  await rig.plug().begin("s", card("KEPT")).pass();
  await rig.crash();
  await rig.charge().pass();
  expect(rig.events).toMatchObject([{ eventType: "Started", idToken: { idToken: "KEPT" }, evse: { connectorId: 1 } }]);
});

test("a full disk at the restart: what was left is ended when it can be stored", async () => {
  await charging();
  await rig.crash();
  rig.charger.core.database.run("PRAGMA query_only = ON");
  await rig.pass(RESUME_WINDOW_MILLISECONDS + 5_000);
  rig.charger.core.database.run("PRAGMA query_only = OFF");
  await rig.pass(5_000);
  expect(rig.brief.at(-1)).toBe("Ended AbnormalCondition EVConnected PowerLoss");
});

test("a full disk while events come: what was rolled back is not counted as queued", async () => {
  rig = await Rig.start();
  // Nothing but the table of transactions is full: the event is queued before that shows.
  rig.charger.core.database.run(
    "CREATE TEMP TRIGGER full BEFORE INSERT ON STATION_TRANSACTION BEGIN SELECT raise(ABORT, 'full'); END",
  );
  rig.plug().begin();
  await rig.pass(5_000);
  expect(rig.charger.csms.durableQueueLength).toBe(0);
  rig.charger.core.database.run("DROP TRIGGER full");
  await rig.pass(2_000);
  expect(rig.brief).toEqual(["Started Authorized EVConnected"]);
});

test("a full disk while answers come: no event is lost, the queue goes on by itself (E13)", async () => {
  rig = await Rig.start();
  rig.charger.react = ({ action }) => (action === "TransactionEvent" ? "silence" : { answer: {} });
  await rig.plug().begin().charge().pass();
  rig.answerEvents(() => ({}));
  const waiting = rig.charger.calls.findLast(({ action }) => action === "TransactionEvent");
  rig.charger.core.database.run("PRAGMA query_only = ON");
  rig.charger.sendText(JSON.stringify([3, waiting?.messageId, {}]));
  await rig.pass(1_000);
  expect(
    rig.charger.log.some((line) => line.includes("The answer to TransactionEvent Started 0 of s cannot be stored")),
  ).toBe(true);
  rig.charger.core.database.run("PRAGMA query_only = OFF");
  await rig.pass(30_000);
  expect(rig.charger.csms.durableQueueLength).toBe(0);
  expect(rig.events.map(({ seqNo }) => seqNo)).toEqual([0, 0, 1]);
});
