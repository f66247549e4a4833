import { Database } from "bun:sqlite";
import * as v from "valibot";
import { LOSS_TABLE } from "../losses.ts";
import { isDiskError } from "../storage-error.ts";
import { readImage, withSchemaOf } from "./database-image.ts";
import { keepOnlyOnceGiven, mendTransactions } from "./mended-facts.ts";
import { readOrphanRows } from "./orphan-leaves.ts";
import { type RawRow, type ReadRows, readRows } from "./row-reader.ts";
import { type Cell, createRowParser } from "./row-schemas.ts";

/** What was taken over of one table, and how many rows were not; undefined when only so much is known that there may be some. */
export interface RescuedTable {
  readonly name: string;
  readonly taken: number;
  readonly lost: number | undefined;
}

interface Source {
  readonly image: Buffer;
  readonly database: Database;
  /** The schema is that of a fresh database: which of two tables of the same form is which is not certain. */
  readonly isGuessed: boolean;
}

/** The program writes its own version itself; `sqlite_…` belongs to SQLite. */
const TABLES = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'";
const NOT_TAKEN: ReadonlySet<string> = new Set(["STATION_SCHEMA"]);
/** Rows of the one could be taken for those of the other where it is not certain whose they are; the CSMS has all of them. */
const OF_ONE_FORM: ReadonlySet<string> = new Set(["AUTH_CACHE", "AUTH_LIST", "AUTH_LIST_VERSION"]);
const QUEUES: ReadonlySet<string> = new Set(["TRANSACTION_QUEUE", "NORMAL_QUEUE"]);
const Names = v.array(v.tuple([v.string()]));

function namesOf(database: Database): readonly string[] {
  return v.parse(Names, database.query(TABLES).values()).map(([name]) => name);
}

function openImage(image: Buffer | undefined, isGuessed: boolean): Source | undefined {
  if (image === undefined) return undefined;
  let database: Database | undefined;
  try {
    database = Database.deserialize(image, { readonly: true, strict: true });
    if (namesOf(database).length > 0) return { image, database, isGuessed };
  } catch {
    // Not even the schema can be read.
  }
  database?.close();
  return undefined;
}

function openDamaged(path: string, fresh: Database): Source | undefined {
  const bytes = fresh.serialize();
  const pages = fresh
    .query("SELECT pageno FROM dbstat WHERE name = 'sqlite_schema'")
    .values()
    .map(([page]) => Number(page));
  const image = readImage(path, bytes);
  return openImage(image, false) ?? openImage(image && withSchemaOf(bytes, pages, image), true);
}

const isIncomplete = ({ rows, expected }: ReadRows): boolean => rows.length !== expected;

/**
 * What the source has of these tables. Rows that nothing points to belong to the one table that is incomplete; where there are
 * several, only to the queues, whose rows cannot be taken for others.
 */
function readTables({ image, database, isGuessed }: Source, names: readonly string[]): ReadonlyMap<string, ReadRows> {
  const tables = new Map(names.map((name) => [name, readRows(database, name)]));
  const incomplete = [...tables].filter(([, read]) => isIncomplete(read));
  for (const [name, read] of incomplete)
    if (!isGuessed && (incomplete.length === 1 || QUEUES.has(name)))
      tables.set(name, withRows(read, readOrphanRows(image, database, name)));
  return tables;
}

function withRows({ rows: known, expected }: ReadRows, found: readonly RawRow[]): ReadRows {
  const rows = new Map(known.map((row) => [row.ROW_NUMBER, row]));
  for (const row of found) if (!rows.has(row.ROW_NUMBER)) rows.set(row.ROW_NUMBER, row);
  const inOrder = [...rows.values()].sort((one, other) => Number(one.ROW_NUMBER) - Number(other.ROW_NUMBER));
  return { rows: inOrder, expected };
}

/** One table that nothing can be made of does not cost the others. */
function tryTable(read: ReadRows, fresh: Database, name: string): RescuedTable {
  try {
    return takeTable(read, fresh, name);
  } catch (error) {
    if (isDiskError(error)) throw error;
    return { name, taken: Number(fresh.query(`SELECT count(*) FROM ${name}`).values()[0]?.[0] ?? 0), lost: undefined };
  }
}

