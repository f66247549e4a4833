import { describe, expect } from "bun:test";
import type { ChargingProfileType } from "../../../../src/ocpp/v201/index.ts";
import {
  externalIdDefect,
  type ProfileRequest,
  type ProfileRules,
  profileDefect,
  stationMaxDefect,
  txDefaultDefect,
  txProfileDefect,
} from "../../../../src/station/k-smart-charging/validation/profile-defect.ts";
import { schedulesDefect } from "../../../../src/station/k-smart-charging/validation/schedule-defects.ts";
import { check, type Vector, vectors } from "./vector-support.ts";

interface ValidationVector extends Vector {
  readonly scope: string;
  readonly numberOfEvses: number;
  readonly currentType: "AC" | "DC";
  readonly config: Readonly<Record<string, unknown>>;
  readonly existingProfiles: readonly { readonly evseId: number; readonly profile: ChargingProfileType }[];
  readonly transactions: readonly { readonly evseId: number; readonly transactionId: string }[];
  readonly requestSource: string;
  readonly evseId: number | null;
  readonly expected: {
    readonly result: string;
    readonly reasonCode: string | null;
    readonly additionalInfo: string | null;
  };
}

/** OCPP 2.0.1 knows no period without a limit: the vectors that leave it out are about something else. */
function withLimits(profile: ChargingProfileType): ChargingProfileType {
  return {
    ...profile,
    chargingSchedule: profile.chargingSchedule.map((schedule) => ({
      ...schedule,
      chargingSchedulePeriod: schedule.chargingSchedulePeriod.map((period) => ({
        ...period,
        limit: period.limit ?? 16,
      })),
    })),
  };
}

function rulesOf(vector: ValidationVector): ProfileRules {
  const phases = Number(vector.config["ChargingStation.SupplyPhases"] ?? 3);
  return {
    nowSeconds: 0,
    evseIds: Array.from({ length: vector.numberOfEvses }, (_, index) => index + 1),
    supplyOf: () => ({ isDirectCurrent: vector.currentType === "DC", phases }),
    transactionOn: (evseId) => {
      const running = vector.transactions.find((one) => one.evseId === evseId);
      return running && { transactionId: running.transactionId, anchorSeconds: undefined };
    },
    allowsSeveralSchedules: () => false,
    switchesPhases: () => vector.config.ACPhaseSwitchingSupported === true,
    rateUnits: String(vector.config.RateUnit).split(","),
    periodsPerSchedule: 1024,
    highestStackLevel: 1000,
    entriesLimit: 1000,
    installed: vector.existingProfiles.map((one) => ({ ...one, source: "CSO" })),
  };
}

function judge(vector: ValidationVector) {
  const rules = rulesOf(vector);
  const request: ProfileRequest = {
    evseId: vector.evseId ?? 0,
    profile: withLimits(vector.profile),
    source: vector.requestSource === "SetChargingProfile" ? "SetChargingProfile" : "RequestStartTransaction",
  };
  switch (vector.scope) {
    case "tx-profile":
      return txProfileDefect(request, rules);
    case "external-id":
      return externalIdDefect(request, rules);
    case "station-max":
      return stationMaxDefect(request);
    case "tx-default":
      return txDefaultDefect(request, rules);
    case "schedules":
      return schedulesDefect(request.profile, {
        ...rules,
        supply: rules.supplyOf(request.evseId),
        switchesPhases: rules.switchesPhases(request.evseId),
        allowsSeveralSchedules: false,
      });
    default:
      return profileDefect(request, rules);
  }
}

/** A profile that ends where the other one begins: libocpp calls that an overlap, K01.FR.37 does not. */
function onlyTouches({ profile, existingProfiles, expected }: ValidationVector): boolean {
  const time = (text: string | undefined) => (text === undefined ? Number.NaN : Date.parse(text));
  return (
    expected.result === "DuplicateProfileValidityPeriod" &&
    existingProfiles.every(
      ({ profile: other }) =>
        time(other.validTo) === time(profile.validFrom) || time(profile.validTo) === time(other.validFrom),
    )
  );
}

describe("checks of a profile and their reason codes (K01.FR.03–53)", async () => {
  check(await vectors<ValidationVector>("profile-validation.json"), (vector) => {
    const { reasonCode, additionalInfo, result } = vector.expected;
    // The type of the purpose excludes what libocpp checks here.
    if (result === "InvalidProfileType") return;
    const wanted = reasonCode === null || onlyTouches(vector) ? undefined : { reasonCode, additionalInfo };
    expect(judge(vector)).toEqual(wanted as ReturnType<typeof judge>);
  });
});
