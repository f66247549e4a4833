import { constants, Database } from "bun:sqlite";
import { closeSync, existsSync, openSync, readSync, statSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { CommandLineError } from "../../everest/command-line.ts";
import { DatabaseError } from "../../store/database-error.ts";
import { realDatabasePath } from "../../store/database-path.ts";

/** Byte 18 of the file says how it is written: 2 with a write-ahead log. */
function usesWriteAheadLog(path: string): boolean {
  const descriptor = openSync(path, "r");
  try {
    const header = Buffer.alloc(20);
    readSync(descriptor, header, 0, header.length, 0);
    return header[18] === 2;
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Opens a database that a running station may be writing to; nothing is changed, no file is made. One that nobody has open
 * would be given side files by a mere look at it, so it is regarded as unchanging.
 */
function openReadOnly(path: string): Database {
  // Its log lies beside the file, not beside a link to it.
  const isAtRest = usesWriteAheadLog(path) && !existsSync(`${realDatabasePath(path)}-wal`);
  const { SQLITE_OPEN_READONLY, SQLITE_OPEN_URI } = constants;
  const database = isAtRest
    ? new Database(`${pathToFileURL(path).href}?immutable=1`, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI)
    : new Database(path, { readonly: true });
  database.run("PRAGMA busy_timeout = 2000");
  return database;
}

/**
 * Copies one state of a database that a running station may be writing to, without changing it.
 * @throws DatabaseError when it is damaged or cannot be read, or the copy cannot be written.
 */
export function copyDatabase(path: string, target: string): void {
  let database: Database | undefined;
  try {
    database = openReadOnly(path);
    const [check] = database.query("PRAGMA quick_check(1)").values();
    if (check?.[0] !== "ok") throw new Error(`it is damaged: ${String(check?.[0])}`);
    database.query("VACUUM INTO ?").run(target);
  } catch (error) {
    throw new DatabaseError(`${path} cannot be copied: ${(error as Error).message}`);
  } finally {
    database?.close();
  }
}

/** @throws CommandLineError without such a file, DatabaseError when it cannot be read. */
export function readDatabase<Result>(path: string, read: (database: Database) => Result): Result {
  let database: Database | undefined;
  try {
    // Unlike existsSync it tells a missing file from one that may not be looked at.
    if (statSync(path, { throwIfNoEntry: false }) === undefined)
      throw new CommandLineError(`${path} does not exist; --help says how to name another one`);
    database = openReadOnly(path);
    // One state of the file for everything that is read.
    return database.transaction(read)(database);
  } catch (error) {
    if (error instanceof CommandLineError) throw error;
    throw new DatabaseError(`${path} cannot be read: ${(error as Error).message}`);
  } finally {
    database?.close();
  }
}
