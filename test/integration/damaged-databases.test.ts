import { Database } from "bun:sqlite";
import { afterEach, expect, test } from "bun:test";
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Charger, EXECUTABLE } from "../support/charger.ts";
import { FRAME, flipBytes, LOG_HEAD, zeroPage } from "../support/damage.ts";

let charger: Charger | undefined;
afterEach(async () => {
  await charger?.stop();
  charger = undefined;
});

const TOKEN = { id_token: { value: "04A1B2C3", type: "ISO14443" }, authorization_type: "RFID" };
const coreOf = ({ directory }: Charger) => join(directory, "core/cp.db");

/** A transaction that runs while the CSMS is away, and then the process is killed. */
async function killedOffline(): Promise<Charger> {
  charger = await Charger.start();
  const { csms, everest } = charger;
  csms.refuseWith = 503;
  csms.drop();
  for (const evse of [everest.evse(1), everest.evse(2)]) {
    await evse.plugIn();
    await evse.authorize(TOKEN);
    await evse.startCharging();
  }
  await everest.evse(1).unplug();
  const path = coreOf(charger);
  const queued = () => {
    const database = new Database(path, { readonly: true });
    const count = Number(database.query("SELECT count(*) FROM TRANSACTION_QUEUE").values()[0]?.[0]);
    database.close();
    return count;
  };
  const { log } = charger;
  for (let turn = 0; queued() < 3; turn++) {
    if (turn > 500) throw new Error(`nothing is queued: ${log}`);
    await Bun.sleep(20);
  }
  await charger.end("SIGKILL");
  return charger;
}

function numbersByTransaction(station: Charger): Map<string, number[]> {
  const numbers = new Map<string, number[]>();
  for (const { seqNo, transactionInfo } of station.transactionEvents()) {
    const id = String((transactionInfo as { transactionId?: unknown }).transactionId);
    numbers.set(id, [...(numbers.get(id) ?? []), Number(seqNo)]);
  }
  return numbers;
}

test.each(["the log in its middle", "the schema's page", "a page of the queue's index"])(
  "what was queued outlives damage: %s",
  async (place) => {
    const station = await killedOffline();
    const path = coreOf(station);
    if (place === "the log in its middle") {
      const frames = Math.floor((Bun.file(`${path}-wal`).size - LOG_HEAD) / FRAME);
      flipBytes(`${path}-wal`, LOG_HEAD + Math.floor(frames / 2) * FRAME + 1_000, 8);
    } else {
      const database = new Database(path);
      const name = place.includes("schema") ? "sqlite_schema" : "sqlite_autoindex_TRANSACTION_QUEUE_1";
      const page = Number(database.query("SELECT max(pageno) FROM dbstat WHERE name = ?").values(name)[0]?.[0]);
      database.close();
      zeroPage(path, page);
    }
    station.csms.refuseWith = undefined;
    await station.startStation();
    expect(station.log).toMatch(/\[CRIT\].*cp\.db is damaged/);
    await station.csms.waitFor("SecurityEventNotification", ({ techInfo }) =>
      String(techInfo).includes("cp.db was damaged"),
    );
    for (const numbers of numbersByTransaction(station).values()) expect(numbers).toEqual([...numbers.keys()]);
    expect(station.csms.violations).toEqual([]);
    expect(numbersByTransaction(station).size).toBe(2);
  },
  60_000,
);

test("a directory or a text in the place of a database: the station serves, and tells", async () => {
  charger = await Charger.start();
  expect(await charger.end("SIGTERM")).toBe(0);
  const path = coreOf(charger);
  const model = join(charger.directory, "device_model.db");
  rmSync(path);
  mkdirSync(path);
  renameSync(model, `${model}.kept`);
  writeFileSync(model, "text ".repeat(1_000));
  const from = charger.csms.calls.length;
  await charger.startStation();
  for (const name of ["cp.db", "device_model.db"])
    await charger.csms.waitFor(
      "SecurityEventNotification",
      ({ techInfo }) => String(techInfo).startsWith(`${name} was damaged`),
      5_000,
      from,
    );
  expect(readdirSync(join(charger.directory, "core")).filter((name) => name.includes("corrupt"))).toHaveLength(1);
}, 30_000);

test("incident: two stations ran on the same files; the second one ends with 1 and the id of the first", async () => {
  charger = await Charger.start();
  const options = ["--mqtt_broker_host", "127.0.0.1", "--mqtt_broker_port", `${charger.broker.port}`];
  await charger.everest.distribute();
  const second = Bun.spawn([EXECUTABLE, "--module", "ocpp", "--prefix", charger.directory, ...options], {
    stdout: "pipe",
  });
  const log = await new Response(second.stdout).text();
  expect(await second.exited).toBe(1);
  expect(log).toContain(`core/cp.db is in use by the process ${charger.pid}`);
  // `inspect` only reads.
  const inspect = Bun.spawnSync([EXECUTABLE, "inspect", "queue"], {
    env: { ...process.env, OCPP201_CORE_DATABASE_PATH: join(charger.directory, "core") },
  });
  expect(inspect.exitCode).toBe(0);
  // And after kill -9 the next one has them at once.
  await charger.end("SIGKILL");
  await charger.startStation();
  expect(charger.log).not.toContain("may be ending");
}, 30_000);

test("two configured databases that are one file are refused, untouched", async () => {
  charger = await Charger.start({ stopped: true });
  const path = join(charger.directory, "one.db");
  await charger.everest.distribute();
  const second = Bun.spawn(
    [
      EXECUTABLE,
      "--module",
      "ocpp",
      "--prefix",
      charger.directory,
      "--mqtt_broker_host",
      "127.0.0.1",
      "--mqtt_broker_port",
      `${charger.broker.port}`,
    ],
    {
      stdout: "pipe",
      env: {
        ...process.env,
        OCPP201_DEVICE_MODEL_DATABASE_PATH: path,
        OCPP201_EVEREST_DEVICE_MODEL_DATABASE_PATH: path,
      },
    },
  );
  const log = await new Response(second.stdout).text();
  expect(await second.exited).toBe(1);
  expect(log).toContain(`${path} is configured for two databases`);
}, 30_000);
