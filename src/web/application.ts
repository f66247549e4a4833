import { Hono } from "hono";
import { secureHeaders } from "hono/secure-headers";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import { Access, type WebEnvironment } from "./access/access.ts";
import type { Refusals } from "./access/refusals.ts";
import type { Token } from "./access/token.ts";
import { mountActions } from "./routes/actions.ts";
import { mountAssets } from "./routes/assets.ts";
import { mountEvents } from "./routes/events.ts";
import { mountHealth } from "./routes/health.ts";
import { mountLogin } from "./routes/login.tsx";
import { mountMetrics } from "./routes/metrics.ts";
import { mountPageData, mountPages } from "./routes/pages.tsx";
import type { WebSource } from "./source.ts";

export interface WebOptions {
  /** Name or address on which the server listens. */
  readonly bound: string;
  readonly port: number;
  readonly token: Token | undefined;
  readonly source: WebSource;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly refusals: Refusals;
}

/** Nothing comes from anywhere else, and nothing stands in the page that runs. */
const SECURE_HEADERS = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'"],
    connectSrc: ["'self'"],
    formAction: ["'self'"],
    baseUri: ["'none'"],
    frameAncestors: ["'none'"],
  },
  crossOriginResourcePolicy: "same-origin",
  // Not no-referrer: browsers would then name no origin in a POST.
  referrerPolicy: "same-origin",
  xFrameOptions: "DENY",
  // The page is plain HTTP; whether there is TLS before it is not known here.
  strictTransportSecurity: false,
});

/** Everything that `--http` answers, for those who asked for this host and may know. */
export function createWebApplication(options: WebOptions): Hono<WebEnvironment> {
  const { bound, port, token, source, clock, logger, refusals } = options;
  const application = new Hono<WebEnvironment>();
  const access = new Access({ bound, port, token, clock, refusals });
  application.use(SECURE_HEADERS);
  application.use(async (context, next) => {
    context.header("Cache-Control", "no-store");
    return next();
  });
  application.use(access.gate);
  const epoch = clock.now().getTime().toString(36);
  mountHealth(application, source);
  mountMetrics(application, source);
  mountAssets(application, access);
  mountLogin(application, { access, logger });
  mountPages(application, { source, access, clock, epoch });
  mountPageData(application, { source, access });
  mountEvents(application, { source, access, clock, epoch });
  mountActions(application, { source, access, logger });
  application.notFound((context) => access.refuse(context, 404, "unknown path", context.req.path));
  application.onError((error, context) => {
    logger.error(`The answer to ${context.req.path} failed: ${error.stack ?? error.message}`);
    return context.text("this failed; the log says why\n", 500);
  });
  return application;
}
