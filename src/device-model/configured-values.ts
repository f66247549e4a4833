import type { Database } from "bun:sqlite";
import type { Logger } from "../log/logger.ts";

export interface StoredAttribute {
  readonly rowId: number;
  readonly value: string | undefined;
  readonly source: string | undefined;
}

/** Whose value counts when the configuration is applied: its own, or what somebody has set since (STORES 2.2). */
export class ConfiguredValues {
  /** What was applied last, by attribute. */
  private applied = new Map<number, string>();

  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
  ) {}

  /** To be called before the others, in the same transaction. */
  read(): void {
    const rows = this.database.query("SELECT ATTRIBUTE_ID, VALUE FROM STATION_APPLIED_VALUE").values();
    this.applied = new Map(rows.map(([attributeId, value]) => [Number(attributeId), String(value)]));
  }

  /** Writes what the configuration says; undefined: nothing. */
  apply(kept: StoredAttribute, value: string | undefined): StoredAttribute {
    const { rowId } = kept;
    const source = value === undefined ? undefined : "default";
    if (kept.value !== value || kept.source !== source)
      this.database
        .query("UPDATE VARIABLE_ATTRIBUTE SET VALUE = ?, VALUE_SOURCE = ? WHERE ID = ?")
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
    const applied = this.applied.get(rowId);
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
    if (this.applied.get(rowId) === value) return;
    if (value === undefined) this.database.query("DELETE FROM STATION_APPLIED_VALUE WHERE ATTRIBUTE_ID = ?").run(rowId);
    else
      this.database
        .query(
          "INSERT INTO STATION_APPLIED_VALUE (ATTRIBUTE_ID, VALUE) VALUES (?, ?) ON CONFLICT DO UPDATE SET VALUE = excluded.VALUE",
        )
        .run(rowId, value);
  }
}
