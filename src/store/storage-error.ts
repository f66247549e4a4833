import { SQLiteError } from "bun:sqlite";

/** Did the database refuse (disk full, locked, damaged), so that the same decision may be stored later? */
export function isStorageError(error: unknown): boolean {
  return error instanceof SQLiteError;
}

/** Is it the disk that refuses (full, read-only, failing), and not what is written? */
export function isDiskError(error: unknown): boolean {
  return error instanceof SQLiteError && /^SQLITE_(?:FULL|IOERR|READONLY|CANTOPEN)/.test(error.code ?? "");
}
