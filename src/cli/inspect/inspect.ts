import { existsSync } from "node:fs";
import { join } from "node:path";
import { slotOf } from "../../config/manifest.ts";
import { type ModuleParameters, optionName, readParameters } from "../../config/parameters.ts";
import { CommandLineError } from "../../everest/command-line.ts";
import { BLOCKS } from "../../station/station.ts";
import type { DatabaseView, ViewRow } from "../../store/database-view.ts";
import { DEFAULT_PREFIX, readEverestConfiguration, shareDirectory } from "../everest-configuration.ts";
import { readSubcommandLine } from "../options.ts";
import { print } from "../output.ts";
import { readDatabase } from "./live-database.ts";
import { queueView } from "./queue-view.ts";
import { toTable } from "./table.ts";
import { variablesView } from "./variables-view.ts";

type Environment = Readonly<Record<string, string | undefined>>;

const PATHS = ["CoreDatabasePath", "DeviceModelDatabasePath", "EverestDeviceModelDatabasePath"] as const;

function allVariables(parameters: ModuleParameters): readonly ViewRow[] {
  const own = readDatabase(parameters.DeviceModelDatabasePath, variablesView);
  const everest = parameters.EverestDeviceModelDatabasePath;
  return existsSync(everest) ? [...own, ...readDatabase(everest, variablesView)] : own;
}

type View = (parameters: ModuleParameters) => readonly ViewRow[];

const coreView =
  (...views: readonly DatabaseView[]): View =>
  (parameters) =>
    readDatabase(join(parameters.CoreDatabasePath, "cp.db"), (database) => views.flatMap((view) => view(database)));

/** What the blocks have declared; those that show the same are shown together. */
const BLOCK_VIEWS = Map.groupBy(
  BLOCKS.flatMap(({ views }) => Object.entries<DatabaseView>(views)),
  ([name]) => name,
);

const VIEWS: Readonly<Record<string, View>> = {
  variables: allVariables,
  queue: coreView(queueView),
  ...Object.fromEntries(
    [...BLOCK_VIEWS].sort().map(([name, found]) => [name, coreView(...found.map(([, view]) => view))]),
  ),
};

/**
 * `inspect <what> [text] [--config <everest.yaml>] [--json]`: what the databases hold, of a running station as well; with
 * `text` only rows that contain it. Reads, and changes nothing.
 */
export function inspect(argv: readonly string[], environment: Environment): number {
  const { values, positionals } = readSubcommandLine(argv, {
    config: { type: "string" },
    module: { type: "string", short: "m" },
    prefix: { type: "string" },
    json: { type: "boolean", default: false },
    ...Object.fromEntries(PATHS.map((name) => [optionName(name), { type: "string" as const }])),
  });
  const [what = "", filter = "", ...more] = positionals;
  const view = VIEWS[what];
  if (view === undefined || more.length > 0)
    throw new CommandLineError(`inspect ${Object.keys(VIEWS).join("|")} is expected, and at most one text to look for`);
  const given: Readonly<Record<string, unknown>> = values;
  const text = (name: string): string | undefined => {
    const value = given[name];
    return typeof value === "string" ? value : undefined;
  };
  const config = text("config");
  const module = config === undefined ? undefined : readEverestConfiguration(config, text("module"));
  const { parameters } = readParameters({
    slot: slotOf(module?.configuration.moduleName),
    moduleId: module?.moduleId ?? "",
    delivered: module?.configuration.parameters ?? new Map(),
    options: new Map(
      PATHS.flatMap((name) => {
        const value = text(optionName(name));
        return value === undefined ? [] : [[optionName(name), value] as const];
      }),
    ),
    environment,
    shareDirectory: shareDirectory(text("prefix") ?? module?.options.get("prefix") ?? DEFAULT_PREFIX),
  });
  const wanted = filter.toLowerCase();
  const rows = view(parameters).filter((row) =>
    Object.values(row).some((value) =>
      String(value ?? "")
        .toLowerCase()
        .includes(wanted),
    ),
  );
  print(given.json === true ? `${JSON.stringify(rows, null, 2)}\n` : toTable(rows));
  return 0;
}
