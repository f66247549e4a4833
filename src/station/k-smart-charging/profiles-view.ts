import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { mapRows, OptionalText, rowsOf, UNREADABLE, type ViewRow } from "../../store/database-view.ts";
import { jsonColumn } from "../../store/json-column.ts";

const ProfileRow = v.object({
  ID: v.number(),
  EVSE_ID: v.number(),
  STACK_LEVEL: v.number(),
  CHARGING_PROFILE_PURPOSE: v.string(),
  PROFILE: v.fallback(
    jsonColumn(
      v.object({
        chargingProfileKind: OptionalText,
        validFrom: OptionalText,
        validTo: OptionalText,
        transactionId: OptionalText,
        chargingSchedule: v.nullish(
          v.array(
            v.object({ chargingRateUnit: OptionalText, chargingSchedulePeriod: v.nullish(v.array(v.unknown())) }),
          ),
        ),
      }),
    ),
    { chargingProfileKind: UNREADABLE },
  ),
  CHARGING_LIMIT_SOURCE: OptionalText,
  TRANSACTION_ID: OptionalText,
});
/** libocpp writes these where the CSMS gave no limit (STORES 1.2). */
const NO_LIMIT = new Set(["1970-01-01T00:00:00.000Z", "2262-04-11T23:46:49.854Z"]);
const limit = (text: string | null | undefined): string | null =>
  text === null || text === undefined || NO_LIMIT.has(text) ? null : text;

/** Charging profiles as they are stored. */
export function profilesView(database: Database): readonly ViewRow[] {
  return mapRows(
    rowsOf(database, "CHARGING_PROFILES", "EVSE_ID, CHARGING_PROFILE_PURPOSE, STACK_LEVEL"),
    ProfileRow,
    ({ PROFILE, ...row }) => ({
      id: row.ID,
      evse: row.EVSE_ID,
      purpose: row.CHARGING_PROFILE_PURPOSE,
      stackLevel: row.STACK_LEVEL,
      kind: PROFILE.chargingProfileKind ?? null,
      source: row.CHARGING_LIMIT_SOURCE ?? null,
      validFrom: limit(PROFILE.validFrom),
      validTo: limit(PROFILE.validTo),
      periods: (PROFILE.chargingSchedule ?? []).reduce(
        (sum, { chargingSchedulePeriod }) => sum + (chargingSchedulePeriod?.length ?? 0),
        0,
      ),
      unit: PROFILE.chargingSchedule?.[0]?.chargingRateUnit ?? null,
      transactionId: row.TRANSACTION_ID ?? PROFILE.transactionId ?? null,
    }),
  );
}
