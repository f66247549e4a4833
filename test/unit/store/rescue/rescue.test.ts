import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../../../src/log/logger.ts";
import { type CoreDatabase, openCoreDatabase } from "../../../../src/store/core-database.ts";
import { cut, FRAME, flipBytes, LOG_HEAD, overwrite, PAGE, pagesOf, zeroPage } from "../../../support/damage.ts";
import { FakeClock } from "../../../support/fake-clock.ts";
import { SeededRandom } from "../../../support/seeded-random.ts";

const clock = new FakeClock();
const MESSAGES = 240;
const LIST = 300;
const RUNNING = "tx-running";

/** As a station leaves them: `clean` after a regular end, `killed` with all of it in the log beside the file. */
let originals: string;
let directory: string;
let path: string;
let core: CoreDatabase | undefined;
let critical: string[];

function open(): CoreDatabase {
  core = openCoreDatabase({ directory, clock, logger: { ...silentLogger, critical: (text) => critical.push(text) } });
  return core;
}

function reopen(): CoreDatabase {
  core?.close();
  return open();
}

function runningState(nextSequenceNumber: number) {
  const transaction = {
    transactionId: RUNNING,
    startedAt: "2026-01-01T00:00:00.000Z",
    nextSequenceNumber,
    tokenTold: true,
  };
  return { connectorId: 1, chargingState: "Charging", transaction };
}

function fill({
  database,
  emptyLog,
  unitOfWork,
  durableQueue,
  normalQueue,
  localList,
  transactions,
  keyValues,
  chargingProfiles,
}: CoreDatabase) {
  // The second half lies in the log, however few pages each step writes.
  database.run("PRAGMA wal_autocheckpoint = 0");
  for (let seqNo = 0; seqNo < MESSAGES; seqNo++) {
    if (seqNo === MESSAGES / 2) emptyLog();
    unitOfWork.run(() => {
      const filler = "x".repeat(seqNo % 7 === 0 ? 6_000 : 300);
      const payload = { eventType: "Updated", seqNo, transactionInfo: { transactionId: RUNNING }, filler };
      durableQueue.append(`id-${seqNo}`, "TransactionEvent", payload, clock.now());
      transactions.save({
        transactionId: RUNNING,
        evseId: 1,
        connectorId: 1,
        startedAt: new Date("2026-01-01T00:00:00.000Z"),
        nextSequenceNumber: seqNo + 1,
        chargingState: "Charging",
        idTokenSent: true,
        state: runningState(seqNo + 1),
      });
      if (seqNo % 3 === 2) durableQueue.remove(durableQueue.head()?.rowId ?? 0);
    });
  }
  unitOfWork.run(() => {
    const token = (index: number) => ({ idToken: `T${index}`, type: "ISO14443" });
    const entries = Array.from({ length: LIST }, (_, index) => ({
      idToken: token(index),
      idTokenInfo: { status: "Accepted" },
    }));
    localList.replace(entries, 7);
    normalQueue.append("other", "NotifyEvent", { eventData: [] }, clock.now());
    keyValues.set("boot.reason", "RemoteReset");
    const profile = { id: 5, stackLevel: 1 };
    chargingProfiles.save({ id: 5, evseId: 1, stackLevel: 1, purpose: "TxDefaultProfile", source: "CSO", profile });
  });
}

/** What the queue holds: message ids in order. */
const queued = (database: CoreDatabase): readonly string[] =>
  database.database
    .query("SELECT UNIQUE_ID FROM TRANSACTION_QUEUE ORDER BY rowid")
    .values()
    .map(([id]) => String(id));
const TRUTH = Array.from({ length: (MESSAGES * 2) / 3 }, (_, index) => `id-${MESSAGES / 3 + index}`);

function expectInOrder(ids: readonly string[]): void {
  const places = ids.map((id) => TRUTH.indexOf(id));
  expect(places).toEqual([...places].sort((one, other) => one - other));
  expect(new Set(places).size).toBe(places.length);
  expect(places).not.toContain(-1);
}

/** How many messages the log says are lost. */
function toldLost(): number | undefined {
  const [, lost] = /lost: .*?(\d+) of TRANSACTION_QUEUE/.exec(critical.join()) ?? [];
  return lost === undefined ? undefined : Number(lost);
}

