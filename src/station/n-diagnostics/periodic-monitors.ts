import { nextClockAligned } from "../../device-model/monitor-rules.ts";
import type { Monitor } from "../../device-model/monitors.ts";
import type { Clock, Timer } from "../../lib/clock.ts";

/** Monitors that are due within this time are told together, and a thousand of them do not wake a thousand times. */
const SHORTEST_WAIT_MILLISECONDS = 1_000;
/** The wall clock may be set while an instant of it is waited for. */
const LONGEST_WAIT_MILLISECONDS = 30_000;

/** When a monitor is due: by the clock that never jumps, or by the wall clock. */
type Due = { steadyMilliseconds: number } | { instant: Date };

/** N08: which periodic monitors are due, each counted for itself. */
export class PeriodicMonitors {
  private due = new Map<Monitor, Due>();
  private timer: Timer | undefined;
  private lastDue = Number.NEGATIVE_INFINITY;

  constructor(
    private readonly clock: Clock,
    private readonly onDue: (monitors: readonly Monitor[]) => void,
  ) {}

  /** Those that are watched from now on; who was among them before goes on. @param lastTold When an earlier run told of a monitor. */
  watch(monitors: readonly Monitor[], lastTold: (monitor: Monitor) => Date | undefined): void {
    const before = this.due;
    this.due = new Map(
      monitors.map((monitor) => [monitor, before.get(monitor) ?? this.firstDue(monitor, lastTold(monitor))]),
    );
    this.schedule();
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
    this.due.clear();
  }

  /** N08.FR.06: from the time that it was set or has told last, which may have been before a restart; N08.FR.07. */
  private firstDue({ type, value }: Monitor, lastTold: Date | undefined): Due {
    const now = this.clock.now();
    if (type === "PeriodicClockAligned") return { instant: nextClockAligned(now, value) };
    const period = value * 1_000;
    const passed = lastTold === undefined ? 0 : now.getTime() - lastTold.getTime();
    const left = Math.min(Math.max(0, period - passed), period);
    return { steadyMilliseconds: this.clock.monotonicMilliseconds() + left };
  }

  private schedule(): void {
    this.timer?.cancel();
    this.timer = undefined;
    if (this.due.size === 0) return;
    const [now, steady] = [this.clock.now().getTime(), this.clock.monotonicMilliseconds()];
    let wait = Number.POSITIVE_INFINITY;
    for (const due of this.due.values())
      wait = Math.min(
        wait,
        "instant" in due
          ? Math.min(due.instant.getTime() - now, LONGEST_WAIT_MILLISECONDS)
          : due.steadyMilliseconds - steady,
      );
    const earliest = this.lastDue + SHORTEST_WAIT_MILLISECONDS - steady;
    this.timer = this.clock.after(Math.max(1, wait, earliest), () => this.look());
  }

  private look(): void {
    const found: Monitor[] = [];
    for (const [monitor, due] of this.due) if (this.isDue(monitor, due)) found.push(monitor);
    if (found.length > 0) this.lastDue = this.clock.monotonicMilliseconds();
    this.schedule();
    if (found.length > 0) this.onDue(found);
  }

  /** Moves a monitor that is due on to its next time; what was missed is not made up for. */
  private isDue({ value }: Monitor, due: Due): boolean {
    if ("instant" in due) {
      const now = this.clock.now();
      const next = nextClockAligned(now, value);
      const isDue = now >= due.instant;
      // Set back: the instant that was waited for is further away than the next one.
      if (isDue || next < due.instant) due.instant = next;
      return isDue;
    }
    const late = this.clock.monotonicMilliseconds() - due.steadyMilliseconds;
    if (late < 0) return false;
    const period = value * 1_000;
    due.steadyMilliseconds += (Math.floor(late / period) + 1) * period;
    return true;
  }
}
