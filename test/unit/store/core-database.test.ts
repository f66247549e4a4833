import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../../src/log/logger.ts";
import { type CoreDatabase, openCoreDatabase } from "../../../src/store/core-database.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const FIXTURES = join(import.meta.dir, "../../fixtures/libocpp-db");
const clock = new FakeClock();
let directory: string;
let core: CoreDatabase | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "core-"));
});
afterEach(() => {
  core?.close();
  core = undefined;
  rmSync(directory, { recursive: true, force: true });
});

const open = () => {
  core = openCoreDatabase({ directory, clock, logger: silentLogger });
  return core;
};
const takeOver = (fixture: string) => {
  cpSync(join(FIXTURES, fixture), join(directory, "cp.db"));
  return open();
};
const libocppSchema = (database: Database) =>
  database
    .query("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'STATION_%' ORDER BY name")
    .all();

describe("take-over of databases left by libocpp (STORES)", () => {
  test("schema version 1 is upgraded in place, a copy is kept, its queue is ours", () => {
    const database = takeOver("cp-v1.db");
    expect(database.database.query("PRAGMA user_version").values()[0]?.[0]).toBe(6);
    expect(database.durableQueue.length).toBe(4);
    expect(database.durableQueue.head()).toMatchObject({
      action: "TransactionEvent",
      payload: { eventType: "Started", seqNo: 0 },
    });
    expect(readdirSync(directory).some((file) => file.startsWith("cp.db.before-"))).toBe(true);
  });

  test("version 6 keeps libocpp's tables exactly: the way back stays open", () => {
    const original = new Database(join(FIXTURES, "cp-queued-transaction-messages.db"), { readonly: true });
    const before = libocppSchema(original);
    original.close();
    const database = takeOver("cp-queued-transaction-messages.db");
    database.unitOfWork.run(() => database.durableQueue.remove(database.durableQueue.head()?.rowId ?? 0));
    expect(libocppSchema(database.database)).toEqual(before);
    expect(database.durableQueue.length).toBe(3);
  });

  test("an interrupted transaction goes on behind the numbers that are used", () => {
    const database = takeOver("cp-v6-interrupted-transaction.db");
    const [left] = database.transactions.leftByLibocpp();
    expect(left?.nextSequenceNumber).toBe(3);
    expect(database.durableQueue.highestSequenceNumber(left?.transactionId ?? "")).toBe(2);
  });
});

test("a damaged file is kept under a dated name and replaced", () => {
  writeFileSync(join(directory, "cp.db"), "this is no database at all, but long enough to be looked at".repeat(50));
  const database = open();
  expect(database.losses.join()).toContain("put aside as cp.db.corrupt-");
  expect(readdirSync(directory).some((file) => file.includes("corrupt-"))).toBe(true);
  expect(database.durableQueue.length).toBe(0);
});

test("a file of a newer program is refused and not touched", () => {
  const path = join(directory, "cp.db");
  const newer = new Database(path);
  newer.run("CREATE TABLE FUTURE (ID INT)");
  newer.run("PRAGMA user_version = 99");
  newer.close();
  expect(open).toThrow("newer");
  expect(new Database(path, { readonly: true }).query("SELECT count(*) FROM FUTURE").values()).toEqual([[0]]);
});

test("files are private", () => {
  open();
  expect(statSync(join(directory, "cp.db")).mode & 0o777).toBe(0o600);
});

test("a decision that fails leaves nothing behind and says nothing", () => {
  const { unitOfWork, keyValues, durableQueue } = open();
  let said = false;
  const decide = () =>
    unitOfWork.run(() => {
      keyValues.set("x", 1);
      durableQueue.append("id", "TransactionEvent", {}, clock.now());
      unitOfWork.afterCommit(() => {
        said = true;
      });
      throw new Error("disk full");
    });
  expect(decide).toThrow("disk full");
  expect(said).toBe(false);
  expect(core?.database.query("SELECT count(*) FROM TRANSACTION_QUEUE").values()[0]?.[0]).toBe(0);
});

test("the write-ahead log is brought into the file behind a relaxed decision, not when somebody waits for a strict one", () => {
  const { unitOfWork, keyValues } = open();
  for (let count = 0; count < 400; count++) {
    unitOfWork.run(() => keyValues.set("x", "y".repeat(4_000) + count));
    unitOfWork.runRelaxed(() => keyValues.set("z", count));
  }
  // 1,000 pages of 4,120 bytes when SQLite does it by itself.
  expect(statSync(join(directory, "cp.db-wal")).size).toBeLessThan(2_000_000);
});

test("a relaxed decision does not relax those of its effects", () => {
  const { database, unitOfWork } = open();
  const synchronous = () => database.query("PRAGMA synchronous").values()[0]?.[0];
  const seen: unknown[] = [];
  unitOfWork.runRelaxed(() => {
    seen.push(synchronous());
    unitOfWork.afterCommit(() => seen.push(synchronous()));
  });
  expect(seen).toEqual([1, 2]);
});

test("a row that cannot be read does not stop the queue", () => {
  const { database, durableQueue } = open();
  database.run("INSERT INTO TRANSACTION_QUEUE VALUES ('bad', 'not json', 'TransactionEvent', 0, '2026')");
  durableQueue.append("good", "TransactionEvent", { seqNo: 1 }, clock.now());
  expect(durableQueue.head()?.messageId).toBe("good");
  expect(database.query("SELECT MESSAGE FROM STATION_REJECTED_MESSAGE").values()).toEqual([["not json"]]);
});

test("J02.FR.20: thinning removes every other intermediate value, never the first or the last", () => {
  const { meterValues } = open();
  for (let index = 0; index < 6; index++) meterValues.append("t", "Sample.Periodic", index);
  meterValues.thin("t");
  expect(meterValues.list("t")).toEqual([0, 2, 4, 5]);
});

test("a local list of 100,000 entries is usable", () => {
  const { unitOfWork, localList } = open();
  const entries = Array.from({ length: 100_000 }, (_, index) => ({
    idToken: { idToken: `CARD${index}`, type: "ISO14443" },
    idTokenInfo: { status: "Accepted" },
  }));
  unitOfWork.run(() => localList.replace(entries, 1));
  expect(localList.usage.entries).toBe(100_000);
  expect(localList.get({ idToken: "CARD99999", type: "ISO14443" })).toEqual({ status: "Accepted" });
});
