import type { Clock } from "../lib/clock.ts";
import type { CsmsLink } from "../ocpp/csms-link.ts";

/** So many messages leave behind what is worth a pause of some 30 ms. */
const BACKLOG = 200;
/** The last answers have been dealt with then. */
const SETTLED_MILLISECONDS = 1_000;

/**
 * A night offline grows the heap to twice its size, and there it would stay: when the backlog has been delivered, memory goes
 * back to the system.
 */
export function returnMemoryAfterBacklog(
  csms: Pick<CsmsLink, "events" | "durableQueueLength">,
  clock: Clock,
  collect: () => void = () => Bun.gc(true),
): void {
  let hadBacklog = false;
  csms.events.on("callEnded", () => {
    const waiting = csms.durableQueueLength;
    hadBacklog ||= waiting >= BACKLOG;
    if (!hadBacklog || waiting > 0) return;
    hadBacklog = false;
    clock.after(SETTLED_MILLISECONDS, collect);
  });
}
