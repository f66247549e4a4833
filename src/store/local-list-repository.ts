import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { jsonColumn } from "./json-column.ts";
import { TableUsage, type Usage } from "./table-usage.ts";
import type { TokenAliasRepository } from "./token-alias-repository.ts";
import { type Token, tokenHash } from "./token-hash.ts";
import type { UnitOfWork } from "./unit-of-work.ts";

export interface LocalListEntry {
  readonly idToken: Token;
  /** Undefined in a differential update: the entry is removed. */
  readonly idTokenInfo?: unknown;
}

const Info = jsonColumn(v.unknown());

/** The Local Authorization List (block D) in libocpp's tables; version 0 means that there is none. */
export class LocalListRepository {
  private readonly tableUsage: TableUsage;

  constructor(
    private readonly database: Database,
    private readonly aliases: TokenAliasRepository,
    private readonly unitOfWork: UnitOfWork,
  ) {
    this.tableUsage = new TableUsage(database, unitOfWork, "AUTH_LIST");
  }

  get version(): number {
    return Number(this.database.query("SELECT VERSION FROM AUTH_LIST_VERSION WHERE ID = 0").values()[0]?.[0] ?? 0);
  }

  get usage(): Usage {
    return this.tableUsage.current;
  }

  get(token: Token): unknown {
    for (const key of this.aliases.keysOf(token)) {
      const info = this.getByKey(key);
      if (info !== undefined) return info;
    }
    return undefined;
  }

  getByKey(key: string): unknown {
    const row = this.database.query("SELECT ID_TOKEN_INFO FROM AUTH_LIST WHERE ID_TOKEN_HASH = ?").values(key)[0];
    const parsed = v.safeParse(Info, row?.[0]);
    return parsed.success ? parsed.output : undefined;
  }

  /**
   * To be called inside a unit of work: the list changes as a whole or not at all. No token may occur twice.
   * Says what the list would hold, so that the caller can still withdraw.
   */
  replace(entries: readonly LocalListEntry[], version: number): Usage {
    this.database.run("DELETE FROM AUTH_LIST");
    const usage = this.change(entries, version, { entries: 0, bytes: 0 });
    this.aliases.prune();
    return usage;
  }

  /** Likewise, adding, changing and removing single entries. */
  update(entries: readonly LocalListEntry[], version: number): Usage {
    return this.change(entries, version, this.usage);
  }

  private change(entries: readonly LocalListEntry[], version: number, before: Usage): Usage {
    let { entries: count, bytes } = before;
    const put = this.database.query("INSERT OR REPLACE INTO AUTH_LIST (ID_TOKEN_HASH, ID_TOKEN_INFO) VALUES (?, ?)");
    const remove = this.database.query("DELETE FROM AUTH_LIST WHERE ID_TOKEN_HASH = ?");
    for (const { idToken, idTokenInfo } of entries) {
      for (const key of before.entries === 0 ? [] : this.aliases.keysOf(idToken)) {
        const oldBytes = this.tableUsage.bytesOf(key);
        if (oldBytes === 0) continue;
        remove.run(key);
        count--;
        bytes -= oldBytes;
      }
      if (idTokenInfo === undefined) continue;
      const key = tokenHash(idToken);
      const text = JSON.stringify(idTokenInfo);
      put.run(key, text);
      this.aliases.noteSpelling(idToken);
      count++;
      bytes += key.length + Buffer.byteLength(text);
    }
    this.setVersion(version);
    this.unitOfWork.afterCommit(() => this.tableUsage.set({ entries: count, bytes }));
    return { entries: count, bytes };
  }

  private setVersion(version: number): void {
    this.database
      .query(
        "INSERT INTO AUTH_LIST_VERSION (ID, VERSION) VALUES (0, ?) ON CONFLICT (ID) DO UPDATE SET VERSION = excluded.VERSION",
      )
      .run(version);
  }
}
