import type { Database } from "bun:sqlite";

export type OperationalStatus = "Operative" | "Inoperative";

/** Operational status as set by the CSMS; 0 stands for the whole station (EVSE) or the whole EVSE (connector). */
export class AvailabilityRepository {
  constructor(private readonly database: Database) {}

  get(evseId: number, connectorId: number): OperationalStatus | undefined {
    const value = this.database
      .query("SELECT OPERATIONAL_STATUS FROM AVAILABILITY WHERE EVSE_ID = ? AND CONNECTOR_ID = ?")
      .values(evseId, connectorId)[0]?.[0];
    return value === "Operative" || value === "Inoperative" ? value : undefined;
  }

  set(evseId: number, connectorId: number, status: OperationalStatus): void {
    this.database
      .query(
        `INSERT INTO AVAILABILITY (EVSE_ID, CONNECTOR_ID, OPERATIONAL_STATUS) VALUES (?, ?, ?)
         ON CONFLICT (EVSE_ID, CONNECTOR_ID) DO UPDATE SET OPERATIONAL_STATUS = excluded.OPERATIONAL_STATUS`,
      )
      .run(evseId, connectorId, status);
  }
}
