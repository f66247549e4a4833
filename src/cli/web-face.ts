import type { Agent, AgentOptions } from "../agent/agent.ts";
import { healthFacts, measuredStation } from "../agent/health-and-metrics.ts";
import type { ObservedStation } from "../agent/observed-station.ts";
import { WebFeed } from "../agent/web/web-feed.ts";
import { environmentName } from "../config/parameters.ts";
import type { Clock } from "../lib/clock.ts";
import type { LineLoggerOptions, Logger } from "../log/logger.ts";
import { readToken } from "../web/access/token.ts";
import { Metrics } from "../web/metrics/metrics.ts";
import { startWebServer } from "../web/server.ts";
import type { ConfigurationFacts, WebSource } from "../web/source.ts";
import { VERSION } from "./version.ts";

export interface WebFaceOptions {
  /** Options of the command line. */
  readonly own: ReadonlyMap<string, string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
}

/** What the page itself is set up with; the manager passes no options on, but its environment. */
const SETTINGS = ["http", "http-token-file"] as const;

function settingsOf({ own, environment }: WebFaceOptions): readonly ConfigurationFacts[] {
  return SETTINGS.flatMap((name): ConfigurationFacts[] => {
    const variable = environmentName(name);
    const value = own.get(name) ?? environment[variable];
    if (value === undefined) return [];
    return [{ name, value, origin: own.has(name) ? "flag" : "environment", settable: `--${name}, ${variable}` }];
  });
}

/** What a run has because of `--http`. */
export interface WebFace {
  readonly takeLine: NonNullable<LineLoggerOptions["also"]>;
  readonly observe: NonNullable<AgentOptions["observe"]>;
  /** @throws ExplainedError when nothing can listen there, or nobody may without a token. */
  listen(agent: Pick<Agent, "status">, logger: Logger): Promise<{ stop(): void }>;
}

export function createWebFace(options: WebFaceOptions): WebFace {
  const { environment, clock } = options;
  const settings = settingsOf(options);
  const settingOf = (name: (typeof SETTINGS)[number]) => settings.find((setting) => setting.name === name)?.value;
  let status = (): { readonly started: boolean } => ({ started: false });
  let shown: ObservedStation | undefined;
  const feed = new WebFeed({ clock, programVersion: VERSION, settings, status: () => status() });
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
      const token = readToken(settingOf("http-token-file"), environment, logger);
      const server = await startWebServer({ address: settingOf("http") ?? "", token, source, clock, logger });
      return {
        stop: () => {
          metrics.stop();
          server.stop();
        },
      };
    },
  };
}
