import type { ChargingProfileType } from "../../../ocpp/v201/index.ts";
import { prepareProfile } from "../calculator/prepared-profile.ts";
import type { InstalledProfile } from "../installed-profile.ts";
import { defect, type ProfileDefect } from "./defect.ts";
import { type AnchoredProfile, hasPhaseConflict } from "./phase-conflict.ts";
import { type ScheduleRules, type Supply, schedulesDefect } from "./schedule-defects.ts";

/** A profile that somebody wants to install. */
export interface ProfileRequest {
  readonly evseId: number;
  readonly profile: ChargingProfileType;
  readonly source: "SetChargingProfile" | "RequestStartTransaction";
}

export interface RunningTransaction {
  readonly transactionId: string;
  /** When it was ready for energy; undefined while it is not. */
  readonly anchorSeconds: number | undefined;
}

/** What a profile is judged by. */
export interface ProfileRules extends Pick<ScheduleRules, "rateUnits" | "periodsPerSchedule"> {
  readonly nowSeconds: number;
  readonly evseIds: readonly number[];
  /** With 0 what feeds the station. */
  supplyOf(evseId: number): Supply;
  transactionOn(evseId: number): RunningTransaction | undefined;
  allowsSeveralSchedules(evseId: number): boolean;
  /** SmartChargingCtrlr.ACPhaseSwitchingSupported. */
  switchesPhases(evseId: number): boolean;
  readonly highestStackLevel: number;
  readonly entriesLimit: number;
  readonly installed: readonly InstalledProfile[];
}

function formDefect({ profile }: ProfileRequest, rules: ProfileRules): ProfileDefect | undefined {
  const { stackLevel, chargingProfileKind, recurrencyKind, validFrom, validTo } = profile;
  if (stackLevel < 0 || stackLevel > rules.highestStackLevel)
    return defect("InvalidStackLevel", "ProfileStackLevelExceeded"); // SmartChargingCtrlr.ProfileStackLevel
  if (chargingProfileKind === "Recurring" && recurrencyKind === undefined)
    return defect("InvalidProfile", "ChargingProfileMissingRecurrencyKind");
  if (validFrom !== undefined && validTo !== undefined && Date.parse(validTo) <= Date.parse(validFrom))
    return defect("InvalidProfile", "ChargingProfileEmptyValidity"); // K01.FR.36, FR.37
  return undefined;
}

/** External constraints are not the CSMS's to replace (K01.FR.05, errata 2.38). The name is libocpp's, spelt as it spells it. */
export function externalIdDefect({ profile }: ProfileRequest, { installed }: ProfileRules): ProfileDefect | undefined {
  return installed.some(
    (other) =>
      other.profile.id === profile.id && other.profile.chargingProfilePurpose === "ChargingStationExternalConstraints",
  )
    ? defect("DuplicateProfile", "ExstingChargingStationExternalConstraints")
    : undefined;
}

const from = ({ validFrom }: ChargingProfileType): number =>
  validFrom === undefined ? Number.NEGATIVE_INFINITY : Date.parse(validFrom);
const to = ({ validTo }: ChargingProfileType): number =>
  validTo === undefined ? Number.POSITIVE_INFINITY : Date.parse(validTo);

/** Two profiles of a purpose and stack level may not be valid at the same time; validTo itself is not valid any more. */
function overlapDefect({ evseId, profile }: ProfileRequest, { installed }: ProfileRules): ProfileDefect | undefined {
  if (profile.chargingProfilePurpose === "TxProfile") return undefined;
  return installed.some(
    ({ evseId: place, profile: other }) =>
      place === evseId &&
      other.id !== profile.id &&
      other.chargingProfilePurpose === profile.chargingProfilePurpose &&
      other.stackLevel === profile.stackLevel &&
      from(other) < to(profile) &&
      from(profile) < to(other),
  )
    ? defect("DuplicateProfile", "DuplicateProfileValidityPeriod") // K01.FR.06, FR.37
    : undefined;
}

export function stationMaxDefect({ evseId, profile }: ProfileRequest): ProfileDefect | undefined {
  if (profile.chargingProfileKind === "Relative")
    return defect("InvalidValue", "ChargingStationMaxProfileCannotBeRelative"); // K01.FR.38
  if (evseId > 0) return defect("InvalidValue", "ChargingStationMaxProfileEvseIdGreaterThanZero"); // K04.FR.03
  return undefined;
}

/** A default on the station and one on an EVSE may not share a stack level, since both hold there. */
export function txDefaultDefect(
  { evseId, profile }: ProfileRequest,
  { installed }: ProfileRules,
): ProfileDefect | undefined {
  return installed.some(
    ({ evseId: place, profile: other }) =>
      other.chargingProfilePurpose === "TxDefaultProfile" &&
      (evseId === 0) !== (place === 0) &&
      other.id !== profile.id &&
      other.stackLevel === profile.stackLevel,
  )
    ? defect("DuplicateProfile", "DuplicateTxDefaultProfileFound") // K01.FR.52, FR.53
    : undefined;
}

