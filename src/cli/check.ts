import { join, resolve } from "node:path";
import { componentConfigDirectory } from "../agent/stores.ts";
import { ErrorCodesError, readErrorCodes } from "../config/error-codes.ts";
import { installedManifests } from "../config/installed-manifests.ts";
import { slotOf } from "../config/manifest.ts";
import { readParameters } from "../config/parameters.ts";
import { ComponentConfigError, readComponentConfig } from "../device-model/component-config.ts";
import {
  type ConfiguredModule,
  DEFAULT_PREFIX,
  examineEverestConfiguration,
  shareDirectory,
} from "./everest-configuration.ts";
import { readSubcommandLine } from "./options.ts";
import { complain, print } from "./output.ts";

/** What one part of the check found, to be printed line by line. */
interface Findings {
  readonly defects: readonly string[];
  readonly warnings: readonly string[];
  readonly remarks: readonly string[];
}

function checkComponents(directory: string): Findings {
  try {
    const components = readComponentConfig(directory);
    const variables = components.reduce((sum, component) => sum + component.variables.length, 0);
    const remark = `${directory}: ${components.length} components with ${variables} variables, no defects`;
    return { defects: [], warnings: [], remarks: [remark] };
  } catch (error) {
    if (!(error instanceof ComponentConfigError)) throw error;
    return { defects: error.defects, warnings: [], remarks: [] };
  }
}

function describe(path: string, { moduleId, configuration }: ConfiguredModule): string {
  const evses = configuration.connections.get("evse_manager")?.length ?? 0;
  const connections = [...configuration.connections.values()].reduce((sum, { length }) => sum + length, 0);
  return `${path}: module ${moduleId}, ${evses} EVSEs, ${connections} connections, no defects`;
}

function everestFindings(
  path: string,
  defects: readonly string[],
  module: ConfiguredModule | undefined,
  share: string,
): Findings {
  if (defects.length > 0 || module === undefined) return { defects, warnings: [], remarks: [] };
  const { parameters, warnings } = readParameters({
    slot: slotOf(module.configuration.moduleName),
    moduleId: module.moduleId,
    delivered: module.configuration.parameters,
    options: new Map(),
    environment: {},
    shareDirectory: share,
  });
  try {
    readErrorCodes(parameters.CustomMrecErrorMapPath);
  } catch (error) {
    if (!(error instanceof ErrorCodesError)) throw error;
    return { defects: [error.message], warnings, remarks: [] };
  }
  return { defects, warnings, remarks: [describe(path, module)] };
}

/** The directory that a run with this configuration would read. */
function configuredDirectory(module: ConfiguredModule | undefined, share: string): string {
  const configured = module?.configuration.parameters.get("DeviceModelConfigPath");
  const isPath = typeof configured === "string" && configured !== "";
  return componentConfigDirectory(isPath ? resolve(share, configured) : join(share, "component_config"), share);
}

export interface ConfigurationQuestion {
  readonly config: string | undefined;
  readonly module: string | undefined;
  readonly prefix: string | undefined;
  readonly componentConfig: string | undefined;
}

/** Everything that is wrong with EVerest's configuration, if one is named, and with the component configuration. */
export function examineConfigurations({
  config,
  module: wanted,
  prefix,
  componentConfig,
}: ConfigurationQuestion): Findings {
  const { defects: everestDefects, module } =
    config === undefined
      ? { defects: [], module: undefined }
      : examineEverestConfiguration(config, wanted, (configured) =>
          installedManifests(prefix ?? configured ?? DEFAULT_PREFIX),
        );
  const share = shareDirectory(prefix ?? module?.options.get("prefix") ?? DEFAULT_PREFIX);
  const findings = [
    ...(config === undefined ? [] : [everestFindings(config, everestDefects, module, share)]),
    checkComponents(componentConfig ?? configuredDirectory(module, share)),
  ];
  return {
    defects: findings.flatMap(({ defects }) => defects),
    warnings: findings.flatMap(({ warnings }) => warnings),
    remarks: findings.flatMap(({ remarks }) => remarks),
  };
}

/**
 * `check [--config <everest.yaml>] [--component-config <directory>]`, without broker and EVerest: every defect of both at
 * once as `file:line:column: key: message`; exit code 1 if there is one.
 */
export function check(argv: readonly string[]): number {
  const { values } = readSubcommandLine(argv, {
    config: { type: "string" },
    module: { type: "string", short: "m" },
    prefix: { type: "string" },
    "component-config": { type: "string" },
  });
  const { config, module, prefix, "component-config": componentConfig } = values;
  const { defects, warnings, remarks } = examineConfigurations({ config, module, prefix, componentConfig });
  for (const defect of defects) complain(`${defect}\n`);
  for (const warning of warnings) complain(`warning: ${warning}\n`);
  for (const remark of remarks) print(`${remark}\n`);
  if (defects.length > 0) complain(`${defects.length} ${defects.length === 1 ? "defect" : "defects"} found\n`);
  return defects.length === 0 ? 0 : 1;
}
