import { lstatSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { DatabaseError } from "./database-error.ts";

/** As many as Linux follows. */
const LINK_LIMIT = 40;

/**
 * The file that SQLite will open or make for a path: with all symbolic links followed, also where the last one leads to nothing
 * yet. What belongs to a database lies beside the file, not beside the link.
 */
export function realDatabasePath(path: string, links = LINK_LIMIT): string {
  try {
    return realpathSync(path);
  } catch {
    // It does not exist, or may not be looked at: `demandAccess` tells.
  }
  try {
    if (links > 0 && lstatSync(path).isSymbolicLink())
      return realDatabasePath(resolve(dirname(path), readlinkSync(path)), links - 1);
  } catch {
    // There is nothing at all.
  }
  const directory = dirname(resolve(path));
  return directory === resolve(path) ? directory : join(realDatabasePath(directory, links), basename(path));
}

/** One text for all names of a file, hard links among them. */
function identity(path: string): string {
  const real = realDatabasePath(path);
  const found = statSync(real, { throwIfNoEntry: false });
  return found === undefined ? real : `${found.dev}:${found.ino}`;
}

/** @throws DatabaseError when two of the configured databases are one file: each would be taken for damaged by the other. */
export function demandDistinct(paths: readonly string[]): void {
  const known = new Map<string, string>();
  for (const path of paths) {
    const one = identity(path);
    const other = known.get(one);
    if (other !== undefined)
      throw new DatabaseError(
        other === path
          ? `${path} is configured for two databases`
          : `${other} and ${path} are the same file; each database needs its own`,
      );
    known.set(one, path);
  }
}
