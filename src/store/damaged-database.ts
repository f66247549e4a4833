import { Database } from "bun:sqlite";
import { chmodSync, lstatSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import { SIDE_FILES } from "./database-access.ts";
import { DatabaseError } from "./database-error.ts";
import { fileStamp, keepNewest, syncToDisk } from "./database-files.ts";
import { noteLoss } from "./losses.ts";
import { type RescuedTable, takeOver } from "./rescue/rescue.ts";
import { isDiskError } from "./storage-error.ts";

const DAMAGED_FILES_KEPT = 3;

/** Being written: worthless after a power cut. */
const unfinishedPath = (path: string): string => `${path}.rescuing`;
/** Complete: it counts once the damaged file has been moved away. */
const finishedPath = (path: string): string => `${path}.rescued`;

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function remove(path: string): void {
  for (const side of SIDE_FILES) rmSync(path + side, { force: true, recursive: true });
}

/** The database first: as long as it is there, nothing has been replaced. */
function moveAside(path: string, target: string): void {
  for (const side of SIDE_FILES) if (exists(path + side)) renameSync(path + side, target + side);
  const isSideFile = (file: string): boolean => SIDE_FILES.slice(1).some((side) => file.endsWith(side));
  const damaged = readdirSync(dirname(path)).filter(
    (file) => file.startsWith(`${basename(path)}.corrupt-`) && !isSideFile(file),
  );
  for (const old of keepNewest(damaged, DAMAGED_FILES_KEPT)) remove(join(dirname(path), old));
}

function swap(path: string, target: string): void {
  moveAside(path, target);
  syncToDisk(dirname(path));
  renameSync(finishedPath(path), path);
  syncToDisk(dirname(path));
}

/** The damaged file has been moved away, and what was rescued of it waits for its place. */
export function isBeingReplaced(path: string): boolean {
  return exists(finishedPath(path));
}

/**
 * Goes on with a rescue that the end of a process interrupted: one whose damaged file is gone already is brought to its end, any
 * other begins again from the damaged file.
 */
export function finishRescue(path: string, clock: Clock): void {
  remove(unfinishedPath(path));
  if (!exists(finishedPath(path))) return;
  if (exists(path)) remove(finishedPath(path));
  else swap(path, `${path}.corrupt-${fileStamp(clock)}`);
}

function describe(tables: readonly RescuedTable[] | undefined): { readonly taken: number; readonly lost: string } {
  if (tables === undefined) return { taken: 0, lost: "everything" };
  const lost = tables.flatMap(({ name, lost: rows }) => {
    if (rows === 0) return [];
    return [rows === undefined ? `${name} in part` : `${rows} of ${name}`];
  });
  return { taken: tables.reduce((sum, { taken }) => sum + taken, 0), lost: lost.join(", ") || "nothing" };
}

function rescueTables(path: string, fresh: Database, logger: Logger): readonly RescuedTable[] | undefined {
  try {
    return takeOver(path, fresh);
  } catch (error) {
    // The damaged file stays where it is until there is room.
    if (isDiskError(error)) throw error;
    logger.critical(`Nothing can be taken over from ${path}: ${(error as Error).stack}`);
    return undefined;
  }
}

export interface DamagedDatabaseOptions {
  readonly path: string;
  readonly damage: string;
  /** Makes the tables in an empty database. */
  readonly makeTables: (database: Database) => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Puts a fresh database in the place of a damaged one, with everything in it that can still be read of that; what is lost is
 * counted, logged and noted in the fresh one. The damaged one is kept under a dated name. At each moment either is complete.
 * @throws DatabaseError when the fresh one cannot be written; the damaged one is still in its place then.
 */
export function replaceDamaged({ path, damage, makeTables, clock, logger }: DamagedDatabaseOptions): void {
  const unfinished = unfinishedPath(path);
  const target = `${path}.corrupt-${fileStamp(clock)}`;
  try {
    remove(unfinished);
    const fresh = new Database(unfinished, { create: true, strict: true });
    try {
      // Whatever is not whole after a power cut is thrown away: one sync at the end is enough.
      fresh.run("PRAGMA journal_mode = MEMORY");
      fresh.run("PRAGMA synchronous = OFF");
      makeTables(fresh);
      const { taken, lost } = describe(rescueTables(path, fresh, logger));
      logger.critical(`${path} is damaged (${damage}); kept as ${target}. Taken over: ${taken} rows; lost: ${lost}`);
      noteLoss(fresh, `${basename(path)} was damaged; lost: ${lost}; put aside as ${basename(target)} (${damage})`);
    } finally {
      fresh.close();
    }
    chmodSync(unfinished, 0o600);
    syncToDisk(unfinished);
    renameSync(unfinished, finishedPath(path));
    swap(path, target);
  } catch (error) {
    throw new DatabaseError(`${path} is damaged (${damage}) and cannot be replaced: ${(error as Error).message}`);
  }
}
