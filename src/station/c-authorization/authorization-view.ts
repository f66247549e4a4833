import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { mapRows, OptionalText, rowsOf, UNREADABLE, type ViewRow, viewTime } from "../../store/database-view.ts";
import { jsonColumn } from "../../store/json-column.ts";

const AuthRow = v.object({
  ID_TOKEN_HASH: v.string(),
  ID_TOKEN_INFO: v.fallback(jsonColumn(v.object({ status: OptionalText, cacheExpiryDateTime: OptionalText })), {
    status: UNREADABLE,
  }),
  LAST_USED: v.nullish(v.number()),
  EXPIRY_DATE: v.nullish(v.number()),
});

function tokensOf(database: Database, table: "AUTH_LIST" | "AUTH_CACHE", limit?: number): readonly ViewRow[] {
  const store = table === "AUTH_LIST" ? "local list" : "cache";
  return mapRows(
    rowsOf(database, table, "ID_TOKEN_HASH", limit),
    AuthRow,
    ({ ID_TOKEN_HASH, ID_TOKEN_INFO, LAST_USED, EXPIRY_DATE }) => ({
      store,
      status: ID_TOKEN_INFO.status ?? null,
      lastUsed: viewTime(LAST_USED),
      expires: viewTime(EXPIRY_DATE) ?? ID_TOKEN_INFO.cacheExpiryDateTime ?? null,
      tokenHash: ID_TOKEN_HASH,
    }),
  );
}

/** Local authorization list and authorization cache: only hashes of the tokens are stored at all. */
export function authView(database: Database, limit?: number): readonly ViewRow[] {
  return [...tokensOf(database, "AUTH_LIST", limit), ...tokensOf(database, "AUTH_CACHE", limit)];
}
