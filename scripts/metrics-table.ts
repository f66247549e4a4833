/** The table of docs/METRICS.md, made of the metrics themselves. `--check`: is it up to date? */
import type { Registry } from "prom-client";
import { SystemClock } from "../src/lib/clock.ts";
import { Emitter } from "../src/lib/events.ts";
import { Metrics } from "../src/web/metrics/metrics.ts";

const DOCUMENT = "docs/METRICS.md";
const BEGIN = "<!-- metrics: made by scripts/metrics-table.ts -->";
const END = "<!-- end of metrics -->";

/** All metrics, without a station behind them. */
export function allMetrics(): Metrics {
  const metrics = new Metrics(new SystemClock(), "0");
  metrics.follow({
    csms: {
      events: new Emitter(),
      status: { state: "stopped", attempts: 0, connections: 0 },
      registration: "Unregistered",
      waitingMessages: { durable: { length: 0 }, normal: { length: 0 }, memory: 0 },
    },
    model: { evses: [] },
    events: new Emitter(),
    core: { watchCommits: () => {}, durableQueue: { putAsideLength: 0 } },
    bus: () => ({ isConnected: false, waiting: 0, losses: 0, dropped: 0 }),
  });
  return metrics;
}

interface Described {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly labels: readonly string[];
}

export async function describeMetrics(registry: Registry): Promise<readonly Described[]> {
  return (await registry.getMetricsAsJSON()).map(({ name, help, type }) => {
    const { labelNames } = registry.getSingleMetric(name) as unknown as { readonly labelNames: readonly string[] };
    return { name, help, type: String(type), labels: labelNames };
  });
}

export async function metricsTable(): Promise<string> {
  const rows = (await describeMetrics(allMetrics().registry)).toSorted((one, other) =>
    one.name < other.name ? -1 : 1,
  );
  return [
    "| Metric | Type | Labels | What it tells |",
    "|---|---|---|---|",
    ...rows.map(({ name, type, labels, help }) => {
      const shown = labels.filter((label) => label !== "le").map((label) => `\`${label}\``);
      return `| \`${name}\` | ${type} | ${shown.join(", ")} | ${help} |`;
    }),
  ].join("\n");
}

/** The document with the table as it should be. */
export async function metricsDocument(text: string): Promise<string> {
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${DOCUMENT} lacks the marks of the table`);
  return `${before}${BEGIN}\n\n${await metricsTable()}\n\n${END}${after}`;
}

if (import.meta.main) {
  const text = await Bun.file(DOCUMENT).text();
  const wanted = await metricsDocument(text);
  if (!process.argv.includes("--check")) await Bun.write(DOCUMENT, wanted);
  else if (wanted !== text) {
    console.error(`${DOCUMENT}: the table of metrics is out of date: run scripts/metrics-table.ts`);
    process.exit(1);
  }
}
