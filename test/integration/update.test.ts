import { Database } from "bun:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import { Charger } from "../support/charger.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { copySources } from "../support/source-copy.ts";

const REPOSITORY = join(import.meta.dir, "../..");
const UPDATE = join(REPOSITORY, "packaging/update/ocpp201-update");
const EXECUTABLE_IN_SLOT = "libexec/everest/modules/OCPP201/OCPP201";
const OTHER_TOKEN = { id_token: { value: "04A1B2C4", type: "ISO14443" }, authorization_type: "RFID" };
const TOKEN = { id_token: { value: "04A1B2C3", type: "ISO14443" }, authorization_type: "RFID" };
/** Of the next version: each adds to tables that are there, and one of its own. */
const NEXT_MIGRATION = 90;
const NEXT_MIGRATIONS = {
  core: `ALTER TABLE STATION_TRANSACTION ADD COLUMN NEXT TEXT;
    ALTER TABLE STATION_METER_VALUE ADD COLUMN NEXT INTEGER NOT NULL DEFAULT 7;
    CREATE TABLE STATION_NEXT (ID INTEGER PRIMARY KEY, TRANSACTION_ID TEXT NOT NULL) STRICT;
    INSERT INTO STATION_NEXT (TRANSACTION_ID) SELECT TRANSACTION_ID FROM STATION_TRANSACTION;`,
  device_model: "ALTER TABLE STATION_APPLIED_VALUE ADD COLUMN NEXT TEXT;",
} as const;

let shelf: string;

function pack(folder: string, version: string): void {
  const archive = join(shelf, `everest-ocpp201-${version}.tar`);
  execFileSync(join(REPOSITORY, "scripts/packages/archive"), [folder, archive, "1790000000"]);
}

/** A program that is no station: what it says to the self-test, and how long it runs otherwise. */
function packFake(version: string, script: string): void {
  const folder = join(shelf, `fake-${version}`);
  const file = join(folder, EXECUTABLE_IN_SLOT);
  mkdirSync(join(file, ".."), { recursive: true });
  writeFileSync(file, `#!/bin/sh\n${script}\n`);
  chmodSync(file, 0o755);
  pack(folder, version);
}

beforeAll(() => {
  shelf = mkdtempSync(join(tmpdir(), "releases-"));
  pack(join(REPOSITORY, "dist/everest"), "this");
  const next = join(shelf, "sources");
  mkdirSync(next);
  copySources(next);
  for (const [folder, sql] of Object.entries(NEXT_MIGRATIONS))
    writeFileSync(join(next, `migrations/${folder}/station/${NEXT_MIGRATION}.sql`), sql);
  const manifest = join(next, "package.json");
  writeFileSync(manifest, readFileSync(manifest, "utf8").replace(/"version": "[^"]+"/, '"version": "99.0.0"'));
  execFileSync("scripts/build", { cwd: next, env: { ...process.env, SOURCE_DATE_EPOCH: "1790000000" }, stdio: "pipe" });
  pack(join(next, "dist/everest"), "next");
  packFake("refusing", '[ "$1" != selftest ] || { sleep 1; echo "rows would be lost" >&2; exit 1; }');
  packFake("broken", "case $1 in selftest) ;; --version) echo broken ;; *) exit 3 ;; esac");
  execFileSync("bash", ["-c", "sha256sum -- *.tar >SHA256SUMS"], { cwd: shelf });
  execFileSync("openssl", ["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", "key"], {
    cwd: shelf,
    stdio: "ignore",
  });
  execFileSync("openssl", ["pkey", "-in", "key", "-pubout", "-out", "key.pem"], { cwd: shelf });
  execFileSync(join(REPOSITORY, "scripts/packages/sign"), [shelf], {
    env: { ...process.env, RELEASE_SIGNING_KEY: join(shelf, "key") },
  });
}, 120_000);
afterAll(() => rmSync(shelf, { recursive: true, force: true }));

async function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : 0));
    });
  });
}

