import type { Hono } from "hono";
import type { Logger } from "../../log/logger.ts";
import type { Access, WebContext, WebEnvironment } from "../access/access.ts";
import type { HeartbeatOutcome, StationSource, WebSource } from "../source.ts";

/** What a page says after something was asked for; the URL names it, so that nobody can put words of his own there. */
const NOTICES = {
  reconnecting: "The station connects anew.",
  "switched-off": "The connection is switched off by another module: nothing was done.",
  "heartbeat-answered": "The CSMS has answered the Heartbeat.",
  "heartbeat-refused": "The CSMS has refused the Heartbeat: the messages show its answer.",
  "heartbeat-timeout": "The CSMS has not answered the Heartbeat in time.",
  "heartbeat-offline":
    "There is no connection that a Heartbeat could take, or the CSMS has not accepted the station yet.",
  busy: "What was asked for before is still under way.",
} as const;
type Notice = keyof typeof NOTICES;

export function noticeOf(name: string): string | undefined {
  return Object.hasOwn(NOTICES, name) ? NOTICES[name as Notice] : undefined;
}

const OUTCOMES: Readonly<Record<HeartbeatOutcome, Notice>> = {
  answered: "heartbeat-answered",
  refused: "heartbeat-refused",
  timeout: "heartbeat-timeout",
  offline: "heartbeat-offline",
};

/** What may be asked for, each once at a time. The gate lets in only who has shown the token, from this very page. */
export function mountActions(
  application: Hono<WebEnvironment>,
  { source, access, logger }: { readonly source: WebSource; readonly access: Access; readonly logger: Logger },
): void {
  const busy = new Set<string>();
  const action = (name: string, work: (station: StationSource) => Notice | Promise<Notice>): void => {
    application.post(`/actions/${name}`, async (context: WebContext) => {
      const station = source.station();
      if (station === undefined) return access.refuse(context, 503, "unknown path", "the station is starting");
      if (busy.has(name)) return context.redirect("/?notice=busy", 303);
      busy.add(name);
      logger.info(`${name} is asked for on the web page, from ${context.env.address}`);
      try {
        return context.redirect(`/?notice=${await work(station)}`, 303);
      } finally {
        busy.delete(name);
      }
    });
  };
  action("reconnect", ({ actions }) => (actions.reconnect() ? "reconnecting" : "switched-off"));
  action("heartbeat", async ({ actions }) => OUTCOMES[await actions.sendHeartbeat()]);
}
