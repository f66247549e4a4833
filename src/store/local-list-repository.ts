import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { jsonColumn } from "./json-column.ts";

export interface LocalListEntry {
  readonly hash: string;
  /** Undefined in a differential update: the entry is removed. */
  readonly idTokenInfo: unknown;
}

const Info = jsonColumn(v.unknown());

/** The Local Authorization List (block D) in libocpp's tables; version 0 means that there is none. */
export class LocalListRepository {
  constructor(private readonly database: Database) {}

  get version(): number {
    return Number(this.database.query("SELECT VERSION FROM AUTH_LIST_VERSION WHERE ID = 0").values()[0]?.[0] ?? 0);
  }

  get count(): number {
    return Number(this.database.query("SELECT count(*) FROM AUTH_LIST").values()[0]?.[0] ?? 0);
  }

  has(hash: string): boolean {
    return this.database.query("SELECT 1 FROM AUTH_LIST WHERE ID_TOKEN_HASH = ?").get(hash) !== null;
  }

  get(hash: string): unknown {
    const row = this.database.query("SELECT ID_TOKEN_INFO FROM AUTH_LIST WHERE ID_TOKEN_HASH = ?").values(hash)[0];
    const parsed = v.safeParse(Info, row?.[0]);
    return parsed.success ? parsed.output : undefined;
  }

  /** To be called inside a unit of work: the list changes as a whole or not at all (D01.FR.10). */
  replace(entries: readonly LocalListEntry[], version: number): void {
    this.database.run("DELETE FROM AUTH_LIST");
    this.update(entries, version);
  }

  update(entries: readonly LocalListEntry[], version: number): void {
    const put = this.database.query("INSERT OR REPLACE INTO AUTH_LIST (ID_TOKEN_HASH, ID_TOKEN_INFO) VALUES (?, ?)");
    const remove = this.database.query("DELETE FROM AUTH_LIST WHERE ID_TOKEN_HASH = ?");
    for (const { hash, idTokenInfo } of entries) {
      if (idTokenInfo === undefined) remove.run(hash);
      else put.run(hash, JSON.stringify(idTokenInfo));
    }
    this.database
      .query(
        "INSERT INTO AUTH_LIST_VERSION (ID, VERSION) VALUES (0, ?) ON CONFLICT (ID) DO UPDATE SET VERSION = excluded.VERSION",
      )
      .run(version);
  }
}