beforeAll(() => {
  originals = mkdtempSync(join(tmpdir(), "rescue-originals-"));
  directory = originals;
  critical = [];
  fill(open());
  for (const side of ["", "-wal", "-shm"]) cpSync(join(originals, `cp.db${side}`), join(originals, `killed.db${side}`));
  core?.close();
  core = undefined;
});
afterAll(() => rmSync(originals, { recursive: true, force: true }));
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "rescue-"));
  path = join(directory, "cp.db");
  critical = [];
});
afterEach(() => {
  core?.close();
  core = undefined;
  rmSync(directory, { recursive: true, force: true });
});

const takeClean = () => cpSync(join(originals, "cp.db"), path);
const takeKilled = () => {
  for (const side of ["", "-wal", "-shm"]) cpSync(join(originals, `killed.db${side}`), path + side);
};

describe("a database that is damaged in one place", () => {
  test("incident: everything queued was lost when one page was bad; now all pages can be, one after the other", () => {
    takeClean();
    const pages = pagesOf(path);
    expect(pages).toBeGreaterThan(100);
    for (let page = 1; page <= pages; page++) {
      for (const file of readdirSync(directory)) rmSync(join(directory, file), { recursive: true });
      takeClean();
      critical = [];
      zeroPage(path, page);
      const database = open();
      const ids = queued(database);
      expectInOrder(ids);
      // A page holds few messages.
      expect([page, ids.length > TRUTH.length - 15]).toEqual([page, true]);
      expect([page, toldLost() ?? 0]).toEqual([page, TRUTH.length - ids.length]);
      expect(database.localList.usage.entries > 0 || database.localList.version === 0).toBe(true);
      expect(database.transactions.nextSequenceNumber(RUNNING)).toBe(MESSAGES);
      database.close();
    }
  }, 60_000);

  test("flipped bytes anywhere: what is there is whole, in order and nobody else's", () => {
    const random = new SeededRandom(7);
    takeClean();
    const length = pagesOf(path) * PAGE;
    for (let round = 0; round < 60; round++) {
      for (const file of readdirSync(directory)) rmSync(join(directory, file), { recursive: true });
      takeClean();
      flipBytes(path, random.below(length - 16), 1 + random.below(16));
      const database = open();
      expectInOrder(queued(database));
      expect(queued(database).length).toBeGreaterThan(TRUTH.length - 15);
      database.close();
    }
  }, 60_000);

  test("the first rows, the last ones and those of the middle are there around two bad pages", () => {
    takeClean();
    const database = new Database(path, { readonly: true });
    const leaves = database
      .query("SELECT pageno FROM dbstat WHERE name = 'TRANSACTION_QUEUE' AND pagetype = 'leaf' ORDER BY path")
      .values()
      .map(([page]) => Number(page));
    database.close();
    for (const part of [0.25, 0.75]) zeroPage(path, leaves[Math.floor(leaves.length * part)] ?? 0);
    const ids = queued(open());
    expectInOrder(ids);
    expect(ids.slice(0, 1)).toEqual(TRUTH.slice(0, 1));
    expect(ids.slice(-1)).toEqual(TRUTH.slice(-1));
    expect(ids).toContain(String(TRUTH[TRUTH.length / 2]));
    expect(toldLost()).toBe(TRUTH.length - ids.length);
  });

  test("without its indexes, too", () => {
    takeClean();
    const database = new Database(path);
    const pages = database
      .query("SELECT pageno FROM dbstat WHERE name LIKE 'sqlite_autoindex_TRANSACTION_QUEUE%'")
      .values();
    const leaves = database
      .query("SELECT pageno FROM dbstat WHERE name = 'TRANSACTION_QUEUE' AND pagetype = 'leaf' ORDER BY path")
      .values();
    database.close();
    const last = leaves.length - 1;
    for (const [page] of [...pages, ...[1, last - 1].map((index) => leaves[index] ?? [])]) zeroPage(path, Number(page));
    const ids = queued(open());
    expectInOrder(ids);
    expect(ids).toContain(String(TRUTH[TRUTH.length / 2]));
    // Nobody knows how many there were.
    expect(critical.join()).toContain("TRANSACTION_QUEUE in part");
  });

  test("a list with gaps is one that the CSMS sends anew: version 0 (D02.FR.03)", () => {
    takeClean();
    const database = new Database(path, { readonly: true });
    const [row] = database
      .query("SELECT pageno FROM dbstat WHERE name = 'AUTH_LIST' AND pagetype = 'leaf' LIMIT 1")
      .values();
    database.close();
    zeroPage(path, Number(row?.[0]));
    const { localList } = open();
    expect(localList.usage.entries).toBeGreaterThan(100);
    expect(localList.usage.entries).toBeLessThan(LIST);
    expect(localList.version).toBe(0);
  });

  test("the root of the local list: all of it is found in the file", () => {
    takeClean();
    const database = new Database(path, { readonly: true });
    const [row] = database.query("SELECT rootpage FROM sqlite_master WHERE name = 'AUTH_LIST'").values();
    database.close();
    zeroPage(path, Number(row?.[0]));
    const { localList } = open();
    expect([localList.usage.entries, localList.version]).toEqual([LIST, 7]);
  });

  test("libocpp's row of a running transaction comes back from ours, so that it is not given up", () => {
    takeClean();
    const database = new Database(path, { readonly: true });
    const [row] = database.query("SELECT pageno FROM dbstat WHERE name = 'TRANSACTIONS'").values();
    database.close();
    zeroPage(path, Number(row?.[0]));
    const { transactions } = open();
    expect(transactions.states()).toEqual([runningState(MESSAGES)]);
    expect(transactions.nextSequenceNumber(RUNNING)).toBe(MESSAGES);
  });

  test("profiles, states and other messages are taken over with it", () => {
    takeClean();
    zeroPage(path, 6);
    const { chargingProfiles, database, normalQueue } = open();
    expect(chargingProfiles.list()).toMatchObject([{ id: 5, purpose: "TxDefaultProfile" }]);
    expect(normalQueue.head()).toMatchObject({ messageId: "other", action: "NotifyEvent" });
    expect(database.query("SELECT VALUE FROM STATION_STATE WHERE KEY = 'boot.reason'").values()).toEqual([
      ['"RemoteReset"'],
    ]);
  });

  test("a message that was sent and forgotten does not come back from a free page", () => {
    takeClean();
    const before = new Database(path);
    before.run("DELETE FROM TRANSACTION_QUEUE WHERE rowid <= (SELECT min(rowid) + 100 FROM TRANSACTION_QUEUE)");
    before.close();
    // The root of the table: all that is below it can only be found by looking through the file.
    zeroPage(path, 6);
    expect(queued(open())).toEqual(TRUTH.slice(101));
  });
});

