import { SmartChargingCtrlr } from "../../device-model/variables.ts";
import { secondsOf } from "./calculator/prepared-profile.ts";
import type { SmartChargingParts } from "./parts.ts";
import type { ProfileRules } from "./validation/profile-defect.ts";

/** Charging profiles that may be installed where the configuration names no limit. */
export const DEFAULT_ENTRIES_LIMIT = 1_000;
/** The schema allows no more anyhow. */
const DEFAULT_PERIODS = 1_024;

/** What a profile is judged by, as the station and its variables are now. */
export function profileRules({ context, store, builder }: SmartChargingParts): ProfileRules {
  const { clock, deviceModel, model } = context;
  const entries = deviceModel.find(SmartChargingCtrlr.Entries_ChargingProfiles);
  const maxLimit = typeof entries === "string" ? undefined : entries.characteristics.maxLimit;
  const rateUnits = deviceModel.read(SmartChargingCtrlr.RateUnit) ?? ["A", "W"];
  const ofEvse = (evseId: number) => deviceModel.read(SmartChargingCtrlr.ACPhaseSwitchingSupported.at(evseId));
  return {
    nowSeconds: secondsOf(clock.now()),
    evseIds: model.evses.map(({ evseId }) => evseId),
    supplyOf: builder.supplyOf,
    transactionOn: builder.transactionOn,
    allowsSeveralSchedules: (evseId) => model.evse(evseId)?.chargingNeedsTold === true, // K01.FR.34
    switchesPhases: (evseId) =>
      (evseId === 0 ? undefined : ofEvse(evseId)) ??
      deviceModel.read(SmartChargingCtrlr.ACPhaseSwitchingSupported) === true,
    rateUnits: rateUnits.length === 0 ? ["A", "W"] : rateUnits,
    periodsPerSchedule: deviceModel.read(SmartChargingCtrlr.PeriodsPerSchedule) ?? DEFAULT_PERIODS,
    highestStackLevel: deviceModel.read(SmartChargingCtrlr.ProfileStackLevel) ?? Number.POSITIVE_INFINITY,
    entriesLimit: maxLimit ?? DEFAULT_ENTRIES_LIMIT,
    installed: store.all,
  };
}
