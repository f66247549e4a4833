import type { Agent, AgentOptions } from "../agent/agent.ts";
import { WebFeed } from "../agent/web/web-feed.ts";
import type { Clock } from "../lib/clock.ts";
import type { LineLoggerOptions, Logger } from "../log/logger.ts";
import { readToken } from "../web/access/token.ts";
import { startWebServer } from "../web/server.ts";
import { VERSION } from "./version.ts";

export interface WebFaceOptions {
  /** `--http` */
  readonly address: string;
  readonly tokenFile: string | undefined;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

/** What a run has because of `--http`. */
export interface WebFace {
  readonly takeLine: NonNullable<LineLoggerOptions["also"]>;
  readonly observe: NonNullable<AgentOptions["observe"]>;
  /** @throws ExplainedError when nothing can listen there, or nobody may without a token. */
  listen(agent: Pick<Agent, "status">, logger: Logger): Promise<{ stop(): void }>;
}

export function createWebFace({ address, tokenFile, environment, clock }: WebFaceOptions): WebFace {
  let status = (): { readonly started: boolean } => ({ started: false });
  const feed = new WebFeed({ clock, programVersion: VERSION, status: () => status() });
  return {
    takeLine: (line) => feed.takeLine(line),
    observe: (station) => feed.observe(station),
    listen(agent, logger) {
      status = () => agent.status();
      return startWebServer({ address, token: readToken(tokenFile, environment, logger), source: feed, clock, logger });
    },
  };
}
