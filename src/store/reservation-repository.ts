import type { Database } from "bun:sqlite";
import * as v from "valibot";
import type { Logger } from "../log/logger.ts";
import { jsonColumn } from "./json-column.ts";

const Row = v.object({ RESERVATION: jsonColumn(v.unknown()) });

/** Reservations by their id; their owner knows the schema. */
export class ReservationRepository {
  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
  ) {}

  /** One with the same id is replaced, and is the newest then. */
  save(id: number, reservation: unknown): void {
    this.remove(id);
    this.database
      .query("INSERT INTO STATION_RESERVATION (ID, RESERVATION) VALUES (?, ?)")
      .run(id, JSON.stringify(reservation));
  }

  remove(id: number): void {
    this.database.query("DELETE FROM STATION_RESERVATION WHERE ID = ?").run(id);
  }

  all(): readonly unknown[] {
    return this.database
      .query("SELECT * FROM STATION_RESERVATION ORDER BY ID")
      .all()
      .flatMap((row) => {
        const parsed = v.safeParse(Row, row);
        if (parsed.success) return [parsed.output.RESERVATION];
        this.logger.error(`A stored reservation cannot be read: ${parsed.issues[0].message}`);
        return [];
      });
  }
}
