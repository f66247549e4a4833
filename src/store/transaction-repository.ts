import type { Database } from "bun:sqlite";
import * as v from "valibot";
import type { Logger } from "../log/logger.ts";
import { jsonColumn } from "./json-column.ts";
import { fromLibocppTime, toLibocppTime } from "./leap-seconds.ts";

/** A running transaction as it is kept: the columns that libocpp knows, and the whole state as JSON. */
export interface StoredTransaction {
  readonly transactionId: string;
  readonly evseId: number;
  readonly connectorId: number;
  readonly startedAt: Date;
  readonly nextSequenceNumber: number;
  readonly chargingState: string;
  readonly idTokenSent: boolean;
  /** The state machine's own record; its owner knows the schema. */
  readonly state: unknown;
}

const Own = v.object({ TRANSACTION_ID: v.string(), EVSE_ID: v.number(), STATE: jsonColumn(v.unknown()) });
/** A row of libocpp's table TRANSACTIONS (STORES 1). */
export const LibocppTransactionRow = v.object({
  TRANSACTION_ID: v.string(),
  EVSE_ID: v.number(),
  CONNECTOR_ID: v.number(),
  TIME_START: v.number(),
  SEQ_NO: v.number(),
  CHARGING_STATE: v.string(),
  ID_TAG_SENT: v.number(),
});

export class TransactionRepository {
  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
  ) {}

  /** Saves the record and keeps libocpp's row in step, so that the way back stays open. */
  save(transaction: StoredTransaction): void {
    this.database
      .query(
        `INSERT INTO STATION_TRANSACTION (TRANSACTION_ID, EVSE_ID, STATE) VALUES (?, ?, ?)
         ON CONFLICT (TRANSACTION_ID) DO UPDATE SET EVSE_ID = excluded.EVSE_ID, STATE = excluded.STATE`,
      )
      .run(transaction.transactionId, transaction.evseId, JSON.stringify(transaction.state));
    const place = [
      transaction.transactionId,
      transaction.evseId,
      transaction.connectorId,
      toLibocppTime(transaction.startedAt),
    ];
    const progress = [transaction.nextSequenceNumber, transaction.chargingState, transaction.idTokenSent ? 1 : 0];
    // What is replaced is written anew with its indexes: three pages for the disk instead of one.
    const { changes } = this.database
      .query(
        `UPDATE TRANSACTIONS SET SEQ_NO = ?, CHARGING_STATE = ?, ID_TAG_SENT = ?
         WHERE TRANSACTION_ID = ? AND EVSE_ID = ? AND CONNECTOR_ID = ? AND TIME_START = ?`,
      )
      .run(...progress, ...place);
    if (changes > 0) return;
    this.database
      .query(
        `INSERT OR REPLACE INTO TRANSACTIONS
         (TRANSACTION_ID, EVSE_ID, CONNECTOR_ID, TIME_START, SEQ_NO, CHARGING_STATE, ID_TAG_SENT) VALUES (?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(...place, ...progress);
  }

  remove(transactionId: string): void {
    this.database.query("DELETE FROM STATION_TRANSACTION WHERE TRANSACTION_ID = ?").run(transactionId);
    this.database.query("DELETE FROM TRANSACTIONS WHERE TRANSACTION_ID = ?").run(transactionId);
  }

  /** Does a transaction run on this EVSE, or did one run there when the process ended? */
  runsOn(evseId: number): boolean {
    return this.database.query("SELECT 1 FROM TRANSACTIONS WHERE EVSE_ID = ? LIMIT 1").get(evseId) !== null;
  }

  /** States of the transactions that ran when the process ended. */
  states(): readonly unknown[] {
    return this.database
      .query("SELECT * FROM STATION_TRANSACTION ORDER BY rowid")
      .all()
      .flatMap((row) => {
        const parsed = v.safeParse(Own, row);
        if (parsed.success) return [parsed.output.STATE];
        this.logger.error(`A stored transaction cannot be read: ${parsed.issues[0].message}`);
        return [];
      });
  }

  /**
   * The next number according to libocpp's row; undefined without one, when another transaction took its EVSE or another
   * program gave it up.
   */
  nextSequenceNumber(transactionId: string): number | undefined {
    const value = this.database.query("SELECT SEQ_NO FROM TRANSACTIONS WHERE TRANSACTION_ID = ?").values(transactionId);
    return typeof value[0]?.[0] === "number" ? value[0][0] : undefined;
  }

  /** Is it one of our own records? */
  has(transactionId: string): boolean {
    return (
      this.database.query("SELECT 1 FROM STATION_TRANSACTION WHERE TRANSACTION_ID = ?").get(transactionId) !== null
    );
  }

  /** Transactions that libocpp left behind and that are not ours yet (STORES 4, point 3). */
  leftByLibocpp(): readonly StoredTransaction[] {
    return this.database
      .query("SELECT * FROM TRANSACTIONS WHERE TRANSACTION_ID NOT IN (SELECT TRANSACTION_ID FROM STATION_TRANSACTION)")
      .all()
      .flatMap((row) => {
        const parsed = v.safeParse(LibocppTransactionRow, row);
        if (!parsed.success) {
          this.logger.error(`A transaction left by libocpp cannot be read: ${parsed.issues[0].message}`);
          return [];
        }
        const { TRANSACTION_ID, EVSE_ID, CONNECTOR_ID, TIME_START, SEQ_NO, CHARGING_STATE, ID_TAG_SENT } =
          parsed.output;
        return [
          {
            transactionId: TRANSACTION_ID,
            evseId: EVSE_ID,
            connectorId: CONNECTOR_ID,
            startedAt: fromLibocppTime(TIME_START),
            nextSequenceNumber: SEQ_NO,
            chargingState: CHARGING_STATE,
            idTokenSent: ID_TAG_SENT !== 0,
            state: undefined,
          },
        ];
      });
  }
}