describe("a damaged write-ahead log", () => {
  test.each(["middle", "head", "frame"])(
    "SQLite would drop what was committed behind its damaged %s in silence",
    (place) => {
      takeKilled();
      const log = `${path}-wal`;
      const frames = Math.floor((Bun.file(log).size - LOG_HEAD) / FRAME);
      const middle = LOG_HEAD + Math.floor(frames / 2) * FRAME;
      if (place === "middle") flipBytes(log, middle + 2_000, 16);
      if (place === "head") overwrite(log, 0, Buffer.alloc(LOG_HEAD));
      if (place === "frame") overwrite(log, middle, Buffer.alloc(FRAME));
      const database = open();
      expect(queued(database)).toEqual(TRUTH);
      expect(database.localList.version).toBe(7);
      expect(critical.join()).toContain("its write-ahead log, before its end");
    },
  );

  test("what stood in a part that was cut off is told", () => {
    takeKilled();
    cut(`${path}-wal`, 0.5);
    const database = open();
    expect(queued(database).length).toBeGreaterThan(50);
    expect(database.losses.join()).toMatch(/^\d+ pages of cp\.db-wal are missing: what they said is lost$/);
  });

  test("one that a power cut tore in its last transaction is none", () => {
    takeKilled();
    const torn = Buffer.concat([Buffer.from([0, 0, 0, 9, 0, 0, 0, 0]), Buffer.alloc(3_000, 7)]);
    writeFileSync(`${path}-wal`, torn, { flag: "a" });
    const database = open();
    expect(queued(database)).toEqual(TRUTH);
    expect(database.losses).toEqual([]);
    expect(critical).toEqual([]);
  });

  test("a text in its place leaves the file as it is", () => {
    takeClean();
    writeFileSync(`${path}-wal`, "no log ".repeat(1_000));
    expect(queued(open())).toEqual(TRUTH);
    expect(critical.join()).toContain("its write-ahead log cannot be read");
  });
});

