import type { Database } from "bun:sqlite";

/** Where a database keeps what was lost of it until somebody has been told: a start may end before that. */
export const LOSS_TABLE = "STATION_LOSS";

export function noteLoss(database: Database, text: string): void {
  database.run(`CREATE TABLE IF NOT EXISTS ${LOSS_TABLE} (TEXT TEXT NOT NULL) STRICT`);
  database.query(`INSERT INTO ${LOSS_TABLE} (TEXT) VALUES (?)`).run(text);
}

function hasLosses(database: Database): boolean {
  return database.query("SELECT 1 FROM sqlite_master WHERE name = ?").get(LOSS_TABLE) !== null;
}

/** What was lost of this database, each worth a security event. */
export function lossesOf(database: Database): readonly string[] {
  if (!hasLosses(database)) return [];
  return database
    .query(`SELECT TEXT FROM ${LOSS_TABLE} ORDER BY rowid`)
    .values()
    .map(([text]) => String(text));
}

/** Somebody has been told. */
export function forgetLosses(database: Database): void {
  if (hasLosses(database)) database.run(`DROP TABLE ${LOSS_TABLE}`);
}
