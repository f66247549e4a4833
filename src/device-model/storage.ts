import type { Database } from "bun:sqlite";
import * as v from "valibot";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import type { DatabaseView, ViewRow } from "../store/database-view.ts";
import { forgetLosses } from "../store/losses.ts";
import { closeDatabase, emptyLog, openDatabase } from "../store/open-database.ts";
import { ConfiguredValues, type StoredAttribute } from "./configured-values.ts";
import {
  ATTRIBUTE_TYPES,
  type AttributeDefinition,
  type AttributeType,
  type Characteristics,
  type ComponentDefinition,
  componentKey,
  DATA_TYPES,
  MUTABILITIES,
  type VariableDefinition,
  variableKey,
} from "./definitions.ts";
import { MonitorStorage } from "./monitor-storage.ts";

const AttributeRow = v.object({
  ID: v.number(),
  VARIABLE_ID: v.number(),
  TYPE_ID: v.nullable(v.number()),
  VALUE: v.nullable(v.union([v.string(), v.number()])),
  VALUE_SOURCE: v.nullable(v.string()),
  MUTABILITY_ID: v.unknown(),
  PERSISTENT: v.unknown(),
  CONSTANT: v.unknown(),
});
type AttributeRow = v.InferOutput<typeof AttributeRow>;

const ComponentRow = v.object({
  ID: v.number(),
  NAME: v.nullable(v.string()),
  INSTANCE: v.nullable(v.string()),
  EVSE_ID: v.nullable(v.number()),
  CONNECTOR_ID: v.nullable(v.number()),
});
const VariableRow = v.object({
  ID: v.number(),
  NAME: v.nullable(v.string()),
  INSTANCE: v.nullable(v.string()),
  COMPONENT_ID: v.number(),
});

const CHARACTERISTICS = [
  "DATATYPE_ID",
  "MAX_LIMIT",
  "MIN_LIMIT",
  "SUPPORTS_MONITORING",
  "UNIT",
  "VALUES_LIST",
] as const;

function characteristicsRow(characteristics: Characteristics): readonly (string | number | null)[] {
  const { dataType, maxLimit, minLimit, supportsMonitoring, unit, valuesList } = characteristics;
  const limits = [maxLimit ?? null, minLimit ?? null];
  return [DATA_TYPES.indexOf(dataType), ...limits, supportsMonitoring ? 1 : 0, unit ?? null, valuesList ?? null];
}

interface ApplyContext {
  /** What the rows say of each variable; the table has no index by which one could be asked for. */
  readonly characteristics: ReadonlyMap<unknown, readonly unknown[]>;
  /** The rows that are there, by variable. */
  readonly attributes: ReadonlyMap<number, AttributeRow[]>;
  readonly variableSource: string | null;
  readonly stored: Map<string, StoredAttribute>;
  readonly alwaysCounts: boolean;
}

function address(row: { INSTANCE: string | null; EVSE_ID?: number | null; CONNECTOR_ID?: number | null }) {
  return {
    ...(row.INSTANCE !== null && { instance: row.INSTANCE }),
    ...(typeof row.EVSE_ID === "number" && { evseId: row.EVSE_ID }),
    ...(typeof row.CONNECTOR_ID === "number" && { connectorId: row.CONNECTOR_ID }),
  };
}

/**
 * One device-model file in libocpp's schema (STORES 2). What the configuration describes is written into it at each
 * start; values that somebody changed since are kept.
 */
export class DeviceModelStorage {
  /** What was lost of the file: each is worth a security event. */
  readonly losses: readonly string[];
  /** The monitors of the variables of this file. */
  readonly monitors: MonitorStorage;
  private readonly database: Database;
  private readonly configured: ConfiguredValues;

  constructor(options: { readonly path: string; readonly clock: Clock; readonly logger: Logger }) {
    const opened = openDatabase({ ...options, migrations: "device_model" });
    this.database = opened.database;
    this.losses = opened.losses;
    this.configured = new ConfiguredValues(this.database, options.logger);
    this.monitors = new MonitorStorage(this.database);
    this.database.run("PRAGMA foreign_keys = ON");
  }

  /** The file as `view` shows it. */
  show(view: DatabaseView, limit?: number): readonly ViewRow[] {
    return view(this.database, limit);
  }

  /** What was replaced is gone from the disk then. */
  emptyLog(): void {
    emptyLog(this.database);
  }

  /** The losses have been told. */
  forgetLosses(): void {
    forgetLosses(this.database);
  }

  close(): void {
    closeDatabase(this.database);
  }

  write(changes: readonly { readonly rowId: number; readonly value: string; readonly source: string }[]): void {
    if (changes.length === 0) return;
    const update = this.database.query("UPDATE VARIABLE_ATTRIBUTE SET VALUE = ?, VALUE_SOURCE = ? WHERE ID = ?");
    this.database.transaction(() => {
      for (const { rowId, value, source } of changes) update.run(value, source, rowId);
    })();
  }

