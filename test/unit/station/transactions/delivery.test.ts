import { afterEach, describe, expect, test } from "bun:test";
import { card, energy, Rig, samplesOf, signed } from "./support.ts";

let rig: Rig;
afterEach(() => rig.charger.dispose());

const goOffline = () => {
  rig.charger.reachable = false;
  rig.charger.disconnect();
};
const comeBack = () => {
  rig.charger.reachable = true;
  return rig.pass(600_000);
};

test("events that happen with a connection say so: EVerest's own CSMS waits for `offline: false` (E04.FR.03)", async () => {
  rig = await Rig.start({ "SampledDataCtrlr.TxUpdatedInterval": "60" });
  await rig
    .reading([energy(1_000)])
    .plug()
    .begin()
    .pass(61_000);
  await rig.finish("Local").unplug().pass();
  expect(rig.events.map(({ eventType, offline }) => [eventType, offline])).toEqual([
    ["Started", false],
    ["Updated", false],
    ["Ended", false],
  ]);
});

describe("offline", () => {
  test("readings by time go on, are kept, signed, and told later as offline (E04.FR.06, E11.FR.03, FR.08, E12.FR.03, FR.10)", async () => {
    rig = await Rig.start({ "SampledDataCtrlr.TxUpdatedInterval": "60", "SampledDataCtrlr.SignReadings": "true" });
    goOffline();
    await rig
      .reading([energy(1_000, signed())])
      .plug()
      .begin()
      .pass(181_000);
    await rig.finish("Local").unplug().pass();
    expect(rig.events).toEqual([]);
    await comeBack();
    expect(rig.events.map(({ triggerReason, offline }) => [triggerReason, offline])).toEqual([
      ["Authorized", true],
      ["MeterValuePeriodic", true],
      ["MeterValuePeriodic", true],
      ["MeterValuePeriodic", true],
      ["StopAuthorized", true],
    ]);
    for (const event of rig.events) expect(samplesOf(event)[0]?.signedMeterValue).toBeDefined();
  });

  test("storage gets short: every other reading goes, never Started, Ended, nor what is told only once (E04.FR.07, FR.08, E11.FR.04, FR.05, E12.FR.04, FR.05, J02.FR.12, FR.13)", async () => {
    rig = await Rig.start({
      "TxCtrlr.TxStartPoint": "EVConnected",
      "SampledDataCtrlr.TxUpdatedInterval": "10",
      "InternalCtrlr.MessageQueueSizeThreshold": "12",
    });
    goOffline();
    await rig
      .reading([energy(1)])
      .plug()
      .begin("s", card("TOLD"))
      .pass(600_000);
    await rig.finish("Local").pass();
    expect(rig.charger.csms.durableQueueLength).toBeLessThanOrEqual(13);
    await comeBack();
    const numbers = rig.events.map(({ seqNo }) => Number(seqNo));
    expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
    expect(rig.events[0]).toMatchObject({ eventType: "Started" });
    expect(rig.events[1]).toMatchObject({ seqNo: 1, idToken: { idToken: "TOLD" } });
    expect(rig.events.at(-1)).toMatchObject({ eventType: "Ended", seqNo: 62 });
    const dropped = rig.charger.log
      .flatMap((line) => line.match(/Updated (\d+) of s is dropped/)?.[1] ?? [])
      .map(Number);
    expect([...numbers, ...dropped].sort((one, other) => one - other)).toEqual(Array.from({ length: 63 }, (_, n) => n));
    // Of the first readings the 1st, 3rd, … went first.
    expect(dropped.slice(0, 3)).toEqual([2, 4, 6]);
  });
});

test("MessageAttempts and MessageAttemptInterval hold as they are set, in the middle of the attempts, too (E13.FR.01–04)", async () => {
  rig = await Rig.start({ "OCPPCommCtrlr.MessageAttempts": "5", "OCPPCommCtrlr.MessageAttemptInterval": "10" });
  rig.charger.react = ({ action }) => (action === "TransactionEvent" ? { error: "InternalError" } : { answer: {} });
  await rig.plug().begin().charge().pass(11_000);
  expect(rig.events.map(({ seqNo }) => seqNo)).toEqual([0, 0]);
  await rig.charger.call("SetVariables", {
    setVariableData: [
      {
        component: { name: "OCPPCommCtrlr" },
        variable: { name: "MessageAttempts", instance: "TransactionEvent" },
        attributeValue: "3",
      },
    ],
  });
  await rig.pass(21_000);
  expect(rig.events.map(({ seqNo }) => seqNo)).toEqual([0, 0, 0, 1]);
  expect(rig.charger.log.some((line) => line.includes("TransactionEvent Started 0 of s is discarded"))).toBe(true);
});

describe("GetTransactionStatus (E14.FR.01–08)", () => {
  const status = async (request: object = {}) => (await rig.charger.call("GetTransactionStatus", request)).body;
  const silent = () => {
    rig.charger.react = ({ action }) => (action === "TransactionEvent" ? "silence" : { answer: {} });
  };

  test.each([
    ["unknown", "none", { ongoingIndicator: false, messagesInQueue: false }],
    ["ongoing, all delivered", "s", { ongoingIndicator: true, messagesInQueue: false }],
  ])("%s", async (_name, transactionId, answer) => {
    rig = await Rig.start();
    await rig.plug().begin().pass();
    expect(await status({ transactionId })).toEqual(answer);
    expect(await status()).toEqual({ messagesInQueue: false });
  });

  test("a message that waits for its answer is still in the queue", async () => {
    rig = await Rig.start();
    silent();
    await rig.plug().begin().pass();
    expect(await status({ transactionId: "s" })).toEqual({ ongoingIndicator: true, messagesInQueue: true });
    expect(await status()).toEqual({ messagesInQueue: true });
    expect(await status({ transactionId: "other" })).toEqual({ ongoingIndicator: false, messagesInQueue: false });
  });

  test("ended, with and without messages in the queue", async () => {
    rig = await Rig.start();
    silent();
    await rig.plug().begin().finish("Local").unplug().pass();
    expect(await status({ transactionId: "s" })).toEqual({ ongoingIndicator: false, messagesInQueue: true });
    rig.answerEvents(() => ({}));
    await rig.pass(300_000);
    expect(await status({ transactionId: "s" })).toEqual({ ongoingIndicator: false, messagesInQueue: false });
  });
});

test.each([
  ["EVDisconnected", "E09.FR.05, FR.08"],
  ["StoppedByEV", "E15.FR.01"],
  ["DeAuthorized", "E05.FR.05"],
] as const)("begin and end are told with their signatures, whatever ends it: %s (%s)", async (stoppedReason) => {
  rig = await Rig.start({ "SampledDataCtrlr.SignReadings": "true" });
  await rig
    .reading([energy(1, signed())])
    .plug()
    .begin()
    .charge()
    .pass();
  rig.reading([energy(2, signed())]);
  rig.charger.event(1, { kind: "TransactionFinished", sessionId: "s", stoppedReason });
  await rig.pass();
  expect(samplesOf(rig.events[0])).toMatchObject([{ context: "Transaction.Begin", value: 1 }]);
  expect(samplesOf(rig.events.at(-1))).toMatchObject([
    { context: "Transaction.Begin", value: 1, signedMeterValue: { signedMeterData: "DATA" } },
    { context: "Transaction.End", value: 2, signedMeterValue: { signedMeterData: "DATA" } },
  ]);
});
