import type { Hono } from "hono";
import type { WebEnvironment } from "../access/access.ts";
import type { WebSource } from "../source.ts";

/** `/health` and `/status`: JSON for programs. */
export function mountHealth(application: Hono<WebEnvironment>, source: WebSource): void {
  application.get("/health", (context) => {
    const { started } = source.status();
    return context.json({ healthy: started }, started ? 200 : 503);
  });
  application.get("/status", (context) => context.json(source.status()));
}
