import { Database } from "bun:sqlite";
import * as v from "valibot";
import type { Migration } from "./migrations.ts";

export function userVersion(database: Database): number {
  return Number(database.query("PRAGMA user_version").values()[0]?.[0] ?? 0);
}

export function isEmptyDatabase(database: Database): boolean {
  return database.query("SELECT 1 FROM sqlite_master LIMIT 1").get() === null;
}

/** Tables named `STATION_…` are this program's own, and tell that it has had the file before. */
export function hasOwnTables(database: Database): boolean {
  return database.query("SELECT 1 FROM sqlite_master WHERE name LIKE 'STATION\\_%' ESCAPE '\\' LIMIT 1").get() !== null;
}

/** Version of our own tables; a newer one than ours is fine, since schemas only grow. */
export function ownSchemaVersion(database: Database): number {
  const exists = database.query("SELECT 1 FROM sqlite_master WHERE name = 'STATION_SCHEMA'").get() !== null;
  return exists ? Number(database.query("SELECT VERSION FROM STATION_SCHEMA").values()[0]?.[0] ?? 0) : 0;
}

const Column = v.object({ name: v.string(), notnull: v.number(), dflt_value: v.nullable(v.string()), pk: v.number() });
type Column = v.InferOutput<typeof Column>;

function columnsOf(database: Database, table: string): readonly Column[] {
  return database
    .query('SELECT name, "notnull", dflt_value, pk FROM pragma_table_info(?)')
    .all(table)
    .map((row) => v.parse(Column, row));
}

function tablesOf(database: Database): readonly string[] {
  return database
    .query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
    .values()
    .map(([name]) => String(name));
}

/**
 * How a newer schema is more than a grown one: tables or columns of `migrations` that are missing, or additional columns
 * that must be filled, which this program would not do.
 */
export function growthDefects(database: Database, migrations: readonly Migration[]): readonly string[] {
  const known = new Database(":memory:", { strict: true });
  try {
    for (const { sql } of migrations) known.exec(sql);
    return tablesOf(known).flatMap((table) => {
      const wanted = new Set(columnsOf(known, table).map(({ name }) => name));
      const found = columnsOf(database, table);
      if (found.length === 0) return [`the table ${table} is missing`];
      const names = new Set(found.map(({ name }) => name));
      return [
        ...[...wanted].filter((name) => !names.has(name)).map((name) => `the column ${table}.${name} is missing`),
        ...found
          .filter(({ name, notnull, dflt_value }) => !wanted.has(name) && notnull !== 0 && dflt_value === null)
          .map(({ name }) => `the column ${table}.${name} needs a value`),
      ];
    });
  } finally {
    known.close();
  }
}
