import { join } from "node:path";
import { slotOf } from "../config/manifest.ts";
import { type ModuleParameters, optionName, readParameters } from "../config/parameters.ts";
import { CORE_DATABASE_FILE } from "../store/core-database.ts";
import {
  type ConfiguredModule,
  DEFAULT_PREFIX,
  readEverestConfiguration,
  shareDirectory,
} from "./everest-configuration.ts";

const PATHS = ["CoreDatabasePath", "DeviceModelDatabasePath", "EverestDeviceModelDatabasePath"] as const;

/** Options of subcommands that look at databases: those of a run decide where they are. */
export const LOCATION_OPTIONS = {
  config: { type: "string" },
  module: { type: "string", short: "m" },
  prefix: { type: "string" },
  data: { type: "string" },
  ...Object.fromEntries(PATHS.map((name) => [optionName(name), { type: "string" as const }])),
} as const;

export interface Location {
  readonly parameters: ModuleParameters;
  /** The module's directory below EVerest's shared data. */
  readonly share: string;
}

/** The three files of a station. */
export function databaseFiles(parameters: ModuleParameters) {
  return {
    core: join(parameters.CoreDatabasePath, CORE_DATABASE_FILE),
    deviceModel: parameters.DeviceModelDatabasePath,
    everestDeviceModel: parameters.EverestDeviceModelDatabasePath,
  } as const;
}

/** `--data`: all of them in one directory, under the names that they have by default. */
function inDirectory(directory: string): ReadonlyMap<string, string> {
  return new Map([
    [optionName("CoreDatabasePath"), directory],
    [optionName("DeviceModelDatabasePath"), join(directory, "device_model_storage.db")],
    [optionName("EverestDeviceModelDatabasePath"), join(directory, "everest_device_model_storage.db")],
  ]);
}

/**
 * A path that was named counts before `--data`, that before the environment and EVerest's configuration.
 * @param readConfiguration `readEverestConfiguration`, or what reads as much as can be made out in spite of defects
 * @throws EverestYamlError, ConfigurationError
 */
export function locateDatabases(
  values: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string | undefined>>,
  readConfiguration: (
    path: string,
    moduleId: string | undefined,
  ) => ConfiguredModule | undefined = readEverestConfiguration,
): Location {
  const text = (name: string): string | undefined => {
    const value = values[name];
    return typeof value === "string" ? value : undefined;
  };
  const config = text("config");
  const data = text("data");
  const module = config === undefined ? undefined : readConfiguration(config, text("module"));
  const named = PATHS.flatMap((name) => {
    const value = text(optionName(name));
    return value === undefined ? [] : [[optionName(name), value] as const];
  });
  const share = shareDirectory(text("prefix") ?? module?.options.get("prefix") ?? DEFAULT_PREFIX);
  const { parameters } = readParameters({
    slot: slotOf(module?.configuration.moduleName),
    moduleId: module?.moduleId ?? "",
    delivered: module?.configuration.parameters ?? new Map(),
    options: new Map([...(data === undefined ? [] : inDirectory(data)), ...named]),
    environment,
    shareDirectory: share,
  });
  return { parameters, share };
}
