import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import type { Figures, SoakPart } from "./part.ts";

const STATE_DIRECTORY = join(import.meta.dir, "../../.cache/soak");
const PROGRESS_MILLISECONDS = 5_000;
/** More would say nothing new. */
const FAILURES_LIMIT = 10;

const State = v.object({ done: v.number(), seconds: v.number(), failures: v.array(v.string()) });
type State = v.InferOutput<typeof State>;

export interface SoakOptions {
  readonly seed: number;
  /** Of all units; 1 for the whole part. */
  readonly share: number;
  /** Goes on where a run with the same seed and share was ended. */
  readonly resume: boolean;
  /** In the gate: nothing waits for long. */
  readonly isShort?: boolean;
  readonly print: (text: string) => void;
}

export interface PartResult {
  readonly part: SoakPart;
  readonly units: number;
  readonly seconds: number;
  readonly failures: readonly string[];
  readonly figures: Figures;
}

function statePath({ name }: SoakPart, { seed, share }: SoakOptions): string {
  return join(STATE_DIRECTORY, `${name}-${seed}-${share}.json`);
}

function readState(path: string, resume: boolean): State {
  const fresh = { done: 0, seconds: 0, failures: [] };
  if (!resume || !existsSync(path)) return fresh;
  try {
    return v.parse(State, JSON.parse(readFileSync(path, "utf8")));
  } catch {
    // Cut off by the same kill that ended the run.
    return fresh;
  }
}

/** Runs one part; a unit that fails is noted with what repeats it, and the next one begins on a new start of the part. */
export async function runPart(part: SoakPart, options: SoakOptions): Promise<PartResult> {
  const { seed, share, print } = options;
  const units = Math.max(1, Math.round(part.units * share));
  const path = statePath(part, options);
  mkdirSync(STATE_DIRECTORY, { recursive: true });
  const { done, seconds: earlier, failures: known } = readState(path, options.resume);
  const failures = [...known];
  const begin = performance.now();
  const seconds = () => earlier + (performance.now() - begin) / 1_000;
  let shown = begin;
  let figures: Figures = {};
  const startPart = () => part.start(seed, { isShort: options.isShort === true });
  let running: Awaited<ReturnType<typeof startPart>> | undefined;
  const finish = async (): Promise<void> => {
    const ending = running;
    running = undefined;
    try {
      figures = { ...figures, ...(await ending?.finish()) };
    } catch (error) {
      failures.push(`at the end: ${(error as Error).message}`);
    }
  };
  for (let unit = done; unit < units && failures.length < FAILURES_LIMIT; unit++) {
    try {
      running ??= await startPart();
      await running.step(unit);
    } catch (error) {
      failures.push(`unit ${unit}: ${(error as Error).message}`);
      print(`  ${part.name}: ${failures.at(-1)}\n`);
      const testimony = running?.testimony?.();
      if (testimony !== undefined) {
        const kept = join(STATE_DIRECTORY, `${part.name}-${seed}-unit-${unit}.log`);
        writeFileSync(kept, testimony);
        print(`  what the station has said: ${kept}\n`);
      }
      await finish();
    }
    writeFileSync(path, JSON.stringify({ done: unit + 1, seconds: seconds(), failures } satisfies State));
    if (performance.now() - shown < PROGRESS_MILLISECONDS) continue;
    shown = performance.now();
    print(
      `  ${part.name}: ${unit + 1} of ${units} ${part.unit}, ${seconds().toFixed(0)} s, ${failures.length} failures\n`,
    );
  }
  await finish();
  rmSync(path, { force: true });
  return { part, units, seconds: seconds(), failures, figures };
}

/** One line for each part. */
export function summaryOf(results: readonly PartResult[]): string {
  const rows = results.map(({ part, units, seconds, failures, figures }) => [
    part.name,
    `${units} ${part.unit}`,
    `${seconds.toFixed(0)} s`,
    failures.length === 0 ? "passed" : `${failures.length} FAILED`,
    Object.entries(figures)
      .map(([name, value]) => `${name} ${value}`)
      .join(", "),
  ]);
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
