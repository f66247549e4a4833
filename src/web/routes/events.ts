import type { Hono } from "hono";
import type { Clock } from "../../lib/clock.ts";
import type { Access, WebEnvironment } from "../access/access.ts";
import { parseCursor } from "../live/live-view.ts";
import { Streams } from "../live/streams.ts";
import { LiveViews } from "../live/views.tsx";
import type { WebSource } from "../source.ts";

export interface EventsOptions {
  readonly source: WebSource;
  readonly access: Access;
  readonly clock: Clock;
  /** Tells the pages of this process from those of an earlier one. */
  readonly epoch: string;
}

/** `/events/<view>`: what changes on a page, as server-sent events. */
export function mountEvents(application: Hono<WebEnvironment>, { source, access, clock, epoch }: EventsOptions): void {
  const views = new LiveViews(source);
  const streams = new Streams({
    clock,
    onTooSlow: () => access.refusals.note("client too slow", "", "an event stream is not read"),
  });
  application.get("/events/:view", (context) => {
    const view = views.find(context.req.param("view"));
    const cursor = parseCursor(context.req.header("last-event-id") ?? context.req.query("cursor") ?? "");
    if (view === undefined || cursor === undefined)
      return access.refuse(context, 404, "unknown path", context.req.path);
    const headers = { "Content-Type": "text/event-stream" };
    // The page is of an earlier run, perhaps of another version of this program.
    if (cursor.epoch !== epoch) return context.body('data: {"reload":true}\n\n', 200, headers);
    if (streams.isFull) {
      context.header("Retry-After", "10");
      return access.refuse(context, 503, "too many event streams", context.req.path);
    }
    return context.body(streams.open(view, cursor, access.watcherOf(context)), 200, headers);
  });
}
