import type { ChargingProfileType, ChargingScheduleType } from "../../ocpp/v201/index.ts";

export interface ProfileDefect {
  readonly reasonCode: "InvalidProfile" | "InvalidSchedule";
  readonly additionalInfo: string;
}

function scheduleDefect(schedule: ChargingScheduleType): string | undefined {
  const starts = schedule.chargingSchedulePeriod.map((period) => period.startPeriod);
  if (starts[0] !== 0) return "the first period does not start at 0";
  if (starts.some((start, index) => index > 0 && start <= (starts[index - 1] ?? 0))) return "periods are not in order";
  if (schedule.chargingSchedulePeriod.some(({ limit }) => limit < 0)) return "a limit is negative";
  return undefined;
}

/** What is wrong with a profile that came with RequestStartTransaction (F01.FR.09, FR.11, FR.26); undefined if nothing. */
export function profileDefect(profile: ChargingProfileType): ProfileDefect | undefined {
  if (profile.chargingProfilePurpose !== "TxProfile")
    return { reasonCode: "InvalidProfile", additionalInfo: "the purpose must be TxProfile" }; // F01.FR.09
  if (profile.transactionId !== undefined)
    return { reasonCode: "InvalidProfile", additionalInfo: "transactionId must be absent" }; // F01.FR.11
  for (const schedule of profile.chargingSchedule) {
    const defect = scheduleDefect(schedule);
    if (defect !== undefined) return { reasonCode: "InvalidSchedule", additionalInfo: defect };
  }
  return undefined;
}
