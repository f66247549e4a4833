import type { Database } from "bun:sqlite";

export type OperationalStatus = "Operative" | "Inoperative";

/** Operational status as set by the CSMS; 0 stands for the whole station (EVSE) or the whole EVSE (connector). */
export class AvailabilityRepository {
  /** Asked for with every session event. */
  private known: ReadonlyMap<string, OperationalStatus> | undefined;

  constructor(private readonly database: Database) {}

  get(evseId: number, connectorId: number): OperationalStatus | undefined {
    this.known ??= this.read();
    return this.known.get(`${evseId}/${connectorId}`);
  }

  set(evseId: number, connectorId: number, status: OperationalStatus): void {
    this.database
      .query(
        `INSERT INTO AVAILABILITY (EVSE_ID, CONNECTOR_ID, OPERATIONAL_STATUS) VALUES (?, ?, ?)
         ON CONFLICT (EVSE_ID, CONNECTOR_ID) DO UPDATE SET OPERATIONAL_STATUS = excluded.OPERATIONAL_STATUS`,
      )
      .run(evseId, connectorId, status);
    this.readAnew();
  }

  /** To be called when a transaction of the database was rolled back. */
  readAnew(): void {
    this.known = undefined;
  }

  private read(): ReadonlyMap<string, OperationalStatus> {
    const rows = this.database.query("SELECT EVSE_ID, CONNECTOR_ID, OPERATIONAL_STATUS FROM AVAILABILITY").values();
    return new Map(
      rows.flatMap(([evseId, connectorId, status]) =>
        status === "Operative" || status === "Inoperative" ? [[`${evseId}/${connectorId}`, status] as const] : [],
      ),
    );
  }
}
