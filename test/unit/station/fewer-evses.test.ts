import { afterEach, expect, test } from "bun:test";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const CARD = { idToken: { idToken: "CARD", type: "ISO14443" as const }, remote: false };
const RESUME_WINDOW_MILLISECONDS = 20_000;

test("fewer EVSEs than before do not stop the station: what ran on one that is gone is ended and told (CHANGES c.10)", async () => {
  charger = await new InProcessCharger(1, {}, 3).start();
  await charger.clock.advance(1_000);
  await charger.call("ChangeAvailability", { operationalStatus: "Inoperative", evse: { id: 3 } });
  for (const evseId of [1, 3]) {
    const sessionId = `session-${evseId}`;
    charger.event(evseId, { kind: "SessionStarted", sessionId, reason: "EVConnected" });
    charger.event(evseId, { kind: "TransactionStarted", sessionId, token: CARD });
    charger.event(evseId, { kind: "ChargingStarted", sessionId });
  }
  await charger.clock.advance(5_000);
  charger.crash();
  charger.evseCount = 1;
  charger.calls.length = 0;
  await charger.start();
  await charger.clock.advance(RESUME_WINDOW_MILLISECONDS + 5_000);

  expect(charger.csms.registration).toBe("Accepted");
  const ended = charger
    .callsOf("TransactionEvent")
    .filter(({ eventType }) => eventType === "Ended")
    .map(({ transactionInfo }) => (transactionInfo as { transactionId: string }).transactionId);
  expect(ended.sort()).toEqual(["session-1", "session-3"]);
  expect(charger.callsOf("StatusNotification").map(({ evseId }) => evseId)).not.toContain(3);
  expect((await charger.call("GetTransactionStatus", { transactionId: "session-3" })).kind).toBe("response");
  expect(charger.log.filter((line) => /^(?:critical|error)/.test(line))).toEqual([]);
});
