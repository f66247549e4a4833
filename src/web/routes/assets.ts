import type { Hono } from "hono";
import type { Access, WebEnvironment } from "../access/access.ts";
import { ASSETS } from "../assets/assets.ts";

/** Script, style and icon: all there is, from memory; no path leads to a file. */
export function mountAssets(application: Hono<WebEnvironment>, access: Access): void {
  application.get("/assets/:name", (context) => {
    const asset = ASSETS.get(context.req.path);
    if (asset === undefined) return access.refuse(context, 404, "unknown path", context.req.path);
    return context.body(asset.text, 200, {
      "Content-Type": asset.type,
      "Cache-Control": "public, max-age=31536000, immutable",
    });
  });
}
