/**
 * Figures of two executables of the same manifest, in turns, so that each ratio is one of the same minutes:
 * `scripts/bench --peer PATH [--rounds N] [--only NAME] [--record]`; with --record they go to docs/EVIDENCE.md. Each
 * measurement runs in a process of its own.
 */
import { parseArgs } from "node:util";
import { EXECUTABLE } from "../test/support/charger.ts";
import { ALWAYS_THE_SAME, emptyProgram, MEASUREMENTS } from "./bench-measurements.ts";
import { writeEvidence } from "./evidence.ts";

interface Metric {
  readonly key: string;
  readonly name: string;
  readonly unit: string;
  /**
   * Measured on 2026-11-27 of the C++ module of August 2026 (-O1) and of commit 771ef3a; the goal is a ratio to the C++, and is
   * told as one to 771ef3a, whose executable is the peer.
   */
  readonly cpp: number;
  readonly start: number;
  readonly goal: number;
  /** What keeps it from being better. */
  readonly limit: string;
}

/** A table with a row for each. */
function metrics(
  rows: readonly (readonly [string, string, string, number, number, number, string])[],
): readonly Metric[] {
  return rows.map(([key, name, unit, cpp, start, goal, limit]) => ({ key, name, unit, cpp, start, goal, limit }));
}

const EVENT = "session event → TransactionEvent";
const GET = "GetVariables now and then";
const TOKEN = "validate_token → Authorize";
const METRICS = metrics([
  ["start", "start → BootNotification, default broker", "ms", 2_654, 382, 0.12, "Nagle of the broker"],
  [
    "start-nodelay",
    "start → BootNotification, tcp_nodelay",
    "ms",
    168,
    129,
    0.6,
    "loading the program, three fresh databases",
  ],
  [
    "start-nodelay-ready",
    "spawn → ModuleReady, tcp_nodelay",
    "ms",
    27,
    99,
    2,
    "loading the program and the configuration",
  ],
  ["event-p50", `${EVENT}, p50`, "ms", 1.22, 1.34, 0.9, "fsync, QoS 2"],
  ["event-p95", `${EVENT}, p95`, "ms", 1.58, 2.35, 1, "fsync, garbage collector"],
  ["event-p99", `${EVENT}, p99`, "ms", 1.99, 3.41, 1, "fsync, garbage collector"],
  [
    "event-cpu",
    "CPU of one session event",
    "ms",
    1.86,
    2.59,
    0.9,
    "QoS 2: four packets for each of EVerest's messages",
  ],
  ["get-p50", `${GET}, p50`, "ms", 1.04, 0.69, 0.6, "two processes on two cores"],
  ["get-p99", `${GET}, p99`, "ms", 1.3, 2.09, 1, "garbage collector"],
  ["calls-rate", "CALLs one after the other", "/s", 1_339, 2_222, 2, "round trips"],
  ["token-p50", `${TOKEN}, p50`, "ms", 0.99, 0.72, 0.7, "QoS 2"],
  ["token-p99", `${TOKEN}, p99`, "ms", 1.54, 1.77, 1, "garbage collector"],
  ["report", "GetBaseReport, FullInventory", "ms", 32, 11.6, 0.36, "schema check, message log"],
  ["set", "SetVariables of 50", "ms", 18.8, 1.27, 0.07, "one fsync"],
  ["queue-rate", "1,000 queued events, delivered", "/s", 1_331, 1_801, 1.5, "round trips, deletions"],
  [
    "queue-memory",
    "memory grown while 1,000 queued events are delivered",
    "MB",
    11,
    26,
    0.5,
    "garbage between two collections",
  ],
  ["idle-cpu-2", "CPU of 60 s, 2 EVSEs at 1 Hz", "s", 0.4, 0.2, 0.5, "MQTT packets"],
  ["idle-cpu-16", "CPU of 60 s, 16 EVSEs at 1 Hz", "s", 0.72, 0.39, 0.54, "MQTT packets"],
  ["rss", "RSS, 2 EVSEs", "MB", 28, 73, 64 / 28, "the runtime"],
  ["anonymous", "anonymous memory, 2 EVSEs", "MB", 5.8, 25.5, 20 / 5.8, "the runtime's heap, the program's code"],
  ["size", "executable", "MB", 15.1, 118, 113.4 / 15.1, "the runtime has 107.4; bytecode, which halves the start"],
  ["compressed", "executable, xz -9e with filter", "MB", 3.6, 42.4, 38 / 3.6, "the runtime alone has 36.8"],
]);

