import { readdirSync } from "node:fs";
import { readMigrations } from "./migrations.ts";

/**
 * How a directory of migrations differs from those in this program, which are the ones that count; undefined when it leads
 * to the same schema version.
 */
export function migrationDirectoryDifference(directory: string, folder: "core" | "device_model"): string | undefined {
  const own = readMigrations(folder).at(-1)?.version ?? 0;
  let files: readonly string[];
  try {
    files = readdirSync(directory);
  } catch (error) {
    return `it cannot be read (${(error as NodeJS.ErrnoException).code ?? "unknown"})`;
  }
  const versions = files.flatMap((file) => /^(\d+)_up(?:-[ \S]+|)\.sql$/.exec(file)?.[1] ?? []).map(Number);
  const highest = Math.max(0, ...versions);
  return highest === own ? undefined : `it leads to schema version ${highest}, this program to ${own}`;
}
