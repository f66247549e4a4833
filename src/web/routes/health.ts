import type { Hono } from "hono";
import type { WebEnvironment } from "../access/access.ts";
import { type Health, healthOf } from "../health.ts";
import type { WebSource } from "../source.ts";

/**
 * JSON for programs. `/health/live` is 200 as long as the process answers, `/health/ready` and `/health` are 503 until the
 * station serves drivers, `/health/full` is 503 for whatever is amiss; the body is the same (docs/METRICS.md).
 */
export function mountHealth(application: Hono<WebEnvironment>, source: WebSource): void {
  const health = (): Health => healthOf(source.status().started, source.health?.());
  const codes: Readonly<Record<string, (health: Health) => 200 | 503>> = {
    "/health/live": () => 200,
    "/health/ready": ({ ready }) => (ready ? 200 : 503),
    "/health/full": ({ status }) => (status === "ok" ? 200 : 503),
    "/health": ({ ready }) => (ready ? 200 : 503),
  };
  for (const [path, codeOf] of Object.entries(codes))
    application.get(path, (context) => {
      const found = health();
      return context.json({ healthy: found.ready, alive: true, ...found }, codeOf(found));
    });
  application.get("/status", (context) => context.json(source.status()));
}
