import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ModuleParameters } from "../config/parameters.ts";
import { readComponentConfig } from "../device-model/component-config.ts";
import type { ComponentDefinition } from "../device-model/definitions.ts";
import { type DeviceModel, openDeviceModel } from "../device-model/device-model.ts";
import { embeddedComponentConfig } from "../device-model/embedded-component-config.ts";
import { DeviceModelStorage } from "../device-model/storage.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import { CORE_DATABASE_FILE, type CoreDatabase, openCoreDatabase } from "../store/core-database.ts";
import { isBeingReplaced } from "../store/damaged-database.ts";
import { demandAccess } from "../store/database-access.ts";
import type { DatabaseLocks } from "../store/database-lock.ts";
import { demandDistinct, realDatabasePath } from "../store/database-path.ts";
import { noteLoss } from "../store/losses.ts";
import { migrationDirectoryDifference } from "../store/migration-directory.ts";
import { takeDatabases } from "./lock-databases.ts";
import { reportMissing } from "./lost-databases.ts";

export interface Stores {
  readonly core: CoreDatabase;
  readonly deviceModel: DeviceModel;
  readonly everestStorage: DeviceModelStorage;
  /** The EVSEs whose component file sets AllowReset: the maker says that switching them off and on resets them. */
  readonly resettableEvseIds: ReadonlySet<number>;
  /** What was lost with damaged, emptied or missing files, each worth a security event. */
  readonly losses: readonly string[];
  /** They have been told; until then the next start tells them as well. */
  forgetLosses(): void;
}

/** The databases are this process's, and nothing of them has been touched yet. */
export interface TakenStores {
  readonly locks: DatabaseLocks;
  /** There is no file yet: what opening makes is sound, and takes a moment for the disk. */
  readonly areNew: boolean;
  /** @throws DatabaseError */
  open(): Stores;
}

interface StoreOptions {
  readonly parameters: ModuleParameters;
  /** The module's directory below EVerest's shared data. */
  readonly shareDirectory: string;
  /** To be filled; else a new one is. */
  readonly deviceModel?: DeviceModel;
  readonly clock: Clock;
  readonly logger: Logger;
}

function resettableEvseIds(configured: readonly ComponentDefinition[]): ReadonlySet<number> {
  const allows = ({ name, variables }: ComponentDefinition): boolean =>
    name === "EVSE" &&
    variables.some(
      (variable) => variable.name === "AllowReset" && variable.attributes.some(({ value }) => value === "true"),
    );
  return new Set(configured.filter(allows).flatMap(({ evseId }) => evseId ?? []));
}

/** The configured directory, or where nothing was configured and nothing is installed, the embedded one. */
export function componentConfigDirectory(configured: string, shareDirectory: string): string {
  const isDefault = configured === join(shareDirectory, "component_config");
  return isDefault && !existsSync(configured) ? embeddedComponentConfig() : configured;
}

/** Only embedded migrations are executed: they are the ones that fit this program. */
function reportMigrationDirectory(directory: string, { shareDirectory, logger }: StoreOptions): void {
  const isDefault = directory === join(shareDirectory, "device_model_migrations");
  if (isDefault && !existsSync(directory)) return;
  const difference = migrationDirectoryDifference(directory, "device_model");
  if (difference !== undefined)
    logger.warn(
      `DeviceModelDatabaseMigrationPath ${directory} is not used, the embedded migrations are: ${difference}`,
    );
}

/** What must be right before any database is touched; the component configuration, and the paths in the order of a first start. */
function examine(options: StoreOptions) {
  const { parameters, shareDirectory } = options;
  const directory = componentConfigDirectory(parameters.DeviceModelConfigPath, shareDirectory);
  const configured = readComponentConfig(directory);
  reportMigrationDirectory(parameters.DeviceModelDatabaseMigrationPath, options);
  const { CoreDatabasePath, DeviceModelDatabasePath, EverestDeviceModelDatabasePath } = parameters;
  const paths = [join(CoreDatabasePath, CORE_DATABASE_FILE), DeviceModelDatabasePath, EverestDeviceModelDatabasePath];
  demandAccess(paths);
  demandDistinct(paths);
  return { configured, paths };
}

/**
 * Opens the three databases, which nobody else may have open: copies, say. The component configuration is read first: with a
 * defect in it none of them is touched, and none when one of them may not be opened.
 * @throws ComponentConfigError, DatabaseError
 */
export function openStores(options: StoreOptions): Stores {
  const { configured, paths } = examine(options);
  return openFiles(options, configured, paths);
}

/**
 * The same for the station in two steps: no other process may use them until `locks` are released. @throws likewise, but for
 * what is wrong with the files themselves
 */
export async function takeStores(options: StoreOptions): Promise<TakenStores> {
  const { configured, paths } = examine(options);
  const locks = await takeDatabases(paths, options.clock, options.logger);
  const areNew = paths.map(realDatabasePath).every((path) => !existsSync(path) && !isBeingReplaced(path));
  return { locks, areNew, open: () => openFiles(options, configured, paths) };
}

function openFiles(
  { parameters, deviceModel: given, clock, logger }: StoreOptions,
  configured: readonly ComponentDefinition[],
  paths: readonly string[],
): Stores {
  const { CoreDatabasePath, DeviceModelDatabasePath, EverestDeviceModelDatabasePath } = parameters;
  const components = configured.filter(({ name }) => name !== "EVSE" && name !== "Connector");
  const missing = reportMissing(paths, logger);
  const core = openCoreDatabase({ directory: CoreDatabasePath, clock, logger });
  for (const text of missing) noteLoss(core.database, text);
  const opened = openDeviceModel({ path: DeviceModelDatabasePath, components, deviceModel: given, clock, logger });
  const { deviceModel } = opened;
  deviceModel.watchLater(configured);
  const everestStorage = new DeviceModelStorage({ path: EverestDeviceModelDatabasePath, clock, logger });
  const losses = [...missing, ...core.losses, ...opened.losses, ...everestStorage.losses];
  const forgetLosses = (): void => {
    for (const store of [core, opened, everestStorage]) store.forgetLosses();
  };
  return { core, deviceModel, everestStorage, resettableEvseIds: resettableEvseIds(configured), losses, forgetLosses };
}