function takeTable({ rows, expected }: ReadRows, fresh: Database, name: string): RescuedTable {
  const parse = createRowParser(fresh, name);
  // What a new database has already, such as the words of an enumeration, is as the old one has it. Of two rows that are the
  // same otherwise the first counts.
  const isFilled = fresh.query(`SELECT 1 FROM ${name} LIMIT 1`).get() !== null;
  const insert = createInsertion(fresh, name, isFilled ? "REPLACE" : "IGNORE");
  const taken = rows.map(parse).filter((row) => row !== undefined && insert(row)).length;
  return { name, taken, lost: expected === undefined ? undefined : Math.max(0, expected - taken) };
}

/** False for a row that breaks a rule of the table. */
function createInsertion(fresh: Database, table: string, conflict: "REPLACE" | "IGNORE") {
  return (row: Readonly<Record<string, Cell>>): boolean => {
    const columns = Object.keys(row);
    const sql = `INSERT OR ${conflict} INTO ${table} (${columns.map((column) => `"${column}"`).join()})
      VALUES (${columns.map(() => "?").join()})`;
    return fresh.query(sql).run(...Object.values(row)).changes > 0;
  };
}

/** Rows that belong to one that is lost go as well; how many that are, by table. */
function removeOrphans(fresh: Database): ReadonlyMap<string, number> {
  const removed = new Map<string, number>();
  for (;;) {
    const orphans = fresh.query("PRAGMA foreign_key_check").values();
    if (orphans.length === 0) return removed;
    for (const [table, rowId] of orphans) {
      fresh.query(`DELETE FROM ${String(table)} WHERE rowid = ?`).run(Number(rowId));
      removed.set(String(table), (removed.get(String(table)) ?? 0) + 1);
    }
  }
}

function withOrphans(tables: readonly RescuedTable[], removed: ReadonlyMap<string, number>): readonly RescuedTable[] {
  return tables.map(({ name, taken, lost }) => {
    const orphans = removed.get(name) ?? 0;
    return { name, taken: taken - orphans, lost: lost === undefined ? undefined : lost + orphans };
  });
}

/**
 * Fills `fresh`, a new database with the tables of this program, with all that can still be read of the damaged one at `path`,
 * which is not touched. Undefined when nothing of it is a database.
 */
export function takeOver(path: string, fresh: Database): readonly RescuedTable[] | undefined {
  const source = openDamaged(path, fresh);
  if (source === undefined) return undefined;
  try {
    const found = new Set(namesOf(source.database));
    const known = namesOf(fresh).filter((name) => !NOT_TAKEN.has(name));
    return fresh.transaction(() => {
      const isSure = (name: string): boolean => !source.isGuessed || !OF_ONE_FORM.has(name);
      const read = readTables(
        source,
        known.filter((name) => found.has(name) && isSure(name)),
      );
      const tables = [
        ...[...read].map(([name, rows]) => tryTable(rows, fresh, name)),
        ...known.filter((name) => !isSure(name)).map((name) => ({ name, taken: 0, lost: undefined })),
      ];
      keepOnlyOnceGiven(source.database, fresh);
      if (known.includes("TRANSACTIONS")) {
        mendTransactions(fresh);
        forgetIncompleteList(tables, fresh);
      }
      const unknown = [...found].filter((name) => !known.includes(name) && !NOT_TAKEN.has(name) && name !== LOSS_TABLE);
      return [
        ...withOrphans(tables, removeOrphans(fresh)),
        ...unknown.map((name) => ({ name, taken: 0, lost: undefined })),
      ];
    })();
  } finally {
    source.database.close();
  }
}

/** The CSMS sends a list anew to a station that has none (D02.FR.03); of one with gaps it would not know. */
function forgetIncompleteList(tables: readonly RescuedTable[], fresh: Database): void {
  if (tables.some(({ name, lost }) => name === "AUTH_LIST" && lost !== 0))
    fresh.run("UPDATE AUTH_LIST_VERSION SET VERSION = 0");
}
