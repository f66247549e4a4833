import type { Database } from "bun:sqlite";
import * as v from "valibot";
import type { Logger } from "../log/logger.ts";
import { jsonColumn } from "./json-column.ts";

/** One CALL that waits for delivery, as libocpp's queue tables keep it (STORES 1.2). */
export interface QueuedMessage {
  readonly rowId: number;
  readonly messageId: string;
  readonly action: string;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly attempts: number;
}

export interface DroppedEvent {
  readonly messageId: string;
  readonly transactionId: string;
  readonly seqNo: number;
}

const Row = v.object({
  rowid: v.number(),
  UNIQUE_ID: v.string(),
  MESSAGE: jsonColumn(v.tuple([v.literal(2), v.string(), v.string(), v.record(v.string(), v.unknown())])),
  MESSAGE_ATTEMPTS: v.number(),
});

/** What is needed of a TransactionEvent to go on with its transaction. */
const TransactionEvent = v.object({
  eventType: v.picklist(["Started", "Updated", "Ended"]),
  timestamp: v.pipe(v.string(), v.isoTimestamp()),
  seqNo: v.number(),
  transactionInfo: v.object({ transactionId: v.string(), chargingState: v.exactOptional(v.string()) }),
  evse: v.exactOptional(v.object({ id: v.number(), connectorId: v.exactOptional(v.number()) })),
  idToken: v.exactOptional(v.unknown()),
});
export type QueuedTransactionEvent = v.InferOutput<typeof TransactionEvent>;
const TransactionEventMessage = jsonColumn(v.tuple([v.number(), v.string(), v.string(), TransactionEvent]));

const EVENTS = "WHERE MESSAGE_TYPE = 'TransactionEvent' AND json_valid(MESSAGE)";
const TRANSACTION_ID = "json_extract(MESSAGE, '$[3].transactionInfo.transactionId')";

/** A durable queue in one of libocpp's tables; the order is that of `rowid`. */
export class MessageQueueRepository {
  /** Counted when it is needed, then kept up to date. */
  private known: number | undefined;
  /** The first row, when it was written by this process and nothing has touched the table since: it need not be read back. */
  private written: QueuedMessage | undefined;

  constructor(
    private readonly database: Database,
    private readonly table: "TRANSACTION_QUEUE" | "NORMAL_QUEUE",
    private readonly logger: Logger,
  ) {}

  get length(): number {
    this.known ??= Number(this.database.query(`SELECT count(*) FROM ${this.table}`).values()[0]?.[0] ?? 0);
    return this.known;
  }

  /** When the oldest message was created; undefined without one, or when its row does not tell. */
  get oldest(): Date | undefined {
    if (this.length === 0) return undefined;
    const [row] = this.database.query(`SELECT MESSAGE_TIMESTAMP FROM ${this.table} ORDER BY rowid LIMIT 1`).values();
    const created = new Date(String(row?.[0]));
    return Number.isNaN(created.getTime()) ? undefined : created;
  }

  /** How many messages of any queue were put aside. */
  get putAsideLength(): number {
    return Number(this.database.query("SELECT count(*) FROM STATION_REJECTED_MESSAGE").values()[0]?.[0] ?? 0);
  }

  append(messageId: string, action: string, payload: unknown, createdAt: Date): void {
    const isFirst = this.length === 0;
    const message = JSON.stringify([2, messageId, action, payload]);
    const { lastInsertRowid } = this.database
      .query(
        `INSERT INTO ${this.table} (rowid, UNIQUE_ID, MESSAGE, MESSAGE_TYPE, MESSAGE_ATTEMPTS, MESSAGE_TIMESTAMP)
         VALUES ((SELECT coalesce(max(rowid), 0) + 1 FROM ${this.table}), ?, ?, ?, 0, ?)`,
      )
      .run(messageId, message, action, createdAt.toISOString());
    this.changeLength(1);
    // As it stands in the table, so without members that are undefined.
    if (isFirst)
      this.written = {
        rowId: Number(lastInsertRowid),
        messageId,
        action,
        payload: JSON.parse(message)[3] as QueuedMessage["payload"],
        attempts: 0,
      };
  }

