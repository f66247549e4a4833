import type { Clock } from "../../lib/clock.ts";
import { adviceFor } from "../../ocpp/connection-advice.ts";
import type { CsmsLink } from "../../ocpp/csms-link.ts";
import type { Validity } from "../../ocpp/websocket.ts";
import type { ConnectionEvent } from "../../web/source.ts";

const EVENT_LIMIT = 50;

/** What became of the connections to the CSMS since the start, newest first. */
export class ConnectionHistory {
  events: readonly ConnectionEvent[] = [];
  /** Since when the connection stands; undefined without one. */
  since: Date | undefined;
  serverValidity: Validity | undefined;
  readonly dropped = new Map<string, number>();

  constructor(csms: Pick<CsmsLink, "events">, clock: Clock) {
    csms.events.on("connected", ({ profile, serverValidity }) => {
      this.since = clock.now();
      this.serverValidity = serverValidity;
      this.note({ at: this.since, kind: "connected", text: `Connected to ${profile.url} (slot ${profile.slot})` });
    });
    csms.events.on("disconnected", ({ reason }) => {
      this.since = undefined;
      this.note({ at: clock.now(), kind: "lost", text: reason });
    });
    csms.events.on("connectionFailed", ({ profile, failure }) =>
      this.note({
        at: clock.now(),
        kind: "failed",
        text: `${profile.url} (slot ${profile.slot}): ${failure.text}`,
        advice: adviceFor(failure),
      }),
    );
    // Actions are few: they come from this program.
    csms.events.on("dropped", ({ action, count }) => this.dropped.set(action, (this.dropped.get(action) ?? 0) + count));
  }

  private note(event: ConnectionEvent): void {
    this.events = [event, ...this.events].slice(0, EVENT_LIMIT);
  }
}
