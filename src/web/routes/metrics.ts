import type { Hono } from "hono";
import type { WebEnvironment } from "../access/access.ts";
import type { WebSource } from "../source.ts";

/** `/metrics` in the text format of Prometheus (docs/METRICS.md). */
export function mountMetrics(application: Hono<WebEnvironment>, { metrics }: WebSource): void {
  if (metrics === undefined) return;
  application.get("/metrics", async (context) =>
    context.body(await metrics.scrape(), 200, { "Content-Type": metrics.contentType }),
  );
}
