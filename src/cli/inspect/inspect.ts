import { existsSync } from "node:fs";
import type { ModuleParameters } from "../../config/parameters.ts";
import { variablesView } from "../../device-model/variables-view.ts";
import { CommandLineError } from "../../everest/command-line.ts";
import { SystemClock } from "../../lib/clock.ts";
import { toMessage } from "../../station/k-smart-charging/get-composite-schedule.ts";
import { BLOCKS } from "../../station/station.ts";
import type { DatabaseView, ViewRow } from "../../store/database-view.ts";
import { queueView } from "../../store/queue-view.ts";
import { databaseFiles, LOCATION_OPTIONS, locateDatabases } from "../database-location.ts";
import { readSubcommandLine } from "../options.ts";
import { print } from "../output.ts";
import { readDatabase } from "./live-database.ts";
import { chargingFacts, plot, type ScheduleQuestion, scheduleOf, scheduleRows } from "./schedule-view.ts";
import { toTable } from "./table.ts";

type Environment = Readonly<Record<string, string | undefined>>;

function ofDeviceModel(parameters: ModuleParameters, view: DatabaseView): readonly ViewRow[] {
  const own = readDatabase(parameters.DeviceModelDatabasePath, view);
  const everest = parameters.EverestDeviceModelDatabasePath;
  return existsSync(everest) ? [...own, ...readDatabase(everest, view)] : own;
}

/** What is shown: rows, or for JSON something else; and the text for people, a table unless said otherwise. */
interface Shown {
  readonly rows: readonly ViewRow[];
  readonly json?: unknown;
  readonly picture?: string;
}

type View = (parameters: ModuleParameters, question: ScheduleQuestion) => Shown;

/** What both files of the device model hold. */
const deviceModelView =
  (view: DatabaseView): View =>
  (parameters) => ({ rows: ofDeviceModel(parameters, view) });

const coreView =
  (...views: readonly DatabaseView[]): View =>
  (parameters) => ({
    rows: readDatabase(databaseFiles(parameters).core, (database) => views.flatMap((view) => view(database))),
  });

const scheduleView: View = (parameters, question) => {
  const variables = ofDeviceModel(parameters, variablesView);
  const facts = readDatabase(databaseFiles(parameters).core, (core) => chargingFacts(core, variables));
  const schedule = scheduleOf(facts, variables, question);
  return { rows: scheduleRows(schedule), json: toMessage(schedule), picture: plot(schedule) };
};

/** What the blocks have declared; those that show the same are shown together. */
const BLOCK_VIEWS = Map.groupBy(
  BLOCKS.flatMap(({ views }) => Object.entries<DatabaseView>(views)),
  ([name]) => name,
);

const VIEWS: Readonly<Record<string, View>> = {
  variables: deviceModelView(variablesView),
  queue: coreView(queueView),
  ...Object.fromEntries(
    BLOCKS.flatMap(({ deviceModelViews }) =>
      Object.entries<DatabaseView>(deviceModelViews).map(([name, view]) => [name, deviceModelView(view)]),
    ),
  ),
  ...Object.fromEntries(
    [...BLOCK_VIEWS].sort().map(([name, found]) => [name, coreView(...found.map(([, view]) => view))]),
  ),
  schedule: scheduleView,
};

const LONGEST_HOURS = 24 * 366;

/** @throws CommandLineError for what is no EVSE, no number of hours or no unit. */
function questionOf(text: (name: string) => string | undefined): ScheduleQuestion {
  const evseId = Number(text("evse") ?? 0);
  const hours = Number(text("hours") ?? 24);
  const unit = text("unit") ?? "A";
  if (!Number.isInteger(evseId) || evseId < 0) throw new CommandLineError("--evse wants the number of an EVSE, or 0");
  if (!(hours > 0 && hours <= LONGEST_HOURS))
    throw new CommandLineError(`--hours wants a number up to ${LONGEST_HOURS}`);
  if (unit !== "A" && unit !== "W") throw new CommandLineError("--unit wants A or W");
  return { evseId, hours, unit, now: new SystemClock().now() };
}

/**
 * `inspect <what> [text] [--config <everest.yaml>] [--json]`: what the databases hold, of a running station as well; with
 * `text` only rows that contain it. Reads, and changes nothing.
 */
export function inspect(argv: readonly string[], environment: Environment): number {
  const { values, positionals } = readSubcommandLine(argv, {
    ...LOCATION_OPTIONS,
    json: { type: "boolean", default: false },
    evse: { type: "string" },
    hours: { type: "string" },
    unit: { type: "string" },
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
  const { parameters } = locateDatabases(values, environment);
  const wanted = filter.toLowerCase();
  const shown = view(parameters, questionOf(text));
  const rows = shown.rows.filter((row) =>
    Object.values(row).some((value) =>
      String(value ?? "")
        .toLowerCase()
        .includes(wanted),
    ),
  );
  const { json = rows, picture = "" } = shown;
  print(given.json === true ? `${JSON.stringify(json, null, 2)}\n` : `${picture}${toTable(rows)}`);
  return 0;
}
