import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../../src/log/logger.ts";
import { type CoreDatabase, openCoreDatabase } from "../../../src/store/core-database.ts";
import { MessageQueueRepository } from "../../../src/store/message-queue-repository.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const clock = new FakeClock();
let directory: string;
let core: CoreDatabase;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "queue-"));
  core = openCoreDatabase({ directory, clock, logger: silentLogger });
});
afterEach(() => {
  core.close();
  rmSync(directory, { recursive: true, force: true });
});

const append = (messageId: string, action = "TransactionEvent"): void =>
  core.durableQueue.append(messageId, action, { eventType: "Updated", seqNo: 1, evse: undefined }, clock.now());

/** What stands in the table, read by somebody who remembers nothing. */
const stored = (action?: string) =>
  new MessageQueueRepository(core.database, "TRANSACTION_QUEUE", silentLogger).head(action);

describe("the head of the queue is what stands in the table", () => {
  const rowId = (): number => core.durableQueue.head()?.rowId ?? 0;
  test.each<[string, () => void]>([
    ["a message was appended", () => {}],
    ["another one was appended behind it", () => append("second", "LogStatusNotification")],
    ["it was sent in vain", () => core.durableQueue.setAttempts(rowId(), 2)],
    ["the connection was lost", () => core.durableQueue.markTransactionEventsOffline()],
    ["it was removed", () => core.durableQueue.remove(rowId())],
    ["it was removed by its id", () => core.durableQueue.removeMessage("first")],
    ["it was put aside", () => core.durableQueue.putAside(rowId(), "no reason")],
    ["every other event was dropped", () => core.durableQueue.dropEveryOtherUpdated(undefined)],
    ["the oldest of an action were dropped", () => core.durableQueue.dropOldestOf("TransactionEvent", 1)],
    ["the oldest were dropped", () => core.durableQueue.dropOldest(1)],
    [
      "it was removed and another one came",
      () => {
        core.durableQueue.remove(rowId());
        append("second");
      },
    ],
  ])("after %s", (_, change) => {
    append("first");
    core.unitOfWork.run(change);
    for (const action of [undefined, "TransactionEvent", "LogStatusNotification"]) {
      const found = core.durableQueue.head(action);
      expect(found).toEqual(stored(action) as typeof found);
    }
  });

  test("a message whose decision was rolled back is none", () => {
    const decide = (): void => {
      append("first");
      expect(core.durableQueue.head()?.messageId).toBe("first");
      throw new Error("disk full");
    };
    expect(() => core.unitOfWork.run(decide)).toThrow("disk full");
    expect(core.durableQueue.head()).toBeUndefined();
    append("second");
    expect(core.durableQueue.head()).toEqual(stored());
  });

  test("members without a value are not sent, as they are not stored", () => {
    append("first");
    expect(core.durableQueue.head()?.payload).toStrictEqual({ eventType: "Updated", seqNo: 1 });
  });
});

describe("libocpp's row of a running transaction", () => {
  const save = (transactionId: string, evseId: number, nextSequenceNumber: number): void =>
    core.transactions.save({
      transactionId,
      evseId,
      connectorId: 1,
      startedAt: new Date("2026-11-27T12:00:00Z"),
      nextSequenceNumber,
      chargingState: "Charging",
      idTokenSent: nextSequenceNumber > 1,
      state: { nextSequenceNumber },
    });
  const rows = () =>
    core.database.query("SELECT TRANSACTION_ID, EVSE_ID, SEQ_NO, ID_TAG_SENT FROM TRANSACTIONS ORDER BY 1").values();

  test("follows the transaction, also to another EVSE", () => {
    save("one", 1, 1);
    save("one", 1, 2);
    expect(rows()).toEqual([["one", 1, 2, 1]]);
    save("one", 2, 3);
    expect(rows()).toEqual([["one", 2, 3, 1]]);
  });

  test("gives way to another transaction of its EVSE", () => {
    save("one", 1, 5);
    save("two", 1, 1);
    expect(rows()).toEqual([["two", 1, 1, 0]]);
  });
});
