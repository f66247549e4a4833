import { Database } from "bun:sqlite";
import { chmodSync, statSync } from "node:fs";
import { basename } from "node:path";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import { finishRescue, replaceDamaged } from "./damaged-database.ts";
import { demandAccess, SIDE_FILES } from "./database-access.ts";
import { DatabaseError } from "./database-error.ts";
import { keepCopy } from "./database-files.ts";
import { realDatabasePath } from "./database-path.ts";
import { lossesOf, noteLoss } from "./losses.ts";
import { type Migration, migrate, readMigrations } from "./migrations.ts";
import { readLogOf } from "./rescue/database-image.ts";
import type { WriteAheadLog } from "./rescue/write-ahead-log.ts";
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
  /** What was lost of it and was not told yet: each is worth a security event; see `forgetLosses`. */
  readonly losses: readonly string[];
}

/** Newest schema of libocpp that only grew; a file of it keeps its version, since older libocpps cannot open a raised one. */
const NEWEST_OF_LIBOCPP = { core: 7, device_model: 3 } as const;
/** Up to this size a file is looked at with its indexes, which takes a few milliseconds for each MB. */
const WHOLE_CHECK_LIMIT_BYTES = 8 * 1_048_576;

/** It is damaged; the message says how. */
class DamageError extends Error {}

/** What SQLite would not tell: something else than files, and a log of which it passes over what was committed. */
function demandSoundFiles(path: string, log: WriteAheadLog): void {
  for (const side of SIDE_FILES) {
    const found = statSync(path + side, { throwIfNoEntry: false });
    if (found?.isFile() === false) throw new DamageError(`${path}${side} is not a file`);
  }
  if (log.isUnreadable) throw new DamageError("malformed: its write-ahead log cannot be read");
  if (log.hidesCommits) throw new DamageError("malformed: its write-ahead log, before its end");
}

/** Reads nothing but what tells whether it is a database; changes nothing but rolls back what a power cut left half done. */
function connect(path: string): Database {
  const isLarge = (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > WHOLE_CHECK_LIMIT_BYTES;
  const database = new Database(path, { create: true, strict: true });
  try {
    database.run("PRAGMA busy_timeout = 2000");
    const [check] = database.query(`PRAGMA ${isLarge ? "quick_check" : "integrity_check"}(1)`).values();
    if (check?.[0] !== "ok") throw new DamageError(`malformed: ${String(check?.[0]).split("\n").at(-1)}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function isDamage(error: unknown): boolean {
  if (error instanceof DamageError) return true;
  return /malformed|not a database|corrupt|SQLITE_NOTADB/i.test(
    String((error as { code?: string }).code ?? "") + String(error),
  );
}

/** Opens it; a damaged one is kept under a dated name, and a fresh one is made of what can still be read. */
function connectOrReplace(
  options: OpenDatabaseOptions,
  log: WriteAheadLog,
  migrations: readonly Migration[],
): Database {
  const { path, clock, logger } = options;
  try {
    demandSoundFiles(path, log);
    return connect(path);
  } catch (error) {
    if (!isDamage(error)) {
      const { code = "no code" } = error as { code?: string };
      throw new DatabaseError(`${path} cannot be opened: ${(error as Error).message} (${code})`);
    }
    const makeTables = (database: Database): void => bringUpToDate(database, migrations, options.migrations);
    replaceDamaged({ path, damage: (error as Error).message, makeTables, clock, logger });
    return connect(path);
  }
}

/** A log that was cut looks like one that ends earlier; only its index, which a power cut may not have saved, tells. */
function noteMissingFrames(database: Database, path: string, { missingFrames }: WriteAheadLog, logger: Logger): void {
  if (missingFrames === 0) return;
  const text = `${missingFrames} pages of ${basename(path)}-wal are missing: what they said is lost`;
  logger.critical(text);
  noteLoss(database, text);
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
  const { clock, logger } = options;
  const path = realDatabasePath(options.path);
  demandAccess([path]);
  finishRescue(path, clock);
  const migrations = readMigrations(options.migrations);
  // Before SQLite opens it: that makes the log's index anew.
  const log = readLogOf(path);
  const database = connectOrReplace({ ...options, path }, log, migrations);
  try {
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
    noteMissingFrames(database, path, log, logger);
    return { database, losses: lossesOf(database) };
  } catch (error) {
    database.close();
    throw error instanceof DatabaseError
      ? error
      : new DatabaseError(`${path} cannot be brought up to date and is left as it is: ${(error as Error).message}`);
  }
}
