import { afterEach, describe, expect, test } from "bun:test";
import { defaultAnswer, type InProcessCharger, type Payload } from "../../support/in-process-charger.ts";
import { Rig } from "./transactions/support.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const fault = (state: "raised" | "cleared", type = "ac_rcd/AC") =>
  charger.hardwareEvents.emit("error", {
    state,
    type,
    subType: "",
    component: "RCD",
    variable: "Tripped",
    description: "",
    message: "",
    severity: "High",
    timestamp: charger.clock.now(),
    inoperative: false,
    evseId: 2,
    origin: "bsp",
  });
const flap = (times: number, type?: string): void => {
  for (let time = 0; time < times; time++) {
    fault("raised", type);
    fault("cleared", type);
  }
};
const told = () =>
  charger.callsOf("NotifyEvent").map(({ eventData }) => (eventData as readonly Payload[])[0]?.actualValue);
const startRig = async (): Promise<Rig> => {
  const rig = await Rig.start();
  ({ charger } = rig);
  return rig;
};

describe("100 flaps of one fault put 200 NotifyEvents ahead of the next TransactionEvent", () => {
  test("transaction events go first, and what waits is joined: as it began and as it is", async () => {
    const rig = await startRig();
    flap(100);
    rig.plug().begin();
    await charger.clock.advance(1_000);
    const actions = charger.calls
      .map(({ action }) => action)
      .filter((action) => /NotifyEvent|Transaction/.test(action));
    // The first was on its way when the others came.
    expect(actions.slice(0, 2)).toEqual(["NotifyEvent", "TransactionEvent"]);
    expect(told().length).toBeLessThanOrEqual(6);
    expect(told()).toEqual(told().map((_, index) => String(index % 2 === 0)));
    expect(told().at(-1)).toBe("false");
  });

  test("a fault that lasts in the end is told as lasting; another fault is told by itself", async () => {
    await startRig();
    flap(50);
    fault("raised");
    flap(1, "ac_rcd/DC");
    await charger.clock.advance(1_000);
    const ofType = (code: string) =>
      charger
        .callsOf("NotifyEvent")
        .map(({ eventData }) => (eventData as readonly Payload[])[0])
        .filter((event) => event?.techCode === code)
        .map((event) => event?.cleared);
    expect(ofType("ac_rcd/AC").at(-1)).toBe(false);
    expect(ofType("ac_rcd/DC")).toEqual([false, true]);
  });

  test("while offline, too, and those that are being sent stay as they are", async () => {
    await startRig();
    charger.reachable = false;
    charger.disconnect();
    flap(100);
    fault("raised");
    expect(charger.core.normalQueue.length).toBe(3);
    flap(1, "ac_rcd/DC");
    expect(charger.core.normalQueue.length).toBe(5);
    charger.reachable = true;
    await charger.clock.advance(120_000);
    expect(told()).toEqual(["true", "false", "true", "true", "false"]);
    expect(charger.core.normalQueue.length).toBe(0);
  });

  test("flaps that are far enough apart are all told", async () => {
    await startRig();
    for (let time = 0; time < 10; time++) {
      flap(1);
      await charger.clock.advance(1_000);
    }
    expect(told()).toHaveLength(20);
  });
});

test("a connector whose status flaps while the line is busy tells the first and the last", async () => {
  await startRig();
  const inoperative = (state: "raised" | "cleared") =>
    charger.hardwareEvents.emit("error", {
      state,
      type: "evse_manager/Inoperative",
      subType: "",
      component: "EVSE",
      variable: "Problem",
      description: "",
      message: "",
      severity: "High",
      timestamp: charger.clock.now(),
      inoperative: true,
      evseId: 2,
      origin: "bsp",
    });
  const from = charger.callsOf("StatusNotification").length;
  for (let time = 0; time < 100; time++) {
    inoperative("raised");
    inoperative("cleared");
  }
  inoperative("raised");
  await charger.clock.advance(1_000);
  const statuses = charger.callsOf("StatusNotification").slice(from);
  expect(statuses.length).toBeLessThanOrEqual(5);
  expect(statuses.at(-1)).toMatchObject({ evseId: 2, connectorStatus: "Faulted" });
});

test("a flood of security events does not keep transaction events from the CSMS", async () => {
  const rig = await startRig();
  for (let index = 0; index < 50; index++)
    charger.context.events.emit("securityEvent", { type: "TamperDetectionActivated", techInfo: String(index) });
  rig.plug().begin();
  await charger.clock.advance(1_000);
  const actions = charger.calls.map(({ action }) => action);
  expect(actions.indexOf("TransactionEvent")).toBeLessThan(actions.indexOf("SecurityEventNotification") + 8);
  expect(
    charger.callsOf("SecurityEventNotification").filter(({ type }) => type === "TamperDetectionActivated"),
  ).toHaveLength(50);
});

test("a CSMS that refuses security events got the transaction events only after minutes", async () => {
  const rig = await startRig();
  charger.react = ({ action }) =>
    action === "SecurityEventNotification"
      ? { error: "NotImplemented" }
      : { answer: defaultAnswer(action, charger.clock) };
  charger.context.events.emit("securityEvent", { type: "TamperDetectionActivated" });
  await charger.clock.advance(100);
  rig.plug().begin();
  await charger.clock.advance(100);
  expect(charger.callsOf("TransactionEvent")).toHaveLength(1);
  await charger.clock.advance(600_000);
  const sent = charger.callsOf("SecurityEventNotification").filter(({ type }) => type === "TamperDetectionActivated");
  expect(sent).toHaveLength(5); // MessageAttempts
  expect(charger.core.durableQueue.length).toBe(0);
});
