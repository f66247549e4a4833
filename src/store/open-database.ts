import { Database } from "bun:sqlite";
import { chmodSync, existsSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import { demandAccess, SIDE_FILES } from "./database-access.ts";
import { DatabaseError } from "./database-error.ts";
import { fileStamp, keepCopy, keepNewest } from "./database-files.ts";
import { type Migration, migrate, readMigrations } from "./migrations.ts";
import { growthDefects, hasOwnTables, isEmptyDatabase, ownSchemaVersion, userVersion } from "./schema.ts";

export interface OpenDatabaseOptions {
  readonly path: string;
  /**
   * Folder below `migrations/`; its highest version is the `user_version` that the file will have at least. The tables that only
   * this program has come from its subfolder `station`.
   */
  readonly migrations: "core" | "device_model";
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface OpenedDatabase {
  readonly database: Database;
  /** Where a damaged file was put; undefined when all was well. */
  readonly corruptFileMovedTo: string | undefined;
}

/** Newest schema of libocpp that only grew; a file of it keeps its version, since older libocpps cannot open a raised one. */
const NEWEST_OF_LIBOCPP = { core: 7, device_model: 3 } as const;
const DAMAGED_FILES_KEPT = 3;

/** Reads nothing but what tells whether it is a database; changes nothing but rolls back what a power cut left half done. */
function connect(path: string): Database {
  const database = new Database(path, { create: true, strict: true });
  try {
    database.run("PRAGMA busy_timeout = 2000");
    const [check] = database.query("PRAGMA quick_check(1)").values();
    if (check?.[0] !== "ok") throw new Error(`malformed: ${String(check?.[0])}`);
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
  const damaged = readdirSync(dirname(path)).filter(
    (file) => file.startsWith(`${basename(path)}.corrupt-`) && !SIDE_FILES.slice(1).some((side) => file.endsWith(side)),
  );
  for (const old of keepNewest(damaged, DAMAGED_FILES_KEPT))
    for (const side of SIDE_FILES) rmSync(join(dirname(path), old + side), { force: true });
  return target;
}

/** Opens, and where the file is damaged keeps it under a dated name and starts a fresh one. */
function connectOrReplace({ path, clock, logger }: OpenDatabaseOptions): OpenedDatabase {
  try {
    return { database: connect(path), corruptFileMovedTo: undefined };
  } catch (error) {
    if (!isDamage(error)) {
      const { code = "no code" } = error as { code?: string };
      throw new DatabaseError(`${path} cannot be opened: ${(error as Error).message} (${code})`);
    }
    const movedTo = moveAside(path, clock);
    logger.critical(`${path} is damaged (${(error as Error).message}); kept as ${movedTo}, a fresh one is made`);
    return { database: connect(path), corruptFileMovedTo: movedTo };
  }
}

/**
 * What stands against using a file that is not empty. A newer one of this program's own only grew, so an older program
 * goes on with it; whoever else left a version that is not known here may have meant anything by it.
 */
function refusal(
  { path, migrations: folder }: OpenDatabaseOptions,
  database: Database,
  migrations: readonly Migration[],
): string | undefined {
  const found = userVersion(database);
  const known = migrations.at(-1)?.version ?? 0;
  if (found === 0) return `${path} has tables, but no schema version: neither this program nor libocpp left it`;
  if (found <= known) return undefined;
  const newer = `${path} has schema version ${found}, this program knows ${known}`;
  if (!hasOwnTables(database) && found > NEWEST_OF_LIBOCPP[folder]) return `${newer}: a newer libocpp left it`;
  const defects = growthDefects(database, migrations);
  return defects.length === 0
    ? undefined
    : `${newer}, and cannot work with what the newer one left: ${defects.join(", ")}`;
}

function makePrivate(path: string, logger: Logger): void {
  try {
    chmodSync(path, 0o600);
  } catch (error) {
    // Only the owner may; another account that may write the file goes on with it.
    logger.warn(`${path} may be readable for others: ${(error as Error).message}`);
  }
}

function bringUpToDate(database: Database, migrations: readonly Migration[], folder: string): void {
  const found = isEmptyDatabase(database) ? 0 : userVersion(database);
  migrate(database, found, migrations, (version) => database.run(`PRAGMA user_version = ${version}`));
  migrate(database, ownSchemaVersion(database), readMigrations(`${folder}/station`), (version) => {
    database.run("CREATE TABLE IF NOT EXISTS STATION_SCHEMA (VERSION INTEGER NOT NULL)");
    database.run("DELETE FROM STATION_SCHEMA");
    database.query("INSERT INTO STATION_SCHEMA (VERSION) VALUES (?)").run(version);
  });
}

/** Brings everything into the file itself, so that nothing of what was replaced or deleted stays in the log beside it. */
export function emptyLog(database: Database): void {
  database.run("PRAGMA wal_checkpoint(TRUNCATE)");
}

/** Closing twice is harmless. */
export function closeDatabase(database: Database): void {
  try {
    emptyLog(database);
  } catch {
    // A full disk, say: the log stays, and the next start reads it.
  }
  database.close();
}

/**
 * Opens or creates a SQLite file, brings it to the version of the embedded migrations and makes it private (0600).
 * A file that is taken over from libocpp or upgraded is copied first.
 * @throws DatabaseError when the file cannot be used as it is; it is not touched then.
 */
export function openDatabase(options: OpenDatabaseOptions): OpenedDatabase {
  const { path, clock, logger } = options;
  demandAccess([path]);
  const opened = connectOrReplace(options);
  const { database } = opened;
  try {
    const migrations = readMigrations(options.migrations);
    if (!isEmptyDatabase(database)) {
      const reason = refusal(options, database, migrations);
      if (reason !== undefined) throw new DatabaseError(reason);
      const found = userVersion(database);
      const isOwn = hasOwnTables(database);
      if (!isOwn) logger.info(`${path} was left by another program (schema version ${found}); it is taken over`);
      if (!isOwn || found < (migrations.at(-1)?.version ?? 0)) keepCopy(database, path, clock, logger);
    }
    makePrivate(path, logger);
    database.run("PRAGMA journal_mode = WAL");
    // Every commit survives a power cut; deletions of delivered messages relax this for themselves.
    database.run("PRAGMA synchronous = FULL");
    // A password that was replaced, a delivered message: what is deleted is overwritten where that costs no other page.
    database.run("PRAGMA secure_delete = FAST");
    bringUpToDate(database, migrations, options.migrations);
    return opened;
  } catch (error) {
    database.close();
    throw error instanceof DatabaseError
      ? error
      : new DatabaseError(`${path} cannot be brought up to date and is left as it is: ${(error as Error).message}`);
  }
}
