import { CommandError } from "../everest/everest-module.ts";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";

/** A module that has failed is told again, less and less often. */
const FIRST_RETRY_MILLISECONDS = 2_000;
const LONGEST_RETRY_MILLISECONDS = 60_000;

export interface TellerOptions<Value> {
  /** Tells the module; rejects when it does not take the value, or says nothing for too long. */
  readonly tell: (value: Value) => Promise<unknown>;
  /** What is told, for the log. */
  readonly about: (value: Value) => string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What one module has to follow: it has one question at a time, only the newest value matters, and it is told until it takes it. */
export class Teller<Value> {
  private wanted: Value | undefined;
  private telling: Promise<void> | undefined;
  private retry: Timer | undefined;
  private retryMilliseconds = FIRST_RETRY_MILLISECONDS;

  constructor(private readonly options: TellerOptions<Value>) {}

  /** Resolves when the module has been told, whatever it said. */
  set(value: Value): Promise<void> {
    this.wanted = value;
    this.retry?.cancel();
    this.retry = undefined;
    this.telling ??= this.tell(value);
    return this.telling;
  }

  private async tell(value: Value): Promise<void> {
    const { about, clock, logger, tell } = this.options;
    const failure = await tell(value).then(
      () => undefined,
      (error: Error) => error,
    );
    this.telling = undefined;
    if (this.wanted !== undefined && this.wanted !== value) return this.set(this.wanted);
    this.wanted = undefined;
    if (failure === undefined) {
      this.retryMilliseconds = FIRST_RETRY_MILLISECONDS;
      return;
    }
    if (failure instanceof CommandError && failure.errorType === "NotOffered") {
      logger.warn(`${about(value)} cannot be told: ${failure.message}`);
      return;
    }
    logger.warn(`${about(value)} were not taken and are told again: ${failure.message}`);
    this.retry = clock.after(this.retryMilliseconds, () => void this.set(value));
    this.retryMilliseconds = Math.min(2 * this.retryMilliseconds, LONGEST_RETRY_MILLISECONDS);
  }
}
