import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Charger, EXECUTABLE } from "../support/charger.ts";
import { everestYaml } from "../support/everest-yaml.ts";
import { copyLibocppDatabase } from "../support/libocpp-databases.ts";

let directory: string;
let charger: Charger | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cli-"));
});
afterEach(async () => {
  await charger?.stop();
  charger = undefined;
  rmSync(directory, { recursive: true, force: true });
});

const cli = (...args: readonly string[]) => {
  const { exitCode, stdout, stderr } = Bun.spawnSync([EXECUTABLE, ...args], { cwd: directory });
  return { exitCode, stdout: stdout.toString(), stderr: stderr.toString() };
};
const file = (name: string, text: string): string => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};

test("--version and --help say what this is, and end well", () => {
  expect(cli("--version")).toEqual({
    exitCode: 0,
    stdout: expect.stringMatching(/^everest-ocpp201 \d+\.\d+\.\d+\n$/) as unknown as string,
    stderr: "",
  });
  for (const words of [["--help"], ["-h"], ["help"], ["inspect", "--help"]]) {
    const { exitCode, stdout } = cli(...words);
    expect(exitCode).toBe(0);
    for (const word of ["run --config", "check", "inspect", "queue", "--json", "OCPP201_CORE_DATABASE_PATH"])
      expect(stdout).toContain(word);
  }
});

describe("what cannot be understood ends with 1 and one line that helps", () => {
  for (const [what, args, expected] of [
    ["an unknown subcommand", ["chekc"], '"chekc" is not a subcommand; --help lists them'],
    ["no module id", [], "the module id is missing"],
    ["an unknown option", ["check", "--confg", "x"], "--help lists the options"],
    [
      "nothing to inspect",
      ["inspect", "everything"],
      "variables|queue|monitors|auth|display|needs|ocsp|profiles|reservations|transactions|waiting|schedule is expected",
    ],
    ["no database", ["inspect", "queue", "--core-database-path", "/nonexistent"], "/nonexistent/cp.db does not exist"],
    ["an address that is none", ["--module", "ocpp", "--http", "8080"], '--http: "8080" is not an address like'],
    ["--http without a value", ["--module", "ocpp", "--http"], '--http: "true" is not an address like'],
    [
      "an address that others can reach, without a token",
      ["--module", "ocpp", "--http", "0.0.0.0:80"],
      "so a token is needed",
    ],
    [
      "a token file that is not there",
      ["--module", "ocpp", "--http", "192.0.2.1:80", "--http-token-file", "/nowhere"],
      "--http-token-file /nowhere cannot be read",
    ],
    ["a broker port that is none", ["--module", "ocpp", "--mqtt_broker_port", "x"], '"x" is not a port number'],
    [
      "simulate: a number of EVSEs that is none",
      ["simulate", "--evses", "many"],
      '"many" is not a number from 1 to 32',
    ],
    [
      "simulate: a release that nobody plays",
      ["simulate", "--everest", "2019"],
      '--everest: "2019" is none of 2025-02, 2025-10, 2026-05, 2026-08',
    ],
    ["simulate: an unknown option", ["simulate", "--twice"], "--help lists the options"],
    ["simulate: an address that is none", ["simulate", "--http", "x"], '--http: "x" is not an address like'],
    ["no configuration", ["run", "--config", "/nonexistent.yaml"], "/nonexistent.yaml:1:1: the file cannot be read"],
  ] as const)
    test(what, () => {
      const { exitCode, stderr } = cli(...args);
      expect(exitCode).toBe(1);
      expect(stderr).toContain(expected);
      expect(stderr).not.toContain("    at ");
    });
});

test.each([[[]], [["--everest", "2025-02"]], [["--everest", "2026-08"]]])(
  "simulate %j: the executable brings its own charger, EVerest and CSMS (its embedded configuration could not be copied)",
  async (release) => {
    const simulation = spawn(EXECUTABLE, ["simulate", "--once", ...release], { cwd: directory });
    let output = "";
    const booted = new Promise<void>((resolve) => {
      simulation.stdout.on("data", (data: Buffer) => {
        output += data.toString();
        if (output.includes("BootNotification")) resolve();
      });
      simulation.on("exit", () => resolve());
    });
    await booted;
    // The station is a child of its own.
    simulation.kill("SIGINT");
    expect(output).toContain("station → CSMS");
  },
  30_000,
);

