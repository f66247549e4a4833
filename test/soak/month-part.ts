import { heapStats } from "bun:jsc";
import { join } from "node:path";
import { ClockCtrlr, OCPPCommCtrlr, SampledDataCtrlr } from "../../src/device-model/variables.ts";
import { silentLogger } from "../../src/log/logger.ts";
import { MessageLog } from "../../src/log/message-log/message-log.ts";
import { checkCourse, checkInvariants, recordOf } from "../simulation/invariants.ts";
import { SimulatedEvse } from "../simulation/simulated-evse.ts";
import { defaultAnswer, InProcessCharger } from "../support/in-process-charger.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { fileMegabytes } from "./executable.ts";
import type { RunningPart, SoakPart } from "./part.ts";

const EVSES = 16;
const READING_MILLISECONDS = 30_000;
const READINGS_PER_HOUR = 3_600_000 / READING_MILLISECONDS;
const HOURS_PER_DAY = 24;
/** With a leap day, and with the change to summer time of New York. */
const BEGIN = "2028-02-15T00:00:00.000Z";
const CERTIFICATE_EXPIRES = Date.parse("2028-03-10T00:00:00.000Z");
const TIME_ZONES = ["America/New_York", "Europe/Berlin", "Asia/Kathmandu"] as const;
/** Not a multiple of what the station does regularly: nothing is on its way then. */
const SETTLING_MILLISECONDS = 313_000;
/** How often a driver does something at an EVSE, per reading. */
const ACT = 1 / 60;
/** Hours of a day without network. */
const GAP = { from: 7, to: 10 } as const;
/** The day on which the disk is full for an hour. */
const FULL_DISK = { day: 3, hour: 14 } as const;
const RESTART_EVERY_DAYS = 10;
const HEAP_GROWTH_LIMIT_MEGABYTES = 48;
const FILES_LIMIT_MEGABYTES = 60;
const LOG = { maximumBytes: 1_000_000, maximumFiles: 5, dateSuffix: false } as const;

class MonthRun implements RunningPart {
  private readonly charger: InProcessCharger;
  private readonly random: SeededRandom;
  private evses: readonly SimulatedEvse[] = [];
  private messageLog: MessageLog | undefined;
  private firstHeap: number | undefined;
  private readonly highest = { heap: 0, memory: 0, files: 0 };
  private events = 0;
  private readings = 0;

  private constructor(seed: number) {
    this.random = new SeededRandom(seed);
    this.charger = new InProcessCharger(seed, {}, EVSES);
    this.charger.clock.jumpTo(BEGIN);
  }

  static async start(seed: number): Promise<MonthRun> {
    const run = new MonthRun(seed);
    const { charger } = run;
    const daysLeft = () => Math.floor((CERTIFICATE_EXPIRES - charger.clock.now().getTime()) / 86_400_000);
    charger.react = ({ action }) => ({ answer: defaultAnswer(action, charger.clock) });
    const at = (evseId: unknown) => run.evses[Number(evseId) - 1];
    charger.hardwareAnswers = {
      leafExpiryDays: async () => daysLeft(),
      stopTransaction: (evseId, reason) => at(evseId)?.stopTransaction(reason as "Remote") ?? false,
      pauseCharging: (evseId) => at(evseId)?.pauseCharging() ?? false,
      withdrawAuthorization: (evseId) => at(evseId)?.withdrawAuthorization(),
    };
    await charger.start();
    charger.deviceModel.write(SampledDataCtrlr.TxUpdatedInterval, 300, "internal");
    charger.deviceModel.write(SampledDataCtrlr.TxEndedInterval, 900, "internal");
    charger.deviceModel.write(OCPPCommCtrlr.MessageAttempts_TransactionEvent, 20, "internal");
    run.evses = charger.model.evses.map(({ evseId }) => new SimulatedEvse(charger, evseId, run.random));
    run.attachMessageLog();
    await charger.clock.advance(1_000);
    return run;
  }

  private attachMessageLog(): void {
    const { clock, csms, directory } = this.charger;
    const log = new MessageLog({
      settings: { directory: join(directory, "logs"), formats: new Set(["log", "html"]), raw: false, rotation: LOG },
      clock,
      logger: silentLogger,
      print: () => {},
      publish: () => {},
      onSecurityLogRemoved: () => {},
    });
    csms.events.on("message", ({ direction, text, name = "?" }) =>
      log.take({ time: clock.now(), origin: direction === "sent" ? "station" : "csms", name, text }),
    );
    this.messageLog = log;
  }