  /**
   * Makes the file describe `components`; returns the attributes by `component key`, `variable key`, type. Components that
   * are in the file only are for `removeComponents` and `instancesOf`.
   * @param variableSource null for the component configuration, otherwise the name of another source.
   * @param livesElsewhere Components whose values are only copied here: what `components` says counts always.
   */
  apply(
    components: readonly ComponentDefinition[],
    variableSource: string | null,
    livesElsewhere: (component: ComponentDefinition) => boolean = () => false,
  ): Map<string, StoredAttribute> {
    const stored = new Map<string, StoredAttribute>();
    this.database.transaction(() => {
      const found = this.readComponents();
      const wanted = new Map(components.map((component) => [componentKey(component), component]));
      const variables = this.readVariables();
      const attributes = this.readAttributes();
      const characteristics = this.readCharacteristics();
      this.configured.read();
      for (const [key, component] of wanted) {
        const id = found.get(key) ?? this.insertComponent(component);
        const alwaysCounts = livesElsewhere(component);
        const context = { characteristics, attributes, variableSource, stored, alwaysCounts };
        this.applyVariables(id, key, component, variables.get(id) ?? new Map(), context);
      }
      this.database.run(
        "DELETE FROM STATION_APPLIED_VALUE WHERE ATTRIBUTE_ID NOT IN (SELECT ID FROM VARIABLE_ATTRIBUTE)",
      );
    })();
    return stored;
  }

  /** The instances under which the file has a component, whoever described it. */
  instancesOf(name: string): readonly string[] {
    return this.database
      .query("SELECT DISTINCT INSTANCE FROM COMPONENT WHERE NAME = ? COLLATE NOCASE AND INSTANCE IS NOT NULL")
      .values(name)
      .map(([instance]) => String(instance));
  }

  /**
   * Removes the components that `isRemoved` names among those that are not `described`, with all their values.
   * @returns those that stay, by name and instance.
   */
  removeComponents(
    described: Iterable<ComponentDefinition>,
    isRemoved: (component: Pick<ComponentDefinition, "name">) => boolean,
  ): readonly string[] {
    const wanted = new Set([...described].map(componentKey));
    const kept: string[] = [];
    this.database.transaction(() => {
      for (const [key, id] of this.readComponents()) {
        if (wanted.has(key)) continue;
        const [name, instance] =
          this.database.query("SELECT NAME, INSTANCE FROM COMPONENT WHERE ID = ?").values(id)[0] ?? [];
        if (isRemoved({ name: String(name ?? "") })) this.delete("COMPONENT", id);
        else kept.push(`${name ?? ""}${instance === null ? "" : `[${instance}]`}`);
      }
    })();
    return kept;
  }

  private readComponents(): Map<string, number> {
    const found = new Map<string, number>();
    for (const raw of this.database.query("SELECT * FROM COMPONENT ORDER BY ID").all()) {
      const row = v.safeParse(ComponentRow, raw);
      if (!row.success) continue;
      const key = componentKey({ name: row.output.NAME ?? "", ...address(row.output) });
      if (found.has(key)) this.delete("COMPONENT", row.output.ID);
      else found.set(key, row.output.ID);
    }
    return found;
  }

  private readVariables(): Map<number, Map<string, number>> {
    const variables = new Map<number, Map<string, number>>();
    for (const raw of this.database.query("SELECT * FROM VARIABLE ORDER BY ID").all()) {
      const row = v.safeParse(VariableRow, raw);
      if (!row.success) continue;
      const { ID, NAME, COMPONENT_ID } = row.output;
      const ofComponent = variables.get(COMPONENT_ID) ?? new Map<string, number>();
      variables.set(COMPONENT_ID, ofComponent);
      const key = variableKey({ name: NAME ?? "", ...address(row.output) });
      if (ofComponent.has(key)) this.delete("VARIABLE", ID);
      else ofComponent.set(key, ID);
    }
    return variables;
  }

  private readAttributes(): Map<number, AttributeRow[]> {
    const attributes = new Map<number, AttributeRow[]>();
    for (const raw of this.database.query("SELECT * FROM VARIABLE_ATTRIBUTE").all()) {
      const row = v.safeParse(AttributeRow, raw);
      if (!row.success) continue;
      const ofVariable = attributes.get(row.output.VARIABLE_ID) ?? [];
      attributes.set(row.output.VARIABLE_ID, ofVariable);
      ofVariable.push(row.output);
    }
    return attributes;
  }

  private readCharacteristics(): ReadonlyMap<unknown, readonly unknown[]> {
    const rows = this.database
      .query(`SELECT VARIABLE_ID, ${CHARACTERISTICS.join()} FROM VARIABLE_CHARACTERISTICS ORDER BY ID`)
      .values();
    return new Map(rows.map(([variableId, ...row]) => [variableId, row]));
  }

  private delete(table: "COMPONENT" | "VARIABLE" | "VARIABLE_ATTRIBUTE", id: number): void {
    this.database.query(`DELETE FROM ${table} WHERE ID = ?`).run(id);
  }