test("--http on a port that is in use ends with 1 and one line that says so", () => {
  const other = Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: () => new Response("other") });
  const { exitCode, stderr } = cli("--module", "ocpp", "--http", `127.0.0.1:${other.port}`);
  other.stop(true);
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^--http 127\.0\.0\.1:\d+: nothing can listen there: EADDRINUSE.*\n$/);
});

describe("check", () => {
  test("without defects: what was looked at, exit code 0", () => {
    const path = file("everest.yaml", everestYaml());
    const { exitCode, stdout, stderr } = cli("check", "--config", path);
    expect(exitCode).toBe(0);
    expect(stdout).toContain(`${path}: module ocpp, 2 EVSEs, 5 connections, no defects`);
    expect(stdout).toMatch(/23 components with \d+ variables, no defects/);
    expect(stderr).toContain("warning: CoreDatabasePath is /tmp/ocpp201");
  });

  test("defects of both at once, with file, line and column; the directory is the configured one", () => {
    const components = join(directory, "components");
    cpSync(join(import.meta.dir, "../../component_config"), components, { recursive: true });
    file("components/standardized/ClockCtrlr.json", "{\n  oops");
    const path = file(
      "everest.yaml",
      everestYaml(`    config_module: {DeviceModelConfigPath: ${components}, Typo: 1}\n    connections: {}\n`),
    );
    const { exitCode, stderr } = cli("check", "--config", path);
    expect(exitCode).toBe(1);
    expect(stderr).toContain(`${path}:18:`);
    expect(stderr).toContain("active_modules.ocpp.config_module.Typo: there is no such parameter");
    expect(stderr).toContain(`${components}/standardized/ClockCtrlr.json:2:3: `);
    expect(stderr).toContain("connections.evse_manager: 1 connection is needed, there are 0");
    expect(stderr).toMatch(/\n\d+ defects found\n$/);
  });
});

