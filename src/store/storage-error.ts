import { SQLiteError } from "bun:sqlite";

/** Did the database refuse (disk full, locked, damaged), so that the same decision may be stored later? */
export function isStorageError(error: unknown): boolean {
  return error instanceof SQLiteError;
}
