import { expect, test } from "bun:test";
import { InProcessCharger } from "../../../support/in-process-charger.ts";

test("incident: a station that was stopped went on asking the hardware side to stop a transaction (E05.FR.10)", async () => {
  const charger = await new InProcessCharger().start();
  charger.hardwareAnswers.stopTransaction = () => Promise.reject(new Error("no answer"));
  const { react } = charger;
  charger.react = (call) =>
    call.action === "TransactionEvent" ? { answer: { idTokenInfo: { status: "Invalid" } } } : react(call);
  charger.event(1, { kind: "SessionStarted", reason: "EVConnected", sessionId: "s" });
  charger.event(1, {
    kind: "TransactionStarted",
    sessionId: "s",
    token: { idToken: { idToken: "CARD", type: "ISO14443" }, remote: false },
  });
  await charger.clock.advance(100);
  const asked = () => charger.hardwareCalls.filter(({ name }) => name === "stopTransaction").length;
  expect(asked()).toBe(1);
  const lines = charger.log.length;
  charger.dispose();
  await charger.clock.advance(60_000);
  expect(asked()).toBe(1);
  expect(charger.log.slice(lines).filter((line) => line.startsWith("critical"))).toEqual([]);
});
