import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../../src/log/logger.ts";
import { type CoreDatabase, openCoreDatabase } from "../../../src/store/core-database.ts";
import { fileStamp } from "../../../src/store/database-files.ts";
import { openDatabase } from "../../../src/store/open-database.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { copyLibocppDatabase, makeLibocppDatabase } from "../../support/libocpp-databases.ts";

const clock = new FakeClock("2026-11-25T00:00:00.000Z");
let directory: string;
let path: string;
let core: CoreDatabase | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "takeover-"));
  path = join(directory, "cp.db");
});
afterEach(() => {
  core?.close();
  core = undefined;
  rmSync(directory, { recursive: true, force: true });
});

const logged: string[] = [];
const logger = {
  ...silentLogger,
  warn: (message: string) => logged.push(message),
  error: (message: string) => logged.push(message),
};
const open = (): CoreDatabase => {
  core = openCoreDatabase({ directory, clock, logger });
  return core;
};
const close = (): void => {
  core?.close();
  core = undefined;
};
const copies = () => readdirSync(directory).filter((file) => file.startsWith("cp.db.before-"));
const digest = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");
const one = (database: Database, sql: string) => database.query(sql).values()[0]?.[0];

const TOKEN_INFO = '{"status":"Accepted"}';
const PROFILE = '{"id":7,"stackLevel":1,"chargingProfilePurpose":"TxDefaultProfile"}';

/** Fills what the schema version has place for. */
function fill(database: Database, version: number): void {
  database.run(`INSERT INTO AUTH_CACHE (ID_TOKEN_HASH, ID_TOKEN_INFO) VALUES ('cached', '${TOKEN_INFO}')`);
  database.run(`INSERT INTO AUTH_LIST VALUES ('listed', '${TOKEN_INFO}')`);
  database.run("UPDATE AUTH_LIST_VERSION SET VERSION = 12");
  database.run("INSERT INTO AVAILABILITY VALUES (0, 0, 'Operative'), (2, 1, 'Inoperative')");
  for (const id of ["first", "second"])
    database.run(
      `INSERT INTO TRANSACTION_QUEUE VALUES ('${id}', '[2,"${id}","SecurityEventNotification",{"type":"${id}"}]', 'SecurityEventNotification', 0, '2026-01-01T00:00:00.000Z')`,
    );
  if (version >= 3)
    for (const action of ["BootNotification", "Heartbeat", "StatusNotification"])
      database.run(
        `INSERT INTO NORMAL_QUEUE VALUES ('${action}', '[2,"${action}","${action}",{}]', '${action}', 0, '2026-01-01T00:00:00.000Z')`,
      );
  if (version >= 4) database.run("INSERT INTO TRANSACTIONS VALUES ('tx', 1, 1, 1795346119612, 3, 'Charging', 1)");
  if (version >= 5)
    database.run(
      `INSERT INTO CHARGING_PROFILES (ID, EVSE_ID, STACK_LEVEL, CHARGING_PROFILE_PURPOSE, PROFILE) VALUES (7, 1, 1, 'TxDefaultProfile', '${PROFILE}')`,
    );
}

describe("cp.db of every schema version is carried on", () => {
  for (const version of [1, 2, 3, 4, 5, 6])
    test(`version ${version}`, () => {
      makeLibocppDatabase(path, "core", version, (database) => fill(database, version));
      const { database, authCache, localList, availability, durableQueue, normalQueue, transactions } = open();

      expect(one(database, "PRAGMA user_version")).toBe(6);
      expect(authCache.getByKey("cached")?.idTokenInfo).toEqual({ status: "Accepted" });
      expect([localList.version, localList.getByKey("listed")]).toEqual([12, { status: "Accepted" }]);
      expect([availability.get(0, 0), availability.get(2, 1)]).toEqual(["Operative", "Inoperative"]);
      expect([durableQueue.length, durableQueue.head()?.messageId]).toEqual([2, "first"]);
      // A BootNotification of long ago must not follow that of today.
      expect(database.query("SELECT MESSAGE_TYPE FROM NORMAL_QUEUE").values()).toEqual(
        version >= 3 ? [["StatusNotification"]] : [],
      );
      expect(normalQueue.length).toBe(version >= 3 ? 1 : 0);
      expect(transactions.leftByLibocpp().map(({ nextSequenceNumber }) => nextSequenceNumber)).toEqual(
        version >= 4 ? [3] : [],
      );
      expect(database.query("SELECT ID, PROFILE, CHARGING_LIMIT_SOURCE FROM CHARGING_PROFILES").values()).toEqual(
        version >= 5 ? [[7, PROFILE, "CSO"]] : [],
      );
    });
});

