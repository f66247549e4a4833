import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { parseLocatedYaml } from "../lib/located-yaml.ts";

const InstalledManifest = v.object({
  provides: v.nullish(v.record(v.string(), v.object({ interface: v.string() })), {}),
});

/** What the modules of an installation provide, as far as it can be found out. */
export interface InstalledManifests {
  /** Interfaces by implementation id; undefined where the module is not installed: it may run elsewhere. */
  providedBy(moduleName: string): ReadonlyMap<string, string> | undefined;
}

/** Nothing is known about other modules. */
export const NO_MANIFESTS: InstalledManifests = { providedBy: () => undefined };

/** The manifests below an install prefix (PROTOCOL 2). */
export function installedManifests(prefix: string): InstalledManifests {
  const root = join(prefix, "libexec/everest/modules");
  return {
    providedBy(moduleName) {
      const path = join(root, moduleName, "manifest.yaml");
      if (!existsSync(path)) return undefined;
      const parsed = v.safeParse(InstalledManifest, parseLocatedYaml(readFileSync(path, "utf8")).value);
      if (!parsed.success) return undefined;
      return new Map(Object.entries(parsed.output.provides ?? {}).map(([id, { interface: name }]) => [id, name]));
    },
  };
}
