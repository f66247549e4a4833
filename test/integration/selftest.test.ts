import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
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
import * as v from "valibot";
import { Charger, EXECUTABLE } from "../support/charger.ts";
import { copyLibocppDatabase } from "../support/libocpp-databases.ts";

const OWN = join(import.meta.dir, "../fixtures/own-db");
const TOKEN = { id_token: { value: "04A1B2C3", type: "ISO14443" }, authorization_type: "RFID" };
const Versions = v.object({ schema: v.number(), station: v.number() });
const Report = v.object({
  version: v.string(),
  passed: v.boolean(),
  databases: v.array(
    v.object({
      name: v.string(),
      path: v.string(),
      found: v.exactOptional(Versions),
      after: v.exactOptional(Versions),
      tables: v.record(v.string(), v.number()),
    }),
  ),
  defects: v.array(v.string()),
  warnings: v.array(v.string()),
  remarks: v.array(v.string()),
});

let root: string;
let data: string;
let work: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "selftest-"));
  [data, work] = [join(root, "data"), join(root, "work")];
  mkdirSync(work);
  cpSync(OWN, data, { recursive: true });
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

function selftest(...options: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(EXECUTABLE, ["selftest", "--data", data, "--work", work, ...options], {
    encoding: "utf8",
  });
  return { status, stdout, stderr, report: () => v.parse(Report, JSON.parse(stdout)) };
}

/** Names, times, modes and content. */
const stateOf = (directory: string): unknown =>
  readdirSync(directory)
    .sort()
    .map((name) => {
      const path = join(directory, name);
      const { mtimeMs, mode } = statSync(path);
      return [name, mtimeMs, mode, new Bun.CryptoHasher("sha256").update(readFileSync(path)).digest("hex")];
    });

function change(file: string, sql: string): void {
  const database = new Database(join(data, file));
  database.run(sql);
  database.close();
}