  private insertComponent({ name, instance, evseId, connectorId }: ComponentDefinition): number {
    const { lastInsertRowid } = this.database
      .query("INSERT INTO COMPONENT (NAME, INSTANCE, EVSE_ID, CONNECTOR_ID) VALUES (?, ?, ?, ?)")
      .run(name, instance ?? null, evseId ?? null, connectorId ?? null);
    return Number(lastInsertRowid);
  }

  private applyVariables(
    componentId: number,
    key: string,
    component: ComponentDefinition,
    found: ReadonlyMap<string, number>,
    { characteristics, attributes, variableSource, stored, alwaysCounts }: ApplyContext,
  ): void {
    const wanted = new Set(component.variables.map(variableKey));
    for (const [name, id] of found) if (!wanted.has(name)) this.delete("VARIABLE", id);
    for (const variable of component.variables) {
      const name = variableKey(variable);
      const id = found.get(name) ?? this.insertVariable(componentId, variable, variableSource);
      this.applyCharacteristics(id, variable.characteristics, characteristics.get(id));
      const known = attributes.get(id) ?? [];
      for (const row of known)
        if (!variable.attributes.some(({ type }) => ATTRIBUTE_TYPES.indexOf(type) === (row.TYPE_ID ?? 0)))
          this.delete("VARIABLE_ATTRIBUTE", row.ID);
      for (const attribute of variable.attributes) {
        const row = known.find(({ TYPE_ID }) => (TYPE_ID ?? 0) === ATTRIBUTE_TYPES.indexOf(attribute.type));
        const label = `${component.name}.${variable.name}${variable.instance === undefined ? "" : `[${variable.instance}]`}`;
        stored.set(
          attributeKey(key, name, attribute.type),
          this.applyAttribute(id, attribute, row, label, alwaysCounts),
        );
      }
    }
  }

  private insertVariable(componentId: number, { name, instance }: VariableDefinition, source: string | null): number {
    const { lastInsertRowid } = this.database
      .query("INSERT INTO VARIABLE (NAME, INSTANCE, COMPONENT_ID, SOURCE) VALUES (?, ?, ?, ?)")
      .run(name, instance ?? null, componentId, source);
    return Number(lastInsertRowid);
  }

  /** Like everything here it writes only what differs: a start without changes does not wear the disk. */
  private applyCharacteristics(
    variableId: number,
    characteristics: Characteristics,
    known: readonly unknown[] | undefined,
  ): void {
    const row = characteristicsRow(characteristics);
    if (known === undefined)
      this.database
        .query(
          `INSERT INTO VARIABLE_CHARACTERISTICS (${CHARACTERISTICS.join()}, VARIABLE_ID) VALUES (?, ?, ?, ?, ?, ?, ?)`,
        )
        .run(...row, variableId);
    else if (row.some((value, index) => value !== known[index]))
      this.database
        .query(
          `UPDATE VARIABLE_CHARACTERISTICS SET ${CHARACTERISTICS.map((column) => `${column} = ?`).join()} WHERE VARIABLE_ID = ?`,
        )
        .run(...row, variableId);
  }

  private applyAttribute(
    variableId: number,
    attribute: AttributeDefinition,
    row: AttributeRow | undefined,
    label: string,
    alwaysCounts: boolean,
  ): StoredAttribute {
    const { type, mutability, value, persistent = true, constant = false } = attribute;
    const properties = [MUTABILITIES.indexOf(mutability), persistent ? 1 : 0, constant ? 1 : 0] as const;
    if (row === undefined) {
      const { lastInsertRowid } = this.database
        .query(
          `INSERT INTO VARIABLE_ATTRIBUTE (VARIABLE_ID, MUTABILITY_ID, PERSISTENT, CONSTANT, TYPE_ID) VALUES (?, ?, ?, ?, ?)`,
        )
        .run(variableId, ...properties, ATTRIBUTE_TYPES.indexOf(type));
      const fresh = { rowId: Number(lastInsertRowid), value: undefined, source: undefined };
      return this.configured.apply(fresh, value);
    }
    const found = [row.MUTABILITY_ID, row.PERSISTENT, row.CONSTANT];
    if (properties.some((property, index) => property !== found[index]))
      this.database
        .query("UPDATE VARIABLE_ATTRIBUTE SET MUTABILITY_ID = ?, PERSISTENT = ?, CONSTANT = ? WHERE ID = ?")
        .run(...properties, row.ID);
    const kept = {
      rowId: row.ID,
      value: row.VALUE === null ? undefined : String(row.VALUE),
      source: row.VALUE_SOURCE || undefined,
    };
    const wins = alwaysCounts ? value !== undefined : !persistent || this.configured.wins(kept, value, label);
    return wins ? this.configured.apply(kept, value) : kept;
  }
}

export function attributeKey(component: string, variable: string, type: AttributeType): string {
  return `${component}\n${variable}\n${type}`;
}
