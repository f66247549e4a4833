import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { mapRows, OptionalText, rowsOf, UNREADABLE, type ViewRow } from "../../store/database-view.ts";
import { jsonColumn } from "../../store/json-column.ts";
import { readOcspAnswer } from "./ocsp-answer.ts";

const Request = v.object({
  hashAlgorithm: v.picklist(["SHA256", "SHA384", "SHA512"]),
  issuerNameHash: v.string(),
  issuerKeyHash: v.string(),
  serialNumber: v.string(),
  responderURL: OptionalText,
});

const Row = v.object({
  CERTIFICATE: v.string(),
  REQUEST: v.fallback(v.nullable(jsonColumn(Request)), null),
  RESULT: OptionalText,
  FETCHED_AT: OptionalText,
  STALE: v.number(),
});

function answerOf(result: string | null | undefined, request: v.InferOutput<typeof Request> | null) {
  if (result === null || result === undefined) return { status: null, validUntil: null };
  try {
    if (request === null) throw new Error("nobody knows what it is about");
    const { status, nextUpdate } = readOcspAnswer(result, request);
    return { status, validUntil: nextUpdate?.toISOString() ?? null };
  } catch {
    return { status: UNREADABLE, validUntil: null };
  }
}

/** What is known of the revocation of the V2G certificates. */
export function ocspView(database: Database): readonly ViewRow[] {
  return mapRows(rowsOf(database, "STATION_OCSP"), Row, ({ CERTIFICATE, REQUEST, RESULT, FETCHED_AT, STALE }) => ({
    serialNumber: REQUEST?.serialNumber ?? CERTIFICATE,
    responder: REQUEST?.responderURL ?? null,
    ...answerOf(RESULT, REQUEST),
    fetchedAt: FETCHED_AT ?? null,
    stale: STALE !== 0,
  }));
}
