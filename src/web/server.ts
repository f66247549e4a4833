import { lookup } from "node:dns/promises";
import http from "node:http";
import type { Server } from "bun";
import { ExplainedError } from "../lib/explained-error.ts";
import { isLoopback, parseListenAddress } from "./access/listen-address.ts";
import { TOKEN_VARIABLE } from "./access/token.ts";
import { createWebApplication, type WebOptions } from "./application.ts";

/** Larger headers are refused by the runtime, without a word in the log; the gate refuses much less, and says so. */
const HEADER_LIMIT_BYTES = 65_536;
/** The gate refuses bodies by the length that they claim, and nothing reads them: so the runtime need not refuse any in silence. */
const BODY_LIMIT_BYTES = Number.MAX_SAFE_INTEGER;
/** A connection on which nothing happens is closed; event streams have a beat. */
const IDLE_LIMIT_SECONDS = 20;

export interface WebServerOptions extends Omit<WebOptions, "bound" | "port"> {
  /** `host:port` */
  readonly address: string;
}

/** @throws ExplainedError when nothing can listen there, or everybody could ask there without a token. */
export async function startWebServer(options: WebServerOptions): Promise<{ stop(): void }> {
  const { address, token } = options;
  const { hostname, port } = parseListenAddress(address);
  if (token === undefined && !isLoopback(hostname))
    throw new ExplainedError(
      `--http ${address}: others can reach this address, so a token is needed: --http-token-file <file> or ${TOKEN_VARIABLE}`,
    );
  const application = createWebApplication({ ...options, bound: hostname, port });
  try {
    // The runtime takes a name without an address for one that is in use.
    await lookup(hostname);
    (http as { maxHeaderSize: number }).maxHeaderSize = HEADER_LIMIT_BYTES;
    const server: Server<undefined> = Bun.serve({
      hostname,
      port,
      fetch: (request, self) => application.fetch(request, { address: self.requestIP(request)?.address ?? "" }),
      maxRequestBodySize: BODY_LIMIT_BYTES,
      idleTimeout: IDLE_LIMIT_SECONDS,
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
