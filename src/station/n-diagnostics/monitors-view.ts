import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { MONITOR_KINDS, MONITOR_TYPES } from "../../device-model/monitor-rules.ts";
import { isSecretName } from "../../log/mask-secrets.ts";
import { mapRows, OptionalText, rowsOf, type ViewRow } from "../../store/database-view.ts";

const MONITORS = `
  SELECT m.*, c.NAME AS component, c.INSTANCE AS componentInstance, c.EVSE_ID AS evse, c.CONNECTOR_ID AS connector,
    v.NAME AS variable, v.INSTANCE AS instance
  FROM VARIABLE_MONITORING m JOIN VARIABLE v ON v.ID = m.VARIABLE_ID JOIN COMPONENT c ON c.ID = v.COMPONENT_ID
  ORDER BY m.ID`;

const MonitorRow = v.object({
  ID: v.number(),
  component: OptionalText,
  componentInstance: OptionalText,
  evse: v.nullish(v.number()),
  connector: v.nullish(v.number()),
  variable: OptionalText,
  instance: OptionalText,
  TYPE_ID: v.number(),
  CONFIG_TYPE_ID: v.nullish(v.number()),
  SEVERITY: v.nullish(v.number()),
  TRANSACTION: v.nullish(v.number()),
  VALUE: v.nullish(v.number()),
  REFERENCE_VALUE: v.nullish(v.union([v.string(), v.number()])),
});

/** The monitors of one device-model file; `replaced` tells of a preconfigured one that FactoryDefault brings back. */
export function monitorsView(database: Database): readonly ViewRow[] {
  if (rowsOf(database, "VARIABLE_MONITORING").length === 0) return [];
  const overruled = new Set(
    rowsOf(database, "STATION_OVERRULED_MONITOR").map((row) => (row as { readonly ID?: unknown }).ID),
  );
  return mapRows(database.query(MONITORS).all(), MonitorRow, (row) => ({
    id: row.ID,
    component: row.component ?? null,
    componentInstance: row.componentInstance ?? null,
    evse: row.evse ?? null,
    connector: row.connector ?? null,
    variable: row.variable ?? null,
    instance: row.instance ?? null,
    type: MONITOR_TYPES[row.TYPE_ID] ?? null,
    value: row.VALUE ?? null,
    severity: row.SEVERITY ?? null,
    kind: MONITOR_KINDS[row.CONFIG_TYPE_ID ?? -1] ?? null,
    transaction: row.TRANSACTION === 1,
    replaced: overruled.has(row.ID),
    reference: isSecretName(row.variable ?? "") ? "***" : (row.REFERENCE_VALUE ?? null),
  }));
}
