import type { Logger } from "../../log/logger.ts";
import type { CallOutcome } from "../../ocpp/csms-link.ts";

/** Reports that may wait for the one that is being sent. */
const WAITING_LIMIT = 10;

/** The answer to a request for a report when too many wait. */
export const REPORTS_ARE_WAITING = {
  status: "Rejected",
  statusInfo: { reasonCode: "OutOfMemory", additionalInfo: `${WAITING_LIMIT} reports are waiting` },
} as const;

/** Where a part belongs. */
export interface PartPlace {
  readonly seqNo: number;
  readonly tbc: boolean;
}

/** Reports in parts, one report after the other, each whole. */
export class ReportQueue {
  private stopped = false;
  private waiting = 0;
  private last: Promise<void> = Promise.resolve();

  constructor(private readonly logger: Logger) {}

  get isFull(): boolean {
    return this.waiting > WAITING_LIMIT;
  }

  /** @param name What it is in the log. */
  schedule<Part>(
    name: string,
    parts: Iterable<Part>,
    send: (part: Part, place: PartPlace) => Promise<CallOutcome>,
  ): void {
    this.waiting++;
    this.last = this.last
      .then(() => this.send(name, parts, send))
      .catch((error: Error) => this.logger.error(`${name} failed: ${error.message}`))
      .finally(() => this.waiting--);
  }

  stop(): void {
    this.stopped = true;
  }

  /**
   * One part is on its way at a time, so that memory holds two; the next is made when it was answered. A CALLERROR is an
   * answer, too: the CSMS may miss a part, but not the end of the report.
   */
  private async send<Part>(
    name: string,
    parts: Iterable<Part>,
    send: (part: Part, place: PartPlace) => Promise<CallOutcome>,
  ): Promise<void> {
    const iterator = parts[Symbol.iterator]();
    let next = iterator.next();
    for (let seqNo = 0; next.done !== true && !this.stopped; seqNo++) {
      const part = next.value;
      next = iterator.next();
      const outcome = await send(part, { seqNo, tbc: next.done !== true });
      if (outcome.kind === "response") continue;
      this.logger.warn(`Part ${seqNo} of ${name} is not delivered: ${outcome.kind}`);
      if (outcome.kind !== "error") return;
    }
  }
}
