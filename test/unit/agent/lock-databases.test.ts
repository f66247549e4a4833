import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { takeDatabases } from "../../../src/agent/lock-databases.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { type DatabaseLocks, lockDatabases } from "../../../src/store/database-lock.ts";
import { FakeClock } from "../../support/fake-clock.ts";

let directory: string;
let paths: readonly string[];
let clock: FakeClock;
let first: DatabaseLocks | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "take-"));
  paths = [join(directory, "cp.db")];
  clock = new FakeClock();
  const result = lockDatabases(paths, 4711, silentLogger);
  first = "release" in result ? result : undefined;
});
afterEach(() => {
  first?.release();
  rmSync(directory, { recursive: true, force: true });
});

test("a station that the manager starts while the old one is ending waits for it", async () => {
  const taken = takeDatabases(paths, clock, silentLogger);
  await clock.advance(1_500);
  first?.release();
  await clock.advance(200);
  (await taken).release();
});

test("one whose files are in use for good refuses to start and names the process", async () => {
  const refusal = takeDatabases(paths, clock, silentLogger).catch((error: Error) => error.message);
  await clock.advance(5_000);
  expect(await refusal).toContain("cp.db is in use by the process 4711");
});
