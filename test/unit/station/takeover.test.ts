import type { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { InProcessCharger } from "../../support/in-process-charger.ts";
import { copyLibocppDatabase, queueTransactionEvent } from "../../support/libocpp-databases.ts";

const TRANSACTION = "0b1bacd1-1798-4c5d-97cf-890f5801eb19";
const RESUME_WINDOW_MILLISECONDS = 20_000;

let charger: InProcessCharger | undefined;
afterEach(() => {
  charger?.dispose();
  charger = undefined;
});

/** A station that starts on a cp.db of libocpp. */
async function takeOver(fixture: string, fill?: (database: Database) => void): Promise<InProcessCharger> {
  charger = new InProcessCharger();
  copyLibocppDatabase(fixture, join(charger.directory, "cp.db"), fill);
  return charger.start();
}

const eventsOf = (station: InProcessCharger, transactionId = TRANSACTION) =>
  station
    .callsOf("TransactionEvent")
    .filter(({ transactionInfo }) => (transactionInfo as { transactionId: string }).transactionId === transactionId);
const numbers = (station: InProcessCharger, transactionId?: string) =>
  eventsOf(station, transactionId).map(({ eventType, seqNo }) => `${eventType} ${seqNo}`);

describe("take-over of libocpp's transactions (STORES 4)", () => {
  test("queued messages are sent in order and unchanged but for offline (E04.FR.01, E11.FR.07)", async () => {
    const station = await takeOver("cp-queued-transaction-messages.db");
    await station.clock.advance(1_000);
    expect(numbers(station)).toEqual(["Started 0", "Updated 1", "Updated 2", "Ended 3"]);
    expect(eventsOf(station).every(({ offline }) => offline === true)).toBe(true);
    expect(eventsOf(station)[0]).toMatchObject({
      timestamp: "2026-11-22T11:14:52.612Z",
      idToken: { idToken: "DEADBEEF", type: "ISO14443" },
    });
    await station.clock.advance(RESUME_WINDOW_MILLISECONDS);
    expect(numbers(station)).toHaveLength(4);
  });

  for (const [what, fill] of [
    ["of which libocpp kept a row", undefined],
    ["of which libocpp kept nothing but its events", (database: Database) => database.run("DELETE FROM TRANSACTIONS")],
  ] as const) {
    test(`a transaction ${what} is ended behind its events, with its meter values, when it was last heard of`, async () => {
      const station = await takeOver("cp-v6-interrupted-transaction.db", fill);
      await station.clock.advance(RESUME_WINDOW_MILLISECONDS + 1_000);
      expect(numbers(station)).toEqual(["Started 0", "Updated 1", "Updated 2", "Ended 3"]);
      const ended = eventsOf(station)[3] as Readonly<Record<string, unknown>>;
      expect(ended).toMatchObject({
        triggerReason: "AbnormalCondition",
        timestamp: "2026-11-22T11:15:00.002Z",
        transactionInfo: { stoppedReason: "PowerLoss", timeSpentCharging: 6 },
      });
      const meterValue = ended.meterValue as { sampledValue: { context: string }[] }[];
      expect(meterValue.map(({ sampledValue }) => sampledValue[0]?.context)).toEqual([
        "Transaction.Begin",
        "Sample.Clock",
        "Transaction.End",
      ]);
    });

    test(`a transaction ${what} goes on when EVerest resumes its session`, async () => {
      const station = await takeOver("cp-v6-interrupted-transaction.db", fill);
      station.event(1, { kind: "SessionResumed", sessionId: TRANSACTION });
      station.event(1, { kind: "TransactionFinished", sessionId: "", stoppedReason: "PowerLoss" });
      await station.clock.advance(1_000);
      expect(numbers(station)).toEqual(["Started 0", "Updated 1", "Updated 2", "Updated 3", "Ended 4"]);
      await station.clock.advance(RESUME_WINDOW_MILLISECONDS);
      expect(numbers(station)).toHaveLength(5);
    });
  }

  test("of two transactions left on one EVSE the older is ended at once, the newer may go on", async () => {
    const station = await takeOver("cp-v6-interrupted-transaction.db", (database) => {
      database.run("DELETE FROM TRANSACTIONS");
      queueTransactionEvent(database, {
        eventType: "Started",
        seqNo: 0,
        timestamp: "2026-11-22T12:00:00.000Z",
        triggerReason: "CablePluggedIn",
        evse: { id: 1, connectorId: 1 },
        transactionInfo: { transactionId: "newer", chargingState: "EVConnected" },
      });
    });
    await station.clock.advance(1_000);
    expect(numbers(station)).toEqual(["Started 0", "Updated 1", "Updated 2", "Ended 3"]);
    expect(numbers(station, "newer")).toEqual(["Started 0"]);
    await station.clock.advance(RESUME_WINDOW_MILLISECONDS);
    expect(numbers(station, "newer")).toEqual(["Started 0", "Ended 1"]);
  });

  test("a second restart before the end does not end it twice", async () => {
    const station = await takeOver("cp-v6-interrupted-transaction.db");
    station.crash();
    await station.start();
    await station.clock.advance(RESUME_WINDOW_MILLISECONDS + 1_000);
    expect(numbers(station).filter((event) => event.startsWith("Ended"))).toEqual(["Ended 3"]);
    expect(station.core.transactions.leftByLibocpp()).toEqual([]);
    station.crash();
    await station.start();
    await station.clock.advance(RESUME_WINDOW_MILLISECONDS + 1_000);
    expect(numbers(station).filter((event) => event.startsWith("Ended"))).toEqual(["Ended 3"]);
  });

  test("a number that libocpp gave while it had our file is not given again", async () => {
    charger = await new InProcessCharger().start();
    const token = { idToken: { idToken: "A", type: "ISO14443" }, remote: false } as const;
    charger.event(1, { kind: "SessionStarted", sessionId: "mine", reason: "EVConnected" });
    charger.event(1, { kind: "TransactionStarted", sessionId: "mine", token });
    await charger.clock.advance(100);
    const [row] = charger.core.database.query("SELECT TRANSACTION_ID, SEQ_NO FROM TRANSACTIONS").values();
    const [transactionId, next] = [String(row?.[0]), Number(row?.[1])];
    charger.core.database.query("UPDATE TRANSACTIONS SET SEQ_NO = ?").run(next + 4);
    charger.crash();
    await charger.start();
    await charger.clock.advance(RESUME_WINDOW_MILLISECONDS + 1_000);
    expect(numbers(charger, transactionId).at(-1)).toBe(`Ended ${next + 4}`);
  });
});
