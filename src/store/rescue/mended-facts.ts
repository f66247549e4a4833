import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { jsonColumn } from "../json-column.ts";
import { toLibocppTime } from "../leap-seconds.ts";

/** As much of a running transaction's record as libocpp's row of it says. */
const OwnRecord = v.object({
  TRANSACTION_ID: v.string(),
  EVSE_ID: v.number(),
  STATE: jsonColumn(
    v.object({
      connectorId: v.number(),
      chargingState: v.string(),
      transaction: v.object({
        startedAt: v.pipe(v.string(), v.isoTimestamp()),
        nextSequenceNumber: v.number(),
        tokenTold: v.boolean(),
      }),
    }),
  ),
});

/**
 * The two records of a running transaction may lie on different pages: without libocpp's row ours would count as given up.
 * And whichever says the most is right about the next sequence number, the queue included: none is given twice (E01.FR.07).
 */
export function mendTransactions(fresh: Database): void {
  const restore = fresh.query(
    `INSERT OR IGNORE INTO TRANSACTIONS
       (TRANSACTION_ID, EVSE_ID, CONNECTOR_ID, TIME_START, SEQ_NO, CHARGING_STATE, ID_TAG_SENT) VALUES (?, ?, ?, ?, ?, ?, ?)`,
  );
  for (const raw of fresh.query("SELECT * FROM STATION_TRANSACTION").all()) {
    const parsed = v.safeParse(OwnRecord, raw);
    if (!parsed.success) continue;
    const { TRANSACTION_ID, EVSE_ID, STATE } = parsed.output;
    const { startedAt, nextSequenceNumber, tokenTold } = STATE.transaction;
    const start = toLibocppTime(new Date(startedAt));
    restore.run(
      TRANSACTION_ID,
      EVSE_ID,
      STATE.connectorId,
      start,
      nextSequenceNumber,
      STATE.chargingState,
      tokenTold ? 1 : 0,
    );
  }
  fresh.run(
    `UPDATE TRANSACTIONS SET SEQ_NO = max(SEQ_NO, coalesce((
       SELECT max(json_extract(MESSAGE, '$[3].seqNo')) + 1 FROM TRANSACTION_QUEUE
       WHERE MESSAGE_TYPE = 'TransactionEvent'
         AND json_extract(MESSAGE, '$[3].transactionInfo.transactionId') = TRANSACTIONS.TRANSACTION_ID), 0))`,
  );
  // What libocpp queues and the migrations remove (station/2.sql).
  fresh.run("DELETE FROM NORMAL_QUEUE WHERE MESSAGE_TYPE IN ('BootNotification', 'Heartbeat')");
}

const Sequence = v.tuple([v.string(), v.pipe(v.number(), v.integer())]);

/** Ids that are never given twice, such as those of monitors, go on from where they were. */
export function keepOnlyOnceGiven(source: Database, fresh: Database): void {
  if (fresh.query("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").get() === null) return;
  let found: readonly unknown[][];
  try {
    found = source.query("SELECT name, seq FROM sqlite_sequence").values();
  } catch {
    // They go on behind the highest id that could be read.
    return;
  }
  for (const row of found) {
    const parsed = v.safeParse(Sequence, row);
    if (!parsed.success) continue;
    const [name, last] = parsed.output;
    fresh
      .query(
        "INSERT INTO sqlite_sequence (name, seq) SELECT ?1, 0 WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = ?1)",
      )
      .run(name);
    fresh.query("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?").run(last, name);
  }
}
