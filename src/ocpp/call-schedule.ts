import type { Clock, Timer } from "../lib/clock.ts";

export interface ScheduledCall {
  /** CALLs of one lane are handled strictly one after the other; undefined: this one waits for no other of its kind. */
  readonly lane: string | undefined;
  /** Waits for the hardware side so often that the CALLs behind it do not wait for it at all. */
  readonly beside: boolean;
  /** Never rejects. */
  readonly run: () => Promise<void>;
}

interface Entry extends ScheduledCall {
  readonly since: number;
}

/** CALLs of the CSMS that may be waiting or handled at once; it should have one outstanding (part 4, 4.1.1). */
const CALL_LIMIT = 32;
/** So long a CALL waits at most for those before it that are of another lane. */
const PATIENCE_MILLISECONDS = 1_000;

/**
 * When the CALLs of the CSMS are handled: in their order, so that one finds what those before it have changed, but none
 * waits for long because another one waits for the hardware side. Outlives the connection: a handler does, too.
 */
export class CallSchedule {
  private waiting: Entry[] = [];
  private readonly running = new Set<Entry>();
  private timer: Timer | undefined;

  constructor(private readonly clock: Clock) {}

  get isFull(): boolean {
    return this.waiting.length + this.running.size >= CALL_LIMIT;
  }

  /** Returns what takes the CALL back as long as its handling has not begun; that says whether it has not. */
  add(call: ScheduledCall): () => boolean {
    const entry = { ...call, since: this.clock.monotonicMilliseconds() };
    this.waiting.push(entry);
    this.review();
    return () => {
      const wasWaiting = this.waiting.includes(entry);
      this.waiting = this.waiting.filter((other) => other !== entry);
      return wasWaiting;
    };
  }

  private review(): void {
    const before: Entry[] = [...this.running];
    for (const entry of [...this.waiting]) {
      if (this.mayStart(entry, before)) this.start(entry);
      before.push(entry);
    }
    this.lookAgainInTime();
  }

  private mayStart(entry: Entry, before: readonly Entry[]): boolean {
    if (entry.lane !== undefined && before.some(({ lane }) => lane === entry.lane)) return false;
    return this.isOutOfPatience(entry) || before.every(({ beside }) => beside);
  }

  private isOutOfPatience({ since }: Entry): boolean {
    return this.clock.monotonicMilliseconds() - since >= PATIENCE_MILLISECONDS;
  }

  private start(entry: Entry): void {
    this.waiting = this.waiting.filter((other) => other !== entry);
    this.running.add(entry);
    void Promise.resolve()
      .then(entry.run)
      .finally(() => {
        this.running.delete(entry);
        this.review();
      });
  }

  private lookAgainInTime(): void {
    this.timer?.cancel();
    const next = this.waiting.find((entry) => !this.isOutOfPatience(entry));
    if (next === undefined) return;
    const wait = next.since + PATIENCE_MILLISECONDS - this.clock.monotonicMilliseconds();
    this.timer = this.clock.after(wait, () => this.review());
  }
}
