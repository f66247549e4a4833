import { Database } from "bun:sqlite";
import { afterEach, expect, test } from "bun:test";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { networkProfiles } from "../../src/sim/simulate.ts";
import { Charger } from "../support/charger.ts";
import { copyLibocppDatabase } from "../support/libocpp-databases.ts";

const TRANSACTION = "0b1bacd1-1798-4c5d-97cf-890f5801eb19";
const NOWHERE = "ws://127.0.0.1:1";

let charger: Charger | undefined;
afterEach(async () => {
  await charger?.stop();
  charger = undefined;
});

/** A charger on which the C++ module ran before: its databases are there, its process is gone. */
async function withLeftDatabases(options: Parameters<typeof Charger.start>[0] = {}): Promise<Charger> {
  charger = await Charger.start({
    ...options,
    stopped: true,
    powermeterIntervalMilliseconds: 0,
    // Only the database knows the way to the CSMS.
    patch: { InternalCtrlr: { NetworkConnectionProfiles: networkProfiles(NOWHERE) } },
  });
  const { csms, directory } = charger;
  mkdirSync(join(directory, "core"));
  copyLibocppDatabase("cp-v6-interrupted-transaction.db", join(directory, "core/cp.db"));
  copyLibocppDatabase("device_model_storage-after-csms-session.db", join(directory, "device_model.db"), (database) =>
    database
      .query(
        "UPDATE VARIABLE_ATTRIBUTE SET VALUE = ? WHERE VARIABLE_ID = (SELECT ID FROM VARIABLE WHERE NAME = 'NetworkConnectionProfiles')",
      )
      .run(networkProfiles(csms.url)),
  );
  return charger;
}

test("the executable carries on an installation of libocpp: connected by its profile, queue in order, transaction ended", async () => {
  const station = await withLeftDatabases();
  const { csms, directory, everest } = station;
  await station.startStation();
  await csms.waitFor("TransactionEvent", ({ seqNo }) => seqNo === 2);
  await everest.evse(1).reportInterruptedSession(TRANSACTION);
  await csms.waitFor("TransactionEvent", ({ eventType }) => eventType === "Ended");

  const events = station.transactionEvents();
  expect(events.slice(0, 3).map(({ eventType, seqNo, offline }) => [eventType, seqNo, offline])).toEqual([
    ["Started", 0, true],
    ["Updated", 1, true],
    ["Updated", 2, true],
  ]);
  expect(events.map(({ seqNo }) => seqNo)).toEqual([...events.keys()]);
  expect(station.transactionEvents().at(-1)).toMatchObject({
    triggerReason: "AbnormalCondition",
    transactionInfo: { transactionId: TRANSACTION, stoppedReason: "PowerLoss" },
  });
  // Everything that is queued comes after the acceptance.
  expect(csms.calls[0]?.action).toBe("BootNotification");
  expect(csms.violations).toEqual([]);
  expect(
    await csms.send("GetVariables", {
      getVariableData: [{ component: { name: "OCPPCommCtrlr" }, variable: { name: "HeartbeatInterval" } }],
    }),
  ).toMatchObject({ response: { getVariableResult: [{ attributeStatus: "Accepted" }] } });

  expect(await station.end("SIGTERM")).toBe(0);
  for (const [folder, file] of [
    [join(directory, "core"), "cp.db"],
    [directory, "device_model.db"],
  ] as const) {
    const copies = readdirSync(folder).filter((name) => name.startsWith(`${file}.before-`));
    expect(copies).toHaveLength(1);
    expect(statSync(join(folder, copies[0] ?? "")).mode & 0o777).toBe(0o600);
    expect(statSync(join(folder, file)).mode & 0o777).toBe(0o600);
  }
  const left = new Database(join(directory, "core/cp.db"));
  expect(left.query("SELECT count(*) FROM TRANSACTION_QUEUE").values()).toEqual([[0]]);
  expect(left.query("SELECT count(*) FROM TRANSACTIONS").values()).toEqual([[0]]);
  left.close();
}, 60_000);

test("a file of a newer libocpp stops the start with its name and both versions, before ModuleReady", async () => {
  const station = await withLeftDatabases();
  const path = join(station.directory, "core/cp.db");
  const database = new Database(path);
  database.run("PRAGMA user_version = 8");
  database.close();
  let isReady = false;
  void station.everest.stationReady.then(() => {
    isReady = true;
  });
  const process = station.spawn();
  const code = await new Promise((resolve) => process.once("exit", resolve));
  expect(code).toBe(1);
  expect(isReady).toBe(false);
  expect(station.log).toContain(`${path} has schema version 8, this program knows 6`);
}, 30_000);

test("a directory of other migrations is reported, and does not count", async () => {
  const station = await withLeftDatabases({ parameters: { DeviceModelDatabaseMigrationPath: "/nonexistent/sql" } });
  await station.startStation();
  expect(station.log).toContain("DeviceModelDatabaseMigrationPath /nonexistent/sql is not used");
}, 30_000);

test("kill -9 at any instant of the take-over loses nothing", async () => {
  const station = await withLeftDatabases();
  const { csms, directory, everest } = station;
  for (let delayMilliseconds = 20; delayMilliseconds <= 200; delayMilliseconds += 20) {
    station.spawn();
    await Bun.sleep(delayMilliseconds);
    await station.end("SIGKILL");
  }
  await station.startStation();
  await csms.waitFor("TransactionEvent", ({ seqNo }) => seqNo === 2);
  await everest.evse(1).reportInterruptedSession(TRANSACTION);
  await csms.waitFor("TransactionEvent", ({ eventType }) => eventType === "Ended");
  const numbers = station.transactionEvents().map(({ seqNo }) => Number(seqNo));
  // A killed process may have sent what it could not forget any more; nothing is missing and nothing goes back further.
  expect([...new Set(numbers)]).toEqual([...Array(Math.max(...numbers) + 1).keys()]);
  expect(csms.violations).toEqual([]);
  expect(readdirSync(join(directory, "core")).filter((name) => name.includes("corrupt"))).toEqual([]);
}, 60_000);

test("an older version of the executable goes on with what a newer one left", async () => {
  const station = await withLeftDatabases();
  await station.startStation();
  await station.csms.waitFor("TransactionEvent", ({ seqNo }) => seqNo === 2);
  expect(await station.end("SIGTERM")).toBe(0);
  for (const path of [join(station.directory, "core/cp.db"), join(station.directory, "device_model.db")]) {
    const newer = new Database(path);
    newer.run("CREATE TABLE STATION_FUTURE (ID INTEGER PRIMARY KEY, TEXT TEXT NOT NULL)");
    newer.run("UPDATE STATION_SCHEMA SET VERSION = 99");
    newer.run("PRAGMA user_version = 42");
    newer.close();
  }
  await station.startStation();
  expect(station.isRunning).toBe(true);
  const left = new Database(join(station.directory, "core/cp.db"), { readonly: true });
  expect(left.query("PRAGMA user_version").values()).toEqual([[42]]);
  left.close();
}, 60_000);
