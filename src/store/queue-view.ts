import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { mapRows, OptionalText, rowsOf, UNREADABLE, type ViewRow } from "./database-view.ts";
import { jsonColumn } from "./json-column.ts";

const Payload = v.object({
  eventType: OptionalText,
  seqNo: v.nullish(v.number()),
  offline: v.nullish(v.boolean()),
  type: OptionalText,
  transactionInfo: v.nullish(v.object({ transactionId: OptionalText })),
});
const QueueRow = v.object({
  ROW_NUMBER: v.number(),
  UNIQUE_ID: v.string(),
  MESSAGE: v.fallback(jsonColumn(v.tuple([v.number(), v.string(), v.string(), Payload])), [2, "", UNREADABLE, {}]),
  MESSAGE_ATTEMPTS: v.number(),
  MESSAGE_TIMESTAMP: v.string(),
});

function queueOf(
  database: Database,
  table: "TRANSACTION_QUEUE" | "NORMAL_QUEUE",
  limit: number | undefined,
): readonly ViewRow[] {
  const queue = table === "TRANSACTION_QUEUE" ? "durable" : "normal";
  return mapRows(
    rowsOf(database, table, "rowid", limit),
    QueueRow,
    ({ ROW_NUMBER, UNIQUE_ID, MESSAGE, MESSAGE_ATTEMPTS, MESSAGE_TIMESTAMP }) => ({
      queue,
      position: ROW_NUMBER,
      created: MESSAGE_TIMESTAMP,
      action: MESSAGE[2],
      event: MESSAGE[3].eventType ?? MESSAGE[3].type ?? null,
      seqNo: MESSAGE[3].seqNo ?? null,
      offline: MESSAGE[3].offline ?? null,
      attempts: MESSAGE_ATTEMPTS,
      transactionId: MESSAGE[3].transactionInfo?.transactionId ?? null,
      messageId: UNIQUE_ID,
    }),
  );
}

const PutAsideRow = v.object({ ID: v.number(), MESSAGE_TYPE: v.string(), REASON: v.string(), REJECTED_AT: v.string() });

/** What could not be sent and is kept for whoever looks for it. */
function putAside(database: Database, limit: number | undefined): readonly ViewRow[] {
  return mapRows(rowsOf(database, "STATION_REJECTED_MESSAGE", "rowid", limit), PutAsideRow, (row) => ({
    queue: "put aside",
    position: row.ID,
    created: row.REJECTED_AT,
    action: row.MESSAGE_TYPE,
    event: row.REASON,
    seqNo: null,
    offline: null,
    attempts: null,
    transactionId: null,
    messageId: null,
  }));
}

/** Messages that wait for the CSMS, in the order in which they will leave, and those that never will; at most `limit` of each kind. */
export function queueView(database: Database, limit?: number): readonly ViewRow[] {
  return [
    ...queueOf(database, "TRANSACTION_QUEUE", limit),
    ...queueOf(database, "NORMAL_QUEUE", limit),
    ...putAside(database, limit),
  ];
}
