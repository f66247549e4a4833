import type { Database } from "bun:sqlite";
import * as v from "valibot";
import type { Logger } from "../log/logger.ts";
import { jsonColumn } from "./json-column.ts";

/** A row of STATION_OCSP. */
export const OcspRow = v.object({
  CERTIFICATE: v.string(),
  REQUEST: jsonColumn(v.unknown()),
  RESULT: v.nullable(v.string()),
  FETCHED_AT: v.nullable(v.pipe(v.string(), v.isoTimestamp())),
  STALE: v.number(),
});

export interface StoredOcspEntry {
  /** Names the certificate. */
  readonly certificate: string;
  /** JSON; its owner knows the schema. */
  readonly request: unknown;
  /** Base64 of an OCSPResponse. */
  readonly result: string | undefined;
  readonly fetchedAt: Date | undefined;
  readonly isStale: boolean;
}

/** What is known of the revocation of the station's V2G certificates. */
export class OcspRepository {
  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
  ) {}

  all(): readonly StoredOcspEntry[] {
    return this.database
      .query("SELECT * FROM STATION_OCSP ORDER BY rowid")
      .all()
      .flatMap((row) => {
        const parsed = v.safeParse(OcspRow, row);
        if (!parsed.success) {
          this.logger.error(`A stored OCSP answer cannot be read: ${parsed.issues[0].message}`);
          return [];
        }
        const { CERTIFICATE, REQUEST, RESULT, FETCHED_AT, STALE } = parsed.output;
        return [
          {
            certificate: CERTIFICATE,
            request: REQUEST,
            result: RESULT ?? undefined,
            fetchedAt: FETCHED_AT === null ? undefined : new Date(FETCHED_AT),
            isStale: STALE !== 0,
          },
        ];
      });
  }

  /** A certificate of which nothing is known yet, or of which it is asked in another way from now on. */
  put(certificate: string, request: unknown): void {
    this.database
      .query(
        `INSERT INTO STATION_OCSP (CERTIFICATE, REQUEST) VALUES (?1, ?2)
         ON CONFLICT (CERTIFICATE) DO UPDATE SET REQUEST = ?2`,
      )
      .run(certificate, JSON.stringify(request));
  }

  keepResult(certificate: string, result: string, fetchedAt: Date, isStale: boolean): void {
    this.database
      .query("UPDATE STATION_OCSP SET RESULT = ?, FETCHED_AT = ?, STALE = ? WHERE CERTIFICATE = ?")
      .run(result, fetchedAt.toISOString(), isStale ? 1 : 0, certificate);
  }

  markAllStale(): void {
    this.database.run("UPDATE STATION_OCSP SET STALE = 1");
  }

  remove(certificate: string): void {
    this.database.query("DELETE FROM STATION_OCSP WHERE CERTIFICATE = ?").run(certificate);
  }
}
