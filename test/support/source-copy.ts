import { cpSync, readdirSync } from "node:fs";
import { join } from "node:path";

const ROOT = join(import.meta.dir, "../..");
const NOT_SOURCES: ReadonlySet<string> = new Set([".git", ".cache", "dist", "node_modules", "coverage"]);

/** The sources in another folder, with the installed packages: hard links where the file system allows it. */
export function copySources(folder: string): void {
  // With their times: packages that are older than the lock file would be installed anew.
  for (const entry of readdirSync(ROOT))
    if (!NOT_SOURCES.has(entry))
      cpSync(join(ROOT, entry), join(folder, entry), { recursive: true, preserveTimestamps: true });
  const modules = join(ROOT, "node_modules");
  const linked = Bun.spawnSync(["cp", "-al", modules, folder], { stderr: "ignore" });
  if (linked.exitCode !== 0) cpSync(modules, join(folder, "node_modules"), { recursive: true, verbatimSymlinks: true });
}
