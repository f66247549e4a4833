import type { Agent, AgentOptions } from "../agent/agent.ts";
import { healthFacts, measuredStation } from "../agent/health-and-metrics.ts";
import type { ObservedStation } from "../agent/observed-station.ts";
import { WebFeed } from "../agent/web/web-feed.ts";
import type { Clock } from "../lib/clock.ts";
import type { LineLoggerOptions, Logger } from "../log/logger.ts";
import { readToken } from "../web/access/token.ts";
import { Metrics } from "../web/metrics/metrics.ts";
import { startWebServer } from "../web/server.ts";
import type { WebSource } from "../web/source.ts";
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
  let shown: ObservedStation | undefined;
  const feed = new WebFeed({ clock, programVersion: VERSION, status: () => status() });
  const metrics = new Metrics(clock, VERSION);
  const source: WebSource = {
    status: () => feed.status(),
    station: () => feed.station(),
    log: feed.log,
    health: () => shown && healthFacts(shown),
    metrics,
  };
  return {
    takeLine: (line) => feed.takeLine(line),
    observe: (station) => {
      shown = station;
      feed.observe(station);
      metrics.follow(measuredStation(station));
    },
    async listen(agent, logger) {
      status = () => agent.status();
      const token = readToken(tokenFile, environment, logger);
      const server = await startWebServer({ address, token, source, clock, logger });
      return {
        stop: () => {
          metrics.stop();
          server.stop();
        },
      };
    },
  };
}
