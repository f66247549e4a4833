import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { jsonColumn } from "./json-column.ts";
import { fromLibocppTime } from "./leap-seconds.ts";

/** A row as `inspect` shows it: column names and plain values, in the order of the columns. */
export type ViewRow = Readonly<Record<string, string | number | boolean | null>>;

/**
 * Reads rows from a database of this program or of libocpp; changes nothing, and takes what is unreadable as absent. `limit`:
 * of long tables no more are needed.
 */
export type DatabaseView = (database: Database, limit?: number) => readonly ViewRow[];

/** Stands for JSON that is none. */
export const UNREADABLE = "(unreadable)";
export const OptionalText = v.nullish(v.string());

/** The rows of a table as they are, at most `limit`; none when the schema version of the file has no such table. */
export function rowsOf(database: Database, table: string, order = "rowid", limit = -1): readonly unknown[] {
  const exists = database.query("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?").get(table) !== null;
  if (!exists) return [];
  return database.query(`SELECT rowid AS ROW_NUMBER, * FROM ${table} ORDER BY ${order} LIMIT ?`).all(limit);
}

/** What SQLite itself guarantees of a row is taken for granted; JSON in it is not, its schema has a fallback. */
export function mapRows<Schema extends v.GenericSchema>(
  rows: readonly unknown[],
  schema: Schema,
  toRow: (row: v.InferOutput<Schema>) => ViewRow,
): readonly ViewRow[] {
  return rows.flatMap((row) => {
    const parsed = v.safeParse(schema, row);
    return parsed.success ? [toRow(parsed.output)] : [];
  });
}

export function viewTime(value: number | null | undefined): string | null {
  return typeof value === "number" && value > 0 ? fromLibocppTime(value).toISOString() : null;
}

/** A small durable fact (`KeyValueRepository`); undefined when it is absent or does not fit. */
export function storedValue<Schema extends v.GenericSchema>(
  database: Database,
  key: string,
  schema: Schema,
): v.InferOutput<Schema> | undefined {
  const row = rowsOf(database, "STATION_STATE").find(
    (candidate) => (candidate as { readonly KEY?: unknown }).KEY === key,
  );
  const parsed = v.safeParse(v.object({ VALUE: jsonColumn(schema) }), row);
  return parsed.success ? (parsed.output.VALUE as v.InferOutput<Schema>) : undefined;
}