describe("inspect", () => {
  const takeDatabases = (): readonly string[] => {
    mkdirSync(join(directory, "core"));
    copyLibocppDatabase("cp-v6-interrupted-transaction.db", join(directory, "core/cp.db"), (database) => {
      database.run(`INSERT INTO AUTH_LIST VALUES ('0011', '{"status":"Blocked"}')`);
      database.run(
        `INSERT INTO CHARGING_PROFILES VALUES (7, 1, 2, 'TxDefaultProfile',
         '{"id":7,"chargingProfileKind":"Relative","validFrom":"1970-01-01T00:00:00.000Z","validTo":"2027-01-01T00:00:00.000Z","chargingSchedule":[{"chargingRateUnit":"A","chargingSchedulePeriod":[{},{}]}]}', 'CSO', NULL)`,
      );
    });
    copyLibocppDatabase("device_model_storage-after-csms-session.db", join(directory, "dm.db"), (database) =>
      database.run(
        "UPDATE VARIABLE_ATTRIBUTE SET VALUE = 'the-password' WHERE VARIABLE_ID = (SELECT ID FROM VARIABLE WHERE NAME = 'BasicAuthPassword')",
      ),
    );
    return [
      "--core-database-path",
      join(directory, "core"),
      "--device-model-database-path",
      join(directory, "dm.db"),
      "--everest-device-model-database-path",
      join(directory, "none.db"),
    ];
  };
  const json = (...args: readonly string[]) => {
    const { exitCode, stdout, stderr } = cli("inspect", ...args, "--json");
    expect([exitCode, stderr]).toEqual([0, ""]);
    return JSON.parse(stdout) as readonly Readonly<Record<string, unknown>>[];
  };

  test("what libocpp left, as a table and as JSON; nothing is changed or made", () => {
    const paths = takeDatabases();
    const before = [readFileSync(join(directory, "core/cp.db")), readdirSync(join(directory, "core"))];

    const table = cli("inspect", "queue", ...paths).stdout.split("\n");
    expect(table[0]).toMatch(/^queue +position +created +action +event +seqNo +offline +attempts +transactionId/);
    expect(table[1]).toMatch(
      /^durable +\d+ +2026-11-22T11:14:52\.\d+Z +TransactionEvent +Started +0 +true +0 +0b1bacd1-/,
    );
    expect(json("queue", ...paths).map(({ event, seqNo }) => `${event} ${seqNo}`)).toEqual([
      "Started 0",
      "Updated 1",
      "Updated 2",
    ]);
    expect(json("transactions", ...paths)).toEqual([
      {
        evse: 1,
        connector: 1,
        transactionId: "0b1bacd1-1798-4c5d-97cf-890f5801eb19",
        started: "2026-11-22T11:14:52.612Z",
        nextSeqNo: 3,
        chargingState: "EVConnected",
        idTokenTold: true,
      },
    ]);
    expect(json("profiles", ...paths)).toEqual([
      {
        id: 7,
        evse: 1,
        purpose: "TxDefaultProfile",
        stackLevel: 2,
        kind: "Relative",
        source: "CSO",
        validFrom: null,
        validTo: "2027-01-01T00:00:00.000Z",
        periods: 2,
        unit: "A",
        transactionId: null,
      },
    ]);
    expect(json("auth", ...paths)).toEqual([
      { store: "local list", status: "Blocked", lastUsed: null, expires: null, tokenHash: "0011" },
    ]);
    expect(cli("inspect", "auth", "nothing like it", ...paths).stdout).toBe("(nothing)\n");

    expect([readFileSync(join(directory, "core/cp.db")), readdirSync(join(directory, "core"))]).toEqual(before);
  });

  test("the limits that follow from the profiles, as a plot with a table and as JSON", () => {
    const paths = takeDatabases();
    const database = new Database(join(directory, "core/cp.db"));
    database.run("UPDATE CHARGING_PROFILES SET PROFILE = ?", [
      JSON.stringify({
        id: 7,
        stackLevel: 2,
        chargingProfilePurpose: "TxDefaultProfile",
        chargingProfileKind: "Relative",
        chargingSchedule: [
          {
            id: 1,
            chargingRateUnit: "A",
            duration: 1e9,
            chargingSchedulePeriod: [
              { startPeriod: 0, limit: 32 },
              { startPeriod: 1, limit: 16, numberPhases: 1 },
            ],
          },
        ],
      }),
    ]);
    database.close();
    const asked = cli("inspect", "schedule", "--evse", "1", "--hours", "2", "--json", ...paths);
    expect(JSON.parse(asked.stdout)).toMatchObject({
      evseId: 1,
      duration: 7200,
      chargingRateUnit: "A",
      chargingSchedulePeriod: [{ startPeriod: 0, limit: 16, numberPhases: 1 }],
    });
    const shown = cli("inspect", "schedule", "--evse", "1", "--unit", "W", ...paths).stdout;
    expect(shown).toMatch(/^Limit of EVSE 1 \(UTC\)\n3680\.0 W │█{72}\n/);
    expect(shown).toMatch(/\nfrom +limit +unit +phases +phaseToUse\n\S+ +3680 +W +1\n$/);
    expect(cli("inspect", "schedule", "--evse", "9", ...paths).stderr).toContain("there is no EVSE 9");
    expect(cli("inspect", "schedule", "--hours", "no", ...paths).stderr).toContain("--hours wants a number");
  });

  test("variables, with a text to look for; secrets are masked", () => {
    const paths = takeDatabases();
    expect(json("variables", "heartbeatinterval", ...paths)).toEqual([
      {
        component: "OCPPCommCtrlr",
        evse: null,
        connector: null,
        variable: "HeartbeatInterval",
        attribute: "Actual",
        mutability: "ReadWrite",
        source: "csms",
        value: "120",
      },
    ]);
    const everything = cli("inspect", "variables", ...paths).stdout;
    expect(everything).toMatch(/BasicAuthPassword .*\*\*\*/);
    expect(everything).not.toContain("the-password");
    expect(json("variables", ...paths).length).toBe(271);
  });

  test("a slow reader gets everything, one that goes away early is no failure", () => {
    const paths = takeDatabases().map((path) => `'${path}'`);
    const command = `'${EXECUTABLE}' inspect variables --json ${paths.join(" ")}`;
    const shell = (text: string) => Bun.spawnSync(["bash", "-o", "pipefail", "-c", text]);
    const rows = JSON.parse(shell(`${command} | (sleep 0.3; cat)`).stdout.toString()) as unknown[];
    expect(rows).toHaveLength(271);
    expect(shell(`${command} | head -1`).exitCode).toBe(0);
  });

  test("a message that was put aside is not forgotten", () => {
    const paths = takeDatabases();
    const database = new Database(join(directory, "core/cp.db"));
    database.run(
      "CREATE TABLE STATION_REJECTED_MESSAGE (ID INTEGER PRIMARY KEY, MESSAGE_TYPE TEXT, MESSAGE TEXT, REASON TEXT, REJECTED_AT TEXT)",
    );
    database.run("INSERT INTO STATION_REJECTED_MESSAGE VALUES (1, 'TransactionEvent', '', 'unreadable row', '2026')");
    database.run("INSERT INTO TRANSACTION_QUEUE VALUES ('x', 'no JSON', 'TransactionEvent', 0, '2026')");
    database.close();
    expect(json("queue", ...paths).slice(-2)).toMatchObject([
      { queue: "durable", action: "(unreadable)", messageId: "x" },
      { queue: "put aside", action: "TransactionEvent", event: "unreadable row" },
    ]);
  });

  test("a database that cannot be read is told", () => {
    mkdirSync(join(directory, "core"));
    file("core/cp.db", "no database at all".repeat(100));
    const { exitCode, stderr } = cli("inspect", "queue", "--core-database-path", join(directory, "core"));
    expect(exitCode).toBe(1);
    expect(stderr).toContain("cp.db cannot be read: file is not a database");
  });

  test("a running station is looked at without disturbing it", async () => {
    charger = await Charger.start();
    await charger.everest.evse(1).plugIn();
    await charger.everest.presentToken({ value: "04A1B2C3", type: "ISO14443" });
    await charger.csms.waitFor("TransactionEvent");
    charger.csms.refuseWith = 503;
    charger.csms.drop();
    // The station has noticed by then: what follows is created offline.
    await Bun.sleep(300);
    await charger.everest.evse(1).startCharging();
    await Bun.sleep(200);
    const paths = [
      "--core-database-path",
      join(charger.directory, "core"),
      "--device-model-database-path",
      join(charger.directory, "device_model.db"),
      "--everest-device-model-database-path",
      join(charger.directory, "everest_device_model.db"),
    ];
    expect(json("transactions", ...paths)).toHaveLength(1);
    expect(json("queue", ...paths).at(-1)).toMatchObject({ action: "TransactionEvent", offline: true });
    expect(json("variables", "EVSE", ...paths).length).toBeGreaterThan(10);
    expect(cli("inspect", "auth", ...paths).stdout).not.toContain("04A1B2C3");
    charger.csms.refuseWith = undefined;
    await charger.everest.evse(1).unplug();
    await charger.csms.waitFor("TransactionEvent", ({ eventType }) => eventType === "Ended", 20_000);
    expect(charger.csms.violations).toEqual([]);
    // At rest, too: no side file is left behind by a look.
    await charger.end("SIGTERM");
    json("queue", ...paths);
    expect(readdirSync(join(charger.directory, "core")).sort()).toEqual(["cp.db", "cp.db.lock"]);
  }, 60_000);
});