describe("cp.db of August's libocpp (CHANGES c.10)", () => {
  const FIXTURE = "cp-v7-made-from-description.db";

  test("version 7 is opened and left at 7, with what only August knows", () => {
    copyLibocppDatabase(FIXTURE, path);
    const { database, durableQueue, transactions } = open();
    expect(durableQueue.length).toBe(3);
    expect(transactions.leftByLibocpp().map(({ nextSequenceNumber }) => nextSequenceNumber)).toEqual([3]);
    durableQueue.append("id", "TransactionEvent", { seqNo: 1 }, clock.now());
    expect(one(database, "PRAGMA user_version")).toBe(7);
    close();
    open();
    close();
    const left = new Database(path, { readonly: true });
    expect(one(left, "PRAGMA user_version")).toBe(7);
    expect(one(left, "SELECT CONTROL_ID FROM DER_CONTROLS")).toBe("der-1");
    expect(one(left, "SELECT count(*) FROM TRANSACTION_QUEUE")).toBe(4);
    left.close();
    expect(copies()).toHaveLength(1);
  });

  test("version 6 stays at 6, so that May's libocpp can take it back", () => {
    copyLibocppDatabase("cp-v6-interrupted-transaction.db", path);
    open();
    close();
    const left = new Database(path, { readonly: true });
    expect(one(left, "PRAGMA user_version")).toBe(6);
    expect(one(left, "SELECT count(*) FROM sqlite_master WHERE name = 'DER_CONTROLS'")).toBe(0);
    left.close();
  });

  test("a version 7 that lacks what this program needs is refused and left as it is", () => {
    copyLibocppDatabase(FIXTURE, path, (database) => database.run("DROP TABLE TRANSACTIONS"));
    const before = digest(path);
    expect(open).toThrow("the table TRANSACTIONS is missing");
    expect(digest(path)).toBe(before);
  });
});

describe("a copy is kept aside before anything is changed", () => {
  test("it is the file as libocpp left it, private and made once", () => {
    makeLibocppDatabase(path, "core", 3, (database) => fill(database, 3));
    open();
    close();
    open();
    expect(copies()).toHaveLength(1);
    const copy = join(directory, copies()[0] ?? "");
    expect(statSync(copy).mode & 0o777).toBe(0o600);
    const left = new Database(copy, { readonly: true });
    expect(one(left, "PRAGMA user_version")).toBe(3);
    expect(one(left, "SELECT count(*) FROM NORMAL_QUEUE")).toBe(3);
    expect(one(left, "SELECT count(*) FROM sqlite_master WHERE name LIKE 'STATION%'")).toBe(0);
    left.close();
    expect(existsSync(`${path}.copying`)).toBe(false);
  });

  test("a new file and one of our own need none", () => {
    open();
    close();
    open();
    expect(copies()).toEqual([]);
  });

  test("a copy that cannot be made is reported and does not stop the station", () => {
    makeLibocppDatabase(path, "core", 6, (database) => fill(database, 6));
    // A directory stands where the copy would be made.
    mkdirSync(`${path}.before-${fileStamp(clock)}`);
    expect(open().durableQueue.length).toBe(2);
    expect(logged.at(-1)).toContain("No copy");
  });
});

