import type { ChargingLimitSourceEnumType, ChargingProfileType } from "../../ocpp/v201/index.ts";

/** A charging profile where it is installed: on an EVSE, or with 0 on the station. */
export interface InstalledProfile {
  readonly evseId: number;
  readonly source: ChargingLimitSourceEnumType;
  readonly profile: ChargingProfileType;
}
