import { createHash } from "node:crypto";
import type { Clock } from "../lib/clock.ts";
import type { TlsSettings } from "../ocpp/websocket.ts";

/** A resumed session is not verified anew, so a certificate that expires or is replaced counts this long at most. */
const LIFE_MILLISECONDS = 3_600_000;

/** The TLS session of the last connection; offered again only while nothing that it rests on has changed. */
export class TlsSessionCache {
  private held: { readonly key: string; readonly session: Buffer; readonly until: number } | undefined;

  constructor(private readonly clock: Clock) {}

  /** The settings with the session of an earlier connection to `url` under the same settings. */
  resume(url: string, tls: TlsSettings): TlsSettings {
    const { checkServerName, ...rest } = tls;
    const key = createHash("sha256")
      .update(JSON.stringify([url, rest]))
      .digest("hex");
    const now = this.clock.monotonicMilliseconds();
    if (this.held !== undefined && (this.held.key !== key || this.held.until <= now)) this.held = undefined;
    return {
      ...tls,
      ...(this.held !== undefined && { session: this.held.session }),
      onSession: (session) => {
        // Resuming does not prolong the time without verification.
        this.held = { key, session, until: this.held?.until ?? now + LIFE_MILLISECONDS };
      },
    };
  }
}
