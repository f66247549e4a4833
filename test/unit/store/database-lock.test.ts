import { afterEach, beforeEach, expect, test } from "bun:test";
import { linkSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../../src/log/logger.ts";
import { type DatabaseLocks, lockDatabases, type OtherProcess } from "../../../src/store/database-lock.ts";
import { demandDistinct, realDatabasePath } from "../../../src/store/database-path.ts";

let directory: string;
let held: DatabaseLocks[];
let holder: Bun.Subprocess<"ignore", "pipe", "ignore"> | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "lock-"));
  held = [];
});
afterEach(() => {
  holder?.kill("SIGKILL");
  for (const locks of held) locks.release();
  rmSync(directory, { recursive: true, force: true });
});

const at = (...names: readonly string[]) => names.map((name) => join(directory, name));
function lock(paths: readonly string[], processId = 100): DatabaseLocks | OtherProcess {
  const result = lockDatabases(paths, processId, silentLogger);
  if ("release" in result) held.push(result);
  return result;
}

test("incident: two stations on the same files gave the same sequence numbers; the second one hears who has them", () => {
  expect(lock(at("a.db", "b.db"), 4711)).toHaveProperty("release");
  expect(lock(at("b.db"), 4712)).toEqual({ path: join(directory, "b.db"), processId: 4711 });
});

test("what was taken before the one that is in use is given back", () => {
  lock(at("b.db"));
  expect(lock(at("a.db", "b.db"), 4712)).toHaveProperty("processId", 100);
  expect(lock(at("a.db"), 4713)).toHaveProperty("release");
});

test("given back, it can be taken by the next at once", () => {
  lock(at("a.db"));
  held.pop()?.release();
  expect(lock(at("a.db"), 200)).toHaveProperty("release");
});

test("kill -9 gives it back: the lock is the operating system's, not that of a file that was left", async () => {
  const script = `
    import { lockDatabases } from ${JSON.stringify(join(import.meta.dir, "../../../src/store/database-lock.ts"))};
    import { silentLogger } from ${JSON.stringify(join(import.meta.dir, "../../../src/log/logger.ts"))};
    lockDatabases(${JSON.stringify(at("a.db"))}, process.pid, silentLogger);
    // What nobody holds is closed with the next collection: the lock must not go with it.
    Bun.gc(true);
    console.log("locked");
    setInterval(() => {}, 1000);`;
  holder = Bun.spawn([process.execPath, "-e", script], { stdin: "ignore", stdout: "pipe", stderr: "ignore" });
  const reader = holder.stdout.getReader();
  await reader.read();
  expect(lock(at("a.db"), 1)).toEqual({ path: join(directory, "a.db"), processId: holder.pid });
  holder.kill("SIGKILL");
  await holder.exited;
  expect(lock(at("a.db"), 1)).toHaveProperty("release");
});

test("by whatever name: the lock lies beside the file that a link leads to", () => {
  mkdirSync(join(directory, "real"));
  symlinkSync(join(directory, "real"), join(directory, "link"));
  symlinkSync("real/a.db", join(directory, "a.db"));
  lock(at("real/a.db"));
  expect(lock(at("link/a.db"), 2)).toHaveProperty("processId", 100);
  expect(lock(at("a.db"), 2)).toHaveProperty("processId", 100);
});

test("a lock file with something else in it is one all the same", () => {
  writeFileSync(join(directory, "a.db.lock"), "no database ".repeat(500));
  expect(lock(at("a.db"), 5)).toHaveProperty("release");
  expect(lock(at("a.db"), 6)).toHaveProperty("processId", 5);
});

test("one that cannot be made is a warning, not the end", () => {
  mkdirSync(join(directory, "a.db.lock"));
  const warnings: string[] = [];
  const result = lockDatabases(at("a.db"), 1, { ...silentLogger, warn: (text) => warnings.push(text) });
  expect(result).toHaveProperty("release");
  expect(warnings.join()).toContain("a.db cannot be locked");
});

test("two configured databases are not one file, neither by name, nor by a link of either kind", () => {
  writeFileSync(join(directory, "a.db"), "");
  symlinkSync("a.db", join(directory, "soft.db"));
  linkSync(join(directory, "a.db"), join(directory, "hard.db"));
  symlinkSync("nowhere.db", join(directory, "dangling.db"));
  expect(() => demandDistinct(at("a.db", "b.db", "a.db"))).toThrow("a.db is configured for two databases");
  expect(() => demandDistinct(at("a.db", "soft.db"))).toThrow("are the same file");
  expect(() => demandDistinct(at("a.db", "hard.db"))).toThrow("are the same file");
  expect(() => demandDistinct(at("dangling.db", "nowhere.db"))).toThrow("are the same file");
  expect(() => demandDistinct(at("a.db", "b.db", "c/d.db"))).not.toThrow();
});

test("a link that leads to nothing yet is followed all the same, and one in a circle ends", () => {
  symlinkSync("new/a.db", join(directory, "a.db"));
  expect(realDatabasePath(join(directory, "a.db"))).toBe(join(realDatabasePath(directory), "new/a.db"));
  symlinkSync("circle", join(directory, "circle"));
  expect(realDatabasePath(join(directory, "circle"))).toBe(join(realDatabasePath(directory), "circle"));
});