const { values } = parseArgs({
  options: {
    peer: { type: "string" },
    rounds: { type: "string", default: "5" },
    only: { type: "string" },
    record: { type: "boolean", default: false },
    measure: { type: "string" },
  },
});

/** One measurement of the executable that STATION_COMMAND names, as JSON. */
if (values.measure !== undefined) {
  console.log(JSON.stringify(await MEASUREMENTS[values.measure]?.()));
  process.exit(0);
}

const { peer } = values;
if (peer === undefined) throw new Error("--peer: the path of another executable is needed");

const seen = new Map<string, { readonly ours: number[]; readonly peer: number[] }>();

function measure(name: string, whose: "ours" | "peer", executable: string): void {
  const { stdout, exitCode } = Bun.spawnSync([process.execPath, import.meta.path, "--measure", name], {
    env: { ...process.env, STATION_COMMAND: executable },
    stderr: "inherit",
  });
  if (exitCode !== 0) throw new Error(`${name} of ${executable} failed (${exitCode})`);
  for (const [key, value] of Object.entries(JSON.parse(stdout.toString()) as Record<string, number>)) {
    const both = seen.get(key) ?? { ours: [], peer: [] };
    both[whose].push(value);
    seen.set(key, both);
  }
}

const rounds = Number(values.rounds);
const begun = performance.now();
const turnsOf = (round: number, name: string) => {
  const turns = [() => measure(name, "ours", EXECUTABLE), () => measure(name, "peer", peer)];
  if (ALWAYS_THE_SAME.has(name) && round > 1) return [];
  return round % 2 === 0 ? turns.toReversed() : turns;
};
const names = Object.keys(MEASUREMENTS).filter((name) => values.only === undefined || name.startsWith(values.only));
for (let round = 1; round <= rounds; round++)
  for (const name of names) {
    process.stderr.write(`round ${round} of ${rounds}: ${name}\n`);
    for (const turn of turnsOf(round, name)) turn();
  }

const median = (list: readonly number[]): number =>
  list.toSorted((one, other) => one - other)[list.length >> 1] ?? Number.NaN;
const shown = (value: number): string => (value >= 100 ? value.toFixed(0) : value.toPrecision(3));

const floor = await emptyProgram();
const results = METRICS.filter(({ key }) => seen.has(key)).map((one) => {
  const { ours, peer: theirs } = seen.get(one.key) ?? { ours: [], peer: [] };
  const [own, other] = [median(ours), median(theirs)];
  const ratio = own / other;
  const goal = (one.goal * one.cpp) / one.start;
  const isMet = one.unit === "/s" ? ratio >= goal : ratio <= goal;
  const figures = {
    peer: `${shown(other)} ${one.unit}`,
    ours: `${shown(own)} ${one.unit}`,
    ratio: ratio.toPrecision(3),
    goal: `${one.unit === "/s" ? "≥" : "≤"} ${goal.toPrecision(3)}`,
    "so to the C++": ((ratio * one.start) / one.cpp).toPrecision(3),
    ...(one.key in floor && { "an empty program": `${shown(floor[one.key] ?? Number.NaN)} ${one.unit}` }),
    "limited by": one.limit,
  };
  return { ...one, isMet, figures };
});
console.table(results.map(({ name, isMet, figures }) => ({ figure: name, ...figures, met: isMet ? "yes" : "no" })));

const seconds = (performance.now() - begun) / 1_000;
if (values.record)
  for (const { key, name, isMet, figures } of results)
    writeEvidence({
      group: "figures",
      name: key,
      title: name,
      command: `scripts/bench --peer PATH --rounds ${rounds} --record`,
      amount: `${rounds} rounds, against 771ef3a`,
      seconds: seconds / results.length,
      failures: isMet ? [] : ["the goal is missed"],
      figures,
    });
process.exit(0);
