/**
 * Makes the pictures of the blocks in ARCHITECTURE.md from their declarations: who provides and needs what, and who hears of
 * what in which phase. `bun scripts/block-diagram.ts` writes them; `--check` only compares; exit code 1 when they differ.
 */
import { type AnyBlock, PHASES, type Phase } from "../src/station/block.ts";
import { createRegistries } from "../src/station/services.ts";
import { BLOCKS } from "../src/station/station.ts";

const DOCUMENT = "ARCHITECTURE.md";
const BEGIN = "<!-- blocks: made by scripts/block-diagram.ts -->";
const END = "<!-- end of blocks -->";

const id = (name: string): string => name.replaceAll("-", "_");
const registries: ReadonlySet<string> = new Set(Object.keys(createRegistries()));

/** Arrows from who needs to who provides, by service; what only one block knows of is left out. */
function serviceDiagram(blocks: readonly AnyBlock[]): readonly string[] {
  const owners = new Map(blocks.flatMap(({ name, provides }) => provides.map((service) => [service, name] as const)));
  const concerned = blocks.filter(
    ({ needs, provides }) => provides.length > 0 || needs.some((need) => !registries.has(need)),
  );
  return [
    "```mermaid",
    "flowchart LR",
    ...concerned.map(({ name, letter }) => `  ${id(name)}["${letter} ${name}"]`),
    ...concerned.flatMap(({ name, needs }) =>
      needs.flatMap((need) => {
        const owner = owners.get(need);
        return owner === undefined ? [] : [`  ${id(name)} -- ${need} --> ${id(owner)}`];
      }),
    ),
    "```",
  ];
}

function registryTable(blocks: readonly AnyBlock[]): readonly string[] {
  const users = (registry: string): string =>
    blocks
      .filter(({ needs }) => needs.some((need) => need === registry))
      .map(({ name }) => name)
      .join(", ");
  return [
    "| Registry | Used by |",
    "|---|---|",
    ...[...registries].map((registry) => `| ${registry} | ${users(registry)} |`),
  ];
}

/** One row for each event that more than one block hears, the blocks in the order in which they hear it. */
function hearingTable(blocks: readonly AnyBlock[]): readonly string[] {
  const heard = Map.groupBy(
    blocks.flatMap(({ name, hears }) =>
      Object.entries(hears).map(([event, phase]: [string, Phase]) => ({ event, phase, name })),
    ),
    ({ event }) => event,
  );
  const cell = (event: string, phase: Phase): string =>
    (heard.get(event) ?? [])
      .filter((one) => one.phase === phase)
      .map(({ name }) => name)
      .join(", ");
  return [
    `| Event | ${PHASES.join(" | ")} |`,
    `|---${"|---".repeat(PHASES.length)}|`,
    ...[...heard.keys()]
      .sort()
      .map((event) => `| ${event} | ${PHASES.map((phase) => cell(event, phase)).join(" | ")} |`),
  ];
}

export function blockPictures(blocks: readonly AnyBlock[]): string {
  return [...serviceDiagram(blocks), "", ...registryTable(blocks), "", ...hearingTable(blocks)].join("\n");
}

if (import.meta.main) {
  const text = await Bun.file(DOCUMENT).text();
  const [before, rest] = text.split(BEGIN);
  const after = rest?.split(END)[1];
  if (before === undefined || after === undefined) throw new Error(`${DOCUMENT} lacks the marks of the pictures`);
  const wanted = `${before}${BEGIN}\n\n${blockPictures(BLOCKS)}\n\n${END}${after}`;
  if (!process.argv.includes("--check")) await Bun.write(DOCUMENT, wanted);
  else if (wanted !== text) {
    console.error(`${DOCUMENT}: the pictures of the blocks are out of date: run scripts/block-diagram.ts`);
    process.exit(1);
  }
}
