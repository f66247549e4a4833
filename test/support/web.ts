import { silentLogger } from "../../src/log/logger.ts";
import { Refusals } from "../../src/web/access/refusals.ts";
import { Token } from "../../src/web/access/token.ts";
import { createWebApplication, type WebOptions } from "../../src/web/application.ts";
import type { WebSource } from "../../src/web/source.ts";
import { FakeClock } from "./fake-clock.ts";

export const TOKEN = "0123456789abcdef-token";
export const ADDRESS = "192.0.2.7";

/** A program whose station is not there yet. */
export const SILENT_SOURCE: WebSource = {
  status: () => ({ started: true }),
  station: () => undefined,
  log: { last: 0, since: () => [] },
};

export interface WebScene {
  readonly clock: FakeClock;
  readonly log: string[];
  /** A request as from `ADDRESS`, or from `from`; redirects are not followed. */
  ask(path: string, init?: RequestInit & { readonly from?: string }): Promise<Response>;
}

/** The web application without a socket, on a fake clock. */
export function webScene(options: Partial<WebOptions> = {}): WebScene {
  const clock = new FakeClock();
  const log: string[] = [];
  const logger = {
    ...silentLogger,
    warn: (line: string) => log.push(line),
    error: (line: string) => log.push(line),
  };
  const application = createWebApplication({
    bound: "127.0.0.1",
    port: 8080,
    token: new Token(TOKEN),
    source: SILENT_SOURCE,
    clock,
    logger,
    refusals: new Refusals(clock, logger),
    ...options,
  });
  return {
    clock,
    log,
    ask: async (path, { from = ADDRESS, ...init } = {}) => application.request(path, init, { address: from }),
  };
}
