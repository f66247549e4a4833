import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { jsonColumn } from "./json-column.ts";
import { fromLibocppTime, toLibocppTime } from "./leap-seconds.ts";
import { TableUsage } from "./table-usage.ts";
import type { TokenAliasRepository } from "./token-alias-repository.ts";
import { type Token, tokenHash } from "./token-hash.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

export interface CachedToken {
  readonly key: string;
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

/** The entry that goes first; CUSTOM gives up what is not Accepted before what is, as C10.FR.07 suggests. */
const EVICTION_ORDER: Record<CachePolicy, string> = {
  LRU: "c.LAST_USED",
  LFU: "coalesce(u.USES, 0), c.LAST_USED",
  FIFO: "c.rowid",
  CUSTOM: `instr(c.ID_TOKEN_INFO, '"status":"Accepted"') > 0, c.LAST_USED`,
};

/** The Authorization Cache (C10–C12) in libocpp's table; how often entries were used stands beside it. */
export class AuthCacheRepository {
  private readonly usage: TableUsage;

  constructor(
    private readonly database: Database,
    private readonly aliases: TokenAliasRepository,
    unitOfWork: UnitOfWork,
  ) {
    this.usage = new TableUsage(database, unitOfWork, "AUTH_CACHE");
  }

  get(token: Token): CachedToken | undefined {
    for (const key of this.aliases.keysOf(token)) {
      const found = this.getByKey(key);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  getByKey(key: string): CachedToken | undefined {
    const row = this.database
      .query(
        "SELECT c.*, u.INSERTED FROM AUTH_CACHE c LEFT JOIN STATION_AUTH_CACHE_USE u USING (ID_TOKEN_HASH) WHERE ID_TOKEN_HASH = ?",
      )
      .get(key);
    const parsed = v.safeParse(Row, row);
    if (!parsed.success) return undefined;
    const { ID_TOKEN_INFO, LAST_USED, EXPIRY_DATE, INSERTED } = parsed.output;
    return {
      key,
      idTokenInfo: ID_TOKEN_INFO,
      updatedAt: INSERTED === null ? fromLibocppTime(LAST_USED) : new Date(INSERTED),
      expiresAt: EXPIRY_DATE === null ? undefined : fromLibocppTime(EXPIRY_DATE),
    };
  }

  /**
   * To be called inside a unit of work. An entry keeps its place in the order of arrival (FIFO) when it is updated.
   * Returns its key.
   */
  put(token: Token, idTokenInfo: unknown, now: Date, expiresAt: Date | undefined): string {
    const key = this.get(token)?.key ?? tokenHash(token);
    const text = JSON.stringify(idTokenInfo);
    const oldBytes = this.usage.bytesOf(key);
    this.database
      .query(
        `INSERT INTO AUTH_CACHE (ID_TOKEN_HASH, ID_TOKEN_INFO, LAST_USED, EXPIRY_DATE) VALUES (?, ?, ?, ?)
         ON CONFLICT (ID_TOKEN_HASH) DO UPDATE SET ID_TOKEN_INFO = excluded.ID_TOKEN_INFO,
         LAST_USED = excluded.LAST_USED, EXPIRY_DATE = excluded.EXPIRY_DATE`,
      )
      .run(key, text, toLibocppTime(now), expiresAt === undefined ? null : toLibocppTime(expiresAt));
    this.database
      .query(
        `INSERT INTO STATION_AUTH_CACHE_USE (ID_TOKEN_HASH, INSERTED, USES) VALUES (?, ?, 0)
         ON CONFLICT (ID_TOKEN_HASH) DO UPDATE SET INSERTED = excluded.INSERTED`,
      )
      .run(key, now.getTime());
    this.aliases.noteSpelling(token);
    this.usage.change(oldBytes === 0 ? 1 : 0, key.length + Buffer.byteLength(text) - oldBytes);
    return key;
  }

  touch(key: string, now: Date): void {
    this.database.query("UPDATE AUTH_CACHE SET LAST_USED = ? WHERE ID_TOKEN_HASH = ?").run(toLibocppTime(now), key);
    this.database.query("UPDATE STATION_AUTH_CACHE_USE SET USES = USES + 1 WHERE ID_TOKEN_HASH = ?").run(key);
  }

  remove(key: string): void {
    const bytes = this.usage.bytesOf(key);
    if (bytes === 0) return;
    this.usage.change(-1, -bytes);
    this.database.query("DELETE FROM AUTH_CACHE WHERE ID_TOKEN_HASH = ?").run(key);
    this.database.query("DELETE FROM STATION_AUTH_CACHE_USE WHERE ID_TOKEN_HASH = ?").run(key);
  }

  clear(): void {
    this.usage.countAnew();
    this.database.run("DELETE FROM AUTH_CACHE");
    this.forgetUnused();
  }

  /** Length of all keys and entries. */
  get sizeBytes(): number {
    return this.usage.current.bytes;
  }

  /** Removes what has expired by its own date (C10.FR.13), or is older than the life time (C10.FR.10). */
  prune(now: Date, lifeTimeSeconds: number | undefined): void {
    this.usage.countAnew();
    this.database
      .query("DELETE FROM AUTH_CACHE WHERE EXPIRY_DATE IS NOT NULL AND EXPIRY_DATE < ?")
      .run(toLibocppTime(now));
    if (lifeTimeSeconds !== undefined) {
      const oldest = new Date(now.getTime() - lifeTimeSeconds * 1000);
      this.database
        .query(
          `DELETE FROM AUTH_CACHE WHERE EXPIRY_DATE IS NULL AND ID_TOKEN_HASH IN (
           SELECT c.ID_TOKEN_HASH FROM AUTH_CACHE c LEFT JOIN STATION_AUTH_CACHE_USE u USING (ID_TOKEN_HASH)
           WHERE CASE WHEN u.INSERTED IS NULL THEN c.LAST_USED < ? ELSE u.INSERTED < ? END)`,
        )
        .run(toLibocppTime(oldest), oldest.getTime());
    }
    this.forgetUnused();
  }

  /** Removes the entries that the policy gives up first, so many at once, but never `keptKey`; false when there is nothing to remove. */
  evict(policy: CachePolicy, entries: number, keptKey: string): boolean {
    this.usage.countAnew();
    const { changes } = this.database
      .query(
        `DELETE FROM AUTH_CACHE WHERE ID_TOKEN_HASH IN (
         SELECT c.ID_TOKEN_HASH FROM AUTH_CACHE c LEFT JOIN STATION_AUTH_CACHE_USE u ON u.ID_TOKEN_HASH = c.ID_TOKEN_HASH
         WHERE c.ID_TOKEN_HASH <> ? ORDER BY ${EVICTION_ORDER[policy]} LIMIT ?)`,
      )
      .run(keptKey, entries);
    if (changes > 0) this.forgetUnused();
    return changes > 0;
  }

  get entries(): number {
    return this.usage.current.entries;
  }

  private forgetUnused(): void {
    this.database.run(
      "DELETE FROM STATION_AUTH_CACHE_USE WHERE ID_TOKEN_HASH NOT IN (SELECT ID_TOKEN_HASH FROM AUTH_CACHE)",
    );
    this.aliases.prune();
  }
}
