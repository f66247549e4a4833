import { Database } from "bun:sqlite";
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import { migrate, readMigrations } from "./migrations.ts";

export interface OpenDatabaseOptions {
  readonly path: string;
  /** Folder below `migrations/`; its highest version is the `user_version` that the file will have. */
  readonly migrations: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface OpenedDatabase {
  readonly database: Database;
  /** Where a damaged file was put; undefined when all was well. */
  readonly corruptFileMovedTo: string | undefined;
  /** Version of the file that was found and upgraded or taken over; undefined for a new file. */
  readonly foundVersion: number | undefined;
}

/** A file that was left by a newer program, or cannot be used for another reason that is not damage. */
export class DatabaseError extends Error {}

const COPIES_KEPT = 3;
const SIDE_FILES = ["", "-wal", "-shm", "-journal"];

function fileStamp(clock: Clock): string {
  return clock.now().toISOString().replace(/[:.]/g, "-");
}

function connect(path: string): Database {
  const database = new Database(path, { create: true, strict: true });
  try {
    database.run("PRAGMA journal_mode = WAL");
    // Every commit survives a power cut; deletions of delivered messages relax this for themselves.
    database.run("PRAGMA synchronous = FULL");
    database.run("PRAGMA busy_timeout = 2000");
    database.query("SELECT count(*) FROM sqlite_master").get();
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function isDamage(error: unknown): boolean {
  return /malformed|not a database|corrupt|SQLITE_NOTADB/i.test(
    String((error as { code?: string }).code ?? "") + String(error),
  );
}

function moveAside(path: string, clock: Clock): string {
  const target = `${path}.corrupt-${fileStamp(clock)}`;
  for (const side of SIDE_FILES) if (existsSync(path + side)) renameSync(path + side, target + side);
  return target;
}

/** Opens, and where the file is damaged keeps it under a dated name and starts a fresh one. */
function connectOrReplace(options: OpenDatabaseOptions): {
  database: Database;
  corruptFileMovedTo: string | undefined;
} {
  try {
    const database = connect(options.path);
    const [check] = database.query("PRAGMA quick_check(1)").values();
    if (check?.[0] !== "ok") {
      database.close();
      throw new Error(`malformed: ${String(check?.[0])}`);
    }
    return { database, corruptFileMovedTo: undefined };
  } catch (error) {
    if (!isDamage(error)) throw new DatabaseError(`${options.path} cannot be opened: ${(error as Error).message}`);
    const movedTo = moveAside(options.path, options.clock);
    options.logger.critical(
      `${options.path} is damaged (${(error as Error).message}); kept as ${movedTo}, a fresh one is made`,
    );
    return { database: connect(options.path), corruptFileMovedTo: movedTo };
  }
}

/** A copy of a file that is about to be upgraded or taken over; only the newest few are kept. */
export function keepCopy(database: Database, path: string, clock: Clock, logger: Logger): void {
  const prefix = `${basename(path)}.before-`;
  const target = join(dirname(path), `${prefix}${fileStamp(clock)}`);
  if (existsSync(target)) return;
  database.query("VACUUM INTO ?").run(target);
  chmodSync(target, 0o600);
  logger.info(`A copy of ${path} is kept as ${target}`);
  const copies = readdirSync(dirname(path))
    .filter((file) => file.startsWith(prefix))
    .sort();
  for (const old of copies.slice(0, -COPIES_KEPT)) rmSync(join(dirname(path), old), { force: true });
}

export function userVersion(database: Database): number {
  return Number(database.query("PRAGMA user_version").values()[0]?.[0] ?? 0);
}

/**
 * Opens or creates a SQLite file, brings it to the version of the embedded migrations and makes it private (0600).
 * @throws DatabaseError when the file was left by a newer program; it is not touched then.
 */
export function openDatabase(options: OpenDatabaseOptions): OpenedDatabase {
  const { path, clock, logger } = options;
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const { database, corruptFileMovedTo } = connectOrReplace(options);
  const migrations = readMigrations(options.migrations);
  const target = migrations.at(-1)?.version ?? 0;
  const found = userVersion(database);
  const isEmpty = database.query("SELECT count(*) FROM sqlite_master").values()[0]?.[0] === 0;
  if (found > target) {
    database.close();
    throw new DatabaseError(
      `${path} has schema version ${found}, this program knows ${target}: it was left by a newer one`,
    );
  }
  if (!isEmpty && found < target) keepCopy(database, path, clock, logger);
  migrate(database, isEmpty ? 0 : found, migrations, (version) => database.run(`PRAGMA user_version = ${version}`));
  chmodSync(path, 0o600);
  return { database, corruptFileMovedTo, foundVersion: isEmpty ? undefined : found };
}
