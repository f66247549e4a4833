import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join, relative } from "node:path";

const ROOT = join(import.meta.dir, "../../..");

/** Everything that is loaded with a file: what it imports as more than types, and not on demand. */
function loadedWith(entry: string): ReadonlySet<string> {
  const seen = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const text = readFileSync(path, "utf8");
    for (const [, clause, specifier = ""] of text.matchAll(/^(?:import|export)\s([^;]*?)from\s+"(\.[^"]+\.tsx?)"/gms))
      if (!/^type\s/.test(clause ?? "")) visit(join(path, "..", specifier));
  };
  visit(join(ROOT, entry));
  return new Set([...seen].map((path) => relative(ROOT, path)));
}

const isOfThePage = (path: string): boolean => path.startsWith("src/web/") || path.startsWith("src/agent/web/");

test("a station without --http loads nothing of the page, so that nothing is recorded for it", () => {
  const loaded = loadedWith("src/cli/run.ts");
  expect(loaded.has("src/agent/agent.ts")).toBe(true);
  expect([...loaded].filter(isOfThePage)).toEqual([]);
  expect([...loadedWith("src/cli/web-face.ts")].filter(isOfThePage).length).toBeGreaterThan(30);
});
