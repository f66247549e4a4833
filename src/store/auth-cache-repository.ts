import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { jsonColumn } from "./json-column.ts";
import { fromLibocppTime, toLibocppTime } from "./leap-seconds.ts";

export interface CachedToken {
  /** idTokenInfo as it came from the CSMS; its reader validates it. */
  readonly idTokenInfo: unknown;
  /** When idTokenInfo was last updated: what AuthCacheLifeTime counts from (C10.FR.10). */
  readonly updatedAt: Date;
  readonly expiresAt: Date | undefined;
}

export type CachePolicy = "LRU" | "LFU" | "FIFO" | "CUSTOM";

const Row = v.object({
  ID_TOKEN_INFO: jsonColumn(v.unknown()),
  LAST_USED: v.number(),
  EXPIRY_DATE: v.nullable(v.number()),
  INSERTED: v.nullable(v.number()),
});

const EVICTION_ORDER: Record<CachePolicy, string> = {
  LRU: "c.LAST_USED",
  LFU: "coalesce(u.USES, 0), c.LAST_USED",
  FIFO: "coalesce(u.INSERTED, 0)",
  CUSTOM: "c.LAST_USED",
};

/** The Authorization Cache (C10–C12) in libocpp's table; how often entries were used stands beside it. */
export class AuthCacheRepository {
  constructor(private readonly database: Database) {}

  get(hash: string): CachedToken | undefined {
    const row = this.database
      .query(
        "SELECT c.*, u.INSERTED FROM AUTH_CACHE c LEFT JOIN STATION_AUTH_CACHE_USE u USING (ID_TOKEN_HASH) WHERE ID_TOKEN_HASH = ?",
      )
      .get(hash);
    const parsed = v.safeParse(Row, row);
    if (!parsed.success) return undefined;
    const { ID_TOKEN_INFO, LAST_USED, EXPIRY_DATE, INSERTED } = parsed.output;
    return {
      idTokenInfo: ID_TOKEN_INFO,
      updatedAt: INSERTED === null ? fromLibocppTime(LAST_USED) : new Date(INSERTED),
      expiresAt: EXPIRY_DATE === null ? undefined : fromLibocppTime(EXPIRY_DATE),
    };
  }

  put(hash: string, idTokenInfo: unknown, now: Date, expiresAt: Date | undefined): void {
    this.database
      .query(
        "INSERT OR REPLACE INTO AUTH_CACHE (ID_TOKEN_HASH, ID_TOKEN_INFO, LAST_USED, EXPIRY_DATE) VALUES (?, ?, ?, ?)",
      )
      .run(
        hash,
        JSON.stringify(idTokenInfo),
        toLibocppTime(now),
        expiresAt === undefined ? null : toLibocppTime(expiresAt),
      );
    this.database
      .query(
        `INSERT INTO STATION_AUTH_CACHE_USE (ID_TOKEN_HASH, INSERTED, USES) VALUES (?, ?, 0)
         ON CONFLICT (ID_TOKEN_HASH) DO UPDATE SET INSERTED = excluded.INSERTED`,
      )
      .run(hash, now.getTime());
  }

  touch(hash: string, now: Date): void {
    this.database.query("UPDATE AUTH_CACHE SET LAST_USED = ? WHERE ID_TOKEN_HASH = ?").run(toLibocppTime(now), hash);
    this.database.query("UPDATE STATION_AUTH_CACHE_USE SET USES = USES + 1 WHERE ID_TOKEN_HASH = ?").run(hash);
  }

  remove(hash: string): void {
    this.database.query("DELETE FROM AUTH_CACHE WHERE ID_TOKEN_HASH = ?").run(hash);
    this.database.query("DELETE FROM STATION_AUTH_CACHE_USE WHERE ID_TOKEN_HASH = ?").run(hash);
  }

  clear(): void {
    this.database.run("DELETE FROM AUTH_CACHE");
    this.database.run("DELETE FROM STATION_AUTH_CACHE_USE");
  }

  /** Length of all keys and entries. */
  sizeBytes(): number {
    const row = this.database
      .query("SELECT sum(length(ID_TOKEN_HASH) + length(ID_TOKEN_INFO)) FROM AUTH_CACHE")
      .values()[0];
    return Number(row?.[0] ?? 0);
  }

  /** Removes what has expired by its own date. */
  prune(now: Date): void {
    this.database
      .query("DELETE FROM AUTH_CACHE WHERE EXPIRY_DATE IS NOT NULL AND EXPIRY_DATE < ?")
      .run(toLibocppTime(now));
    this.forgetUses();
  }

  /** Removes the entry that the policy gives up first; false when the cache is empty. */
  evict(policy: CachePolicy): boolean {
    const { changes } = this.database
      .query(
        `DELETE FROM AUTH_CACHE WHERE ID_TOKEN_HASH = (
         SELECT c.ID_TOKEN_HASH FROM AUTH_CACHE c LEFT JOIN STATION_AUTH_CACHE_USE u ON u.ID_TOKEN_HASH = c.ID_TOKEN_HASH
         ORDER BY ${EVICTION_ORDER[policy]} LIMIT 1)`,
      )
      .run();
    if (changes > 0) this.forgetUses();
    return changes > 0;
  }

  private forgetUses(): void {
    this.database.run(
      "DELETE FROM STATION_AUTH_CACHE_USE WHERE ID_TOKEN_HASH NOT IN (SELECT ID_TOKEN_HASH FROM AUTH_CACHE)",
    );
  }
}
