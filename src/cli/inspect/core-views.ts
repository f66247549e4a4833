import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { jsonColumn } from "../../store/json-column.ts";
import { fromLibocppTime } from "../../store/leap-seconds.ts";
import { LibocppTransactionRow } from "../../store/transaction-repository.ts";
import { rowsOf } from "./live-database.ts";
import type { Row } from "./table.ts";

const UNREADABLE = "(unreadable)";

/** What SQLite itself guarantees of a row is taken for granted; JSON in it is not, its schema has a fallback. */
function mapRows<Schema extends v.GenericSchema>(
  rows: readonly unknown[],
  schema: Schema,
  toRow: (row: v.InferOutput<Schema>) => Row,
): readonly Row[] {
  return rows.flatMap((row) => {
    const parsed = v.safeParse(schema, row);
    return parsed.success ? [toRow(parsed.output)] : [];
  });
}

const Text = v.nullish(v.string());
const time = (value: number | null | undefined): string | null =>
  typeof value === "number" && value > 0 ? fromLibocppTime(value).toISOString() : null;

const Payload = v.object({
  eventType: Text,
  seqNo: v.nullish(v.number()),
  offline: v.nullish(v.boolean()),
  type: Text,
  transactionInfo: v.nullish(v.object({ transactionId: Text })),
});
const QueueRow = v.object({
  ROW_NUMBER: v.number(),
  UNIQUE_ID: v.string(),
  MESSAGE: v.fallback(jsonColumn(v.tuple([v.number(), v.string(), v.string(), Payload])), [2, "", UNREADABLE, {}]),
  MESSAGE_ATTEMPTS: v.number(),
  MESSAGE_TIMESTAMP: v.string(),
});

function queueOf(database: Database, table: "TRANSACTION_QUEUE" | "NORMAL_QUEUE"): readonly Row[] {
  const queue = table === "TRANSACTION_QUEUE" ? "durable" : "normal";
  return mapRows(
    rowsOf(database, table),
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
function putAside(database: Database): readonly Row[] {
  return mapRows(rowsOf(database, "STATION_REJECTED_MESSAGE"), PutAsideRow, (row) => ({
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

/** Messages that wait for the CSMS, in the order in which they will leave, and those that never will. */
export function queueView(database: Database): readonly Row[] {
  return [...queueOf(database, "TRANSACTION_QUEUE"), ...queueOf(database, "NORMAL_QUEUE"), ...putAside(database)];
}

/** Running transactions; the token that authorized them is not shown. */
export function transactionsView(database: Database): readonly Row[] {
  return mapRows(rowsOf(database, "TRANSACTIONS", "EVSE_ID"), LibocppTransactionRow, (row) => ({
    evse: row.EVSE_ID,
    connector: row.CONNECTOR_ID,
    transactionId: row.TRANSACTION_ID,
    started: time(row.TIME_START),
    nextSeqNo: row.SEQ_NO,
    chargingState: row.CHARGING_STATE,
    idTokenTold: row.ID_TAG_SENT !== 0,
  }));
}

const ProfileRow = v.object({
  ID: v.number(),
  EVSE_ID: v.number(),
  STACK_LEVEL: v.number(),
  CHARGING_PROFILE_PURPOSE: v.string(),
  PROFILE: v.fallback(
    jsonColumn(
      v.object({
        chargingProfileKind: Text,
        validFrom: Text,
        validTo: Text,
        transactionId: Text,
        chargingSchedule: v.nullish(
          v.array(v.object({ chargingRateUnit: Text, chargingSchedulePeriod: v.nullish(v.array(v.unknown())) })),
        ),
      }),
    ),
    { chargingProfileKind: UNREADABLE },
  ),
  CHARGING_LIMIT_SOURCE: Text,
  TRANSACTION_ID: Text,
});
/** libocpp writes these where the CSMS gave no limit (STORES 1.2). */
const NO_LIMIT = new Set(["1970-01-01T00:00:00.000Z", "2262-04-11T23:46:49.854Z"]);
const limit = (text: string | null | undefined): string | null =>
  text === null || text === undefined || NO_LIMIT.has(text) ? null : text;

/** Charging profiles as they are stored. */
export function profilesView(database: Database): readonly Row[] {
  return mapRows(
    rowsOf(database, "CHARGING_PROFILES", "EVSE_ID, CHARGING_PROFILE_PURPOSE, STACK_LEVEL"),
    ProfileRow,
    ({ PROFILE, ...row }) => ({
      id: row.ID,
      evse: row.EVSE_ID,
      purpose: row.CHARGING_PROFILE_PURPOSE,
      stackLevel: row.STACK_LEVEL,
      kind: PROFILE.chargingProfileKind ?? null,
      source: row.CHARGING_LIMIT_SOURCE ?? null,
      validFrom: limit(PROFILE.validFrom),
      validTo: limit(PROFILE.validTo),
      periods: (PROFILE.chargingSchedule ?? []).reduce(
        (sum, { chargingSchedulePeriod }) => sum + (chargingSchedulePeriod?.length ?? 0),
        0,
      ),
      unit: PROFILE.chargingSchedule?.[0]?.chargingRateUnit ?? null,
      transactionId: row.TRANSACTION_ID ?? PROFILE.transactionId ?? null,
    }),
  );
}

const AuthRow = v.object({
  ID_TOKEN_HASH: v.string(),
  ID_TOKEN_INFO: v.fallback(jsonColumn(v.object({ status: Text, cacheExpiryDateTime: Text })), { status: UNREADABLE }),
  LAST_USED: v.nullish(v.number()),
  EXPIRY_DATE: v.nullish(v.number()),
});

function tokensOf(database: Database, table: "AUTH_LIST" | "AUTH_CACHE"): readonly Row[] {
  const store = table === "AUTH_LIST" ? "local list" : "cache";
  return mapRows(
    rowsOf(database, table, "ID_TOKEN_HASH"),
    AuthRow,
    ({ ID_TOKEN_HASH, ID_TOKEN_INFO, LAST_USED, EXPIRY_DATE }) => ({
      store,
      status: ID_TOKEN_INFO.status ?? null,
      lastUsed: time(LAST_USED),
      expires: time(EXPIRY_DATE) ?? ID_TOKEN_INFO.cacheExpiryDateTime ?? null,
      tokenHash: ID_TOKEN_HASH,
    }),
  );
}

/** Local authorization list and authorization cache: only hashes of the tokens are stored at all. */
export function authView(database: Database): readonly Row[] {
  return [...tokensOf(database, "AUTH_LIST"), ...tokensOf(database, "AUTH_CACHE")];
}