describe("run --config: stand-alone", () => {
  const yamlFor = (station: Charger): string => {
    const parameters = Object.entries({
      CoreDatabasePath: join(station.directory, "core"),
      DeviceModelDatabasePath: join(station.directory, "device_model.db"),
      EverestDeviceModelDatabasePath: join(station.directory, "everest_device_model.db"),
      DeviceModelConfigPath: join(station.directory, "component_config"),
      MessageLogPath: join(station.directory, "logs"),
    }).map(([name, value]) => `      ${name}: ${value}\n`);
    const text = everestYaml(undefined, `  mqtt_broker_host: 127.0.0.1\n  mqtt_broker_port: ${station.broker.port}\n`);
    return text.replace("      MessageQueueResumeDelay: 1\n", parameters.join(""));
  };

  test("a station with parameters, connections and broker from the file, without any manager, plays a session", async () => {
    charger = await Charger.start({ stopped: true });
    const { csms, everest } = charger;
    const path = file("everest.yaml", yamlFor(charger));
    // No manager: nobody answers the configuration service, nobody releases the modules.
    const asked: unknown[] = [];
    await everest.bus.listen("config/request", (request) => asked.push(request));
    await everest.bus.listen("modules/ocpp/ready", () => {});
    const station = spawn(EXECUTABLE, ["run", "--config", path], { stdio: "ignore" });
    try {
      await csms.waitFor("StatusNotification", ({ evseId }) => evseId === 2, 20_000);
      await everest.evse(1).plugIn();
      await everest.presentToken({ value: "04A1B2C3", type: "ISO14443" });
      await everest.evse(1).startCharging();
      await everest.evse(1).unplug();
      await csms.waitFor("TransactionEvent", ({ eventType }) => eventType === "Ended");
      expect(csms.violations).toEqual([]);
      expect(asked).toEqual([]);
    } finally {
      station.kill("SIGTERM");
    }
  }, 60_000);

  test("a file with defects: all of them, and no start", () => {
    const path = file("everest.yaml", everestYaml("    config_module: {Typo: 1}\n    connections: {}\n"));
    const { exitCode, stderr } = cli("run", "--config", path);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("Typo: there is no such parameter");
    expect(stderr).toContain("connections.evse_manager: 1 connection is needed");
  });
});