describe("the way back", () => {
  test("an older binary goes on with what a newer one of ours left", () => {
    open().durableQueue.append("id", "TransactionEvent", { seqNo: 1 }, clock.now());
    close();
    const newer = new Database(path);
    newer.run("ALTER TABLE TRANSACTION_QUEUE ADD COLUMN PRIORITY INT NOT NULL DEFAULT 0");
    newer.run("CREATE TABLE NEWER (ID INT)");
    newer.run("CREATE TABLE STATION_NEWER (ID INT NOT NULL)");
    newer.run("PRAGMA user_version = 9");
    newer.run("UPDATE STATION_SCHEMA SET VERSION = 99");
    newer.close();

    const { database, durableQueue } = open();
    durableQueue.append("id 2", "TransactionEvent", { seqNo: 2 }, clock.now());
    expect(durableQueue.length).toBe(2);
    // The newer one must find its versions, or it would upgrade a second time.
    expect(one(database, "PRAGMA user_version")).toBe(9);
    expect(one(database, "SELECT VERSION FROM STATION_SCHEMA")).toBe(99);
  });

  for (const [what, change, expected] of [
    ["lacks a table", "DROP TABLE TRANSACTIONS", "the table TRANSACTIONS is missing"],
    [
      "renamed a column",
      "ALTER TABLE AUTH_CACHE RENAME COLUMN LAST_USED TO USED",
      "the column AUTH_CACHE.LAST_USED is missing",
    ],
  ] as const)
    test(`what a newer one left is refused when it ${what}`, () => {
      open();
      close();
      const newer = new Database(path);
      newer.run(change);
      newer.run("PRAGMA user_version = 9");
      newer.close();
      const before = digest(path);
      expect(open).toThrow(expected);
      expect(digest(path)).toBe(before);
    });

  test("libocpp's own tables, and a journal that it understands, are still there after a clean end", () => {
    copyLibocppDatabase("cp-v6-interrupted-transaction.db", path);
    open();
    close();
    const libocpp = new Database(path);
    libocpp.run("PRAGMA journal_mode = DELETE");
    expect(one(libocpp, "SELECT count(*) FROM TRANSACTION_QUEUE")).toBe(3);
    expect(one(libocpp, "SELECT SEQ_NO FROM TRANSACTIONS")).toBe(3);
    libocpp.close();
  });
});

test("a file without tables is a new one, whatever version it claims", () => {
  const empty = new Database(path);
  empty.run("PRAGMA user_version = 6");
  empty.close();
  expect(open().durableQueue.length).toBe(0);
});

describe("files that cannot be used stop the start and stay as they are", () => {
  test("a newer libocpp's", () => {
    makeLibocppDatabase(path, "core", 6, (database) => database.run("PRAGMA user_version = 8"));
    const before = digest(path);
    expect(open).toThrow("a newer libocpp left it");
    expect(digest(path)).toBe(before);
    expect(readdirSync(directory)).toEqual(["cp.db"]);
  });

  test("tables without a schema version", () => {
    makeLibocppDatabase(path, "device_model", 0, (database) => database.run("CREATE TABLE COMPONENT (ID INT)"));
    const before = digest(path);
    expect(() => openDatabase({ path, migrations: "device_model", clock, logger: silentLogger })).toThrow(
      "no schema version",
    );
    expect(digest(path)).toBe(before);
  });

  test("a migration that fails leaves the file at its version", () => {
    makeLibocppDatabase(path, "core", 3, (database) => database.run("CREATE TABLE TRANSACTIONS (OTHER INT)"));
    expect(open).toThrow("cannot be brought up to date");
    const left = new Database(path, { readonly: true });
    expect(one(left, "PRAGMA user_version")).toBe(3);
    left.close();
  });
});

test("what a power cut left half done by libocpp is rolled back", () => {
  const live = join(directory, "live.db");
  makeLibocppDatabase(live, "core", 6, (database) => fill(database, 6));
  const database = new Database(live);
  database.run("PRAGMA journal_mode = DELETE");
  database.run("PRAGMA cache_size = 1");
  database.run("BEGIN IMMEDIATE");
  database.run("DELETE FROM TRANSACTION_QUEUE");
  for (let index = 0; index < 200; index++)
    database.run(`INSERT INTO AUTH_LIST VALUES ('half ${index}', '${"x".repeat(500)}')`);
  // As the disk looks at this moment: pages of the transaction are in the file, the journal is hot.
  copyFileSync(live, path);
  copyFileSync(`${live}-journal`, `${path}-journal`);
  database.run("ROLLBACK");
  database.close();
  const { durableQueue, localList } = open();
  expect([durableQueue.length, localList.usage.entries]).toEqual([2, 1]);
});

