/**
 * docs/EVIDENCE.md from the results that programs have written to docs/evidence/: `bun scripts/evidence.ts`, with `--check` only
 * looks whether it is up to date. `writeEvidence` is for those programs (scripts/soak --record, scripts/bench).
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import * as v from "valibot";
import packageFile from "../package.json";

const ROOT = join(import.meta.dir, "..");
const DIRECTORY = join(ROOT, "docs/evidence");
const TABLE = join(ROOT, "docs/EVIDENCE.md");

const Evidence = v.object({
  /** A heading of the document. */
  group: v.picklist(["soak", "figures"]),
  name: v.pipe(v.string(), v.regex(/^[a-z0-9-]+$/)),
  title: v.string(),
  /** Repeats it. */
  command: v.string(),
  seed: v.exactOptional(v.number()),
  /** How much of it, e.g. `1000 kills`. */
  amount: v.string(),
  seconds: v.number(),
  failures: v.array(v.string()),
  figures: v.record(v.string(), v.union([v.string(), v.number()])),
});
/** One result, as a program has found it. */
export type Evidence = Readonly<Omit<v.InferOutput<typeof Evidence>, "failures" | "figures">> & {
  readonly failures: readonly string[];
  readonly figures: Readonly<Record<string, string | number>>;
};
const Written = v.object({ ...Evidence.entries, on: v.string(), version: v.string(), machine: v.string() });
type Written = v.InferOutput<typeof Written>;

/** The commit, and whether there is more than it. */
function version(): string {
  const git = (...words: readonly string[]) => execFileSync("git", words, { cwd: ROOT, encoding: "utf8" }).trim();
  try {
    // What is written here changes nothing of what was measured.
    const changed = git("status", "--porcelain", "--untracked-files=no", ":!docs") === "" ? "" : " and changes";
    return `${packageFile.version} ${git("rev-parse", "--short", "HEAD")}${changed}`;
  } catch {
    // Not from a repository.
    return packageFile.version;
  }
}

/** Writes a result with what it was found with; one of the same name is replaced, and so is the document. */
export function writeEvidence(evidence: Evidence): void {
  mkdirSync(DIRECTORY, { recursive: true });
  const [cpu] = cpus();
  const machine = `${cpus().length} × ${cpu?.model.trim() ?? "unknown"}, ${process.platform} ${process.arch}, Bun ${Bun.version}`;
  const written = { ...evidence, on: new Date().toISOString().slice(0, 10), version: version(), machine };
  writeFileSync(join(DIRECTORY, `${evidence.group}-${evidence.name}.json`), `${JSON.stringify(written, null, 2)}\n`);
  writeFileSync(TABLE, render(readAll()));
}

function readAll(): readonly Written[] {
  if (!existsSync(DIRECTORY)) return [];
  return readdirSync(DIRECTORY)
    .filter((name) => name.endsWith(".json"))
    .sort()
    .map((name) => v.parse(Written, JSON.parse(readFileSync(join(DIRECTORY, name), "utf8"))));
}

const HEADINGS = { soak: "Long, large and hostile (`scripts/soak`)", figures: "Figures (`scripts/bench`)" } as const;
const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

function duration(seconds: number): string {
  return seconds < 120 ? `${seconds.toFixed(0)} s` : `${(seconds / 60).toFixed(0)} min`;
}

function rowOf({ title, amount, seed, seconds, failures, figures, command, version: with_, on }: Written): string {
  const result = failures.length === 0 ? "passed" : `**${failures.length} failed**: ${failures[0]}`;
  const measured = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
  const cells = [
    title,
    amount,
    String(seed ?? ""),
    duration(seconds),
    result,
    measured.join("; "),
    `\`${command}\``,
    `${with_}, ${on}`,
  ];
  return `| ${cells.map(cell).join(" | ")} |`;
}

function render(all: readonly Written[]): string {
  const parts = (["soak", "figures"] as const).flatMap((group) => {
    const rows = all.filter((one) => one.group === group);
    if (rows.length === 0) return [];
    return [
      `## ${HEADINGS[group]}`,
      "",
      "| What | How much | Seed | Time | Result | Measured | Command | Version |",
      "|---|---|---|---|---|---|---|---|",
      ...rows.map(rowOf),
      "",
    ];
  });
  const machines = [...new Set(all.map(({ machine }) => machine))].map((machine) => `* ${machine}`);
  return [
    "# Evidence",
    "",
    "Made by `bun scripts/evidence.ts` from `docs/evidence/`, which the programs write themselves. Each row can be repeated with its command.",
    "",
    ...parts,
    "Machines:",
    "",
    ...machines,
    "",
  ].join("\n");
}

if (import.meta.main) {
  const text = render(readAll());
  const isCheck = process.argv.includes("--check");
  if (!isCheck) writeFileSync(TABLE, text);
  else if (!existsSync(TABLE) || readFileSync(TABLE, "utf8") !== text) {
    process.stderr.write("docs/EVIDENCE.md is out of date: bun scripts/evidence.ts\n");
    process.exit(1);
  }
}
