import type { HealthFacts } from "./health.ts";

/** What the web page and its neighbours may see of the station. Implemented by `agent/`; nothing here changes anything but `actions`. */

export interface WebSource {
  /** For `/status`: the state as JSON; `started` from the moment the station runs. */
  status(): { readonly started: boolean };
  /** For `/health`; undefined until the station has been put together. */
  health?(): HealthFacts | undefined;
  /** For `/metrics`. */
  readonly metrics?: { readonly contentType: string; scrape(): Promise<string> };
}
