import type { Clock, Timer } from "../../lib/clock.ts";
import type { Logger } from "../../log/logger.ts";
import { isStorageError } from "../../store/storage-error.ts";

/** A decision that cannot be stored (disk full) is tried again; what happens meanwhile waits behind it. */
const RETRY_MILLISECONDS = 1_000;
const WAITING_LIMIT = 10_000;

interface Waiting {
  readonly what: string;
  readonly decide: () => void;
}

/** Takes what the hardware side reports in order, each report until it is stored: it is not told a second time. */
export class UntilStored {
  private readonly waiting: Waiting[] = [];
  private retry: Timer | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  /** `decide` is called again as long as the database refuses; `what` names the report in the log. */
  take(what: string, decide: () => void): void {
    if (this.waiting.length >= WAITING_LIMIT) {
      this.logger.critical(`${what} is lost: ${WAITING_LIMIT} events wait to be stored`);
      return;
    }
    this.waiting.push({ what, decide });
    if (this.waiting.length === 1) this.takeWaiting();
  }

  stop(): void {
    this.retry?.cancel();
  }

  private readonly takeWaiting = (): void => {
    for (let next = this.waiting[0]; next !== undefined; next = this.waiting[0]) {
      try {
        next.decide();
      } catch (error) {
        const { message } = error as Error;
        if (isStorageError(error)) {
          this.logger.critical(`${next.what} cannot be stored and waits: ${message}`);
          this.retry = this.clock.after(RETRY_MILLISECONDS, this.takeWaiting);
          return;
        }
        // It would fail for ever, and must not hold up the others.
        this.logger.critical(`${next.what} cannot be taken and is left out: ${message}`);
      }
      this.waiting.shift();
    }
  };
}
