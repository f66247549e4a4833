import type { ChargingProfilePurposeEnumType } from "../../../ocpp/v201/index.ts";
import { type PreparedProfile, segmentAt } from "../calculator/prepared-profile.ts";

/** A profile with the start of its transaction, if it is Relative and that is known. */
export interface AnchoredProfile {
  readonly profile: PreparedProfile;
  readonly anchorSeconds: number | undefined;
}

const WEEK_SECONDS = 7 * 86_400;
const STEP_LIMIT = 10_000;

/** Of these groups one profile leads at a time; a TxProfile overrules the defaults. */
function groupOf(purpose: ChargingProfilePurposeEnumType): string {
  return purpose === "TxDefaultProfile" || purpose === "TxProfile" ? "Tx" : purpose;
}

function meet(one: PreparedProfile, other: PreparedProfile): boolean {
  return one.evseId === 0 || other.evseId === 0 || one.evseId === other.evseId;
}

function phasesToUse({ periods }: PreparedProfile): ReadonlySet<number> {
  return new Set(periods.flatMap(({ phaseToUse }) => (phaseToUse === undefined ? [] : [phaseToUse])));
}

function canDiffer(one: PreparedProfile, other: PreparedProfile): boolean {
  const all = [...phasesToUse(one)];
  return all.some((phase) => [...phasesToUse(other)].some((wanted) => wanted !== phase));
}

interface Extent {
  readonly fromSeconds: number;
  readonly toSeconds: number;
  /** From here on the profile says nothing new, or the same every week. */
  readonly settledSeconds: number;
}

function extentOf({ profile, anchorSeconds = 0 }: AnchoredProfile): Extent {
  const start = profile.startSeconds ?? anchorSeconds;
  const recurs = profile.recurrenceSeconds !== Number.POSITIVE_INFINITY;
  const last = profile.periods.at(-1)?.startSeconds ?? 0;
  const end = recurs ? Number.POSITIVE_INFINITY : start + profile.durationSeconds;
  return {
    fromSeconds: Math.max(start, profile.validFromSeconds),
    toSeconds: Math.min(end, profile.validToSeconds),
    settledSeconds: recurs ? start : start + last,
  };
}

/** Do both want different phases at one instant, or can it not be shown that they never do? */
function clash(one: AnchoredProfile, other: AnchoredProfile, nowSeconds: number): boolean {
  const [extent, otherExtent] = [extentOf(one), extentOf(other)];
  const from = Math.max(nowSeconds, extent.fromSeconds, otherExtent.fromSeconds);
  const to = Math.min(extent.toSeconds, otherExtent.toSeconds);
  const settled = Math.max(from, extent.settledSeconds, otherExtent.settledSeconds) + WEEK_SECONDS;
  const end = Math.min(to, settled);
  let at = from;
  for (let step = 0; at < end; step++) {
    if (step === STEP_LIMIT) return true;
    const mine = segmentAt(one.profile, one.anchorSeconds ?? 0, at);
    const theirs = segmentAt(other.profile, other.anchorSeconds ?? 0, at);
    const [phase, wanted] = [mine.period?.phaseToUse, theirs.period?.phaseToUse];
    if (phase !== undefined && wanted !== undefined && phase !== wanted) return true;
    at = Math.min(mine.untilSeconds, theirs.untilSeconds);
  }
  return false;
}

/**
 * Errata 2.36: profiles of different purposes that want different phases at the same time leave no way to charge, so
 * one of them is refused; likewise when it is not known when they hold. Stack levels do not help: what covers a
 * profile today may be cleared tomorrow.
 */
export function hasPhaseConflict(
  wanted: AnchoredProfile,
  installed: Iterable<AnchoredProfile>,
  nowSeconds: number,
): boolean {
  const { profile } = wanted;
  if (phasesToUse(profile).size === 0) return false;
  const isFloating = ({ profile: { startSeconds }, anchorSeconds }: AnchoredProfile): boolean =>
    startSeconds === undefined && anchorSeconds === undefined;
  for (const other of installed) {
    if (other.profile.id === profile.id || groupOf(other.profile.purpose) === groupOf(profile.purpose)) continue;
    if (!meet(profile, other.profile) || !canDiffer(profile, other.profile)) continue;
    if (isFloating(wanted) || isFloating(other) || clash(wanted, other, nowSeconds)) return true;
  }
  return false;
}
