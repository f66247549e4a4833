import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { jsonColumn } from "../json-column.ts";
import type { RawRow } from "./row-reader.ts";

/** Columns that hold JSON; whose it is knows more of it. */
const JSON_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  AUTH_CACHE: ["ID_TOKEN_INFO"],
  AUTH_LIST: ["ID_TOKEN_INFO"],
  CHARGING_PROFILES: ["PROFILE"],
  STATION_STATE: ["VALUE"],
  STATION_TRANSACTION: ["STATE"],
  STATION_METER_VALUE: ["METER_VALUE"],
  STATION_RESERVATION: ["RESERVATION"],
  STATION_DISPLAY_MESSAGE: ["MESSAGE"],
};

/** A CALL with the id and the action that its row names. */
const QueuedCall = v.pipe(
  v.object({
    UNIQUE_ID: v.string(),
    MESSAGE_TYPE: v.string(),
    MESSAGE_TIMESTAMP: v.string(),
    MESSAGE: jsonColumn(v.tuple([v.literal(2), v.string(), v.string(), v.record(v.string(), v.unknown())])),
  }),
  v.check(
    ({ UNIQUE_ID, MESSAGE_TYPE, MESSAGE: [, messageId, action] }) => UNIQUE_ID === messageId && MESSAGE_TYPE === action,
    "the row is not that of its message",
  ),
);

const Cell = v.nullable(v.union([v.string(), v.number()]));
export type Cell = v.InferOutput<typeof Cell>;

const Column = v.object({ name: v.string(), type: v.string(), notnull: v.number(), pk: v.number() });

function schemaOfColumn({ type, notnull, pk }: v.InferOutput<typeof Column>): v.GenericSchema<unknown, Cell> {
  const base = /TEXT/i.test(type)
    ? v.string()
    : /INT/i.test(type)
      ? v.pipe(v.number(), v.integer())
      : /REAL/i.test(type)
        ? v.pipe(v.number(), v.finite())
        : v.union([v.string(), v.pipe(v.number(), v.finite())]);
  return notnull !== 0 || pk !== 0 ? base : v.nullable(base);
}

function refinementOf(table: string): v.GenericSchema | undefined {
  if (table === "TRANSACTION_QUEUE") return QueuedCall;
  // The tables have the same form; no TransactionEvent was ever in this one.
  if (table === "NORMAL_QUEUE")
    return v.pipe(
      QueuedCall,
      v.check(({ MESSAGE_TYPE }) => MESSAGE_TYPE !== "TransactionEvent"),
    );
  const columns = JSON_COLUMNS[table];
  return columns && v.object(Object.fromEntries(columns.map((column) => [column, jsonColumn(v.unknown())])));
}

/** Reads the columns that `fresh` and the row both have; undefined when one of them does not fit. */
export function createRowParser(
  fresh: Database,
  table: string,
): (row: RawRow) => Readonly<Record<string, Cell>> | undefined {
  const columns = fresh
    .query('SELECT name, type, "notnull", pk FROM pragma_table_info(?)')
    .all(table)
    .map((column) => v.parse(Column, column));
  const refinement = refinementOf(table);
  let schema: v.GenericSchema<unknown, Readonly<Record<string, Cell>>> | undefined;
  return (row) => {
    // All rows of a table have the same columns.
    schema ??= v.object(
      Object.fromEntries(
        columns.filter(({ name }) => name in row).map((column) => [column.name, schemaOfColumn(column)]),
      ),
    );
    const parsed = v.safeParse(schema, row);
    if (!parsed.success) return undefined;
    return refinement === undefined || v.is(refinement, row) ? parsed.output : undefined;
  };
}
