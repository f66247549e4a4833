import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const MAPS = join(ROOT, "dist/everest.symbols");
const SOURCE = "src/station/k-smart-charging/distribution.ts";

/** A place of the executable that belongs to a line of this program, read off the executable itself. */
function placeOf(text: string): { readonly line: number; readonly column: number } {
  const executable = readFileSync(join(ROOT, "dist/everest/libexec/everest/modules/OCPP201/OCPP201"), "latin1");
  // Before it stand the constants of the bytecode.
  const found = executable.lastIndexOf(text);
  const begin = executable.lastIndexOf("// @bun", found);
  const before = executable.slice(begin, found);
  return { line: before.split("\n").length, column: before.length - before.lastIndexOf("\n") };
}

/** The part of the executable that is made of this source, among others. */
function partWith(source: string): string | undefined {
  const map = readdirSync(MAPS).find((name) => {
    const { sources } = JSON.parse(readFileSync(join(MAPS, name), "utf8")) as { readonly sources: readonly string[] };
    return sources.some((one) => one.endsWith(source));
  });
  return map === undefined ? undefined : basename(map, ".map");
}

test("a place in a stack trace of the executable leads to the line of the sources", async () => {
  const part = partWith(SOURCE);
  expect(part).toBeDefined();
  const { line, column } = placeOf("Charging limits could not be told");
  const child = Bun.spawn([join(ROOT, "scripts/symbolize"), MAPS], { stdin: "pipe", stdout: "pipe" });
  child.stdin.write(
    `Error: x\n    at tell (/$bunfs/root/${part}:${line}:${column})\n    at elsewhere (node:events:1:2)\n`,
  );
  await child.stdin.end();
  const told = await new Response(child.stdout).text();
  const place = new RegExp(`at tell \\(${SOURCE}:(\\d+):\\d+\\)`).exec(told)?.[1];
  expect(readFileSync(join(ROOT, SOURCE), "utf8").split("\n")[Number(place) - 1]).toContain("could not be told");
  expect(told).toContain("at elsewhere (node:events:1:2)");
});
