import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { silentLogger } from "../../../src/log/logger.ts";
import { openCoreDatabase } from "../../../src/store/core-database.ts";
import { demandAccess } from "../../../src/store/database-access.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const SOURCE = join(import.meta.dir, "../../../src");
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "access-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const path = () => join(directory, "state", "cp.db");
const contents = () =>
  Object.fromEntries(
    readdirSync(join(directory, "state")).map((name) => [
      name,
      readFileSync(join(directory, "state", name)).toString("hex"),
    ]),
  );

/** A core database that a station has used, with the logs that a kill leaves beside it. */
function leaveDatabase(): void {
  mkdirSync(join(directory, "state"));
  openCoreDatabase({ directory: join(directory, "state"), clock: new FakeClock(), logger: silentLogger }).close();
}

const AS_NOBODY = ["setpriv", `--reuid=${NOBODY}`, `--regid=${NOBODY}`, "--clear-groups"];
/** In a mount namespace of its own, where the directory `$0` is read-only for everybody. */
const ON_READ_ONLY_FILE_SYSTEM = [
  ...["unshare", "--mount", "sh", "-c"],
  'mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && exec "$@"',
];

/** Opens the database in another process, started by these words: the condition is real, nothing is played. */
function openBy(starter: readonly string[]): { readonly exitCode: number; readonly text: string } {
  const script = `
    import { openCoreDatabase } from ${JSON.stringify(join(SOURCE, "store/core-database.ts"))};
    import { FakeClock } from ${JSON.stringify(join(import.meta.dir, "../../support/fake-clock.ts"))};
    import { silentLogger } from ${JSON.stringify(join(SOURCE, "log/logger.ts"))};
    try {
      openCoreDatabase({ directory: ${JSON.stringify(join(directory, "state"))}, clock: new FakeClock(), logger: silentLogger });
    } catch (error) {
      console.log(error.constructor.name + ": " + error.message);
      process.exit(3);
    }`;
  const { exitCode, stdout, stderr } = Bun.spawnSync([...starter, process.execPath, "-e", script]);
  return { exitCode, text: stdout.toString() + stderr.toString() };
}

describe.skipIf(!isRoot)("what another account owns is told with errno, path and owner, and nothing is moved", () => {
  beforeEach(() => {
    leaveDatabase();
    chmodSync(directory, 0o755);
  });

  for (const [what, deny, denied] of [
    ["the file", () => chownSync(join(directory, "state"), NOBODY, NOBODY), "cp.db"],
    [
      "a log beside it",
      () => {
        chownSync(join(directory, "state"), NOBODY, NOBODY);
        chownSync(path(), NOBODY, NOBODY);
        writeFileSync(`${path()}-wal`, "", { mode: 0o600 });
      },
      "cp.db-wal",
    ],
    [
      "a directory that may be read only",
      () => {
        chownSync(path(), NOBODY, NOBODY);
        chmodSync(join(directory, "state"), 0o755);
      },
      "",
    ],
    ["a directory that may not be entered", () => chmodSync(join(directory, "state"), 0o700), ""],
  ] as const)
    test(what, () => {
      deny();
      const before = contents();
      const { exitCode, text } = openBy(AS_NOBODY);
      expect(exitCode).toBe(3);
      expect(text).toStartWith("DatabaseError: ");
      expect(text).toContain(`${join(directory, "state", denied)} cannot be opened for writing: EACCES`);
      expect(text).toContain("owner 0:0");
      expect(text).toContain(`runs as ${NOBODY}:${NOBODY}`);
      expect(contents()).toEqual(before);
    });

  test("a directory that may not be made", () => {
    rmSync(join(directory, "state"), { recursive: true });
    const { exitCode, text } = openBy(AS_NOBODY);
    expect(exitCode).toBe(3);
    expect(text).toContain(`the directory ${join(directory, "state")} cannot be made for ${path()}: EACCES`);
  });
});

describe("what not even root may write", () => {
  test("a read-only file system: EROFS", () => {
    leaveDatabase();
    const state = join(directory, "state");
    const starter = [...ON_READ_ONLY_FILE_SYSTEM, state];
    // Not every container may mount.
    if (Bun.spawnSync([...starter, "true"]).exitCode !== 0) return;
    const before = contents();
    const { exitCode, text } = openBy(starter);
    expect(exitCode).toBe(3);
    expect(text).toStartWith(`DatabaseError: ${state} cannot be opened for writing: EROFS: read-only file system`);
    expect(contents()).toEqual(before);
  });

  test("an immutable file: EPERM", () => {
    leaveDatabase();
    if (Bun.spawnSync(["chattr", "+i", path()]).exitCode !== 0) return;
    try {
      expect(() => demandAccess([path()])).toThrow(`${path()} cannot be opened for writing: EPERM`);
    } finally {
      Bun.spawnSync(["chattr", "-i", path()]);
    }
  });

  test("a file in the place of the directory: ENOTDIR or EEXIST, and everything that is wrong at once", () => {
    writeFileSync(join(directory, "state"), "a file");
    expect(() => demandAccess([path(), join(directory, "state/other/x.db"), join(directory, "fine.db")])).toThrow(
      /^the directory .*state cannot be made for .*cp\.db: E[A-Z]+.*; the directory .*other cannot be made/,
    );
  });
});

test("what is not there yet is made, and what may be used is left as it is", () => {
  demandAccess([path()]);
  expect(readdirSync(join(directory, "state"))).toEqual([]);
});
