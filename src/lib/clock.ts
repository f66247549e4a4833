/** Time, handed in everywhere so that a day of station life runs in a second of test. */

/** A running timer; cancelling twice or after it fired is harmless. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall-clock time; it may jump when the CSMS or an operator sets the time. */
  now(): Date;
  /** Milliseconds of a clock that never jumps; only differences mean something. */
  monotonicMilliseconds(): number;
  /** Runs `callback` once after `delayMilliseconds` of monotonic time; any length is allowed. */
  after(delayMilliseconds: number, callback: () => void): Timer;
}

/** Delays above this overflow the 32-bit timers of the runtime, so longer ones are split. */
const LONGEST_RUNTIME_DELAY_MILLISECONDS = 2_147_483_647;

export class SystemClock implements Clock {
  now(): Date {
    return new Date();
  }

  monotonicMilliseconds(): number {
    return performance.now();
  }

  after(delayMilliseconds: number, callback: () => void): Timer {
    const delay = Math.max(0, delayMilliseconds);
    if (delay <= LONGEST_RUNTIME_DELAY_MILLISECONDS) {
      const handle = setTimeout(callback, delay);
      return { cancel: () => clearTimeout(handle) };
    }
    let current: Timer = this.after(LONGEST_RUNTIME_DELAY_MILLISECONDS, () => {
      current = this.after(delay - LONGEST_RUNTIME_DELAY_MILLISECONDS, callback);
    });
    return { cancel: () => current.cancel() };
  }
}

/** Repeats `callback` every `intervalMilliseconds`, without drift, until cancelled. */
export function every(clock: Clock, intervalMilliseconds: number, callback: () => void): Timer {
  let due = clock.monotonicMilliseconds() + intervalMilliseconds;
  const schedule = (): Timer =>
    clock.after(due - clock.monotonicMilliseconds(), () => {
      due = Math.max(due + intervalMilliseconds, clock.monotonicMilliseconds());
      timer = schedule();
      callback();
    });
  let timer = schedule();
  return { cancel: () => timer.cancel() };
}

/** A promise that resolves after the delay; for the few places that wait inside an async flow. */
export function sleep(clock: Clock, delayMilliseconds: number): Promise<void> {
  return new Promise((resolve) => clock.after(delayMilliseconds, resolve));
}
