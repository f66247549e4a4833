import { type Clock, sleep } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import { DatabaseError } from "../store/database-error.ts";
import { type DatabaseLocks, lockDatabases } from "../store/database-lock.ts";

/** The manager may start a module anew while the old one is still ending, which takes a second or two. */
const WAIT_LIMIT_MILLISECONDS = 4_000;
const RETRY_MILLISECONDS = 100;

/**
 * Two stations on the same files would send the same messages and give the same sequence numbers.
 * @throws DatabaseError with the id of the process that has them, once it is clear that it stays.
 */
export async function takeDatabases(paths: readonly string[], clock: Clock, logger: Logger): Promise<DatabaseLocks> {
  const end = clock.monotonicMilliseconds() + WAIT_LIMIT_MILLISECONDS;
  for (let isFirst = true; ; isFirst = false) {
    const result = lockDatabases(paths, process.pid, logger);
    if ("release" in result) return result;
    const other = result.processId === undefined ? "another process" : `the process ${result.processId}`;
    if (clock.monotonicMilliseconds() >= end)
      throw new DatabaseError(`${result.path} is in use by ${other}: one station only may use it`);
    if (isFirst) logger.info(`${result.path} is in use by ${other}; it may be ending`);
    await sleep(clock, RETRY_MILLISECONDS);
  }
}
