/**
 * Where the shipped component configuration differs from that of EVerest of August 2026:
 * `bun scripts/component-deviations.ts` brings the table of docs/COMPONENT-CONFIG.md up to date. The reasons in it are
 * kept, new rows have none; the test of this file fails for a row without one.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readComponentConfig } from "../src/device-model/component-config.ts";
import { ComponentFile } from "../src/device-model/component-file.ts";
import type { ComponentDefinition } from "../src/device-model/definitions.ts";

const ROOT = join(import.meta.dir, "..");
const TABLE_FILE = join(ROOT, "docs/COMPONENT-CONFIG.md");
/** EVerest's files, where they are at hand; they are no part of this repository. */
export const AUGUST_DIRECTORY = join(ROOT, "../shared/reference/everest-2026-08/component_config/standardized");
const HEADER = ["| Variable | What | August | Here | Why |", "|---|---|---|---|---|"];

export interface Deviation {
  readonly variable: string;
  readonly what: string;
  readonly august: string;
  readonly here: string;
}

type Properties = Readonly<Record<string, string>>;

/** What a CSMS sees of each attribute of the station's components, by `Component[instance].Variable[instance]`. */
function describe(components: readonly ComponentDefinition[]): ReadonlyMap<string, Properties> {
  const bracketed = (name: string, instance: string | undefined) =>
    instance === undefined ? name : `${name}[${instance}]`;
  const described = new Map<string, Properties>();
  for (const component of components)
    for (const { name, instance, characteristics, attributes } of component.variables)
      for (const { type, mutability, value } of component.evseId === undefined ? attributes : []) {
        const label = `${bracketed(component.name, component.instance)}.${bracketed(name, instance)}`;
        const { supportsMonitoring: _, ...visible } = characteristics;
        described.set(type === "Actual" ? label : `${label} ${type}`, {
          mutability,
          ...(value !== undefined && value !== "" && { value }),
          ...Object.fromEntries(Object.entries(visible).map(([key, text]) => [key, String(text)])),
        });
      }
  return described;
}

/** The components of a directory as its files say, without what this program adds. */
function asWritten(directory: string): readonly ComponentDefinition[] {
  const defects: string[] = [];
  const files = readdirSync(directory).map((name) => new ComponentFile(join(directory, name), defects));
  return files.flatMap((file) => file.read() ?? []);
}

/** The differences between two directories of component configuration, as they are in effect. */
export function deviations(augustDirectory: string, ownDirectory: string): readonly Deviation[] {
  const august = describe(asWritten(augustDirectory));
  const own = describe(readComponentConfig(ownDirectory));
  const found: Deviation[] = [];
  for (const variable of [...new Set([...august.keys(), ...own.keys()])].sort()) {
    const [theirs, ours] = [august.get(variable), own.get(variable)];
    if (theirs === undefined || ours === undefined) {
      found.push({ variable, what: "there", august: String(theirs !== undefined), here: String(ours !== undefined) });
      continue;
    }
    for (const what of new Set([...Object.keys(theirs), ...Object.keys(ours)])) {
      const [before = "–", now = "–"] = [theirs[what], ours[what]];
      if (before !== now) found.push({ variable, what, august: before, here: now });
    }
  }
  return found;
}

function rowOf({ variable, what, august, here }: Deviation): string {
  return `| ${[variable, what, august, here].join(" | ")} |`;
}

/** The rows of the committed table with their reasons. */
export function committedRows(text = readFileSync(TABLE_FILE, "utf8")): ReadonlyMap<string, string> {
  const rows = text.split("\n").filter((line) => line.startsWith("| ") && !HEADER.includes(line));
  return new Map(
    rows.map((row) => {
      const cells = row.split("|").map((cell) => cell.trim());
      return [`| ${cells.slice(1, 5).join(" | ")} |`, cells[5] ?? ""];
    }),
  );
}

/** The table for `found`, with the reasons that are known. */
export function tableFor(found: readonly Deviation[], reasons: ReadonlyMap<string, string>): string {
  return [...HEADER, ...found.map((one) => `${rowOf(one)} ${reasons.get(rowOf(one)) ?? ""} |`)].join("\n");
}

if (import.meta.main) {
  if (!existsSync(AUGUST_DIRECTORY)) throw new Error(`${AUGUST_DIRECTORY} is not there`);
  const text = readFileSync(TABLE_FILE, "utf8");
  const [before = ""] = text.split(HEADER[0] ?? "");
  const table = tableFor(deviations(AUGUST_DIRECTORY, join(ROOT, "component_config")), committedRows(text));
  await Bun.write(TABLE_FILE, `${before}${table}\n`);
}