  /** One hour. */
  async step(unit: number): Promise<void> {
    const { charger, random } = this;
    const [day, hour] = [Math.floor(unit / HOURS_PER_DAY), unit % HOURS_PER_DAY];
    charger.reachable = hour < GAP.from || hour >= GAP.to;
    if (hour === GAP.from) charger.disconnect();
    if (hour === 0)
      charger.deviceModel.write(ClockCtrlr.TimeZone, TIME_ZONES[day % TIME_ZONES.length] ?? "UTC", "internal");
    const isDiskFull = day === FULL_DISK.day && hour === FULL_DISK.hour;
    charger.core.database.run(`PRAGMA query_only = ${isDiskFull ? "ON" : "OFF"}`);
    for (let reading = 0; reading < READINGS_PER_HOUR; reading++) {
      for (const evse of this.evses) {
        if (random.next() < ACT) evse.act();
        evse.measure();
      }
      this.readings += EVSES;
      await charger.clock.advance(READING_MILLISECONDS);
    }
    charger.core.database.run("PRAGMA query_only = OFF");
    if (hour === HOURS_PER_DAY - 1) await this.endDay(day);
  }

  private async endDay(day: number): Promise<void> {
    const { charger, evses } = this;
    await charger.clock.advance(SETTLING_MILLISECONDS);
    this.forgiveFullDisk();
    const occupied = (evseId: number) => evses[evseId - 1]?.plugged === true;
    checkCourse(recordOf(charger), occupied);
    for (const evse of evses) evse.leave();
    await charger.clock.advance(1_000);
    checkInvariants(recordOf(charger), occupied);
    if ((day + 1) % RESTART_EVERY_DAYS === 0) await this.restart();
    this.forgetDay();
    this.measure(day);
  }

  /** That nothing could be stored was said, as it should be. */
  private forgiveFullDisk(): void {
    const kept = this.charger.log.filter((line) => !/^critical .*(?:cannot be stored|readonly database)/.test(line));
    this.charger.log.splice(0, this.charger.log.length, ...kept);
  }

  private async restart(): Promise<void> {
    const { charger } = this;
    await this.messageLog?.close();
    charger.crash();
    await charger.start();
    this.attachMessageLog();
    for (const evse of this.evses) evse.showLife();
    await charger.clock.advance(60_000);
  }

  /** All transactions of the day are over and were looked at; what counts longer is the last status of each connector. */
  private forgetDay(): void {
    const { charger } = this;
    this.events += charger.callsOf("TransactionEvent").length;
    const statuses = charger.model.evses.flatMap(
      ({ evseId }) =>
        charger.calls.findLast(({ action, payload }) => action === "StatusNotification" && payload.evseId === evseId) ??
        [],
    );
    charger.calls.splice(0, charger.calls.length, ...statuses);
    for (const list of [charger.hardwareCalls, charger.answers, charger.log, charger.attempts, charger.localAddresses])
      list.length = 0;
  }

  private measure(day: number): void {
    Bun.gc(true);
    const heap = heapStats().heapSize / 1_048_576;
    this.firstHeap ??= heap;
    const files = fileMegabytes(this.charger.directory);
    this.highest.heap = Math.max(this.highest.heap, heap);
    this.highest.memory = Math.max(this.highest.memory, process.memoryUsage.rss() / 1_048_576);
    this.highest.files = Math.max(this.highest.files, files);
    if (heap - this.firstHeap > HEAP_GROWTH_LIMIT_MEGABYTES)
      throw new Error(`day ${day}: the heap has grown from ${this.firstHeap.toFixed(0)} to ${heap.toFixed(0)} MB`);
    if (files > FILES_LIMIT_MEGABYTES) throw new Error(`day ${day}: the files have ${files.toFixed(0)} MB`);
  }

  async finish() {
    await this.messageLog?.close();
    this.charger.dispose();
    return {
      readings: this.readings,
      TransactionEvents: this.events,
      "heap after day 1 / at most, MB": `${this.firstHeap?.toFixed(0) ?? "–"} / ${this.highest.heap.toFixed(0)}`,
      "RSS at most, MB": this.highest.memory.toFixed(0),
      "files at most, MB": this.highest.files.toFixed(1),
    };
  }
}

export const month: SoakPart = {
  name: "month",
  title:
    "30 simulated days of a station with 16 EVSEs, a reading every 30 s: time zones, leap day, certificate expiry, log rotation, network gaps, restarts, full disk for an hour",
  unit: "hours",
  units: 30 * HOURS_PER_DAY,
  start: MonthRun.start,
};
