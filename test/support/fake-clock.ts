import type { Clock, Timer } from "../../src/lib/clock.ts";

interface PendingTimer {
  readonly due: number;
  readonly order: number;
  readonly callback: () => void;
}

/** A clock that moves only when told to; timers fire in order of due time, then of creation. */
export class FakeClock implements Clock {
  private monotonic = 0;
  private wallOffset: number;
  private nextOrder = 0;
  private readonly pending = new Set<PendingTimer>();

  constructor(start: Date | string = "2026-01-01T00:00:00.000Z") {
    this.wallOffset = new Date(start).getTime();
  }

  now(): Date {
    return new Date(this.wallOffset + this.monotonic);
  }

  monotonicMilliseconds(): number {
    return this.monotonic;
  }

  after(delayMilliseconds: number, callback: () => void): Timer {
    const timer = { due: this.monotonic + Math.max(0, delayMilliseconds), order: this.nextOrder++, callback };
    this.pending.add(timer);
    return { cancel: () => this.pending.delete(timer) };
  }

  /** Sets the wall clock without touching monotonic time, as an operator or the CSMS would. */
  jumpTo(date: Date | string): void {
    this.wallOffset = new Date(date).getTime() - this.monotonic;
  }

  get pendingTimerCount(): number {
    return this.pending.size;
  }

  /** Due time of the next timer, in milliseconds from now; undefined when none is pending. */
  get millisecondsToNextTimer(): number | undefined {
    const next = this.earliest();
    return next === undefined ? undefined : Math.max(0, next.due - this.monotonic);
  }

  /** Moves time forward, firing every timer that falls due; promises settle between timers. */
  async advance(milliseconds: number): Promise<void> {
    const target = this.monotonic + milliseconds;
    await settlePromises();
    for (let next = this.earliest(); next !== undefined && next.due <= target; next = this.earliest()) {
      this.monotonic = Math.max(this.monotonic, next.due);
      this.pending.delete(next);
      next.callback();
      await settlePromises();
    }
    this.monotonic = target;
    await settlePromises();
  }

  private earliest(): PendingTimer | undefined {
    let earliest: PendingTimer | undefined;
    for (const timer of this.pending) {
      if (
        earliest === undefined ||
        timer.due < earliest.due ||
        (timer.due === earliest.due && timer.order < earliest.order)
      ) {
        earliest = timer;
      }
    }
    return earliest;
  }
}

/** Lets chains of resolved promises run to their end. */
export async function settlePromises(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}
