import type { Database } from "bun:sqlite";
import type { UnitOfWork } from "./unit-of-work.ts";

export interface Usage {
  readonly entries: number;
  /** Length of all keys and values. */
  readonly bytes: number;
}

/** How much a table of tokens holds: counted once, then kept up to date, since counting takes long in a large one. */
export class TableUsage {
  private known: Usage | undefined;

  constructor(
    private readonly database: Database,
    private readonly unitOfWork: UnitOfWork,
    private readonly table: "AUTH_CACHE" | "AUTH_LIST",
  ) {}

  get current(): Usage {
    this.known ??= this.count();
    return this.known;
  }

  /** To be called in the unit of work that changes the table: counts once it is committed. */
  change(entries: number, bytes: number): void {
    const { known } = this;
    // What was not counted yet is counted with the change.
    if (known === undefined) return;
    this.unitOfWork.afterCommit(() => {
      const before = this.known ?? known;
      this.known = { entries: before.entries + entries, bytes: before.bytes + bytes };
    });
  }

  /** To be called after the commit. */
  set(usage: Usage): void {
    this.known = usage;
  }

  /** For changes of many rows at once. */
  countAnew(): void {
    this.unitOfWork.afterCommit(() => {
      this.known = undefined;
    });
  }

  /** The length of one row; 0 when there is none. */
  bytesOf(key: string): number {
    const row = this.database
      .query(
        `SELECT length(ID_TOKEN_HASH) + length(CAST(ID_TOKEN_INFO AS BLOB)) FROM ${this.table} WHERE ID_TOKEN_HASH = ?`,
      )
      .values(key)[0];
    return Number(row?.[0] ?? 0);
  }

  private count(): Usage {
    const row = this.database
      .query(`SELECT count(*), sum(length(ID_TOKEN_HASH) + length(CAST(ID_TOKEN_INFO AS BLOB))) FROM ${this.table}`)
      .values()[0];
    return { entries: Number(row?.[0] ?? 0), bytes: Number(row?.[1] ?? 0) };
  }
}
