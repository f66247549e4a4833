/**
 * scripts/soak [part…] [--share F] [--seed N] [--resume] [--record]
 * scripts/soak SEEDS FIRST_SEED: so many seeds of the simulation, from this one on.
 *
 * Without a part all of them. `--record` writes what was found to docs/evidence/, from which docs/EVIDENCE.md is made.
 */
import { parseArgs } from "node:util";
import { type Evidence, writeEvidence } from "../../scripts/evidence.ts";
import { broker } from "./broker-part.ts";
import { frames, payloads } from "./frame-parts.ts";
import { kills } from "./kill-part.ts";
import { load } from "./load-part.ts";
import { month } from "./month-part.ts";
import type { SoakPart } from "./part.ts";
import { type PartResult, runPart, type SoakOptions, summaryOf } from "./runner.ts";
import { seedsFrom, simulation } from "./simulation-part.ts";

const PARTS: readonly SoakPart[] = [simulation, kills, frames, payloads, month, load, broker];
const print = (text: string): void => void process.stdout.write(text);

function usage(message: string): never {
  process.stderr.write(
    `${message}\nscripts/soak [${PARTS.map(({ name }) => name).join("|")}]… [--share F] [--seed N] [--resume] [--record]\nscripts/soak SEEDS FIRST_SEED\n`,
  );
  process.exit(2);
}

function toEvidence({ part, units, seconds, failures, figures }: PartResult, { seed, share }: SoakOptions): Evidence {
  return {
    group: "soak",
    name: part.name,
    title: part.title,
    command: `scripts/soak ${part.name}${share === 1 ? "" : ` --share ${share}`}${seed === 1 ? "" : ` --seed ${seed}`}`,
    seed,
    amount: `${units} ${part.unit}`,
    seconds,
    failures,
    figures,
  };
}

function readCommandLine() {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        share: { type: "string", default: "1" },
        seed: { type: "string", default: "1" },
        resume: { type: "boolean", default: false },
        record: { type: "boolean", default: false },
      },
    });
    const [share, seed] = [Number(values.share), Number(values.seed)];
    if (!(share > 0 && share <= 1)) usage("--share is above 0 and at most 1");
    if (!Number.isSafeInteger(seed)) usage("--seed is a whole number");
    return { ...values, share, seed, positionals };
  } catch (error) {
    return usage((error as Error).message);
  }
}

const { share, seed, resume, record, positionals } = readCommandLine();
const isSeeds = positionals.length > 0 && positionals.every((word) => /^\d+$/.test(word));
const unknown = isSeeds ? undefined : positionals.find((name) => !PARTS.some((part) => part.name === name));
if (unknown !== undefined) usage(`There is no part ${unknown}`);
const chosen = isSeeds
  ? [seedsFrom(Number(positionals[0]), Number(positionals[1] ?? 1))]
  : PARTS.filter(({ name }) => positionals.length === 0 || positionals.includes(name));
const options: SoakOptions = { share, seed, resume, print };
const results: PartResult[] = [];
for (const part of chosen) {
  print(`${part.title}\n`);
  const result = await runPart(part, options);
  results.push(result);
  if (record && !isSeeds) writeEvidence(toEvidence(result, options));
}
print(`${summaryOf(results)}\n`);
const failed = results.filter(({ failures }) => failures.length > 0);
for (const { part, failures } of failed) for (const failure of failures) print(`${part.name}: ${failure}\n`);
process.exit(failed.length === 0 ? 0 : 1);
