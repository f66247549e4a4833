import { expect, test } from "bun:test";
import { join } from "node:path";

const SOURCES = join(import.meta.dir, "../../../src");

/** Everything that a file loads as soon as it is loaded: files of this program, and packages by name. */
async function loadedWith(file: string, found = new Set<string>()): Promise<ReadonlySet<string>> {
  if (found.has(file)) return found;
  found.add(file);
  const loader = file.endsWith("x") ? "tsx" : "ts";
  for (const { kind, path } of new Bun.Transpiler({ loader }).scanImports(await Bun.file(file).text())) {
    if (kind !== "import-statement") continue;
    if (!path.startsWith(".")) found.add(path);
    else if (/\.tsx?$/.test(path)) await loadedWith(join(file, "..", path), found);
  }
  return found;
}

test("without --http neither the page nor the metrics nor their libraries are loaded, so they cost nothing", async () => {
  const run = await loadedWith(join(SOURCES, "cli/run.ts"));
  expect(
    [...run].filter((name) => /prom-client|^hono|\/src\/web\/.*(?:application|server|metrics)/.test(name)),
  ).toEqual([]);
  const face = await loadedWith(join(SOURCES, "cli/web-face.ts"));
  expect(face.has("prom-client")).toBe(true);
  expect(face.has("hono")).toBe(true);
});

test("nothing but the subcommand that was asked for is loaded", async () => {
  const main = await loadedWith(join(SOURCES, "cli/main.ts"));
  expect([...main].filter((name) => /doctor|selftest|simulate|inspect\//.test(name))).toEqual([]);
});
