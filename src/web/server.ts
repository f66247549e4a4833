import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import { hostname as machineName } from "node:os";
import { Hono } from "hono";
import { ExplainedError } from "../lib/explained-error.ts";

interface ListenAddress {
  readonly hostname: string;
  readonly port: number;
}

/** Nobody sends us anything. */
const BODY_LIMIT_BYTES = 1_024;
const EVERY_ADDRESS: ReadonlySet<string> = new Set(["0.0.0.0", "::"]);

/** A listening address as `host:port`, `[IPv6]:port`. @throws ExplainedError when it is none. */
export function parseListenAddress(text: string): ListenAddress {
  const match = /^(?:\[([^[\]\s]+)\]|([\w.-]+)):(\d{1,5})$/.exec(text);
  const hostname = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (hostname === undefined || port > 65_535 || (match?.[1] !== undefined && isIP(hostname) !== 6))
    throw new ExplainedError(`--http: "${text}" is not an address like 127.0.0.1:8080 or [::1]:8080`);
  return { hostname, port };
}

function isLoopback(hostname: string): boolean {
  return hostname === "localhost" || hostname === "::1" || /^127(?:\.\d{1,3}){3}$/.test(hostname);
}

/**
 * Is a Host header one of this server? A name of somebody else's that leads here is how a page in a browser gets at what
 * listens on the loopback address (DNS rebinding). A client without the header is no browser.
 */
export function isOwnHost(header: string | undefined, bound: string): boolean {
  if (header === undefined) return true;
  const name = header
    .replace(/:\d*$/, "")
    .replace(/^\[(.*)\]$/, "$1")
    .replace(/\.$/, "")
    .toLowerCase();
  if (name === bound.toLowerCase() || (isLoopback(bound) && isLoopback(name))) return true;
  return EVERY_ADDRESS.has(bound) && (isIP(name) !== 0 || isLoopback(name) || name === machineName().toLowerCase());
}

/** `/health` and `/status` as JSON, for those who asked for this host and no other. */
export function createWebApplication(status: () => { readonly started: boolean }, bound: string): Hono {
  const application = new Hono();
  application.use(async (request, next) =>
    isOwnHost(request.req.header("host"), bound) ? next() : request.text("another host was asked for\n", 421),
  );
  application.get("/health", (request) => {
    const { started } = status();
    return request.json({ healthy: started }, started ? 200 : 503);
  });
  application.get("/status", (request) => request.json(status()));
  return application;
}

/** @throws ExplainedError when nothing can listen there. */
export async function startWebServer(
  address: string,
  status: () => { readonly started: boolean },
): Promise<{ stop(): void }> {
  const { hostname, port } = parseListenAddress(address);
  try {
    // The runtime takes a name without an address for one that is in use.
    await lookup(hostname);
    const server = Bun.serve({
      hostname,
      port,
      fetch: createWebApplication(status, hostname).fetch,
      maxRequestBodySize: BODY_LIMIT_BYTES,
      development: false,
    });
    return { stop: () => void server.stop(true) };
  } catch (error) {
    const { code = "", message } = error as NodeJS.ErrnoException;
    throw new ExplainedError(
      `--http ${address}: nothing can listen there: ${message.includes(code) ? message : `${code}: ${message}`}`,
    );
  }
}
