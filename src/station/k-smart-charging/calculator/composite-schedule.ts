import type { ChargingProfilePurposeEnumType } from "../../../ocpp/v201/index.ts";
import {
  type Course,
  combine,
  courseOf,
  type Electrical,
  type Limit,
  limitIn,
  together,
  type Window,
  withoutPhases,
} from "./pieces.ts";
import type { PreparedProfile, RateUnit } from "./prepared-profile.ts";
import type { ProfileIndex } from "./profile-index.ts";
import { Stack } from "./stack.ts";
import { sumOfEvses } from "./sum-of-evses.ts";

export interface EvseState {
  readonly evseId: number;
  readonly isDirectCurrent: boolean;
  /** The running transaction; `anchorSeconds`: when it was ready for energy, undefined while it is not (K01.FR.42). */
  readonly transaction?: { readonly transactionId: string; readonly anchorSeconds: number | undefined };
}

/** Everything that a composite schedule follows from. */
export interface Scene {
  readonly evses: readonly EvseState[];
  readonly profiles: ProfileIndex;
  readonly electrical: Electrical;
  /** Idle EVSEs count as if a transaction began with the window (K08.FR.06). */
  readonly simulatesTransactions: boolean;
  /** What is left out now, e.g. while there is no connection. */
  readonly ignoredPurposes: ReadonlySet<ChargingProfilePurposeEnumType>;
}

export interface CompositePeriod extends Limit {
  readonly startSeconds: number;
}

/** Limits of one EVSE or, with EVSE 0, of the station, from `startSeconds` on; neighbours always differ. */
export interface CompositeSchedule {
  readonly evseId: number;
  readonly unit: RateUnit;
  readonly startSeconds: number;
  /** Shorter than asked for when there is more to tell than a schedule can hold. */
  readonly durationSeconds: number;
  readonly periods: readonly CompositePeriod[];
}

/** Periods of a schedule in a message (ChargingScheduleType). */
const PERIOD_LIMIT = 1_024;

function stackOf(scene: Scene, profiles: readonly PreparedProfile[], anchorSeconds: number): Stack {
  return new Stack(
    profiles.filter(({ purpose }) => !scene.ignoredPurposes.has(purpose)),
    anchorSeconds,
  );
}

/** Constraints of different sources hold side by side, whatever their stack levels (SC.01). */
function externalStacks(scene: Scene, evseId: number, anchorSeconds: number): readonly (readonly Stack[])[] {
  const external = scene.profiles.at(evseId, "ChargingStationExternalConstraints");
  const sources = new Set(external.map(({ source }) => source));
  return [...sources].map((wanted) => [
    stackOf(
      scene,
      external.filter(({ source }) => source === wanted),
      anchorSeconds,
    ),
  ]);
}

/** What concerns one EVSE alone: its external constraints, and its TxProfiles or else the defaults. */
function ownCourse(scene: Scene, evse: EvseState, window: Window): Course {
  const { profiles } = scene;
  const { evseId, transaction } = evse;
  const anchor = transaction?.anchorSeconds ?? window.startSeconds;
  const counts = transaction !== undefined || scene.simulatesTransactions;
  const txProfiles = profiles
    .at(evseId, "TxProfile")
    .filter(({ transactionId }) => transaction !== undefined && transactionId === transaction.transactionId);
  const defaults = counts ? [...profiles.at(evseId, "TxDefaultProfile"), ...profiles.at(0, "TxDefaultProfile")] : []; // K01.FR.14, FR.15
  return courseOf(
    [
      ...externalStacks(scene, evseId, anchor),
      // K02.FR.04, FR.08, K06.FR.01, K07.FR.01
      [stackOf(scene, txProfiles, anchor), stackOf(scene, defaults, anchor)],
    ],
    window,
    !evse.isDirectCurrent,
  );
}