describe("selftest", () => {
  test("migrates copies, counts every row and leaves the files as they are", () => {
    const before = stateOf(data);
    const { status, stderr, report } = selftest();
    expect(stderr).toBe("");
    expect(status).toBe(0);
    const { passed, defects, databases } = report();
    expect(passed).toBe(true);
    expect(defects).toEqual([]);
    const [core, ...deviceModels] = databases;
    expect(core?.path).toBe(join(data, "cp.db"));
    expect(core?.found).toEqual({ schema: 6, station: 3 });
    expect(core?.after?.station).toBeGreaterThan(3);
    expect(core?.tables).toMatchObject({ TRANSACTION_QUEUE: 3, STATION_TRANSACTION: 1, STATION_RESERVATION: 0 });
    for (const { after } of deviceModels) expect(after?.station).toBeGreaterThan(1);
    expect(stateOf(data)).toEqual(before);
    expect(readdirSync(work)).toEqual([]);
  });

  test("takes libocpp's files in the same way", () => {
    rmSync(data, { recursive: true });
    mkdirSync(data);
    copyLibocppDatabase("cp-v6-interrupted-transaction.db", join(data, "cp.db"));
    copyLibocppDatabase("device_model_storage-after-csms-session.db", join(data, "device_model_storage.db"));
    const before = stateOf(data);
    const { status, report } = selftest();
    expect(status).toBe(0);
    expect(report().databases.map(({ found, after }) => [found?.station, after !== undefined])).toEqual([
      [0, true],
      [0, true],
      [undefined, true],
    ]);
    expect(stateOf(data)).toEqual(before);
  });

  test("says that a station without databases starts for the first time", () => {
    rmSync(data, { recursive: true });
    mkdirSync(data);
    const { status, report } = selftest();
    expect(status).toBe(0);
    expect(report().warnings).toEqual(["there are no databases: this would be a first start"]);
    expect(readdirSync(data)).toEqual([]);
  });

  test("a row that this program could not load is a defect with table and place, without what stands in it", () => {
    change("cp.db", 'UPDATE STATION_TRANSACTION SET STATE = \'{"sessionId": "top secret"}\'');
    change(
      "cp.db",
      "INSERT INTO NORMAL_QUEUE VALUES ('1', 'no JSON', 'StatusNotification', 0, '2026-01-01T00:00:00.000Z')",
    );
    const { status, stdout, stderr, report } = selftest();
    expect(status).toBe(1);
    const { passed, defects } = report();
    expect(passed).toBe(false);
    expect(defects).toContain(`${join(data, "cp.db")}: NORMAL_QUEUE, row 1: MESSAGE: not JSON`);
    expect(defects.find((text) => text.includes("STATION_TRANSACTION, row 1: STATE.evseId"))).toBeString();
    expect(stderr.trim().split("\n")).toEqual([...defects]);
    expect(stdout).not.toContain("top secret");
  });

  test("a damaged file is a defect, and stays where it is", () => {
    const file = join(data, "device_model_storage.db");
    const bytes = readFileSync(file);
    bytes.fill(0x5a, 4_096, 20_000);
    writeFileSync(file, bytes);
    const before = stateOf(data);
    const { status, report } = selftest();
    expect(status).toBe(1);
    expect(report().defects[0]).toStartWith(`${file} cannot be copied: `);
    expect(stateOf(data)).toEqual(before);
    expect(readdirSync(work)).toEqual([]);
  });

  test("a file of a newer libocpp is refused under its own name, not that of its copy", () => {
    rmSync(data, { recursive: true });
    mkdirSync(data);
    copyLibocppDatabase("cp-v7-made-from-description.db", join(data, "cp.db"), (database) =>
      database.run("PRAGMA user_version = 8"),
    );
    const { status, report } = selftest();
    expect(status).toBe(1);
    expect(report().defects).toEqual([
      `${join(data, "cp.db")} has schema version 8, this program knows 6: a newer libocpp left it`,
    ]);
  });

  test("a database that was emptied beside others is a loss", () => {
    writeFileSync(join(data, "cp.db"), "");
    const { status, report } = selftest();
    expect(status).toBe(1);
    expect(report().defects[0]).toContain("what was kept in it is lost");
  });

  test("defects of both configurations are in the report", () => {
    const config = join(root, "everest.yaml");
    const components = join(root, "components");
    cpSync(join(import.meta.dir, "../../component_config"), components, { recursive: true });
    writeFileSync(join(components, "standardized/TxCtrlr.json"), "{");
    const connections = ["evse_manager", "system", "security", "auth"]
      .map((name) => `      ${name}:\n        - { module_id: other, implementation_id: main }\n`)
      .join("");
    const moduleText = (more: string) =>
      `active_modules:
  ocpp:
    module: OCPP201
    config_module:
      DeviceModelConfigPath: ${components}
${more}    connections:
${connections}  other:
    module: Other
`;
    writeFileSync(config, moduleText("      ResetStopDelay: soon\n"));
    const refused = selftest("--config", config);
    expect(refused.status).toBe(1);
    expect(refused.report().defects[0]).toContain(`${config}:6:`);

    writeFileSync(config, moduleText(""));
    const { defects, databases } = selftest("--config", config).report();
    // What the databases hold is told all the same.
    expect(databases[0]?.tables).toMatchObject({ TRANSACTION_QUEUE: 3 });
    expect(defects.find((text) => text.startsWith(join(components, "standardized/TxCtrlr.json")))).toBeString();
    expect(defects.filter((text) => text.includes("component configuration is not usable"))).toEqual([]);
  });

  test("a directory that is not there does not pass for a station without databases", () => {
    rmSync(data, { recursive: true });
    const { status, stdout, stderr } = selftest();
    expect([status, stdout]).toEqual([1, ""]);
    expect(stderr).toContain(`--data: ${data} is not a directory`);
  });

  test("copies that a killed self-test has left are removed by the next one", () => {
    const left = join(work, "ocpp201-selftest-999999999-abc");
    mkdirSync(left);
    writeFileSync(join(left, "cp.db"), "a password");
    const other = join(work, "somebody-elses");
    mkdirSync(other);
    expect(selftest().status).toBe(0);
    expect(readdirSync(work)).toEqual(["somebody-elses"]);
  });

  test("without room for the copies it fails and leaves nothing", () => {
    if (process.getuid?.() === 0) {
      // Nothing hinders the superuser but a place that takes no files.
      expect(selftest("--work", "/proc/self").status).toBe(1);
      return;
    }
    chmodSync(work, 0o500);
    expect(selftest().status).toBe(1);
    chmodSync(work, 0o700);
  });
});

test("selftest looks at a station that runs, which goes on undisturbed", async () => {
  const charger = await Charger.start();
  try {
    const evse = charger.everest.evse(1);
    await evse.plugIn();
    await evse.authorize(TOKEN);
    await evse.startCharging();
    await charger.csms.waitFor("TransactionEvent", ({ eventType }) => eventType === "Started");
    const { status, stdout, stderr } = spawnSync(
      EXECUTABLE,
      [
        "selftest",
        ...["--core-database-path", join(charger.directory, "core"), "--prefix", charger.directory],
        ...["--device-model-database-path", join(charger.directory, "device_model.db")],
        ...["--everest-device-model-database-path", join(charger.directory, "everest_device_model.db")],
      ],
      { encoding: "utf8" },
    );
    expect([status, stderr]).toEqual([0, ""]);
    const { databases } = v.parse(Report, JSON.parse(stdout));
    expect(databases[0]?.tables).toMatchObject({ STATION_TRANSACTION: 1, TRANSACTIONS: 1 });
    await evse.unplug();
    await charger.csms.waitFor("TransactionEvent", ({ eventType }) => eventType === "Ended");
    expect(charger.csms.violations).toEqual([]);
  } finally {
    await charger.stop();
  }
}, 30_000);
