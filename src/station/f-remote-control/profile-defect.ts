import type { ChargingProfileType, ChargingScheduleType } from "../../ocpp/v201/index.ts";

export interface ProfileDefect {
  readonly reasonCode: "InvalidProfile" | "InvalidSchedule";
  readonly additionalInfo: string;
}

function profileFault(profile: ChargingProfileType): string | undefined {
  const { chargingProfileKind: kind, recurrencyKind, validFrom, validTo } = profile;
  if (profile.chargingProfilePurpose !== "TxProfile") return "the purpose must be TxProfile"; // F01.FR.09, F02.FR.17
  if (profile.transactionId !== undefined) return "transactionId must be absent"; // F01.FR.11, F02.FR.19
  if (profile.stackLevel < 0) return "stackLevel is negative";
  if (kind === "Recurring" && recurrencyKind === undefined) return "recurrencyKind is missing";
  if (validFrom !== undefined && validTo !== undefined && Date.parse(validTo) <= Date.parse(validFrom))
    return "validTo is not after validFrom";
  return undefined;
}

function scheduleFault(schedule: ChargingScheduleType, relative: boolean): string | undefined {
  const starts = schedule.chargingSchedulePeriod.map((period) => period.startPeriod);
  if (starts[0] !== 0) return "the first period does not start at 0";
  if (starts.some((start, index) => index > 0 && start <= (starts[index - 1] ?? 0))) return "periods are not in order";
  if (schedule.chargingSchedulePeriod.some(({ limit }) => limit < 0)) return "a limit is negative";
  if (relative && schedule.startSchedule !== undefined) return "a relative schedule has no startSchedule";
  if (!relative && schedule.startSchedule === undefined) return "startSchedule is missing";
  return undefined;
}

/** What is wrong with a profile that came with RequestStartTransaction (F01.FR.26, F02.FR.27); undefined if nothing. */
export function profileDefect(profile: ChargingProfileType): ProfileDefect | undefined {
  const fault = profileFault(profile);
  if (fault !== undefined) return { reasonCode: "InvalidProfile", additionalInfo: fault };
  for (const schedule of profile.chargingSchedule) {
    const scheduled = scheduleFault(schedule, profile.chargingProfileKind === "Relative");
    if (scheduled !== undefined) return { reasonCode: "InvalidSchedule", additionalInfo: scheduled };
  }
  return undefined;
}
