import { readdirSync, readFileSync } from "node:fs";
import type { Histogram, Registry } from "prom-client";
import { type Clock, every, type Timer } from "../../lib/clock.ts";
import { histogram, readCounter, readGauge, single } from "./definition.ts";

/** So often the event loop is looked at. */
const SAMPLE_MILLISECONDS = 100;
/** Without a scrape for so long nobody looks at it any more. */
const UNWATCHED_MILLISECONDS = 600_000;
const DELAY_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];

/** How late a timer comes: what everything else waits behind. Measured only while somebody scrapes. */
export class EventLoopDelay {
  private timer: Timer | undefined;
  private scrapedAt = 0;
  private readonly delays: Histogram;

  constructor(
    registry: Registry,
    private readonly clock: Clock,
  ) {
    this.delays = histogram(
      registry,
      { name: "ocpp_event_loop_delay_seconds", help: "How late a timer comes, ten times a second." },
      DELAY_SECONDS,
    );
  }

  /** To be called at each scrape. */
  watch(): void {
    this.scrapedAt = this.clock.monotonicMilliseconds();
    if (this.timer !== undefined) return;
    let due = this.scrapedAt + SAMPLE_MILLISECONDS;
    this.timer = every(this.clock, SAMPLE_MILLISECONDS, () => {
      const now = this.clock.monotonicMilliseconds();
      this.delays.observe(Math.max(0, now - due) / 1000);
      due = Math.max(due + SAMPLE_MILLISECONDS, now);
      if (now - this.scrapedAt > UNWATCHED_MILLISECONDS) this.stop();
    });
  }

  stop(): void {
    this.timer?.cancel();
    this.timer = undefined;
  }
}

function openFiles(): number | undefined {
  try {
    // The directory itself is open while it is read.
    return readdirSync("/proc/self/fd").length - 1;
  } catch {
    return undefined;
  }
}

function mostOpenFiles(): number | undefined {
  try {
    const limit = /^Max open files +(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"))?.[1];
    return limit === undefined ? undefined : Number(limit);
  } catch {
    return undefined;
  }
}

/**
 * What the names of Prometheus' own client libraries promise, as far as it is true of this runtime: prom-client's defaults
 * about handles, heap spaces and garbage collection mean nothing on Bun, and its event-loop monitor wakes 100 times a second.
 */
export function processMetrics(registry: Registry, clock: Clock, version: string): void {
  const startedAt = clock.now().getTime() / 1000 - process.uptime();
  readGauge(
    registry,
    { name: "ocpp_build_info", help: "The version of this program, always 1.", labels: ["version"] },
    () => [[{ version }, 1]],
  );
  readCounter(registry, { name: "process_cpu_seconds_total", help: "User and system CPU time." }, () => {
    const { user, system } = process.cpuUsage();
    return single((user + system) / 1e6);
  });
  readGauge(registry, { name: "process_start_time_seconds", help: "Start of the process since the epoch." }, () =>
    single(startedAt),
  );
  readGauge(registry, { name: "process_resident_memory_bytes", help: "Memory of the process in RAM." }, () =>
    single(process.memoryUsage.rss()),
  );
  readGauge(registry, { name: "ocpp_heap_used_bytes", help: "What JavaScript's values take of it." }, () =>
    single(process.memoryUsage().heapUsed),
  );
  readGauge(registry, { name: "process_open_fds", help: "Open file descriptors." }, () => single(openFiles()));
  const most = mostOpenFiles();
  readGauge(registry, { name: "process_max_fds", help: "File descriptors that may be open." }, () => single(most));
}
