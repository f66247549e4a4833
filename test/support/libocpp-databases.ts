import { Database } from "bun:sqlite";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { readMigrations } from "../../src/store/migrations.ts";

/** Databases as libocpp leaves them: recorded ones, and files made by executing the documented schema (STORES). */
export const LIBOCPP_FIXTURES = join(import.meta.dir, "../fixtures/libocpp-db");

/** A file with libocpp's schema of one version, without any table of ours, in its journal mode. */
export function makeLibocppDatabase(
  path: string,
  schema: "core" | "device_model",
  version: number,
  fill: (database: Database) => void = () => {},
): void {
  const database = new Database(path, { create: true });
  for (const migration of readMigrations(schema)) if (migration.version <= version) database.exec(migration.sql);
  database.run(`PRAGMA user_version = ${version}`);
  fill(database);
  database.close();
}

/** A copy of a recorded file, changed by `fill`. */
export function copyLibocppDatabase(name: string, path: string, fill: (database: Database) => void = () => {}): void {
  cpSync(join(LIBOCPP_FIXTURES, name), path);
  const database = new Database(path);
  fill(database);
  database.close();
}

/** A TransactionEvent as libocpp queues it. */
export function queueTransactionEvent(database: Database, payload: Readonly<Record<string, unknown>>): void {
  const id = crypto.randomUUID();
  database
    .query("INSERT INTO TRANSACTION_QUEUE VALUES (?, ?, 'TransactionEvent', 0, ?)")
    .run(id, JSON.stringify([2, id, "TransactionEvent", payload]), String(payload.timestamp));
}
