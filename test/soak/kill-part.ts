import { Database } from "bun:sqlite";
import { join } from "node:path";
import { readMigrations } from "../../src/store/migrations.ts";
import { Charger } from "../support/charger.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import {
  areOver,
  checkTransactions,
  demandCleanLog,
  drained,
  memoryMegabytes,
  testimonyOf,
  until,
} from "./executable.ts";
import type { RunningPart, SoakPart } from "./part.ts";

const EVSES = 4;
const TOKEN = { id_token: { value: "04A1B2C3", type: "ISO14443" }, authorization_type: "RFID" };
const MOMENTS = ["online", "offline", "reconnect", "boot", "migrations"] as const;
/** Schema of our own tables from which the migrations begin again. */
const OLD_VERSION = 3;

/** As an older program has left it: the tables of later versions are not there. */
function takeBack(path: string): void {
  const database = new Database(path);
  const old = new Database(":memory:");
  const tables = (of: Database) =>
    of.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'STATION%'").values().map(String);
  try {
    for (const { sql } of readMigrations("core")) old.exec(sql);
    for (const { version, sql } of readMigrations("core/station")) if (version <= OLD_VERSION) old.exec(sql);
    const known = new Set([...tables(old), "STATION_SCHEMA"]);
    for (const name of tables(database)) if (!known.has(name)) database.run(`DROP TABLE ${name}`);
    database.run(`UPDATE STATION_SCHEMA SET VERSION = ${OLD_VERSION}`);
  } finally {
    database.close();
    old.close();
  }
}

class KillRun implements RunningPart {
  private kills = 0;

  constructor(
    private readonly charger: Charger,
    private readonly seed: number,
  ) {}

  private async kill(): Promise<void> {
    await this.charger.end("SIGKILL");
    this.kills++;
  }

  private goOffline(): void {
    this.charger.csms.refuseWith = 503;
    this.charger.csms.drop();
  }

  /** Without a CSMS there is only the log to tell. */
  private async spawnOffline(): Promise<void> {
    const from = this.charger.log.length;
    this.charger.spawn();
    await until("the station is ready", () => this.charger.log.slice(from).includes("EVerest is ready"));
  }

  /** Kills at an instant of the kind; afterwards the station runs, connected or not as before. */
  private async killAt(moment: (typeof MOMENTS)[number], random: SeededRandom): Promise<void> {
    const { charger } = this;
    if (moment === "reconnect") {
      this.goOffline();
      await Bun.sleep(random.below(100));
      charger.csms.refuseWith = undefined;
      await Bun.sleep(random.below(700));
    } else await Bun.sleep(random.below(20));
    await this.kill();
    if (moment === "offline") return this.spawnOffline();
    if (moment === "migrations") takeBack(join(charger.directory, "core/cp.db"));
    if (moment === "boot" || moment === "migrations") {
      charger.spawn();
      await Bun.sleep(random.below(250));
      await this.kill();
    }
    await charger.startStation();
  }

  async step(unit: number): Promise<void> {
    const { charger } = this;
    const random = new SeededRandom(this.seed * 1_000_003 + unit);
    const moment = random.pick(MOMENTS);
    const evse = charger.everest.evse((unit % EVSES) + 1);
    const steps: (() => Promise<unknown>)[] = [
      () => evse.plugIn(),
      () => evse.authorize(TOKEN),
      () => evse.startCharging(),
      () => evse.pause("EV"),
      () => evse.startCharging(),
    ];
    const killBefore = random.below(steps.length + 1);
    if (moment === "offline") this.goOffline();
    for (const [index, play] of steps.entries()) {
      if (index === killBefore) await this.killAt(moment, random);
      await play();
      await Bun.sleep(random.below(15));
    }
    if (killBefore === steps.length) await this.killAt(moment, random);
    await Bun.sleep(20);
    await evse.unplug();
    await Bun.sleep(20);
    charger.csms.refuseWith = undefined;
    await drained(charger);
    // Nothing waits any more, but the last event of EVerest may still be on its way to the station.
    await until("all transactions are over", () => areOver(charger)).catch(() => {});
    try {
      checkTransactions(charger, true);
      demandCleanLog(charger);
    } catch (error) {
      throw new Error(`killed ${moment}, before step ${killBefore}: ${(error as Error).message}`);
    }
  }

  testimony(): string {
    return testimonyOf(this.charger);
  }

  async finish() {
    try {
      const transactions = checkTransactions(this.charger, true);
      const memory = memoryMegabytes(this.charger).toFixed(0);
      return { kills: this.kills, transactions, "RSS at the end, MB": memory };
    } finally {
      await this.charger.stop();
    }
  }
}

export const kills: SoakPart = {
  name: "kills",
  title:
    "`kill -9` of the executable at a random instant of a session on one of 4 EVSEs: online, offline, reconnecting, booting, migrating",
  unit: "sessions",
  units: 1_000,
  start: async (seed) =>
    new KillRun(await Charger.start({ evseCount: EVSES, patch: { SampledDataCtrlr: { TxUpdatedInterval: 1 } } }), seed),
};