const QueueRow = v.object({ messageId: v.string() });

/** A charger whose agent lies in slot a, and what starts and stops it for the updater. */
class Site {
  readonly root: string;
  private readonly conf: string;

  private constructor(
    readonly charger: Charger,
    private readonly control: { readonly port: number; stop(): void },
    http: string,
  ) {
    this.root = join(charger.directory, "slots");
    this.conf = join(charger.directory, "update.conf");
    const command = (name: string): string => `curl -fsS -m 20 http://127.0.0.1:${control.port}/${name}`;
    const paths = [
      `--device-model-database-path ${join(charger.directory, "device_model.db")}`,
      `--everest-device-model-database-path ${join(charger.directory, "everest_device_model.db")}`,
    ];
    writeFileSync(
      this.conf,
      `ROOT=${this.root}\nDATA=${join(charger.directory, "core")}\nOPTIONS="${paths.join(" ")}"
START="${command("start")}"\nSTOP="${command("stop")}"\nHTTP=http://${http}
PUBLIC_KEY=${join(shelf, "key.pem")}\nHEALTH_SECONDS=30\nSTABLE_SECONDS=1\nATTEMPTS=3\n`,
    );
  }

  static async open(): Promise<Site> {
    const http = `127.0.0.1:${await freePort()}`;
    const slots = mkdtempSync(join(tmpdir(), "slots-"));
    const charger = await Charger.start({
      stopped: true,
      modules: join(slots, "slots/current/libexec/everest/modules"),
      commandLine: ["--http", http],
      patch: { SampledDataCtrlr: { TxUpdatedInterval: 1 }, MonitoringCtrlr: { Enabled: true } },
    });
    // The charger's directory is removed with the charger.
    symlinkSync(join(slots, "slots"), join(charger.directory, "slots"));
    mkdirSync(join(slots, "slots"));
    cpSync(join(REPOSITORY, "dist/everest"), join(slots, "slots/a"), { recursive: true, verbatimSymlinks: true });
    symlinkSync("a", join(slots, "slots/current"));
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      async fetch({ url }) {
        if (url.endsWith("/stop")) await charger.end("SIGTERM");
        else if (!charger.isRunning) charger.spawn();
        return new Response("ok");
      },
    });
    const site = new Site(
      charger,
      {
        port: server.port ?? 0,
        stop: () => {
          void server.stop(true);
          rmSync(slots, { recursive: true, force: true });
        },
      },
      http,
    );
    await charger.startStation();
    return site;
  }

  async close(): Promise<void> {
    await this.charger.stop();
    this.control.stop();
  }

  /** How long the updater waits for a program that will never be healthy. */
  waitForHealth(seconds: number): void {
    writeFileSync(this.conf, `HEALTH_SECONDS=${seconds}\n`, { flag: "a" });
  }

  get slot(): string {
    return readlinkSync(join(this.root, "current"));
  }

  get isUnderWay(): boolean {
    return existsSync(join(this.root, "state"));
  }

  /**
   * Runs the updater. With `cutAt` the power goes as soon as it has said that: updater and station are killed, and nothing
   * of them runs until `boot`.
   */
  async update(
    words: readonly string[],
    cutAt?: string,
    delayMilliseconds = 0,
  ): Promise<{ code: number | null; said: string }> {
    const updater = spawn(UPDATE, words, { env: { ...process.env, UPDATE_CONF: this.conf }, detached: true });
    let said = "";
    let isCut = false;
    const cut = async (): Promise<void> => {
      isCut = true;
      await Bun.sleep(delayMilliseconds);
      if (updater.exitCode === null) process.kill(-(updater.pid ?? 0), "SIGKILL");
      await this.charger.end("SIGKILL");
    };
    let cutting: Promise<void> | undefined;
    updater.stderr.on("data", (data: Buffer) => {
      said += data.toString();
      if (cutAt !== undefined && !isCut && said.includes(cutAt)) cutting = cut();
    });
    const code = await new Promise<number | null>((resolve) => updater.once("close", resolve));
    await cutting;
    // The last of what was killed may still be about to let go of it.
    Bun.spawnSync(["flock", join(this.root, "lock"), "true"]);
    return { code, said };
  }

  /** The station starts with the machine, then an interrupted update is ended. */
  async boot(): Promise<number | null> {
    if (!this.charger.isRunning) this.charger.spawn();
    return (await this.update(["resume"])).code;
  }

  install(version: string, cutAt?: string, delayMilliseconds = 0) {
    return this.update(["install", join(shelf, `everest-ocpp201-${version}.tar`)], cutAt, delayMilliseconds);
  }

  /** What waits, in order. */
  queued(): readonly string[] {
    const database = new Database(join(this.charger.directory, "core/cp.db"), { readonly: true });
    try {
      return database
        .query("SELECT UNIQUE_ID AS messageId FROM TRANSACTION_QUEUE ORDER BY rowid")
        .all()
        .map((row) => v.parse(QueueRow, row).messageId);
    } finally {
      database.close();
    }
  }

  stationSchema(): unknown {
    const database = new Database(join(this.charger.directory, "core/cp.db"), { readonly: true });
    try {
      return database.query("SELECT VERSION FROM STATION_SCHEMA").values()[0]?.[0];
    } finally {
      database.close();
    }
  }
}

