import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { jsonColumn } from "./json-column.ts";
import type { Token } from "./token-hash.ts";

/** As much of a stored TransactionEvent as tells whose it is. */
const Event = jsonColumn(
  v.tuple([
    v.number(),
    v.string(),
    v.literal("TransactionEvent"),
    v.object({
      transactionInfo: v.object({ transactionId: v.string() }),
      idToken: v.object({ idToken: v.string(), type: v.string() }),
    }),
  ]),
);

/** Most events do not: they need not be parsed. */
const NAMES_A_TOKEN = `WHERE MESSAGE_TYPE = 'TransactionEvent' AND instr(MESSAGE, '"idToken"') > 0`;

/** Messages in the queues, and among those that were put aside, that name a customer (N09, N10). */
export class CustomerMessageRepository {
  constructor(private readonly database: Database) {}

  /** Transactions of which an event that names the customer still waits for its delivery. */
  waitingTransactions(isCustomer: (token: Token) => boolean): readonly string[] {
    const rows = this.database
      .query(`SELECT rowid, MESSAGE FROM TRANSACTION_QUEUE ${NAMES_A_TOKEN} ORDER BY rowid`)
      .values();
    return [...new Set(this.eventsOf(rows, isCustomer).map(({ transactionId }) => transactionId))];
  }

  /** Removes what was put aside about the customer and will never be delivered; says how much that was. */
  removeRejected(isCustomer: (token: Token) => boolean): number {
    const found = this.rejected(isCustomer);
    for (const { rowId } of found) this.database.query("DELETE FROM STATION_REJECTED_MESSAGE WHERE ID = ?").run(rowId);
    return found.length;
  }

  rejectedTransactions(isCustomer: (token: Token) => boolean): readonly string[] {
    return [...new Set(this.rejected(isCustomer).map(({ transactionId }) => transactionId))];
  }

  private rejected(isCustomer: (token: Token) => boolean) {
    const rows = this.database
      .query(`SELECT ID, MESSAGE FROM STATION_REJECTED_MESSAGE ${NAMES_A_TOKEN} ORDER BY ID`)
      .values();
    return this.eventsOf(rows, isCustomer);
  }

  private eventsOf(
    rows: readonly (readonly unknown[])[],
    isCustomer: (token: Token) => boolean,
  ): readonly { readonly rowId: number; readonly transactionId: string }[] {
    return rows.flatMap(([rowId, message]) => {
      const parsed = v.safeParse(Event, message);
      if (!parsed.success || !isCustomer(parsed.output[3].idToken)) return [];
      return [{ rowId: Number(rowId), transactionId: parsed.output[3].transactionInfo.transactionId }];
    });
  }
}
