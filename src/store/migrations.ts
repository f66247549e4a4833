import type { Database } from "bun:sqlite";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The migrations folder lies beside the sources and, embedded, beside the entry of the executable. */
function migrationsRoot(): string {
  const beside = [join(import.meta.dir, "../../migrations"), join(import.meta.dir, "migrations")];
  for (const candidate of beside) {
    try {
      readdirSync(candidate);
      return candidate;
    } catch {
      // Not here: the other place.
    }
  }
  throw new Error(`the migrations are neither embedded nor beside the sources (${beside.join(", ")})`);
}

export interface Migration {
  readonly version: number;
  readonly sql: string;
}

/** The up-migrations of a folder below `migrations/`, named `<version>_up….sql` or `<version>.sql`, in order. */
export function readMigrations(folder: string): readonly Migration[] {
  const directory = join(migrationsRoot(), folder);
  return readdirSync(directory)
    .flatMap((file) => {
      const version = /^(\d+)(?:_up[^/]*)?\.sql$/.exec(file)?.[1];
      return version === undefined
        ? []
        : [{ version: Number(version), sql: readFileSync(join(directory, file), "utf8") }];
    })
    .sort((one, other) => one.version - other.version);
}

/** Executes every migration above `current` in one transaction together with `setVersion`; all or nothing. */
export function migrate(
  database: Database,
  current: number,
  migrations: readonly Migration[],
  setVersion: (version: number) => void,
): void {
  const pending = migrations.filter(({ version }) => version > current);
  const last = pending.at(-1);
  if (last === undefined) return;
  database.transaction(() => {
    for (const { sql } of pending) database.exec(sql);
    setVersion(last.version);
  })();
}