let site: Site;
beforeEach(async () => {
  site = await Site.open();
}, 30_000);
afterEach(() => site.close());

const PROFILE = {
  id: 41,
  stackLevel: 2,
  chargingProfilePurpose: "TxDefaultProfile",
  chargingProfileKind: "Absolute",
  chargingSchedule: [
    {
      id: 1,
      startSchedule: "2026-01-01T00:00:00.000Z",
      chargingRateUnit: "A",
      chargingSchedulePeriod: [{ startPeriod: 0, limit: 13 }],
    },
  ],
} as const;
const MONITORED = {
  component: { name: "EVSE", evse: { id: 1 } },
  variable: { name: "AvailabilityState" },
} as const;
const TIMEOUT = { component: { name: "TxCtrlr" }, variable: { name: "EVConnectionTimeOut" } } as const;

/** A transaction that runs, a profile, a monitor and a variable of the CSMS, then no connection and a queue. */
async function fill({ charger }: Site): Promise<void> {
  const { csms, everest } = charger;
  expect(await csms.send("SetChargingProfile", { evseId: 1, chargingProfile: PROFILE })).toMatchObject({
    response: { status: "Accepted" },
  });
  expect(
    await csms.send("SetVariableMonitoring", {
      setMonitoringData: [{ ...MONITORED, type: "Delta", value: 1, severity: 3, transaction: false }],
    }),
  ).toMatchObject({ response: { setMonitoringResult: [{ status: "Accepted" }] } });
  expect(await csms.send("SetVariables", { setVariableData: [{ ...TIMEOUT, attributeValue: "77" }] })).toMatchObject({
    response: { setVariableResult: [{ attributeStatus: "Accepted" }] },
  });
  const evse = everest.evse(1);
  await evse.plugIn();
  await evse.authorize(TOKEN);
  await evse.startCharging();
  await csms.waitFor("TransactionEvent", ({ eventType }) => eventType === "Started");
  csms.refuseWith = 503;
  csms.drop();
  await Bun.sleep(500);
  const other = everest.evse(2);
  await other.plugIn();
  await other.authorize(OTHER_TOKEN);
  await other.startCharging();
  await other.unplug();
  await Bun.sleep(300);
}

const transactionIdOf = ({ transactionInfo }: Readonly<Record<string, unknown>>): string =>
  v.parse(v.object({ transactionId: v.string() }), transactionInfo).transactionId;

