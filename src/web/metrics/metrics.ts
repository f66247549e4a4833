import { Registry } from "prom-client";
import type { Clock } from "../../lib/clock.ts";
import { linkMetrics } from "./link-metrics.ts";
import { EventLoopDelay, processMetrics } from "./process-metrics.ts";
import type { MeasuredStation } from "./source.ts";
import { stationMetrics, surroundingsMetrics } from "./station-metrics.ts";

/** Everything that `/metrics` tells, in the text format of Prometheus (docs/METRICS.md). */
export class Metrics {
  /** For the table in the documentation. */
  readonly registry = new Registry();
  private readonly eventLoop: EventLoopDelay;

  constructor(
    private readonly clock: Clock,
    version: string,
  ) {
    processMetrics(this.registry, clock, version);
    this.eventLoop = new EventLoopDelay(this.registry, clock);
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  /** From now on the station is measured too; to be called before it starts, once. */
  follow(station: MeasuredStation): void {
    linkMetrics(this.registry, station, this.clock);
    stationMetrics(this.registry, station);
    surroundingsMetrics(this.registry, station);
  }

  async scrape(): Promise<string> {
    this.eventLoop.watch();
    // The last line ends, too.
    return `${(await this.registry.metrics()).trimEnd()}\n`;
  }

  stop(): void {
    this.eventLoop.stop();
  }
}