/** What all EVSEs together must keep: the station's maximum (K04.FR.05) and constraints on its connection (K12.FR.01). */
function stationCourse(scene: Scene, window: Window): Course {
  const { profiles } = scene;
  return courseOf(
    [
      ...externalStacks(scene, 0, window.startSeconds),
      [stackOf(scene, profiles.at(0, "ChargingStationMaxProfile"), window.startSeconds)],
    ],
    window,
    scene.evses.some(({ isDirectCurrent }) => !isDirectCurrent),
  );
}

/** Periods that are equal become one. */
function toSchedule(
  evseId: number,
  unit: RateUnit,
  startSeconds: number,
  limits: readonly { readonly fromSeconds: number; readonly limit: Limit }[],
  endSeconds: number,
): CompositeSchedule {
  const periods: CompositePeriod[] = [];
  for (const { fromSeconds, limit } of limits) {
    const last = periods.at(-1);
    if (
      last !== undefined &&
      last.limit === limit.limit &&
      last.numberPhases === limit.numberPhases &&
      last.phaseToUse === limit.phaseToUse
    )
      continue;
    if (periods.length === PERIOD_LIMIT)
      return { evseId, unit, startSeconds, durationSeconds: fromSeconds - startSeconds, periods };
    periods.push({ startSeconds: fromSeconds - startSeconds, ...limit });
  }
  return { evseId, unit, startSeconds, durationSeconds: endSeconds - startSeconds, periods };
}

function scheduleOfEvse(
  { electrical }: Scene,
  evse: EvseState,
  own: Course,
  station: Course,
  unit: RateUnit,
): CompositeSchedule {
  const { results, endSeconds } = together([own, station], ([piece, cap], fromSeconds) => {
    const capped = evse.isDirectCurrent && cap !== undefined ? withoutPhases(cap) : cap;
    const both = combine(piece ?? { fromSeconds }, capped ?? { fromSeconds });
    return { fromSeconds, limit: limitIn(unit, both, electrical) ?? { limit: electrical.defaultLimit[unit] } };
  });
  return toSchedule(evse.evseId, unit, results[0]?.fromSeconds ?? 0, results, endSeconds);
}

/** The EVSEs' sum, no more than the station may have (K08.FR.03). */
function scheduleOfStation(
  { electrical, evses }: Scene,
  own: readonly Course[],
  station: Course,
  unit: RateUnit,
): CompositeSchedule {
  const courses = own.map((course, index) => ({ course, isDirectCurrent: evses[index]?.isDirectCurrent === true }));
  const { limits, endSeconds } = sumOfEvses(courses, station, unit, electrical);
  return toSchedule(0, unit, limits[0]?.fromSeconds ?? 0, limits, endSeconds);
}

/** A window that ends before it starts is empty and lies at its end. */
function ordered({ startSeconds, endSeconds }: Window): Window {
  return { startSeconds: Math.min(startSeconds, endSeconds), endSeconds };
}

/** The composite schedule of an EVSE, or of the station with `evseId` 0 (K08.FR.02–04). @throws for an unknown EVSE. */
export function compositeSchedule(scene: Scene, evseId: number, window: Window, unit: RateUnit): CompositeSchedule {
  const bounded = ordered(window);
  const station = stationCourse(scene, bounded);
  if (evseId === 0) {
    const own = scene.evses.map((evse) => ownCourse(scene, evse, bounded));
    return scheduleOfStation(scene, own, station, unit);
  }
  const evse = scene.evses.find((one) => one.evseId === evseId);
  if (evse === undefined) throw new Error(`there is no EVSE ${evseId}`);
  return scheduleOfEvse(scene, evse, ownCourse(scene, evse, bounded), station, unit);
}

/** Likewise for the station and all EVSEs at once, the station first. */
export function compositeSchedules(scene: Scene, window: Window, unit: RateUnit): readonly CompositeSchedule[] {
  const bounded = ordered(window);
  const station = stationCourse(scene, bounded);
  const own = scene.evses.map((evse) => ownCourse(scene, evse, bounded));
  return [
    scheduleOfStation(scene, own, station, unit),
    ...scene.evses.map((evse, index) =>
      scheduleOfEvse(scene, evse, own[index] ?? { pieces: [], endSeconds: bounded.endSeconds }, station, unit),
    ),
  ];
}
