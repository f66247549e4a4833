import { lookup } from "node:dns/promises";
import { ExplainedError } from "../lib/explained-error.ts";
import { isLoopback, parseListenAddress } from "./access/listen-address.ts";
import { Refusals } from "./access/refusals.ts";
import { TOKEN_VARIABLE } from "./access/token.ts";
import { createWebApplication, type WebOptions } from "./application.ts";
import { startBoundedServer } from "./bounded-server.ts";

export interface WebServerOptions extends Omit<WebOptions, "bound" | "port" | "refusals"> {
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
  const refusals = new Refusals(options.clock, options.logger);
  const application = createWebApplication({ ...options, bound: hostname, port, refusals });
  try {
    // The runtime takes a name without an address for one that is in use.
    await lookup(hostname);
    return await startBoundedServer({
      hostname,
      port,
      refusals,
      answer: (request, from) => application.fetch(request, { address: from }),
    });
  } catch (error) {
    const { code = "", message: text } = error as NodeJS.ErrnoException;
    const message = text.replace(/^listen /, "");
    throw new ExplainedError(
      `--http ${address}: nothing can listen there: ${message.includes(code) ? message : `${code}: ${message}`}`,
    );
  }
}