  /** The oldest message, or the oldest of one action. A row that cannot be read is put aside, so that it does not stop the others. */
  head(action?: string): QueuedMessage | undefined {
    if (this.written !== undefined && (action === undefined || action === this.written.action)) return this.written;
    for (;;) {
      const row =
        action === undefined
          ? this.database.query(`SELECT rowid, * FROM ${this.table} ORDER BY rowid LIMIT 1`).get()
          : this.database
              .query(`SELECT rowid, * FROM ${this.table} WHERE MESSAGE_TYPE = ? ORDER BY rowid LIMIT 1`)
              .get(action);
      if (row === null) {
        if (action === undefined) this.known = 0;
        return undefined;
      }
      const parsed = v.safeParse(Row, row);
      if (parsed.success) {
        const { rowid, UNIQUE_ID, MESSAGE, MESSAGE_ATTEMPTS } = parsed.output;
        return {
          rowId: rowid,
          messageId: UNIQUE_ID,
          action: MESSAGE[2],
          payload: MESSAGE[3],
          attempts: MESSAGE_ATTEMPTS,
        };
      }
      this.putAside(Number((row as { rowid?: unknown }).rowid), "unreadable row");
    }
  }

  /** Keeps a message for inspection and takes it out of the queue. */
  putAside(rowId: number, reason: string): void {
    this.logger.error(`A message of ${this.table} (row ${rowId}) is put aside: ${reason}`);
    this.database
      .query(
        `INSERT INTO STATION_REJECTED_MESSAGE (MESSAGE_TYPE, MESSAGE, REASON, REJECTED_AT)
         SELECT coalesce(MESSAGE_TYPE, ''), coalesce(MESSAGE, ''), ?, MESSAGE_TIMESTAMP FROM ${this.table} WHERE rowid = ?`,
      )
      .run(reason, rowId);
    this.remove(rowId);
  }

  remove(rowId: number): void {
    const { changes } = this.database.query(`DELETE FROM ${this.table} WHERE rowid = ?`).run(rowId);
    this.changeLength(-changes);
  }

  removeMessage(messageId: string): void {
    const { changes } = this.database.query(`DELETE FROM ${this.table} WHERE UNIQUE_ID = ?`).run(messageId);
    this.changeLength(-changes);
  }

  setAttempts(rowId: number, attempts: number): void {
    this.written = undefined;
    this.database.query(`UPDATE ${this.table} SET MESSAGE_ATTEMPTS = ? WHERE rowid = ?`).run(attempts, rowId);
  }

  /** E11.FR.07: whatever still waits when the connection goes was created offline. */
  markTransactionEventsOffline(): void {
    if (this.length === 0) return;
    this.written = undefined;
    this.database.run(
      `UPDATE ${this.table} SET MESSAGE = json_set(MESSAGE, '$[3].offline', json('true'))
       WHERE MESSAGE_TYPE = 'TransactionEvent' AND json_valid(MESSAGE) AND json_extract(MESSAGE, '$[3].offline') IS NOT 1`,
    );
  }

  /**
   * E04.FR.08, E11.FR.05, E12.FR.05, J02.FR.13: takes out every other Updated event (the 1st, 3rd, …) of each
   * transaction. Started and Ended stay, and so does what is told only once: the token, the EVSE.
   * The message in flight is spared. Returns what was dropped, to be logged.
   */
  dropEveryOtherUpdated(exceptRowId: number | undefined): readonly DroppedEvent[] {
    const rows = this.database
      .query(
        `SELECT rowid, UNIQUE_ID, json_extract(MESSAGE, '$[3].transactionInfo.transactionId'), json_extract(MESSAGE, '$[3].seqNo')
         FROM ${this.table}
         WHERE MESSAGE_TYPE = 'TransactionEvent' AND json_valid(MESSAGE) AND json_extract(MESSAGE, '$[3].eventType') = 'Updated'
         AND json_extract(MESSAGE, '$[3].idToken') IS NULL AND json_extract(MESSAGE, '$[3].evse') IS NULL
         ORDER BY rowid`,
      )
      .values();
    const seen = new Map<string, number>();
    const dropped: DroppedEvent[] = [];
    for (const [id, messageId, transaction, seqNo] of rows) {
      const transactionId = String(transaction);
      const index = seen.get(transactionId) ?? 0;
      seen.set(transactionId, index + 1);
      if (index % 2 === 1 || id === exceptRowId) continue;
      this.remove(Number(id));
      dropped.push({ messageId: String(messageId), transactionId, seqNo: Number(seqNo) });
    }
    return dropped;
  }

