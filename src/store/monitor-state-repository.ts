import type { Database } from "bun:sqlite";
import * as v from "valibot";

/** What the CSMS was told last of a monitor. */
export interface MonitorState {
  readonly id: number;
  /** Which variable and type the id stands for. */
  readonly subject: string;
  /** It knows that the threshold is exceeded. */
  readonly triggered: boolean;
  /** With what a Delta compares; undefined when there is none, or it may not be told. */
  readonly reference: string | undefined;
  /** When, or when the monitor was set. */
  readonly toldAt: Date;
}

const Row = v.object({
  MONITOR_ID: v.number(),
  SUBJECT: v.string(),
  TRIGGERED: v.number(),
  REFERENCE: v.nullable(v.string()),
  TOLD_AT: v.pipe(v.string(), v.isoTimestamp()),
});

export class MonitorStateRepository {
  constructor(private readonly database: Database) {}

  /** What cannot be read is passed over: the monitor begins anew. */
  all(): readonly MonitorState[] {
    return this.database
      .query("SELECT * FROM STATION_MONITOR_STATE")
      .all()
      .flatMap((raw) => {
        const row = v.safeParse(Row, raw);
        if (!row.success) return [];
        const { MONITOR_ID, SUBJECT, TRIGGERED, REFERENCE, TOLD_AT } = row.output;
        return [
          {
            id: MONITOR_ID,
            subject: SUBJECT,
            triggered: TRIGGERED === 1,
            reference: REFERENCE ?? undefined,
            toldAt: new Date(TOLD_AT),
          },
        ];
      });
  }

  ids(): readonly number[] {
    return this.database
      .query("SELECT MONITOR_ID FROM STATION_MONITOR_STATE")
      .values()
      .map(([id]) => Number(id));
  }

  save({ id, subject, triggered, reference, toldAt }: MonitorState): void {
    this.database
      .query(
        `INSERT INTO STATION_MONITOR_STATE (MONITOR_ID, SUBJECT, TRIGGERED, REFERENCE, TOLD_AT) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT (MONITOR_ID) DO UPDATE SET SUBJECT = excluded.SUBJECT, TRIGGERED = excluded.TRIGGERED,
           REFERENCE = excluded.REFERENCE, TOLD_AT = excluded.TOLD_AT`,
      )
      .run(id, subject, triggered ? 1 : 0, reference ?? null, toldAt.toISOString());
  }

  remove(id: number): void {
    this.database.query("DELETE FROM STATION_MONITOR_STATE WHERE MONITOR_ID = ?").run(id);
  }
}