describe("something else in the place of a database", () => {
  test.each([
    ["a directory", () => mkdirSync(path)],
    ["a text", () => writeFileSync(path, "not what it was ".repeat(500))],
    ["a directory for its log", () => mkdirSync(`${path}-wal`)],
  ])("%s is put aside, and the station begins anew", (_what, prepare) => {
    prepare();
    const database = open();
    expect(database.durableQueue.length).toBe(0);
    expect(database.losses).toHaveLength(1);
    expect(readdirSync(directory).some((name) => name.startsWith("cp.db.corrupt-"))).toBe(true);
  });

  test("half of a file still has what lies in that half", () => {
    takeClean();
    cut(path, 0.5);
    const ids = queued(open());
    expectInOrder(ids);
    expect(ids.length).toBeGreaterThan(10);
  });

  test("a database whose head was written over has everything", () => {
    takeClean();
    overwrite(path, 0, Buffer.alloc(100, 7));
    expect(queued(open())).toEqual(TRUTH);
    expect(core?.localList.version).toBe(7);
  });
});

test("a disk that is full leaves the damaged file in its place until there is room", () => {
  takeClean();
  zeroPage(path, 6);
  const before = Bun.hash(readFileSync(path));
  const run = Bun.spawnSync([
    "prlimit",
    "--fsize=40000",
    process.execPath,
    "-e",
    `import { openCoreDatabase } from ${JSON.stringify(join(import.meta.dir, "../../../../src/store/core-database.ts"))};
     import { silentLogger } from ${JSON.stringify(join(import.meta.dir, "../../../../src/log/logger.ts"))};
     import { SystemClock } from ${JSON.stringify(join(import.meta.dir, "../../../../src/lib/clock.ts"))};
     process.on("SIGXFSZ", () => {});
     try { openCoreDatabase({ directory: ${JSON.stringify(directory)}, clock: new SystemClock(), logger: silentLogger }); }
     catch (error) { console.log(error.message); }`,
  ]);
  expect(run.stdout.toString()).toContain("cannot be replaced");
  expect(Bun.hash(readFileSync(path))).toBe(before);
  expect(queued(open())).toEqual(TRUTH);
});

describe("kill -9 in the midst of a rescue", () => {
  const damage = () => {
    takeClean();
    zeroPage(path, 6);
  };
  const expectRescued = () => {
    expect(queued(open())).toEqual(TRUTH);
    expect(core?.losses.join()).toContain("was damaged");
    const left = readdirSync(directory).filter((name) => /\.rescu/.test(name));
    expect(left).toEqual([]);
  };

  test("while the fresh file is being written", () => {
    damage();
    writeFileSync(`${path}.rescuing`, "half of a database");
    writeFileSync(`${path}.rescuing-journal`, "");
    expectRescued();
  });

  test("when it is complete, before the damaged one is moved away", () => {
    damage();
    writeFileSync(`${path}.rescued`, "whatever it is: it is made again");
    expectRescued();
  });

  test("when the damaged one is moved away, its log still beside it", () => {
    damage();
    open().close();
    core = undefined;
    renameSync(path, `${path}.rescued`);
    // The damaged one's own: it must not be taken for that of the fresh file.
    for (const side of ["-wal", "-shm"]) cpSync(join(originals, `killed.db${side}`), path + side);
    expectRescued();
    expect(existsSync(`${path}.corrupt-2026-01-01T00-00-00-000Z-wal`)).toBe(true);
  });

  test("what was lost is told at each start until it has been told", () => {
    damage();
    expect(open().losses).toHaveLength(1);
    expect(reopen().losses).toHaveLength(1);
    core?.forgetLosses();
    expect(reopen().losses).toEqual([]);
  });
});