test("damaged files are kept, but not without end", async () => {
  for (let index = 0; index < 5; index++) {
    writeFileSync(path, "no database ".repeat(1_000));
    await clock.advance(1_000);
    open();
    close();
  }
  expect(readdirSync(directory).filter((file) => file.includes("corrupt-"))).toHaveLength(3);
});

test("a file that others could read is private from the moment it is ours", () => {
  makeLibocppDatabase(path, "core", 6);
  chmodSync(path, 0o644);
  open();
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600);
});

describe("meter values that libocpp kept for a transaction", () => {
  test("are those that it would have told: words, times and numbers of its file", () => {
    copyLibocppDatabase("cp-v6-interrupted-transaction.db", path);
    const [first, second, ...rest] = open().meterValues.list("0b1bacd1-1798-4c5d-97cf-890f5801eb19") as {
      timestamp: string;
      sampledValue: Record<string, unknown>[];
    }[];
    expect(rest).toEqual([]);
    expect([first?.timestamp, second?.timestamp]).toEqual(["2026-11-22T11:14:52.000Z", "2026-11-22T11:14:59.000Z"]);
    expect(second?.sampledValue).toHaveLength(19);
    expect(second?.sampledValue.slice(0, 2)).toEqual([
      {
        value: 16,
        context: "Sample.Clock",
        measurand: "Energy.Active.Import.Register",
        location: "Outlet",
        unitOfMeasure: { unit: "Wh" },
      },
      {
        value: 5,
        context: "Sample.Clock",
        measurand: "Energy.Active.Import.Register",
        phase: "L1",
        location: "Outlet",
        unitOfMeasure: { unit: "Wh" },
      },
    ]);
    expect(second?.sampledValue[12]).toMatchObject({ value: 11.710367, unitOfMeasure: { unit: "A" } });
  });

  test("numbers are translated by the tables of the file, leftovers of the sample before are not believed", () => {
    makeLibocppDatabase(path, "core", 6, (database) => {
      database.run("INSERT INTO MEASURAND_ENUM VALUES (1, 'SoC'), (2, 'Energy.Active.Import.Register')");
      database.run("INSERT INTO METER_VALUES VALUES (1, 'tx', 1795346119000, NULL, NULL)");
      const item = database.query(
        "INSERT INTO METER_VALUE_ITEMS (METER_VALUE_ID, VALUE, MEASURAND, UNIT_TEXT, SIGNED_METER_DATA, SIGNING_METHOD, ENCODING_METHOD, PUBLIC_KEY) VALUES (1, ?, ?, 'Wh', 'data', 'method', 'encoding', 'key')",
      );
      item.run(1000, 2);
      item.run(50, 1);
    });
    expect(open().meterValues.list("tx")).toEqual([
      {
        timestamp: "2026-11-22T11:14:52.000Z",
        sampledValue: [
          {
            value: 1000,
            measurand: "Energy.Active.Import.Register",
            unitOfMeasure: { unit: "Wh" },
            signedMeterValue: {
              signedMeterData: "data",
              signingMethod: "method",
              encodingMethod: "encoding",
              publicKey: "key",
            },
          },
          { value: 50, measurand: "SoC" },
        ],
      },
    ]);
  });

  test("come before our own, and go with them", () => {
    copyLibocppDatabase("cp-v6-interrupted-transaction.db", path);
    const { meterValues, database } = open();
    const transactionId = "0b1bacd1-1798-4c5d-97cf-890f5801eb19";
    meterValues.append(transactionId, "Sample.Periodic", "ours");
    expect(meterValues.list(transactionId)).toHaveLength(3);
    expect(meterValues.list(transactionId).at(-1)).toBe("ours");
    meterValues.remove(transactionId);
    expect(meterValues.list(transactionId)).toEqual([]);
    expect(one(database, "SELECT count(*) FROM METER_VALUE_ITEMS")).toBe(0);
  });
});
