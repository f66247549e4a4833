import type { Database } from "bun:sqlite";

/**
 * Write first, then say: a decision, its outgoing messages and its durable intents are one SQLite transaction;
 * what the outside may see of it happens only after the commit.
 */
export interface UnitOfWork {
  /**
   * Runs `decide` synchronously in one transaction. A nested call joins the transaction of the outer one; when it throws, the outer
   * one fails with it even if the error was caught in between, since half of the nested decision would stay.
   * When `decide` throws, everything is rolled back, its effects are forgotten and the error is passed on:
   * so compute first and change memory in an effect or as the last step.
   */
  run<Result>(decide: () => Result): Result;
  /**
   * The same for a decision that may be taken again after a power cut, such as forgetting a message that was answered:
   * it survives the end of the process, but does not wait for the disk.
   */
  runRelaxed<Result>(decide: () => Result): Result;
  /** Whoever asks is within `run` or `runRelaxed`. */
  readonly isRunning: boolean;
  /** Registers an effect for after the commit; outside `run` it happens at once. */
  afterCommit(effect: () => void): void;
}

export interface UnitOfWorkListeners {
  /** An effect has failed; what was decided stays. */
  readonly onEffectError: (error: unknown) => void;
  /** What memory knows of the tables may be wrong. */
  readonly onRollback: () => void;
  /** A transaction begins; what it returns is called at its end. Nothing where nobody measures. */
  readonly onBegin?: (durability: Durability) => ((isCommitted: boolean) => void) | undefined;
}

/** Does the commit wait for the disk? */
export type Durability = "strict" | "relaxed";

/**
 * So many strict transactions after which the write-ahead log is brought into the file behind a relaxed one, where nobody waits
 * for the disk. SQLite does it by itself behind whatever transaction makes the log 1,000 pages long, twice as late.
 */
const STRICT_PER_CHECKPOINT = 64;

export function createUnitOfWork(database: Database, listeners: UnitOfWorkListeners): UnitOfWork {
  const { onEffectError, onRollback } = listeners;
  let depth = 0;
  let strictInLog = 0;
  let effects: (() => void)[] = [];
  /** Why the transaction must not be committed: a nested decision has failed. */
  let failure: { readonly error: unknown } | undefined;

  const runEffects = (): void => {
    const committed = effects;
    effects = [];
    for (const effect of committed) {
      try {
        effect();
      } catch (error) {
        onEffectError(error);
      }
    }
  };

  const throwFailure = (): void => {
    if (failure !== undefined) throw failure.error;
  };

  const join = <Result>(decide: () => Result): Result => {
    try {
      return decide();
    } catch (error) {
      failure ??= { error };
      throw error;
    }
  };

  const commit = <Result>(durability: Durability, decide: () => Result): Result => {
    depth = 1;
    let isCommitted = false;
    const end = listeners.onBegin?.(durability);
    failure = undefined;
    try {
      database.run("BEGIN IMMEDIATE");
      const result = decide();
      throwFailure();
      database.run("COMMIT");
      isCommitted = true;
      return result;
    } catch (error) {
      effects = [];
      if (database.inTransaction) database.run("ROLLBACK");
      onRollback();
      throw error;
    } finally {
      depth = 0;
      end?.(isCommitted);
    }
  };

  const checkpointInTime = (): void => {
    if (strictInLog < STRICT_PER_CHECKPOINT) return;
    strictInLog = 0;
    try {
      database.run("PRAGMA wal_checkpoint(PASSIVE)");
    } catch {
      // A full disk, say: what the log holds is safe there, and SQLite tries again.
    }
  };

  return {
    get isRunning() {
      return depth > 0;
    },
    run(decide) {
      if (depth > 0) return join(decide);
      const result = commit("strict", decide);
      strictInLog++;
      runEffects();
      return result;
    },
    runRelaxed(decide) {
      if (depth > 0) return join(decide);
      database.run("PRAGMA synchronous = NORMAL");
      let result: ReturnType<typeof decide>;
      try {
        result = commit("relaxed", decide);
      } finally {
        database.run("PRAGMA synchronous = FULL");
      }
      // The decisions that effects make are strict again.
      runEffects();
      checkpointInTime();
      return result;
    },
    afterCommit(effect) {
      if (depth === 0) effect();
      else effects.push(effect);
    },
  };
}