/** Everything of `fill` is there and works. */
async function expectNothingLost({ charger }: Site): Promise<void> {
  const { csms, everest } = charger;
  const running = charger.transactionEvents().map(transactionIdOf)[0];
  const from = csms.calls.length;
  const ended = (isRunning: boolean) =>
    csms.waitFor(
      "TransactionEvent",
      (event) => event.eventType === "Ended" && (transactionIdOf(event) === running) === isRunning,
      20_000,
      from,
    );
  csms.refuseWith = undefined;
  await ended(false);
  await everest.evse(1).unplug();
  await ended(true);
  const byTransaction = Map.groupBy(charger.transactionEvents(), transactionIdOf);
  expect(byTransaction.size).toBe(2);
  for (const events of byTransaction.values()) {
    const numbers = new Set(events.map(({ seqNo }) => Number(seqNo)));
    expect([...numbers]).toEqual([...Array(numbers.size).keys()]);
    expect(events[0]?.eventType).toBe("Started");
    expect(events.at(-1)?.eventType).toBe("Ended");
  }
  const profiles = csms.calls.length;
  await csms.send("GetChargingProfiles", { requestId: 5, chargingProfile: {} });
  const told = await csms.waitFor("ReportChargingProfiles", ({ requestId }) => requestId === 5, 5_000, profiles);
  expect(told.request).toMatchObject({ evseId: 1, chargingProfile: [{ id: 41, stackLevel: 2 }] });
  await csms.send("GetMonitoringReport", { requestId: 6 });
  const monitors = await csms.waitFor("NotifyMonitoringReport", ({ requestId }) => requestId === 6, 5_000, profiles);
  expect(monitors.request).toMatchObject({
    monitor: [{ ...MONITORED, variableMonitoring: [{ type: "Delta", severity: 3 }] }],
  });
  expect(await csms.send("GetVariables", { getVariableData: [TIMEOUT] })).toMatchObject({
    response: { getVariableResult: [{ attributeValue: "77" }] },
  });
  expect(csms.violations).toEqual([]);
}

