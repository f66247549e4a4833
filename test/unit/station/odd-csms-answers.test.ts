import { afterEach, expect, test } from "bun:test";
import { defaultAnswer, InProcessCharger } from "../../support/in-process-charger.ts";
import { Rig } from "./transactions/support.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

test("a TransactionEvent whose answer had an additional and a null member counted as failed and was dropped", async () => {
  const rig = await Rig.start();
  ({ charger } = rig);
  charger.react = ({ action }) =>
    action === "TransactionEvent"
      ? { answer: { idTokenInfo: { status: "Accepted", language1: null }, more: 1 } }
      : { answer: defaultAnswer(action, charger.clock) };
  rig.plug().begin().charge().finish("Local").unplug();
  await charger.clock.advance(600_000);
  const numbers = charger.callsOf("TransactionEvent").map(({ seqNo }) => seqNo);
  expect(numbers).toEqual(numbers.map((_, index) => index)); // each once
  expect(charger.core.durableQueue.length).toBe(0);
  expect(charger.log.filter((line) => line.includes("more: unknown member"))).toHaveLength(1);
  expect(charger.log.filter((line) => line.includes("discarded"))).toEqual([]);
});

test("a boot answer with a null member was no answer: BootNotification came again every 30 s", async () => {
  charger = new InProcessCharger();
  charger.react = ({ action }) => ({
    answer: {
      ...(defaultAnswer(action, charger.clock) as object),
      ...(action === "BootNotification" && { statusInfo: null }),
    },
  });
  await charger.start();
  await charger.clock.advance(120_000);
  expect(charger.callsOf("BootNotification")).toHaveLength(1);
  expect(charger.csms.registration).toBe("Accepted");
});

test("the log told `next try after -5 s`", async () => {
  charger = new InProcessCharger();
  charger.react = ({ action }) => ({
    answer: { ...(defaultAnswer(action, charger.clock) as object), status: "Pending", interval: -5 },
  });
  await charger.start();
  await charger.clock.advance(10);
  const [line] = charger.log.filter((text) => text.includes("next try"));
  expect(Number(/next try after (\d+) s/.exec(line ?? "")?.[1])).toBeGreaterThanOrEqual(30); // B02.FR.07
});

test("E13.FR.03: a reconnection cut short the wait before a refused event is sent again", async () => {
  const rig = await Rig.start({ "OCPPCommCtrlr.MessageAttemptInterval": "600", "OCPPCommCtrlr.MessageAttempts": "5" });
  ({ charger } = rig);
  charger.react = ({ action }) =>
    action === "TransactionEvent" ? { error: "InternalError" } : { answer: defaultAnswer(action, charger.clock) };
  rig.plug().begin();
  await charger.clock.advance(1_000);
  expect(charger.callsOf("TransactionEvent")).toHaveLength(1);
  charger.disconnect();
  await charger.clock.advance(300_000);
  expect(charger.csms.connected).toBe(true);
  expect(charger.callsOf("TransactionEvent")).toHaveLength(1);
  await charger.clock.advance(300_000);
  expect(charger.callsOf("TransactionEvent")).toHaveLength(2);
});
