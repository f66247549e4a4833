import type { Clock, Timer } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import { needlessBefore } from "./needless-messages.ts";
import type { CallOutcome } from "./rpc.ts";
import type { Action, RequestOf } from "./v201/index.ts";
import type { DroppedMessages } from "./waiting-messages.ts";

export interface CallOptions {
  /** What the CSMS asked for, so that it may leave while the registration is Pending (B02.FR.02). */
  readonly beforeAccepted?: boolean;
  /**
   * Nobody wants the answer after so long, e.g. an EV that counts the seconds: it goes before others, waits for its turn and
   * for the answer no longer than that in all, and is not kept for the next connection.
   */
  readonly usefulMilliseconds?: number;
  /** Kept in the database while there is no connection, whatever QueueAllMessages says. */
  readonly queueWhenOffline?: boolean;
  /** Whoever calls tells it again when there is a connection, so that it is never kept. */
  readonly isAskedAgain?: boolean;
  /** What it is about, e.g. one fault: of many such messages that wait only the first and the last are sent. */
  readonly subject?: string;
  /** Where there is no room for all it goes before others, e.g. an event of a monitor before one of a fault. */
  readonly givesWay?: boolean;
}

export interface WaitingCall {
  readonly ordinal: number;
  readonly action: Action;
  readonly request: RequestOf<Action>;
  readonly options: CallOptions;
  readonly resolve: (outcome: CallOutcome) => void;
}

/** Calls that may wait in memory for their turn; the newest is refused beyond it. */
const LIMIT = 1_000;

/** CALLs other than the durable ones, in the order in which they were created, until they may leave. */
export class WaitingCalls {
  private calls: WaitingCall[] = [];
  private readonly ends = new Map<WaitingCall, { readonly timer: Timer; readonly at: number }>();

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
    private readonly onDropped: (dropped: DroppedMessages) => void,
  ) {}

  get length(): number {
    return this.calls.length;
  }

  /** Settles at once what need not wait any more, or the new one where there is no room. */
  add(call: WaitingCall): void {
    this.joinWith(call);
    if (!this.makeRoom(call)) {
      this.logger.error(`${call.action} is dropped: ${LIMIT} messages are waiting`);
      this.onDropped({ action: call.action, reason: "full", count: 1 });
      return call.resolve({ kind: "offline" });
    }
    this.calls.push(call);
    const { usefulMilliseconds } = call.options;
    if (usefulMilliseconds === undefined) return;
    const timer = this.clock.after(usefulMilliseconds, () => {
      this.calls = this.calls.filter((other) => other !== call);
      this.ends.delete(call);
      call.resolve({ kind: "timeout" });
    });
    this.ends.set(call, { timer, at: this.clock.monotonicMilliseconds() + usefulMilliseconds });
  }

  find(fits: (call: WaitingCall) => boolean): WaitingCall | undefined {
    return this.calls.find(fits);
  }

  /** The call waits no more; what is left of its time, if that is limited. */
  take(call: WaitingCall): number | undefined {
    this.calls.splice(this.calls.indexOf(call), 1);
    const end = this.ends.get(call);
    end?.timer.cancel();
    this.ends.delete(call);
    return end === undefined ? undefined : Math.max(1, end.at - this.clock.monotonicMilliseconds());
  }

  takeAll(fits: (call: WaitingCall) => boolean): readonly WaitingCall[] {
    const taken = this.calls.filter(fits);
    for (const call of taken) this.take(call);
    return taken;
  }

  /** Of too many waiting messages the newest is refused, unless an older one gives way to it. */
  private makeRoom({ options }: WaitingCall): boolean {
    if (this.calls.length < LIMIT) return true;
    const lost = options.givesWay === true ? undefined : this.calls.find((call) => call.options.givesWay === true);
    if (lost === undefined) return false;
    this.logger.warn(`${lost.action} is dropped for others: ${LIMIT} messages are waiting`);
    this.take(lost);
    this.onDropped({ action: lost.action, reason: "full", count: 1 });
    lost.resolve({ kind: "offline" });
    return true;
  }

  private joinWith({ options: { subject } }: WaitingCall): void {
    if (subject === undefined) return;
    for (const call of needlessBefore(this.calls.filter(({ options }) => options.subject === subject))) {
      this.take(call);
      call.resolve({ kind: "joined" });
    }
  }
}
