import type { Emitter } from "../../lib/events.ts";
import type { HardwareEvents, MeterReading } from "../../station/ports.ts";
import type { MeterFacts, MeterHistory } from "../../web/source.ts";

/** Ten minutes of a meter that speaks once a second. */
const SAMPLE_LIMIT = 600;
/** Meters that speak more often are drawn no finer. */
const SHORTEST_STEP_SECONDS = 0.9;

type Sample = MeterReading["samples"][number];

/** The value of all phases together: told by the meter, else what `combine` makes of the phases. */
function value(
  samples: readonly Sample[],
  measurand: Sample["measurand"],
  combine: (values: readonly number[]) => number,
): number | undefined {
  const found = samples.filter((sample) => sample.measurand === measurand && sample.location !== "EV");
  const total = found.find(({ phase }) => phase === undefined);
  if (total !== undefined) return total.value;
  const values = found.map((sample) => sample.value);
  return values.length === 0 ? undefined : combine(values);
}

const sum = (values: readonly number[]): number => values.reduce((total, one) => total + one, 0);
const highest = (values: readonly number[]): number => Math.max(...values);
const mean = (values: readonly number[]): number => sum(values) / values.length;

/** A reading as people look at it; what flows back is negative. */
export function meterFacts({ timestamp, samples }: MeterReading): MeterFacts {
  const directed = (imported: Sample["measurand"], exported: Sample["measurand"], combine: typeof sum) => {
    const out = value(samples, exported, combine);
    return value(samples, imported, combine) ?? (out === undefined ? undefined : -out);
  };
  return {
    at: timestamp,
    watts: directed("Power.Active.Import", "Power.Active.Export", sum),
    wattHours: value(samples, "Energy.Active.Import.Register", sum),
    amperes: directed("Current.Import", "Current.Export", highest),
    volts: value(samples, "Voltage", mean),
    stateOfChargePercent: samples.find(({ measurand }) => measurand === "SoC")?.value,
  };
}

interface Columns {
  readonly seconds: number[];
  readonly watts: (number | null)[];
  readonly wattHours: (number | null)[];
}

/** The last readings of each EVSE's meter. */
export class MeterRecorder {
  private readonly columns = new Map<number, Columns>();

  constructor(hardwareEvents: Emitter<HardwareEvents>) {
    hardwareEvents.on("meter", ({ evseId, reading }) => this.take(evseId, reading));
  }

  history(evseId: number): MeterHistory {
    return this.columns.get(evseId) ?? { seconds: [], watts: [], wattHours: [] };
  }

  private take(evseId: number, reading: MeterReading): void {
    const { at, watts, wattHours } = meterFacts(reading);
    const columns = this.columns.get(evseId) ?? { seconds: [], watts: [], wattHours: [] };
    this.columns.set(evseId, columns);
    const seconds = at.getTime() / 1000;
    // A clock that was set back: the plot goes on with the time that counts now.
    if (seconds < (columns.seconds.at(-1) ?? 0)) for (const column of Object.values(columns)) column.length = 0;
    if (seconds - (columns.seconds.at(-1) ?? 0) < SHORTEST_STEP_SECONDS) return;
    columns.seconds.push(seconds);
    columns.watts.push(watts ?? null);
    columns.wattHours.push(wattHours ?? null);
    if (columns.seconds.length > SAMPLE_LIMIT) for (const column of Object.values(columns)) column.shift();
  }
}