  /** To be called when a transaction of the database was rolled back: the number of messages may have changed in it. */
  countAnew(): void {
    this.known = undefined;
    this.written = undefined;
  }

  private changeLength(difference: number): void {
    if (difference <= 0) this.written = undefined;
    if (this.known !== undefined) this.known += difference;
  }

  /** Removes the oldest `number` messages of an action; returns their message ids. */
  dropOldestOf(action: string, number: number): readonly string[] {
    const dropped = this.database
      .query(
        `DELETE FROM ${this.table} WHERE rowid IN
         (SELECT rowid FROM ${this.table} WHERE MESSAGE_TYPE = ? ORDER BY rowid LIMIT ?) RETURNING UNIQUE_ID`,
      )
      .values(action, number)
      .map(([messageId]) => String(messageId));
    this.changeLength(-dropped.length);
    return dropped;
  }

  /** Removes the oldest messages with events of monitors, at most `number`, others only where none is periodic; returns how many. */
  dropOldestMonitorEvents(number: number): number {
    const drop = this.database.query(
      `DELETE FROM ${this.table} WHERE rowid IN (
         SELECT rowid FROM ${this.table}
         WHERE MESSAGE_TYPE = 'NotifyEvent' AND json_valid(MESSAGE)
           AND json_extract(MESSAGE, '$[3].eventData[0].variableMonitoringId') IS NOT NULL
           AND (json_extract(MESSAGE, '$[3].eventData[0].trigger') = 'Periodic') = ?
         ORDER BY rowid LIMIT ?)`,
    );
    const changes = drop.run(1, number).changes || drop.run(0, number).changes;
    this.changeLength(-changes);
    return changes;
  }

  /** Removes the oldest `number` messages; returns their actions. */
  dropOldest(number: number): readonly string[] {
    const dropped = this.database
      .query(
        `DELETE FROM ${this.table} WHERE rowid IN (SELECT rowid FROM ${this.table} ORDER BY rowid LIMIT ?)
         RETURNING MESSAGE_TYPE`,
      )
      .values(number)
      .map(([action]) => String(action));
    this.changeLength(-dropped.length);
    return dropped;
  }

  /** E14.FR.04: are messages of this transaction (or any transaction) still waiting? */
  hasTransactionEvents(transactionId?: string): boolean {
    const row =
      transactionId === undefined
        ? this.database.query(`SELECT 1 FROM ${this.table} WHERE MESSAGE_TYPE = 'TransactionEvent' LIMIT 1`).get()
        : this.database
            .query(
              `SELECT 1 FROM ${this.table} WHERE MESSAGE_TYPE = 'TransactionEvent' AND json_valid(MESSAGE)
               AND json_extract(MESSAGE, '$[3].transactionInfo.transactionId') = ? LIMIT 1`,
            )
            .get(transactionId);
    return row !== null;
  }

  /** The highest seqNo that waits for this transaction; undefined when none waits. */
  highestSequenceNumber(transactionId: string): number | undefined {
    const value = this.database
      .query(`SELECT max(json_extract(MESSAGE, '$[3].seqNo')) FROM ${this.table} ${EVENTS} AND ${TRANSACTION_ID} = ?`)
      .values(transactionId)[0]?.[0];
    return typeof value === "number" ? value : undefined;
  }

  /** Transactions of which events wait, the Ended one not among them, in the order of their first event. */
  openTransactions(): readonly string[] {
    return this.database
      .query(
        `SELECT ${TRANSACTION_ID} AS tx FROM ${this.table} ${EVENTS} AND tx IS NOT NULL
         GROUP BY tx HAVING max(json_extract(MESSAGE, '$[3].eventType') = 'Ended') = 0 ORDER BY min(rowid)`,
      )
      .values()
      .map(([transactionId]) => String(transactionId));
  }

  /** The events of a transaction that wait, in order, as far as they can be read. */
  transactionEvents(transactionId: string): readonly QueuedTransactionEvent[] {
    return this.database
      .query(`SELECT MESSAGE FROM ${this.table} ${EVENTS} AND ${TRANSACTION_ID} = ? ORDER BY rowid`)
      .values(transactionId)
      .flatMap(([message]) => {
        const parsed = v.safeParse(TransactionEventMessage, message);
        return parsed.success ? [parsed.output[3]] : [];
      });
  }
}
