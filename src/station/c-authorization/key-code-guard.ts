import type { Clock } from "../../lib/clock.ts";

/** So many wrong codes in a row cost nothing. */
const FREE_ATTEMPTS = 5;
const FIRST_WAIT_SECONDS = 2;
const LONGEST_WAIT_SECONDS = 300;

/** C04.FR.06: guessing key codes takes longer with every wrong one; a right one forgives. */
export class KeyCodeGuard {
  private failures = 0;
  private closedUntil = 0;
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly clock: Clock) {}

  get isClosed(): boolean {
    return this.clock.monotonicMilliseconds() < this.closedUntil;
  }

  /** Begins when everything before it has ended. */
  inTurn<Result>(attempt: () => Promise<Result>): Promise<Result> {
    const turn = this.last.then(attempt);
    this.last = turn.catch(() => {});
    return turn;
  }

  note(accepted: boolean): void {
    this.failures = accepted ? 0 : this.failures + 1;
    if (this.failures < FREE_ATTEMPTS) return;
    const doublings = Math.min(this.failures - FREE_ATTEMPTS, 10);
    const waitSeconds = Math.min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** doublings);
    this.closedUntil = this.clock.monotonicMilliseconds() + waitSeconds * 1000;
  }
}
