export type Samples = readonly [seconds: number[], watts: (number | null)[], wattHours: (number | null)[]];
type Columns = [number[], (number | null)[], (number | null)[]];

/** As many as the station remembers. */
const SAMPLE_LIMIT = 600;

/** The readings of the last minutes by EVSE, as columns for the plots. */
export class Meters {
  private readonly byEvse = new Map<string, Columns>();

  columns(evseId: string): Columns {
    return this.byEvse.get(evseId) ?? [[], [], []];
  }

  replace(found: Readonly<Record<string, Samples>>): void {
    for (const [evseId, [seconds, watts, wattHours]] of Object.entries(found))
      this.byEvse.set(evseId, [seconds, watts, wattHours.map(kilo)]);
  }

  /** One reading of each EVSE; one that is known already is left out. */
  add(samples: Readonly<Record<string, readonly (number | null)[]>>): void {
    for (const [evseId, [seconds, watts, wattHours]] of Object.entries(samples)) {
      const columns = this.columns(evseId);
      this.byEvse.set(evseId, columns);
      if (typeof seconds !== "number" || seconds <= (columns[0].at(-1) ?? 0)) continue;
      columns[0].push(seconds);
      columns[1].push(watts ?? null);
      columns[2].push(kilo(wattHours ?? null));
      if (columns[0].length > SAMPLE_LIMIT) for (const column of columns) column.shift();
    }
  }
}

const kilo = (value: number | null): number | null => (value === null ? null : value / 1_000);
