import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const NAME = "ocpp201-selftest-";

/** Copies hold what the databases hold: those of a self-test that was killed do not stay. */
function removeLeftOvers(parent: string): void {
  for (const entry of readdirSync(parent)) {
    const processId = new RegExp(`^${NAME}(\\d+)-`).exec(entry)?.[1];
    if (processId === undefined || existsSync(`/proc/${processId}`)) continue;
    rmSync(join(parent, entry), { recursive: true, force: true });
  }
}

/** Calls `work` with an empty directory of this account alone, which is gone afterwards. */
export function inWorkDirectory<Result>(parent: string, work: (directory: string) => Result): Result {
  removeLeftOvers(parent);
  const directory = mkdtempSync(join(parent, `${NAME}${process.pid}-`));
  try {
    return work(directory);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
