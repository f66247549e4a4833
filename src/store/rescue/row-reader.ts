import type { Database } from "bun:sqlite";

export type RawRow = Readonly<Record<string, unknown>>;

export interface ReadRows {
  /** In the order of the table. */
  readonly rows: readonly RawRow[];
  /** How many there were; undefined when only so much is known that there may have been more. */
  readonly expected: number | undefined;
}

/** Looks at the places around a damaged one; each is one question to SQLite. */
const PROBE_LIMIT = 10_000;
const LOWEST = Number.MIN_SAFE_INTEGER;
const HIGHEST = Number.MAX_SAFE_INTEGER;

/** Hands over the rows of a query until it fails; true when it came to its end. */
function readUntilDamage(
  database: Database,
  sql: string,
  parameters: readonly number[],
  take: (row: RawRow) => void,
): boolean {
  try {
    for (const row of database.prepare(sql).iterate(...parameters)) take(row as RawRow);
    return true;
  } catch {
    // Damage: what was read before it stays.
    return false;
  }
}

function namesOfIndexes(database: Database, table: string): readonly string[] {
  try {
    return database
      .query("SELECT name FROM pragma_index_list(?)")
      .values(table)
      .map(([name]) => String(name));
  } catch {
    return [];
  }
}

interface KnownRowIds {
  readonly ids: ReadonlySet<number>;
  readonly isComplete: boolean;
}

/** The row ids that an index knows, from both its ends; complete when one of the indexes can be read as a whole. */
function rowIdsOfIndexes(database: Database, table: string): KnownRowIds {
  const ids = new Set<number>();
  for (const index of namesOfIndexes(database, table)) {
    const isComplete = ["ASC", "DESC"].some((direction) => {
      const column = database.query("SELECT name FROM pragma_index_info(?) LIMIT 1").values(index)[0]?.[0];
      const sql = `SELECT rowid AS ID FROM ${table} INDEXED BY "${index}" ORDER BY "${String(column)}" ${direction}`;
      return readUntilDamage(database, sql, [], ({ ID }) => ids.add(Number(ID)));
    });
    if (isComplete) return { ids, isComplete };
  }
  return { ids, isComplete: false };
}

class RowReader {
  readonly rows = new Map<number, RawRow>();
  private probes = 0;

  constructor(
    private readonly database: Database,
    private readonly table: string,
  ) {}

  /** From both ends until damage; the row ids between which nothing was found, or undefined when all was read. */
  private readRange(low: number, high: number): readonly [number, number] | undefined {
    const sql = (direction: string): string =>
      `SELECT rowid AS ROW_NUMBER, * FROM ${this.table} NOT INDEXED WHERE rowid > ? AND rowid < ? ORDER BY rowid ${direction}`;
    let [first, last] = [low, high];
    const take = (row: RawRow): number => {
      const id = Number(row.ROW_NUMBER);
      if (!this.rows.has(id)) this.rows.set(id, row);
      return id;
    };
    this.probes += 2;
    const isWhole = readUntilDamage(this.database, sql("ASC"), [low, high], (row) => {
      first = take(row);
    });
    if (isWhole) return undefined;
    readUntilDamage(this.database, sql("DESC"), [first, high], (row) => {
      last = take(row);
    });
    return last - first > 1 ? [first, last] : undefined;
  }

  /** True when nothing stood in the way. `ids`: of rows that the indexes know; `isComplete`: there are no others. */
  readAll({ ids, isComplete }: KnownRowIds): boolean {
    const gap = this.readRange(LOWEST, HIGHEST);
    // SQLite does not always notice that it passes over rows.
    for (const id of ids) if (this.probes < PROBE_LIMIT && !this.rows.has(id)) this.readRange(id - 1, id + 1);
    if (gap !== undefined && !isComplete) this.readAround(gap);
    return gap === undefined;
  }

  /** Between two damaged places: first what is near, then further and further away from the last row that could be read. */
  private readAround([low, high]: readonly [number, number]): void {
    const from = low === LOWEST ? 0 : low;
    const gaps: (readonly [number, number])[] = [];
    for (let step = 2 ** 52; step >= 1; step /= 2)
      if (from + step < high) gaps.push([from + step - 1, Math.min(from + 2 * step, high)]);
    while (this.probes < PROBE_LIMIT) {
      const gap = gaps.pop();
      if (gap === undefined) return;
      const left = this.readRange(...gap);
      if (left === undefined || left[1] - left[0] <= 2) continue;
      const middle = left[0] + Math.floor((left[1] - left[0]) / 2);
      gaps.push([middle, left[1]], [left[0], middle + 1]);
    }
  }
}

/** A table without row ids is read from both ends only. */
function readWithoutRowIds(database: Database, table: string): ReadRows {
  const columns = database.query("SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk").values(table).flat();
  const rows = new Map<string, RawRow>();
  const read = (direction: string): boolean => {
    const order = columns.map((column) => `"${String(column)}" ${direction}`).join();
    return readUntilDamage(database, `SELECT * FROM ${table} ORDER BY ${order}`, [], (row) =>
      rows.set(JSON.stringify(columns.map((column) => row[String(column)])), row),
    );
  };
  const isWhole = read("ASC") || read("DESC");
  return { rows: [...rows.values()], expected: isWhole ? rows.size : undefined };
}

function hasRowIds(database: Database, table: string): boolean {
  const [row] = database.query("SELECT wr FROM pragma_table_list(?)").values(table);
  return row?.[0] !== 1;
}

/**
 * Reads of a damaged table what SQLite can still reach: from the beginning, from the end, by the row ids that its indexes know, and
 * between two damaged places. `table` is the name of a table of ours. Never throws.
 */
export function readRows(database: Database, table: string): ReadRows {
  try {
    if (!hasRowIds(database, table)) return readWithoutRowIds(database, table);
    const reader = new RowReader(database, table);
    const known = rowIdsOfIndexes(database, table);
    const isWhole = reader.readAll(known);
    const rows = [...reader.rows].sort(([one], [other]) => one - other).map(([, row]) => row);
    return { rows, expected: known.isComplete ? known.ids.size : isWhole ? rows.length : undefined };
  } catch {
    return { rows: [], expected: undefined };
  }
}
