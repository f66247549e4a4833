import { Database } from "bun:sqlite";
import { truncateSync } from "node:fs";
import type { Logger } from "../log/logger.ts";
import { realDatabasePath } from "./database-path.ts";
import { userVersion } from "./schema.ts";

/** Held until the process ends, however that happens: the lock is the operating system's. */
export interface DatabaseLocks {
  release(): void;
}

/** Another process has one of the databases open. */
export interface OtherProcess {
  readonly path: string;
  /** Undefined where it has not been able to write it down. */
  readonly processId: number | undefined;
}

/** Whoever forgets what `lockDatabases` has returned must not lose the lock to the garbage collector, which closes databases. */
const inUse = new Set<Database>();

const lockPath = (path: string): string => `${realDatabasePath(path)}.lock`;

function isTaken(error: unknown): boolean {
  return /SQLITE_BUSY|database is locked/.test(String((error as { code?: string }).code) + String(error));
}

/** Nothing in it is worth anything; emptied in its place, it is the same file for whoever has locked it. */
function openLockFile(path: string): Database {
  try {
    const database = new Database(path, { create: true, strict: true });
    // A lock file is no place to wait for a disk; what it says after a power cut nobody needs.
    database.run("PRAGMA synchronous = OFF");
    database.run("PRAGMA journal_mode = MEMORY");
    userVersion(database);
    return database;
  } catch (error) {
    if (isTaken(error)) throw error;
    truncateSync(path, 0);
    return new Database(path, { create: true, strict: true });
  }
}

/** The holder's process id is the version of the lock file, which others may read while it is locked. */
function holderOf(database: Database): number | undefined {
  try {
    return userVersion(database) || undefined;
  } catch {
    return undefined;
  }
}

/** Locks the file; between the commit of the id and the lock that stays somebody else may have been faster. */
function lock(database: Database, processId: number): void {
  for (;;) {
    database.run("BEGIN IMMEDIATE");
    if (userVersion(database) === processId) return;
    try {
      database.run(`PRAGMA user_version = ${processId}`);
      database.run("COMMIT");
    } catch (error) {
      if (database.inTransaction) database.run("ROLLBACK");
      if (isTaken(error)) throw error;
      // A full disk: locked all the same, but nameless.
      database.run("BEGIN IMMEDIATE");
      return;
    }
  }
}

/**
 * Takes all of these databases for this process: beside each lies a small one of its own, `….lock`, in which a transaction stays
 * open. What only reads, such as `inspect`, does not ask for it. On a file system without locks nothing is locked, which is logged.
 */
export function lockDatabases(
  paths: readonly string[],
  processId: number,
  logger: Logger,
): DatabaseLocks | OtherProcess {
  const held: Database[] = [];
  const release = (): void => {
    for (const database of held.splice(0)) {
      inUse.delete(database);
      database.close();
    }
  };
  for (const path of paths) {
    let database: Database | undefined;
    try {
      database = openLockFile(lockPath(path));
      lock(database, processId);
      held.push(database);
      inUse.add(database);
    } catch (error) {
      const processIdOfOther = database && holderOf(database);
      database?.close();
      if (isTaken(error)) {
        release();
        return { path, processId: processIdOfOther };
      }
      logger.warn(
        `${path} cannot be locked, so a second station on it would not be noticed: ${(error as Error).message}`,
      );
    }
  }
  return { release };
}
