import { Database } from "bun:sqlite";
import { statSync } from "node:fs";
import type { Logger } from "../log/logger.ts";
import { isBeingReplaced } from "../store/damaged-database.ts";
import { realDatabasePath } from "../store/database-path.ts";
import { hasOwnTables } from "../store/schema.ts";

function lengthOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

/** Has this program worked with it? A device model may as well have been delivered with a new station. */
function isUsed(path: string): boolean {
  let database: Database | undefined;
  try {
    database = new Database(path, { readonly: true });
    return hasOwnTables(database);
  } catch {
    // Not there, or damaged, which is told by itself.
    return false;
  } finally {
    database?.close();
  }
}

/**
 * Databases that are missing or without any content beside one that has some and is made after them: something has taken them
 * away, and a new start in silence would hide that. `paths`: in the order in which a first start makes them. One message for
 * each, for a security event.
 */
export function reportMissing(paths: readonly string[], logger: Logger): readonly string[] {
  return paths.flatMap((path, index) => {
    const length = lengthOf(path);
    if ((length ?? 0) > 0 || isBeingReplaced(realDatabasePath(path))) return [];
    const later = paths.slice(index + 1).find((other) => (length === 0 ? (lengthOf(other) ?? 0) > 0 : isUsed(other)));
    if (later === undefined) return [];
    const [word, found] = length === 0 ? ["empty", "was found empty"] : ["missing", "is missing"];
    logger.critical(`${path} is ${word} although ${later} is not: what was kept in it is lost, it begins anew`);
    return [`The database ${path} ${found}, its content is lost`];
  });
}
