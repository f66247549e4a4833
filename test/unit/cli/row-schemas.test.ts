import { expect, test } from "bun:test";
import { ROW_SCHEMAS } from "../../../src/cli/selftest/row-schemas.ts";
import { readMigrations } from "../../../src/store/migrations.ts";

/** Tables of this program whose rows are plain values, which SQLite itself guarantees, or history that nobody reads back. */
const PLAIN = new Set([
  "STATION_APPLIED_VALUE",
  "STATION_AUTH_CACHE_USE",
  "STATION_MONITOR_STATE",
  "STATION_OVERRULED_MONITOR",
  "STATION_REJECTED_MESSAGE",
  "STATION_TOKEN_ALIAS",
]);

test("the self-test examines the rows of every table that this program has, or they are plain", () => {
  const tables = ["core", "device_model"]
    .flatMap((folder) => readMigrations(`${folder}/station`))
    .flatMap(({ sql }) => [...sql.matchAll(/CREATE TABLE (?:IF NOT EXISTS )?(STATION_\w+)/g)])
    .map(([, table = ""]) => table);
  expect(tables).toContain("STATION_TRANSACTION");
  expect(tables.filter((table) => !(table in ROW_SCHEMAS) && !PLAIN.has(table))).toEqual([]);
});
