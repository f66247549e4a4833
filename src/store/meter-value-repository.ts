import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { jsonColumn } from "./json-column.ts";
import { libocppMeterValues, removeLibocppMeterValues } from "./libocpp-meter-values.ts";

const Row = v.tuple([jsonColumn(v.unknown())]);

/** Meter values of running transactions, kept for their Ended event. */
export class MeterValueRepository {
  constructor(private readonly database: Database) {}

  append(transactionId: string, context: string, meterValue: unknown): void {
    this.database
      .query("INSERT INTO STATION_METER_VALUE (TRANSACTION_ID, CONTEXT, METER_VALUE) VALUES (?, ?, ?)")
      .run(transactionId, context, JSON.stringify(meterValue));
  }

  /** In order of insertion, those that libocpp left first; what cannot be read is left out. */
  list(transactionId: string): readonly unknown[] {
    const own = this.database
      .query("SELECT METER_VALUE FROM STATION_METER_VALUE WHERE TRANSACTION_ID = ? ORDER BY ID")
      .values(transactionId)
      .flatMap((row) => {
        const parsed = v.safeParse(Row, row);
        return parsed.success ? [parsed.output[0]] : [];
      });
    return [...libocppMeterValues(this.database, transactionId), ...own];
  }

  count(transactionId: string): number {
    return Number(
      this.database
        .query("SELECT count(*) FROM STATION_METER_VALUE WHERE TRANSACTION_ID = ?")
        .values(transactionId)[0]?.[0] ?? 0,
    );
  }

  /** J02.FR.20, E06.FR.12: removes every other intermediate value, never the first or the last. */
  thin(transactionId: string): void {
    this.database
      .query(
        `DELETE FROM STATION_METER_VALUE WHERE ID IN (
           SELECT ID FROM (
             SELECT ID, row_number() OVER (ORDER BY ID) AS POSITION, count(*) OVER () AS TOTAL
             FROM STATION_METER_VALUE WHERE TRANSACTION_ID = ?
           ) WHERE POSITION > 1 AND POSITION < TOTAL AND POSITION % 2 = 0)`,
      )
      .run(transactionId);
  }

  remove(transactionId: string): void {
    this.database.query("DELETE FROM STATION_METER_VALUE WHERE TRANSACTION_ID = ?").run(transactionId);
    removeLibocppMeterValues(this.database, transactionId);
  }
}
