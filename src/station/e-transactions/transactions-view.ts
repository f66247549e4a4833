import type { Database } from "bun:sqlite";
import { mapRows, rowsOf, type ViewRow, viewTime } from "../../store/database-view.ts";
import { LibocppTransactionRow } from "../../store/transaction-repository.ts";

/** Running transactions; the token that authorized them is not shown. */
export function transactionsView(database: Database): readonly ViewRow[] {
  return mapRows(rowsOf(database, "TRANSACTIONS", "EVSE_ID"), LibocppTransactionRow, (row) => ({
    evse: row.EVSE_ID,
    connector: row.CONNECTOR_ID,
    transactionId: row.TRANSACTION_ID,
    started: viewTime(row.TIME_START),
    nextSeqNo: row.SEQ_NO,
    chargingState: row.CHARGING_STATE,
    idTokenTold: row.ID_TAG_SENT !== 0,
  }));
}