export function txProfileDefect(
  { evseId, profile, source }: ProfileRequest,
  rules: ProfileRules,
): ProfileDefect | undefined {
  const { transactionId } = profile;
  if (evseId <= 0 && source === "RequestStartTransaction")
    return defect("InvalidValue", "TxProfileEvseIdNotGreaterThanZero");
  if (source === "RequestStartTransaction")
    return transactionId === undefined ? undefined : defect("InvalidProfile", "TxProfileExtraneousTransactionId"); // F01.FR.11, F02.FR.19
  if (transactionId === undefined) return defect("MissingParam", "TxProfileMissingTransactionId"); // K01.FR.03
  if (evseId <= 0) return defect("InvalidValue", "TxProfileEvseIdNotGreaterThanZero"); // K01.FR.16
  const running = rules.transactionOn(evseId);
  if (running === undefined) return defect("TxNotFound", "TxProfileEvseHasNoActiveTransaction"); // K01.FR.09
  if (running.transactionId !== transactionId) return defect("TxNotFound", "TxProfileTransactionNotOnEvse"); // K01.FR.33
  return rules.installed.some(
    ({ profile: other }) =>
      other.chargingProfilePurpose === "TxProfile" &&
      other.transactionId === transactionId &&
      other.id !== profile.id &&
      other.stackLevel === profile.stackLevel,
  )
    ? defect("InvalidStackLevel", "TxProfileConflictingStackLevel") // K01.FR.39
    : undefined;
}

function purposeDefect(request: ProfileRequest, rules: ProfileRules): ProfileDefect | undefined {
  switch (request.profile.chargingProfilePurpose) {
    case "ChargingStationMaxProfile":
      return stationMaxDefect(request);
    case "TxDefaultProfile":
      return txDefaultDefect(request, rules);
    case "TxProfile":
      return txProfileDefect(request, rules);
    case "ChargingStationExternalConstraints":
      return undefined;
  }
}

function phaseDefect({ evseId, profile }: ProfileRequest, rules: ProfileRules): ProfileDefect | undefined {
  const anchored = (place: number, one: ChargingProfileType): AnchoredProfile => ({
    profile: prepareProfile(one, place),
    // On the station a relative schedule starts with each EVSE's transaction: there is no one start.
    anchorSeconds: place === 0 ? undefined : rules.transactionOn(place)?.anchorSeconds,
  });
  const wantsPhase = profile.chargingSchedule.some(({ chargingSchedulePeriod }) =>
    chargingSchedulePeriod.some(({ phaseToUse }) => phaseToUse !== undefined),
  );
  if (!wantsPhase) return undefined;
  const installed = rules.installed.map((other) => anchored(other.evseId, other.profile));
  return hasPhaseConflict(anchored(evseId, profile), installed, rules.nowSeconds)
    ? defect("InvalidSchedule", "PhaseToUseConflict") // errata 2.36
    : undefined;
}

function roomDefect({ profile }: ProfileRequest, { installed, entriesLimit }: ProfileRules): ProfileDefect | undefined {
  const isNew = !installed.some((other) => other.profile.id === profile.id);
  return isNew && installed.length >= entriesLimit
    ? defect("OutOfStorage", "ChargingProfileEntriesExceeded") // SmartChargingCtrlr.Entries[ChargingProfiles].maxLimit
    : undefined;
}

/** What is wrong with a profile, the first rule that it breaks (SEMANTICS 13.1 for the order); undefined if nothing. */
export function profileDefect(request: ProfileRequest, rules: ProfileRules): ProfileDefect | undefined {
  const { evseId, profile, source } = request;
  const { chargingProfilePurpose: purpose } = profile;
  if (source === "RequestStartTransaction" && purpose !== "TxProfile")
    return defect("InvalidValue", "RequestStartTransactionNonTxProfile"); // K05.FR.02, F01.FR.09, F02.FR.17
  if (purpose === "ChargingStationExternalConstraints")
    return defect("InvalidValue", "ChargingStationExternalConstraintsInSetChargingProfileRequest"); // K01.FR.22
  if (evseId !== 0 && !rules.evseIds.includes(evseId)) return defect("InvalidValue", "EvseDoesNotExist"); // K01.FR.28
  return (
    externalIdDefect(request, rules) ??
    formDefect(request, rules) ??
    schedulesDefect(profile, {
      ...rules,
      supply: rules.supplyOf(evseId),
      allowsSeveralSchedules: rules.allowsSeveralSchedules(evseId),
      switchesPhases: rules.switchesPhases(evseId),
    }) ??
    overlapDefect(request, rules) ??
    purposeDefect(request, rules) ??
    phaseDefect(request, rules) ??
    roomDefect(request, rules)
  );
}