describe("an update over the air", () => {
  test("there and back again, with a power cut in each step: nothing is lost", async () => {
    const random = new SeededRandom(17);
    await fill(site);
    let waiting = site.queued();
    expect(waiting.length).toBeGreaterThanOrEqual(4);
    const expectQueueKept = (): void => {
      const now = site.queued();
      expect(now.slice(0, waiting.length)).toEqual([...waiting]);
      waiting = now;
    };

    for (const step of ["[1/5]", "[2/5]", "[3/5]"]) {
      await site.install("next", step, random.below(200));
      expect(await site.boot()).toBe(0);
      expect(site.isUnderWay).toBe(false);
      expectQueueKept();
      // On a busy machine the power may have gone one step later.
      if (site.slot === "b") expect((await site.update(["back"])).code).toBe(0);
      expect(site.slot).toBe("a");
    }
    for (const step of ["[4/5]", "[5/5]"]) {
      await site.install("next", step, random.below(300));
      expect(await site.boot()).toBe(0);
      expect([site.slot, site.isUnderWay]).toEqual(["b", false]);
      expect(site.stationSchema()).toBe(NEXT_MIGRATION);
      expectQueueKept();
      await site.update(["back"], step, random.below(300));
      expect(await site.boot()).toBe(0);
      expect([site.slot, site.isUnderWay]).toEqual(["a", false]);
      expectQueueKept();
    }
    const there = await site.install("next");
    expect([there.code, site.slot]).toEqual([0, "b"]);
    expect(there.said).toContain("slot b is in use: everest-ocpp201 99.0.0");
    expectQueueKept();
    const back = await site.update(["back"]);
    expect([back.code, site.slot]).toEqual([0, "a"]);
    expectQueueKept();
    await expectNothingLost(site);
  }, 180_000);

  test("a new program that fails its self-test never becomes the one in use", async () => {
    const { pid } = site.charger;
    const updating = site.install("refusing");
    await Bun.sleep(300);
    const second = await site.update(["back"]);
    expect([second.code, second.said]).toEqual([1, "ocpp201-update: another update is under way\n"]);
    const { code, said } = await updating;
    expect(code).toBe(1);
    expect(said).toContain("rows would be lost");
    expect([site.slot, site.isUnderWay, site.charger.pid]).toEqual(["a", false, pid]);
  }, 30_000);

  test("a new program that does not become healthy gives way to the old one, over a power cut as well", async () => {
    site.waitForHealth(2);
    const first = await site.install("broken");
    expect(first.code).toBe(1);
    expect(first.said).toContain("slot a is in use");
    expect([site.slot, site.isUnderWay]).toEqual(["a", false]);
    await site.install("broken", "back to slot a");
    expect(await site.boot()).toBe(0);
    expect([site.slot, site.isUnderWay]).toEqual(["a", false]);
    await site.charger.csms.waitFor("StatusNotification", undefined, 10_000, site.charger.csms.calls.length - 1);
  }, 60_000);

  test("a new program with which the machine reboots again and again is given up after ATTEMPTS boots", async () => {
    await site.install("broken", "[5/5]");
    for (let boot = 2; boot <= 3; boot++) {
      await site.update(["resume"], "[5/5]");
      expect(site.slot).toBe("b");
    }
    const last = await site.update(["resume"]);
    expect(last.said).toContain("given up after 3 attempts");
    expect([site.slot, site.isUnderWay]).toEqual(["a", false]);
  }, 60_000);

  test("what nobody has signed, or was changed afterwards, is not even unpacked", async () => {
    const sums = readFileSync(join(shelf, "SHA256SUMS"), "utf8");
    try {
      writeFileSync(
        join(shelf, "SHA256SUMS"),
        sums.replace(/^./gm, (digit) => (digit === "0" ? "1" : "0")),
      );
      const { code, said } = await site.install("next");
      expect(code).not.toBe(0);
      expect(said).not.toContain("[2/5]");
    } finally {
      writeFileSync(join(shelf, "SHA256SUMS"), sums);
    }
    expect(site.slot).toBe("a");
  }, 30_000);

  test("a new program that does not get the connection back gives way, though it is healthy otherwise", async () => {
    const { csms } = site.charger;
    site.waitForHealth(4);
    const updating = site.install("next");
    // With it in use nobody gets through: that is what a program that cannot connect looks like.
    const refuse = setInterval(() => {
      if (site.slot === "b") csms.refuseWith = 503;
    }, 5);
    const { code, said } = await updating;
    clearInterval(refuse);
    csms.refuseWith = undefined;
    expect(said).toContain("the new program does not work");
    expect([code, site.slot]).toEqual([1, "a"]);
  }, 60_000);
});

test("the hooks of RAUC and SWUpdate pass a program that goes on with the databases, and stop one that does not", () => {
  const { directory } = site.charger;
  const environment = { ...process.env, OCPP201_DATA: join(directory, "core"), OCPP201_PREFIX: "" };
  const hooks = [
    (slot: string) =>
      Bun.spawnSync([join(REPOSITORY, "packaging/update/rauc/hook.sh"), "slot-post-install"], {
        env: { ...environment, RAUC_SLOT_CLASS: "rootfs", RAUC_SLOT_MOUNT_POINT: slot },
      }),
    (slot: string) =>
      Bun.spawnSync([join(REPOSITORY, "packaging/update/swupdate/selftest.sh"), "postinst", slot], {
        env: environment,
      }),
  ];
  for (const hook of hooks) {
    expect(hook(join(site.root, "a")).exitCode).toBe(0);
    expect(hook(join(shelf, "fake-refusing")).exitCode).toBe(1);
  }
});
