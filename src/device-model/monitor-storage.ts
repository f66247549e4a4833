import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { MONITOR_KINDS, MONITOR_TYPES, type MonitorDefinition } from "./monitor-rules.ts";

/** A monitor as it is kept: `id` is what the CSMS knows it by. */
export interface StoredMonitor extends MonitorDefinition {
  readonly id: number;
  readonly variableId: number;
}

const Setting = {
  ID: v.pipe(v.number(), v.integer()),
  VARIABLE_ID: v.number(),
  TYPE_ID: v.picklist(MONITOR_TYPES.map((_, index) => index)),
  SEVERITY: v.number(),
  TRANSACTION: v.nullable(v.number()),
  VALUE: v.pipe(v.number(), v.finite()),
  REFERENCE_VALUE: v.nullable(v.union([v.string(), v.number()])),
};
const OverruledRow = v.object(Setting);
/** A row of VARIABLE_MONITORING. */
export const MonitorRow = v.object({ ...Setting, CONFIG_TYPE_ID: v.picklist(MONITOR_KINDS.map((_, index) => index)) });

function toMonitor(row: v.InferOutput<typeof OverruledRow>, kind: number): StoredMonitor {
  return {
    id: row.ID,
    variableId: row.VARIABLE_ID,
    type: MONITOR_TYPES[row.TYPE_ID] ?? "Delta",
    kind: MONITOR_KINDS[kind] ?? "CustomMonitor",
    severity: row.SEVERITY,
    transaction: row.TRANSACTION === 1,
    value: row.VALUE,
    ...(row.REFERENCE_VALUE !== null && { reference: String(row.REFERENCE_VALUE) }),
  };
}

function columnsOf({ id, variableId, type, severity, transaction, value, reference }: StoredMonitor) {
  return [
    id,
    variableId,
    MONITOR_TYPES.indexOf(type),
    severity,
    transaction ? 1 : 0,
    value,
    reference ?? null,
  ] as const;
}

/**
 * The monitors in one device-model file: libocpp's VARIABLE_MONITORING (STORES 2.1), and beside it the preconfigured ones
 * that the CSMS has overruled. What cannot be read is passed over and left as it is.
 */
export class MonitorStorage {
  constructor(private readonly database: Database) {}

  read(): readonly StoredMonitor[] {
    return this.database
      .query("SELECT * FROM VARIABLE_MONITORING ORDER BY ID")
      .all()
      .flatMap((row) => {
        const parsed = v.safeParse(MonitorRow, row);
        return parsed.success ? [toMonitor(parsed.output, parsed.output.CONFIG_TYPE_ID)] : [];
      });
  }

  readOverruled(): readonly StoredMonitor[] {
    return this.database
      .query("SELECT * FROM STATION_OVERRULED_MONITOR ORDER BY ID")
      .all()
      .flatMap((row) => {
        const parsed = v.safeParse(OverruledRow, row);
        return parsed.success ? [toMonitor(parsed.output, MONITOR_KINDS.indexOf("PreconfiguredMonitor"))] : [];
      });
  }

  /** The row of a variable by the rows of its attributes. */
  variableIds(): ReadonlyMap<number, number> {
    return new Map(
      this.database
        .query("SELECT ID, VARIABLE_ID FROM VARIABLE_ATTRIBUTE")
        .values()
        .map(([attributeId, variableId]) => [Number(attributeId), Number(variableId)]),
    );
  }

  /** The highest id that was ever given in this file. */
  lastId(): number {
    const last = this.database.query("SELECT seq FROM sqlite_sequence WHERE name = 'VARIABLE_MONITORING'").values();
    return Number(last[0]?.[0] ?? 0);
  }

  save(monitor: StoredMonitor): void {
    this.database
      .query(
        `INSERT INTO VARIABLE_MONITORING
           (ID, VARIABLE_ID, TYPE_ID, SEVERITY, "TRANSACTION", VALUE, REFERENCE_VALUE, CONFIG_TYPE_ID)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (ID) DO UPDATE SET TYPE_ID = excluded.TYPE_ID, SEVERITY = excluded.SEVERITY,
           "TRANSACTION" = excluded."TRANSACTION", VALUE = excluded.VALUE, REFERENCE_VALUE = excluded.REFERENCE_VALUE,
           CONFIG_TYPE_ID = excluded.CONFIG_TYPE_ID, VARIABLE_ID = excluded.VARIABLE_ID`,
      )
      .run(...columnsOf(monitor), MONITOR_KINDS.indexOf(monitor.kind));
  }

  remove(id: number): void {
    this.database.query("DELETE FROM VARIABLE_MONITORING WHERE ID = ?").run(id);
  }

  overrule(monitor: StoredMonitor): void {
    this.database
      .query(
        `INSERT INTO STATION_OVERRULED_MONITOR (ID, VARIABLE_ID, TYPE_ID, SEVERITY, "TRANSACTION", VALUE, REFERENCE_VALUE)
         VALUES (?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (ID) DO UPDATE SET SEVERITY = excluded.SEVERITY, "TRANSACTION" = excluded."TRANSACTION",
           VALUE = excluded.VALUE, REFERENCE_VALUE = excluded.REFERENCE_VALUE`,
      )
      .run(...columnsOf(monitor));
  }

  forgetOverruled(id: number): void {
    this.database.query("DELETE FROM STATION_OVERRULED_MONITOR WHERE ID = ?").run(id);
  }

  transaction<Result>(change: () => Result): Result {
    return this.database.transaction(change)();
  }
}
