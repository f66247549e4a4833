import { statSync } from "node:fs";
import { join } from "node:path";
import { reportMissing } from "../../agent/lost-databases.ts";
import { openStores } from "../../agent/stores.ts";
import type { ModuleParameters } from "../../config/parameters.ts";
import { ComponentConfigError } from "../../device-model/component-config.ts";
import type { Clock } from "../../lib/clock.ts";
import { type Logger, silentLogger } from "../../log/logger.ts";
import { databaseFiles } from "../database-location.ts";
import { copyDatabase } from "../inspect/live-database.ts";
import { type ExaminedDatabase, examineDatabase, type SchemaVersions } from "./examined-database.ts";

/** One file before and after this program has opened a copy of it. */
export interface TriedDatabase {
  readonly name: "core" | "deviceModel" | "everestDeviceModel";
  readonly path: string;
  /** Absent when there is no such file: a start makes it. */
  readonly found?: SchemaVersions;
  /** Absent when the copy could not be brought up to date. */
  readonly after?: SchemaVersions;
  /** Number of rows by table, afterwards. */
  readonly tables: Readonly<Record<string, number>>;
}

export interface Trial {
  readonly databases: readonly TriedDatabase[];
  readonly defects: readonly string[];
  readonly warnings: readonly string[];
}

interface TrialOptions {
  readonly parameters: ModuleParameters;
  readonly share: string;
  /** Where the copies are made. */
  readonly directory: string;
  readonly clock: Clock;
}

const NAMES = ["core", "deviceModel", "everestDeviceModel"] as const;

/** What a start would say. Whatever it calls an error is worse than that: something would be lost. */
function collectingLogger(defects: string[], warnings: string[]): Logger {
  const defect = (message: string): void => void defects.push(message);
  return { ...silentLogger, warn: (message) => void warnings.push(message), error: defect, critical: defect };
}

/** What is less than before; the tables of a device model follow the component configuration. */
function shrunk(before: ExaminedDatabase, after: ExaminedDatabase): readonly string[] {
  return Object.entries(before.tables).flatMap(([table, rows]) => {
    const left = after.tables[table] ?? 0;
    return left < rows ? [`${table} has ${rows} rows, ${left} after the opening`] : [];
  });
}

/**
 * Opens copies of the three databases as a start would: with their migrations, the component configuration and every row.
 * The files themselves are only read, also while a station has them open.
 */
export function tryDatabases({ parameters, share, directory, clock }: TrialOptions): Trial {
  const defects: string[] = [];
  const warnings: string[] = [];
  const originals = databaseFiles(parameters);
  const copied: ModuleParameters = {
    ...parameters,
    CoreDatabasePath: directory,
    DeviceModelDatabasePath: join(directory, "device_model_storage.db"),
    EverestDeviceModelDatabasePath: join(directory, "everest_device_model_storage.db"),
  };
  const copies = databaseFiles(copied);
  const logger = collectingLogger(defects, warnings);
  const present = NAMES.filter((name) => (statSync(originals[name], { throwIfNoEntry: false })?.size ?? 0) > 0);
  reportMissing(Object.values(originals), logger);
  const attempt = <Result>(work: () => Result): Result | undefined => {
    try {
      return work();
    } catch (error) {
      // That was examined by itself, with each of its defects.
      if (!(error instanceof ComponentConfigError)) defects.push((error as Error).message);
      return undefined;
    }
  };

  const before = new Map(
    present.flatMap((name) => {
      const found = attempt(() => {
        copyDatabase(originals[name], copies[name]);
        return examineDatabase(copies[name]);
      });
      return found === undefined ? [] : [[name, found] as const];
    }),
  );
  const opens =
    defects.length === 0 &&
    attempt(() => {
      const { core, deviceModel, everestStorage } = openStores({
        parameters: copied,
        shareDirectory: share,
        clock,
        logger,
      });
      for (const store of [core, deviceModel, everestStorage]) store.close();
      return true;
    }) === true;
  const databases = NAMES.map((name): TriedDatabase => {
    const found = before.get(name);
    const after = opens ? attempt(() => examineDatabase(copies[name])) : undefined;
    defects.push(...(after?.defects ?? found?.defects ?? []).map((text) => `${originals[name]}: ${text}`));
    if (name === "core" && found !== undefined && after !== undefined)
      warnings.push(...shrunk(found, after).map((text) => `${originals[name]}: ${text}`));
    return {
      name,
      path: originals[name],
      ...(found !== undefined && { found: found.versions }),
      ...(after !== undefined && { after: after.versions }),
      tables: after?.tables ?? found?.tables ?? {},
    };
  });
  // A message about a copy is meant for the file that it is a copy of.
  const named = (text: string): string =>
    NAMES.reduce((changed, name) => changed.replaceAll(copies[name], originals[name]), text);
  return { databases, defects: [...new Set(defects.map(named))], warnings: [...new Set(warnings.map(named))] };
}
