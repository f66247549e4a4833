import { describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { allMetrics, describeMetrics, metricsDocument } from "../../../scripts/metrics-table.ts";
import { PROMTOOL, promtoolComplaints } from "../../support/promtool.ts";

const ROOT = join(import.meta.dir, "../../..");
const RULES = join(ROOT, "packaging/prometheus/everest-ocpp201.rules.yml");

interface Panel {
  readonly id: number;
  readonly title: string;
  readonly type: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly { readonly expr: string }[];
}
interface Dashboard {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly { readonly name: string; readonly definition?: string }[] };
  readonly annotations: { readonly list: readonly { readonly expr: string }[] };
}

const dashboard = (await Bun.file(join(ROOT, "packaging/grafana/everest-ocpp201.json")).json()) as Dashboard;
const described = await describeMetrics(allMetrics().registry);

/** Everything that a query may name: histograms have three series each. */
const series = new Map(
  described.flatMap(({ name, type, labels }) =>
    type === "histogram"
      ? ["_bucket", "_sum", "_count"].map((suffix) => [`${name}${suffix}`, [...labels, "le"]] as const)
      : [[name, labels] as const],
  ),
);

function expressions(): readonly string[] {
  return [
    ...dashboard.panels.flatMap(({ targets = [] }) => targets.map(({ expr }) => expr)),
    ...dashboard.annotations.list.map(({ expr }) => expr),
    ...dashboard.templating.list.flatMap(({ definition }) => definition ?? []),
  ];
}

function namesIn(expression: string): readonly string[] {
  return expression.match(/\b(?:ocpp|process)_\w+/g) ?? [];
}

test("docs/METRICS.md has the table of the metrics that there are", async () => {
  const text = await Bun.file(join(ROOT, "docs/METRICS.md")).text();
  expect(text).toBe(await metricsDocument(text));
});

describe("the dashboard for Grafana", () => {
  test("names nothing that there is not, and shows every metric", () => {
    const named = new Set(expressions().flatMap(namesIn));
    expect([...named].filter((name) => !series.has(name))).toEqual([]);
    const shown = described.filter(({ name }) => [...named].some((one) => one === name || one === `${name}_bucket`));
    const missing = described.filter((metric) => !shown.includes(metric)).map(({ name }) => name);
    expect(missing).toEqual(["ocpp_network_profile_slot"]);
  });

  test("groups by and filters for labels that these metrics have", () => {
    for (const expression of expressions()) {
      const known = new Set(["instance", "job", ...namesIn(expression).flatMap((name) => series.get(name) ?? [])]);
      const used = [
        ...expression.matchAll(/\bby \(([^)]*)\)/g),
        ...[...expression.matchAll(/\{([^}]*)\}/g)].map(([, inner = ""]) => ["", inner.replace(/[!=~]+"[^"]*"/g, "")]),
      ].flatMap(([, list = ""]) => list.split(",").map((label) => label.trim()));
      expect(used.filter((label) => label !== "" && !known.has(label))).toEqual([]);
    }
  });

  test("panels have ids of their own, a title, and do not lie on one another", () => {
    const { panels } = dashboard;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const taken = new Set<string>();
    for (const { title, gridPos } of panels) {
      expect(title).not.toBe("");
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(x).toBeLessThan(24);
          expect(taken.has(`${x},${y}`)).toBe(false);
          taken.add(`${x},${y}`);
        }
    }
  });

  test.skipIf(PROMTOOL === undefined)("its queries are PromQL", () => {
    const directory = mkdtempSync(join(tmpdir(), "rules-"));
    try {
      const rules = expressions()
        .filter((expression) => !expression.startsWith("label_values"))
        .map((expr, index) => ({ record: `query_${index}`, expr: expr.replaceAll("$instance", ".*") }));
      const path = join(directory, "rules.yml");
      writeFileSync(path, JSON.stringify({ groups: [{ name: "dashboard", rules }] }));
      expect(promtoolComplaints(["check", "rules", path])).toBe("");
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
});

describe("the alerts", () => {
  test("name nothing that there is not", async () => {
    const named = namesIn(await Bun.file(RULES).text());
    expect(named.length).toBeGreaterThan(5);
    expect(named.filter((name) => !series.has(name))).toEqual([]);
  });

  test.skipIf(PROMTOOL === undefined)("promtool check rules is content", () => {
    expect(promtoolComplaints(["check", "rules", RULES])).toBe("");
  });
});
