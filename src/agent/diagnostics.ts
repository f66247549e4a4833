import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import manifest from "../../package.json" with { type: "json" };
import type { DeviceModel } from "../device-model/device-model.ts";
import { variablesView } from "../device-model/variables-view.ts";
import { type Clock, sleep } from "../lib/clock.ts";
import { maskSecrets } from "../log/mask-secrets.ts";
import { BLOCKS } from "../station/station.ts";
import type { CoreDatabase } from "../store/core-database.ts";
import type { DatabaseView, ViewRow } from "../store/database-view.ts";
import { queueView } from "../store/queue-view.ts";

const FILE = "diagnostics.json";
/** Of each table: nobody reads more, and the upload has to end some time. */
const ROW_LIMIT = 5_000;

export interface DiagnosticsSources {
  readonly directory: string;
  readonly core: Pick<CoreDatabase, "database">;
  readonly deviceModel: Pick<DeviceModel, "show">;
  readonly status: () => unknown;
  readonly clock: Clock;
}

/** What `inspect` shows, by name; what several blocks show under one name is shown together. */
function tables({ core, deviceModel }: DiagnosticsSources): ReadonlyMap<string, () => readonly ViewRow[]> {
  const ofCore = (view: DatabaseView) => view(core.database, ROW_LIMIT + 1);
  const ofDeviceModel = (view: DatabaseView) => deviceModel.show(view, ROW_LIMIT + 1);
  const views = [
    ["variables", () => ofDeviceModel(variablesView)] as const,
    ["queue", () => ofCore(queueView)] as const,
    ...BLOCKS.flatMap(({ views: own, deviceModelViews }) => [
      ...Object.entries<DatabaseView>(own).map(([name, view]) => [name, () => ofCore(view)] as const),
      ...Object.entries<DatabaseView>(deviceModelViews).map(
        ([name, view]) => [name, () => ofDeviceModel(view)] as const,
      ),
    ]),
  ];
  const byName = Map.groupBy(views, ([name]) => name);
  return new Map([...byName].map(([name, found]) => [name, () => found.flatMap(([, rows]) => rows())]));
}

/** One table as JSON without secrets, and whether that is all of it. */
function tableText(rows: readonly ViewRow[]): string {
  const shown = rows.slice(0, ROW_LIMIT);
  return `{"isComplete":${shown.length === rows.length},"rows":${maskSecrets(JSON.stringify(shown))}}`;
}

/** What cannot be read is no reason to tell nothing of the rest. */
function attempt(text: () => string): string {
  try {
    return text();
  } catch (error) {
    return JSON.stringify({ failed: (error as Error).message });
  }
}

/**
 * Writes what `/status` and `inspect` show, secrets masked, for whoever uploads logs; table by table, so that the station
 * does its work in between. @throws when the file cannot be written
 */
export async function writeDiagnostics(sources: DiagnosticsSources): Promise<string> {
  const { clock, directory, status } = sources;
  const path = join(directory, FILE);
  const head = { format: "everest-ocpp201 diagnostics 1", version: manifest.version, time: clock.now().toISOString() };
  const parts = [
    ...Object.entries(head).map(([name, value]) => `"${name}":${JSON.stringify(value)}`),
    `"status":${attempt(() => maskSecrets(JSON.stringify(status())))}`,
  ];
  const inspected: string[] = [];
  for (const [name, rows] of tables(sources)) {
    await sleep(clock, 0);
    inspected.push(`${JSON.stringify(name)}:${attempt(() => tableText(rows()))}`);
  }
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  // Whoever still reads an earlier one reads it to its end.
  writeFileSync(`${path}.new`, `{${parts.join(",\n")},\n"inspect":{${inspected.join(",\n")}}}\n`, { mode: 0o600 });
  renameSync(`${path}.new`, path);
  return path;
}
