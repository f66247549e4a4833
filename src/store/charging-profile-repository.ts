import type { Database } from "bun:sqlite";
import * as v from "valibot";
import type { Logger } from "../log/logger.ts";
import { jsonColumn } from "./json-column.ts";

/** A row of libocpp's table CHARGING_PROFILES (STORES 1.2); what the profile means its owner knows. */
export interface StoredChargingProfile {
  readonly id: number;
  /** 0: the whole station. */
  readonly evseId: number;
  readonly stackLevel: number;
  readonly purpose: string;
  readonly source: string;
  readonly transactionId?: string;
  readonly profile: unknown;
}

const Row = v.object({
  ID: v.number(),
  EVSE_ID: v.number(),
  STACK_LEVEL: v.number(),
  CHARGING_PROFILE_PURPOSE: v.string(),
  PROFILE: jsonColumn(v.record(v.string(), v.unknown())),
  CHARGING_LIMIT_SOURCE: v.string(),
  TRANSACTION_ID: v.nullable(v.string()),
});

/** What libocpp writes where the CSMS has given no validity, and expects to read. */
const LIBOCPP_VALIDITY = { validFrom: "1970-01-01T00:00:00.000Z", validTo: "2262-04-11T23:46:49.854Z" } as const;

function withoutFillers(profile: Readonly<Record<string, unknown>>): unknown {
  return Object.fromEntries(
    Object.entries(profile).filter(
      ([name, value]) => !(name in LIBOCPP_VALIDITY && value === LIBOCPP_VALIDITY[name as "validFrom" | "validTo"]),
    ),
  );
}

/** Charging profiles where libocpp keeps them, so that either program finds what the other left. */
export class ChargingProfileRepository {
  constructor(
    private readonly database: Database,
    private readonly logger: Logger,
  ) {}

  /** A row that cannot be read is told and left where it is. */
  list(): readonly StoredChargingProfile[] {
    return this.database
      .query("SELECT * FROM CHARGING_PROFILES ORDER BY ID")
      .all()
      .flatMap((row) => {
        const parsed = v.safeParse(Row, row);
        if (!parsed.success) {
          this.logger.error(`A stored charging profile cannot be read: ${parsed.issues[0].message}`);
          return [];
        }
        const { ID, EVSE_ID, STACK_LEVEL, CHARGING_PROFILE_PURPOSE, PROFILE, CHARGING_LIMIT_SOURCE, TRANSACTION_ID } =
          parsed.output;
        return [
          {
            id: ID,
            evseId: EVSE_ID,
            stackLevel: STACK_LEVEL,
            purpose: CHARGING_PROFILE_PURPOSE,
            source: CHARGING_LIMIT_SOURCE,
            ...(TRANSACTION_ID !== null && { transactionId: TRANSACTION_ID }),
            profile: withoutFillers(PROFILE),
          },
        ];
      });
  }

  /** One with the same id is replaced, wherever it was. */
  save({ id, evseId, stackLevel, purpose, source, transactionId, profile }: StoredChargingProfile): void {
    this.database
      .query(
        `INSERT OR REPLACE INTO CHARGING_PROFILES
         (ID, EVSE_ID, STACK_LEVEL, CHARGING_PROFILE_PURPOSE, PROFILE, CHARGING_LIMIT_SOURCE, TRANSACTION_ID)
         VALUES (?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        id,
        evseId,
        stackLevel,
        purpose,
        JSON.stringify({ ...LIBOCPP_VALIDITY, ...(profile as object) }),
        source,
        transactionId ?? null,
      );
  }

  remove(id: number): void {
    this.database.query("DELETE FROM CHARGING_PROFILES WHERE ID = ?").run(id);
  }
}
