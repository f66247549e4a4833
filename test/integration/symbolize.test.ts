import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const MAP = join(ROOT, "dist/everest.symbols/OCPP201.map");

/** A place of the executable that belongs to a line of this program, read off the executable itself. */
function placeOf(text: string): { readonly line: number; readonly column: number } {
  const executable = readFileSync(join(ROOT, "dist/everest/libexec/everest/modules/OCPP201/OCPP201"), "latin1");
  // Before it stand the constants of the bytecode.
  const found = executable.lastIndexOf(text);
  const begin = executable.lastIndexOf("// @bun", found);
  const before = executable.slice(begin, found);
  return { line: before.split("\n").length, column: before.length - before.lastIndexOf("\n") };
}

test("a place in a stack trace of the executable leads to the line of the sources", async () => {
  expect(existsSync(MAP)).toBe(true);
  const { line, column } = placeOf("Charging limits could not be told");
  const child = Bun.spawn([join(ROOT, "scripts/symbolize"), MAP], { stdin: "pipe", stdout: "pipe" });
  child.stdin.write(
    `Error: x\n    at tell (/$bunfs/root/OCPP201:${line}:${column})\n    at elsewhere (node:events:1:2)\n`,
  );
  await child.stdin.end();
  const told = await new Response(child.stdout).text();
  const source = "src/station/k-smart-charging/distribution.ts";
  const place = new RegExp(`at tell \\(${source}:(\\d+):\\d+\\)`).exec(told)?.[1];
  expect(readFileSync(join(ROOT, source), "utf8").split("\n")[Number(place) - 1]).toContain("could not be told");
  expect(told).toContain("at elsewhere (node:events:1:2)");
});
