import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { reportMissing } from "../../../src/agent/lost-databases.ts";
import { silentLogger } from "../../../src/log/logger.ts";

let directory: string;
let critical: string[];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "lost-"));
  critical = [];
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const NAMES = ["cp.db", "device_model.db", "everest.db"];
/** Reports about databases of these lengths, in the order in which they are made; undefined for one that is not there. */
const report = (...lengths: readonly (number | undefined)[]) => {
  for (const [index, length] of lengths.entries())
    if (length !== undefined) writeFileSync(join(directory, NAMES[index] ?? ""), "x".repeat(length));
  const paths = NAMES.map((name) => join(directory, name));
  return reportMissing(paths, { ...silentLogger, critical: (message) => critical.push(message) });
};

test("a cp.db without content beside a device model that has some is a loss", () => {
  expect(report(0, 4096, 4096)).toEqual([
    `The database ${join(directory, "cp.db")} was found empty, its content is lost`,
  ]);
  expect(critical).toEqual([
    `${join(directory, "cp.db")} is empty although ${join(directory, "device_model.db")} is not: what was kept in it is lost, it begins anew`,
  ]);
});

test("so is a device model without content", () => expect(report(4096, 0, 4096)).toHaveLength(1));
test("both at once", () => expect(report(0, 0, 4096)).toHaveLength(2));

test.each([
  ["a first start", [undefined, undefined, undefined]],
  ["a first start that a power cut ended", [0, undefined, undefined]],
  ["… a little later", [4096, 0, undefined]],
  ["files that somebody has made beforehand", [0, 0, 0]],
  ["a device model that was delivered with a new station", [undefined, 4096, undefined]],
  ["nothing lost", [4096, 4096, 4096]],
] as const)("%s is none", (_what, lengths) => {
  expect(report(...lengths)).toEqual([]);
  expect(critical).toEqual([]);
});

test("incident: a cp.db that is missing, not empty, beside a device model that was in use was no loss", () => {
  const database = new Database(join(directory, NAMES[1] ?? ""));
  database.run("CREATE TABLE STATION_SCHEMA (VERSION INTEGER NOT NULL)");
  database.close();
  expect(report(undefined)).toEqual([`The database ${join(directory, "cp.db")} is missing, its content is lost`]);
  expect(critical.join()).toContain("cp.db is missing although");
});

test("one that is being replaced by what was rescued of it is not missing", () => {
  const database = new Database(join(directory, NAMES[1] ?? ""));
  database.run("CREATE TABLE STATION_SCHEMA (VERSION INTEGER NOT NULL)");
  database.close();
  writeFileSync(join(directory, "cp.db.rescued"), "complete");
  expect(report(undefined)).toEqual([]);
});
