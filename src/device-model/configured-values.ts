import type { Database } from "bun:sqlite";
import type { Logger } from "../log/logger.ts";

export interface StoredAttribute {
  readonly rowId: number;
  readonly value: string | undefined;
  readonly source: string | undefined;
}

/** Whose value counts when the configuration is applied: its own, or what somebody has set since (STORES 2.2). */
export class ConfiguredValues {
  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
  ) {}

  /** Writes what the configuration says; undefined: nothing. */
  apply(rowId: number, value: string | undefined): StoredAttribute {
    const source = value === undefined ? undefined : "default";
    this.database
      .query(
        "UPDATE VARIABLE_ATTRIBUTE SET VALUE = ?1, VALUE_SOURCE = ?2 WHERE ID = ?3 AND (VALUE IS NOT ?1 OR VALUE_SOURCE IS NOT ?2)",
      )
      .run(value ?? null, source ?? null, rowId);
    this.remember(rowId, value);
    return { rowId, value, source };
  }

  /**
   * The configuration decides until somebody else wrote the value. What the stack itself wrote (`internal`) gives way
   * again once the configuration was edited; what the CSMS or another module set stays, and the edit is reported.
   */
  wins(kept: StoredAttribute, value: string | undefined, label: string): boolean {
    const { rowId, source = "default" } = kept;
    const applied = this.database
      .query("SELECT VALUE FROM STATION_APPLIED_VALUE WHERE ATTRIBUTE_ID = ?")
      .values(rowId)[0]?.[0];
    // A value that was taken out of the configuration goes where it came from there.
    if (value === undefined) return source === "default" && applied === kept.value;
    if (source === "default") return true;
    if (kept.value === value || applied === value) return false;
    if (applied !== undefined && source === "internal") return true;
    this.remember(rowId, value);
    const occasion = applied === undefined ? "differs from" : "was edited in";
    this.logger.warn(`${label} ${occasion} the component configuration: it keeps the value that "${source}" gave it`);
    return false;
  }

  private remember(rowId: number, value: string | undefined): void {
    if (value === undefined) this.database.query("DELETE FROM STATION_APPLIED_VALUE WHERE ATTRIBUTE_ID = ?").run(rowId);
    else
      this.database
        .query(
          `INSERT INTO STATION_APPLIED_VALUE (ATTRIBUTE_ID, VALUE) VALUES (?, ?)
           ON CONFLICT DO UPDATE SET VALUE = excluded.VALUE WHERE VALUE IS NOT excluded.VALUE`,
        )
        .run(rowId, value);
  }
}
