import { statSync } from "node:fs";
import type { Logger } from "../log/logger.ts";

function lengthOf(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size;
}

/**
 * Databases without any content beside one that has some and is made after them: something has emptied them, and a new start
 * in silence would hide that. `paths`: in the order in which a first start makes them. One message for each, for a security event.
 */
export function reportEmptied(paths: readonly string[], logger: Logger): readonly string[] {
  return paths.flatMap((path, index) => {
    if (lengthOf(path) !== 0) return [];
    const later = paths.slice(index + 1).find((other) => (lengthOf(other) ?? 0) > 0);
    if (later === undefined) return [];
    logger.critical(`${path} is empty although ${later} is not: what was kept in it is lost, it begins anew`);
    return [`The database ${path} was found empty, its content is lost`];
  });
}
