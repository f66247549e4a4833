import type { Clock, Timer } from "../lib/clock.ts";
import type { VariableState } from "./device-model.ts";

/** Values of one variable that are looked at in one interval as they come; of further ones the last, at its end. */
export const SAMPLES_PER_INTERVAL = 10;

export interface Sample {
  readonly variable: VariableState;
  readonly value: string;
}

interface Window {
  readonly begun: number;
  taken: number;
  late: boolean;
}

export interface ChangeSamplerOptions {
  readonly clock: Clock;
  readonly intervalSeconds: () => number;
  /** The value that a variable has now. */
  readonly valueOf: (variable: VariableState) => string | undefined;
  /** What was seen since the last time, in its order; never empty. */
  readonly onSamples: (samples: readonly Sample[]) => void;
}

/**
 * What of the changes of variables is looked at. A value that jitters a thousand times a second is seen so often as the
 * interval allows, and always as it is in the end; slower ones are seen whole.
 */
export class ChangeSampler {
  private readonly windows = new Map<VariableState, Window>();
  private samples: Sample[] = [];
  private delivery: Timer | undefined;
  private closing: Timer | undefined;

  constructor(private readonly options: ChangeSamplerOptions) {}

  take(variable: VariableState, value: string): void {
    const now = this.options.clock.monotonicMilliseconds();
    const known = this.windows.get(variable);
    const window = known !== undefined && this.isOpen(known) ? known : { begun: now, taken: 0, late: false };
    this.windows.set(variable, window);
    if (window.taken >= SAMPLES_PER_INTERVAL) {
      window.late = true;
      this.closing ??= this.options.clock.after(window.begun + this.intervalMilliseconds() - now, () => this.close());
      return;
    }
    window.taken++;
    this.see({ variable, value });
  }

  stop(): void {
    this.delivery?.cancel();
    this.closing?.cancel();
    this.delivery = undefined;
    this.closing = undefined;
    this.samples = [];
    this.windows.clear();
  }

  private intervalMilliseconds(): number {
    return Math.max(1, this.options.intervalSeconds()) * 1_000;
  }

  /** What comes in one moment is delivered together, behind what caused it. */
  private see(sample: Sample): void {
    this.samples.push(sample);
    this.delivery ??= this.options.clock.after(0, () => {
      this.delivery = undefined;
      const { samples } = this;
      this.samples = [];
      this.options.onSamples(samples);
    });
  }

  private isOpen({ begun }: Window): boolean {
    return this.options.clock.monotonicMilliseconds() - begun < this.intervalMilliseconds();
  }

  /** Looks at what was left out of intervals that are over. */
  private close(): void {
    this.closing = undefined;
    const now = this.options.clock.monotonicMilliseconds();
    const over = [...this.windows].filter(([, window]) => !this.isOpen(window));
    for (const [variable, { late }] of over) {
      this.windows.delete(variable);
      const value = late ? this.options.valueOf(variable) : undefined;
      if (value !== undefined) this.take(variable, value);
    }
    const next = [...this.windows.values()].filter(({ late }) => late).map(({ begun }) => begun);
    if (next.length > 0)
      this.closing ??= this.options.clock.after(Math.min(...next) + this.intervalMilliseconds() - now, () =>
        this.close(),
      );
  }
}
