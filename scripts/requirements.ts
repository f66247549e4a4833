/**
 * Makes docs/REQUIREMENTS.md from the citations in src/ and test/: requirement id, where it is fulfilled, where it is tested.
 * docs/requirements/<block>.tsv says whom each requirement of a block concerns, one per line: id, party, note.
 * Party `station`: must be cited in code and test; `csms`: the other side's; `none`: does not apply here, the note says why.
 * `bun scripts/requirements.ts` writes the table; `--check` only compares. Every gap is printed; exit code 1 when there is one.
 */
import { basename } from "node:path";
import { Glob } from "bun";

const TABLE = "docs/REQUIREMENTS.md";
const PARTIES = new Set(["station", "csms", "none"]);
const SHORT = "(?:[A-P]\\d{2}\\.)?FR\\.\\d{2,3}";
/** `E06.FR.02`, and what may follow it: `, FR.04`, `/E07.FR.02`, `–FR.08`, `–08`. */
const CITATION = new RegExp(`[A-P]\\d{2}\\.FR\\.\\d{2,3}(?:\\s?[–/-]\\s?(?:${SHORT}|\\d{2,3}\\b)|,\\s${SHORT})*`, "g");

interface Requirement {
  readonly id: string;
  readonly party: string;
  readonly note: string;
}

/** The ids that a text cites, ranges and short forms spelled out. */
export function citedIds(text: string): readonly string[] {
  return [...text.matchAll(CITATION)].flatMap(([citation]) => spellOut(citation));
}

function spellOut(citation: string): readonly string[] {
  const ids: string[] = [];
  let useCase = "";
  let previous = 0;
  for (const [, separator = "", ownCase, digits = ""] of citation.matchAll(
    /([–/,-]?)\s?(?:([A-P]\d{2})\.)?(?:FR\.)?(\d{2,3})/g,
  )) {
    useCase = ownCase ?? useCase;
    const isRange = separator === "–" || separator === "-";
    for (let number = isRange ? previous + 1 : Number(digits); number <= Number(digits); number++)
      ids.push(`${useCase}.FR.${String(number).padStart(digits.length, "0")}`);
    previous = Number(digits);
  }
  return ids;
}

async function citations(pattern: string): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const found = new Map<string, Set<string>>();
  // The test of this script names ids without testing them.
  for await (const file of new Glob(pattern).scan("."))
    if (!file.startsWith("test/unit/scripts/"))
      for (const id of citedIds(await Bun.file(file).text())) found.set(id, (found.get(id) ?? new Set()).add(file));
  return found;
}

async function readBlock(file: string, defects: string[]): Promise<readonly Requirement[]> {
  const lines = (await Bun.file(file).text()).split("\n");
  return lines.flatMap((line, index) => {
    if (line.trim() === "") return [];
    const [id = "", party = "", note = ""] = line.split("\t");
    if (!/^[A-P]\d{2}\.FR\.\d{2,3}$/.test(id) || !PARTIES.has(party))
      defects.push(`${file}:${index + 1}: expected id, station|csms|none, note, separated by tabs`);
    if (party === "none" && note === "") defects.push(`${file}:${index + 1}: ${id} needs a note that says why`);
    return [{ id, party, note }];
  });
}

const shortPaths = (paths: ReadonlySet<string> | undefined): string =>
  [...(paths ?? [])]
    .sort()
    .map((path) => `\`${path.replace(/^(src|test)\//, "").replace(/\.ts$/, "")}\``)
    .join(", ");

async function makeTable(defects: string[]): Promise<string> {
  const [code, tests] = [await citations("src/**/*.ts"), await citations("test/**/*.ts")];
  const out = [
    "# Requirements",
    "",
    "Made by `scripts/requirements.ts` from the citations in `src/` and `test/`. Do not edit.",
    "",
  ];
  for (const file of [...new Glob("docs/requirements/*.tsv").scanSync(".")].sort()) {
    const requirements = await readBlock(file, defects);
    const station = requirements.filter(({ party }) => party === "station");
    for (const { id } of station) {
      if (!code.has(id)) defects.push(`${id} is cited nowhere in src/`);
      if (!tests.has(id)) defects.push(`${id} is cited nowhere in test/`);
    }
    const others = requirements.filter(({ party }) => party === "none");
    out.push(`## Block ${basename(file, ".tsv")}`, "", "| Requirement | Fulfilled in | Tested in |", "|---|---|---|");
    for (const { id } of station) out.push(`| ${id} | ${shortPaths(code.get(id))} | ${shortPaths(tests.get(id))} |`);
    out.push("");
    if (others.length > 0) out.push("Not applicable here:", "");
    for (const { id, note } of others) out.push(`* ${id}: ${note}`);
    if (others.length > 0) out.push("");
    const csms = requirements.filter(({ party }) => party === "csms");
    if (csms.length > 0) out.push(`Of the CSMS: ${csms.map(({ id }) => id).join(", ")}.`, "");
  }
  return `${out.join("\n").trimEnd()}\n`;
}

if (import.meta.main) {
  const defects: string[] = [];
  const table = await makeTable(defects);
  if (!process.argv.includes("--check")) await Bun.write(TABLE, table);
  else if ((await Bun.file(TABLE).text()) !== table)
    defects.push(`${TABLE} is out of date: run scripts/requirements.ts`);
  for (const defect of defects) console.error(defect);
  process.exit(defects.length === 0 ? 0 : 1);
}
