import type { Clock } from "../../lib/clock.ts";
import { printable, shortened } from "../../lib/printable.ts";
import type { Logger } from "../../log/logger.ts";

export type RefusalKind =
  | "foreign host"
  | "foreign origin"
  | "wrong token"
  | "no token"
  | "too many wrong tokens"
  | "too large"
  | "unknown path"
  | "wrong method"
  | "too many connections"
  | "too many event streams"
  | "no HTTP"
  | "client too slow";

/** One line for each kind in this time, with how many there were: who knocks often does not fill the log. */
const INTERVAL_MILLISECONDS = 10_000;
const DETAIL_LIMIT_CHARACTERS = 100;

interface Told {
  readonly at: number;
  untold: number;
}

/** Tells the log what was refused. Never given a token. */
export class Refusals {
  private readonly told = new Map<RefusalKind, Told>();

  constructor(
    private readonly clock: Clock,
    private readonly logger: Logger,
  ) {}

  note(kind: RefusalKind, address: string, detail: string): void {
    const now = this.clock.monotonicMilliseconds();
    const last = this.told.get(kind);
    if (last !== undefined && now - last.at < INTERVAL_MILLISECONDS) {
      last.untold++;
      return;
    }
    const more = last === undefined || last.untold === 0 ? "" : `; ${last.untold} more before`;
    this.told.set(kind, { at: now, untold: 0 });
    const what = printable(shortened(detail, DETAIL_LIMIT_CHARACTERS));
    this.logger.warn(`HTTP request from ${address || "?"} refused, ${kind}: ${what}${more}`);
  }
}
