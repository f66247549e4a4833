import { Charger } from "../support/charger.ts";
import {
  areOver,
  checkTransactions,
  demandCleanLog,
  drained,
  fileMegabytes,
  memoryMegabytes,
  processorSeconds,
  testimonyOf,
  until,
} from "./executable.ts";
import type { RunningPart, SoakPart } from "./part.ts";

const EVSES = 128;
const SECONDS_PER_UNIT = 5;
/** Of the EVSEs that charge: sessions begin and end all the time. */
const CHANGES_PER_UNIT = 4;
const GROWTH_LIMIT_MEGABYTES = 150;

class LoadRun implements RunningPart {
  private readonly before: number;
  private readonly processorBefore: number;
  private readonly begin = performance.now();
  private highest = 0;
  private readonly charging = new Set<number>();

  constructor(private readonly charger: Charger) {
    this.before = memoryMegabytes(charger);
    this.processorBefore = processorSeconds(charger);
  }

  private async change(evseId: number): Promise<void> {
    const evse = this.charger.everest.evse(evseId);
    if (this.charging.delete(evseId)) return evse.unplug();
    await evse.plugIn();
    const token = { id_token: { value: `CARD${evseId}`, type: "ISO14443" }, authorization_type: "RFID" };
    await evse.authorize(token);
    await evse.startCharging();
    this.charging.add(evseId);
  }

  async step(unit: number): Promise<void> {
    const { charger } = this;
    const end = performance.now() + SECONDS_PER_UNIT * 1_000;
    for (let change = 0; change < CHANGES_PER_UNIT; change++)
      await this.change(((unit * CHANGES_PER_UNIT + change) % EVSES) + 1);
    await Bun.sleep(Math.max(0, end - performance.now()));
    demandCleanLog(charger);
    this.highest = Math.max(this.highest, memoryMegabytes(charger));
    const grown = this.highest - this.before;
    if (grown > GROWTH_LIMIT_MEGABYTES) throw new Error(`the station's memory has grown by ${grown.toFixed(0)} MB`);
  }

  testimony(): string {
    return testimonyOf(this.charger);
  }

  async finish() {
    const { charger } = this;
    try {
      const share = (processorSeconds(charger) - this.processorBefore) / ((performance.now() - this.begin) / 1_000);
      for (const evseId of [...this.charging]) await this.change(evseId);
      await drained(charger);
      await until("all transactions are over", () => areOver(charger));
      const transactions = checkTransactions(charger, true);
      return {
        transactions,
        "CPU, % of one core": (share * 100).toFixed(1),
        "RSS before, MB": this.before.toFixed(0),
        "RSS at most, MB": this.highest.toFixed(0),
        "files, MB": fileMegabytes(charger.directory).toFixed(1),
      };
    } finally {
      await charger.stop();
    }
  }
}

export const load: SoakPart = {
  name: "load",
  title: "The executable with 128 EVSEs, a reading of each every second, sessions that begin and end",
  unit: `times ${SECONDS_PER_UNIT} s`,
  units: 3_600 / SECONDS_PER_UNIT,
  start: async () => new LoadRun(await Charger.start({ evseCount: EVSES, powermeterIntervalMilliseconds: 1_000 })),
};
