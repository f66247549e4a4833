import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { migrationDirectoryDifference } from "../../../src/store/migration-directory.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "migrations-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const put = (...names: readonly string[]) => {
  for (const name of names) writeFileSync(join(directory, name), "");
};

test("a directory that leads to the same schema is not worth a word, whatever its statements", () => {
  put("1_up-initial.sql", "2_up.sql", "2_down.sql", "3_up-drop required.sql", "3_down-x.sql", "4_down-y.sql", "README");
  expect(migrationDirectoryDifference(directory, "device_model")).toBeUndefined();
});

test("a newer, an older and a missing one are told", () => {
  put("1_up-initial.sql", "2_up-source.sql");
  expect(migrationDirectoryDifference(directory, "device_model")).toBe(
    "it leads to schema version 2, this program to 3",
  );
  put("4_up-future.sql");
  expect(migrationDirectoryDifference(directory, "device_model")).toBe(
    "it leads to schema version 4, this program to 3",
  );
  expect(migrationDirectoryDifference(join(directory, "none"), "device_model")).toBe("it cannot be read (ENOENT)");
});
