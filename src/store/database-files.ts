import type { Database } from "bun:sqlite";
import { chmodSync, closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";

const COPIES_KEPT = 3;

/** The time as a part of a file name; names sort by age. */
export function fileStamp(clock: Clock): string {
  return clock.now().toISOString().replace(/[:.]/g, "-");
}

/** Of names that end with a stamp those that are too many: all but the newest `count`. */
export function keepNewest(names: readonly string[], count: number): readonly string[] {
  return [...names].sort().slice(0, -count);
}

export function syncToDisk(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/**
 * A copy of a file that is about to be upgraded or taken over; only the newest few are kept. What bears the final name is
 * complete. A copy that cannot be made does not stop the station: what follows only adds to the file, and all or nothing.
 */
export function keepCopy(database: Database, path: string, clock: Clock, logger: Logger): void {
  const directory = dirname(path);
  const prefix = `${basename(path)}.before-`;
  const target = join(directory, `${prefix}${fileStamp(clock)}`);
  const unfinished = join(directory, `${basename(path)}.copying`);
  try {
    rmSync(unfinished, { force: true, recursive: true });
    database.query("VACUUM INTO ?").run(unfinished);
    chmodSync(unfinished, 0o600);
    syncToDisk(unfinished);
    renameSync(unfinished, target);
    syncToDisk(directory);
    logger.info(`A copy of ${path} is kept as ${target}`);
    const copies = readdirSync(directory).filter((file) => file.startsWith(prefix));
    for (const old of keepNewest(copies, COPIES_KEPT)) rmSync(join(directory, old), { force: true });
  } catch (error) {
    rmSync(unfinished, { force: true, recursive: true });
    logger.error(`No copy of ${path} could be kept: ${(error as Error).message}`);
  }
}
