import { healthFacts, measuredStation } from "../agent/health-and-metrics.ts";
import type { ObservedStation } from "../agent/observed-station.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import type { Token } from "../web/access/token.ts";
import { Metrics } from "../web/metrics/metrics.ts";
import { startWebServer } from "../web/server.ts";
import { VERSION } from "./version.ts";

export interface Web {
  /** The station has been put together and is about to start. */
  show(station: ObservedStation): void;
  stop(): void;
}

/**
 * What `--http` asks for; loaded only then, so that without it nothing is collected and nothing is in memory.
 * @throws ExplainedError when nothing can listen there, or everybody could ask there without a token.
 */
export async function startWeb(options: {
  readonly address: string;
  readonly token: Token | undefined;
  readonly status: () => { readonly started: boolean };
  readonly clock: Clock;
  readonly logger: Logger;
}): Promise<Web> {
  const { status, clock, ...rest } = options;
  const metrics = new Metrics(clock, VERSION);
  let shown: ObservedStation | undefined;
  const server = await startWebServer({
    ...rest,
    clock,
    source: { status, health: () => shown && healthFacts(shown), metrics },
  });
  return {
    show: (station) => {
      shown = station;
      metrics.follow(measuredStation(station));
    },
    stop: () => {
      metrics.stop();
      server.stop();
    },
  };
}
