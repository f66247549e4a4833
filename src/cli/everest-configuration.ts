import { join } from "node:path";
import { everestConfigDefects, findModule } from "../config/everest-config.ts";
import { type InstalledManifests, NO_MANIFESTS } from "../config/installed-manifests.ts";
import { SHARED_DATA_OF } from "../config/manifest.ts";
import type { ModuleConfiguration } from "../everest/configuration.ts";
import { EverestYaml, EverestYamlError } from "../everest/everest-yaml.ts";

/** This module in an EVerest configuration file that has no defects. */
export interface ConfiguredModule {
  readonly moduleId: string;
  readonly configuration: ModuleConfiguration;
  /** What the manager would pass on the command line, by option name. */
  readonly options: ReadonlyMap<string, string>;
}

export const DEFAULT_PREFIX = "/usr";

/** Where the manager's modules find their shared data below an install prefix (PROTOCOL 2). */
export function shareDirectory(prefix: string): string {
  return join(prefix, "share/everest/modules", SHARED_DATA_OF);
}

export interface ExaminedConfiguration {
  readonly defects: readonly string[];
  /** As far as it can be made out in spite of its defects. */
  readonly module: ConfiguredModule | undefined;
}

/**
 * Everything that is wrong with an EVerest configuration file, and this module in it. With `findManifests` its connections
 * are checked against what is installed below a prefix.
 */
export function examineEverestConfiguration(
  path: string,
  wantedModuleId: string | undefined,
  findManifests: (prefix: string | undefined) => InstalledManifests = () => NO_MANIFESTS,
): ExaminedConfiguration {
  let yaml: EverestYaml;
  try {
    yaml = EverestYaml.read(path);
  } catch (error) {
    if (error instanceof EverestYamlError) return { defects: error.defects, module: undefined };
    throw error;
  }
  const found = findModule(yaml, wantedModuleId);
  if ("defects" in found) return { defects: found.defects, module: undefined };
  const { moduleId } = found;
  const configuration = yaml.moduleConfiguration(moduleId);
  const options = new Map([...yaml.moduleOptions(), ["module", moduleId]]);
  return {
    defects: everestConfigDefects(yaml, moduleId, findManifests(options.get("prefix"))),
    module: configuration === undefined ? undefined : { moduleId, configuration, options },
  };
}

/** @throws EverestYamlError with every defect. */
export function readEverestConfiguration(path: string, wantedModuleId: string | undefined): ConfiguredModule {
  const { defects, module } = examineEverestConfiguration(path, wantedModuleId);
  if (defects.length > 0 || module === undefined) throw new EverestYamlError(defects);
  return module;
}
