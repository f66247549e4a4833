import type { Database } from "bun:sqlite";
import { createHash } from "node:crypto";
import { foldedTokenHash, isFolded, type Token, tokenHash } from "./token-hash.ts";

/** A certificate as the CSMS and ISO 15118 name it. */
export interface CertificateName {
  readonly hashAlgorithm: string;
  readonly issuerNameHash: string;
  readonly issuerKeyHash: string;
  readonly serialNumber: string;
}

const spellingAlias = (token: Token): string => `spelling:${foldedTokenHash(token)}`;

function certificateAlias({ hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }: CertificateName): string {
  const serial = serialNumber.replace(/^0+(?=.)/, "");
  const name = [hashAlgorithm, issuerNameHash, issuerKeyHash, serial].join("|").toLowerCase();
  return `certificate:${createHash("sha256").update(name).digest("hex")}`;
}

/**
 * Under which keys of cache and local list a token is found: libocpp's keys depend on upper and lower case, tokens do
 * not (C01.FR.25); and a contract certificate stands for the token that it was presented with (N09, N10).
 */
export class TokenAliasRepository {
  constructor(private readonly database: Database) {}

  /** The keys that a token may be stored under, its own spelling first. */
  *keysOf(token: Token): Iterable<string> {
    const exact = tokenHash(token);
    yield exact;
    if (!isFolded(token)) yield foldedTokenHash(token);
    for (const key of this.find(spellingAlias(token))) if (key !== exact) yield key;
  }

  keysOfCertificate(certificate: CertificateName): readonly string[] {
    return this.find(certificateAlias(certificate));
  }

  /** To be called with every token that is stored, so that its other spellings find it. */
  noteSpelling(token: Token): void {
    if (!isFolded(token)) this.add(spellingAlias(token), tokenHash(token));
  }

  /** In whatever spelling the token is stored. */
  noteCertificate(certificate: CertificateName, token: Token): void {
    for (const key of [...this.keysOf(token)]) this.add(certificateAlias(certificate), key);
  }

  /** Forgets the names of tokens that are stored no longer. */
  prune(): void {
    this.database.run(
      `DELETE FROM STATION_TOKEN_ALIAS WHERE ID_TOKEN_HASH NOT IN (SELECT ID_TOKEN_HASH FROM AUTH_CACHE)
       AND ID_TOKEN_HASH NOT IN (SELECT ID_TOKEN_HASH FROM AUTH_LIST)`,
    );
  }

  private add(alias: string, key: string): void {
    this.database
      .query("INSERT OR IGNORE INTO STATION_TOKEN_ALIAS (ALIAS, ID_TOKEN_HASH) VALUES (?, ?)")
      .run(alias, key);
  }

  private find(alias: string): readonly string[] {
    return this.database
      .query("SELECT ID_TOKEN_HASH FROM STATION_TOKEN_ALIAS WHERE ALIAS = ?")
      .values(alias)
      .map(([key]) => String(key));
  }
}
