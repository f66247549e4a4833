import { type Course, combine, type Electrical, type Limit, limitIn, lowest, type Piece, together } from "./pieces.ts";
import type { RateUnit } from "./prepared-profile.ts";

/** What concerns one EVSE alone. */
export interface EvseCourse {
  readonly course: Course;
  readonly isDirectCurrent: boolean;
}

export interface LimitFrom {
  readonly fromSeconds: number;
  readonly limit: Limit;
}

/** What one EVSE adds to the sum from an instant on. */
interface Contribution {
  readonly fromSeconds: number;
  readonly evse: number;
  readonly limit: number;
  /** 0 while nobody limits them. */
  readonly phases: number;
  readonly isLimited: boolean;
}

/** Steps of one sum; the longest schedule that can be told has 1,024 periods. */
const STEP_LIMIT = 4_096;
const NO_PHASES = -1;

/** An EVSE counts with the phases that it may use under the station's limit, and without a limit at its default. */
function contributionsOf(
  { course, isDirectCurrent }: EvseCourse,
  evse: number,
  station: Course,
  unit: RateUnit,
  electrical: Electrical,
): readonly Contribution[] {
  return together([course, station], ([piece, cap], fromSeconds) => {
    const usable = lowest(piece?.phases, isDirectCurrent ? undefined : cap?.phases);
    const limit = limitIn(unit, { ...piece, fromSeconds, ...(usable !== undefined && { phases: usable }) }, electrical);
    return {
      fromSeconds,
      evse,
      limit: limit?.limit ?? electrical.defaultLimit[unit],
      phases: isDirectCurrent ? NO_PHASES : (usable ?? 0),
      isLimited: limit !== undefined,
    };
  }).results;
}

/** The present limits of all EVSEs: added up anew at each step, so that no dust of fractions gathers. */
class Present {
  private readonly limits: Float64Array;
  private readonly contributions: (Contribution | undefined)[];
  /** How many EVSEs may use 0 (not limited), 1, 2, 3 … phases. */
  private readonly withPhases: number[] = [];
  private limited = 0;

  constructor(evses: number) {
    this.limits = new Float64Array(evses);
    this.contributions = Array.from({ length: evses }, () => undefined);
  }

  set(contribution: Contribution): void {
    this.count(this.contributions[contribution.evse], -1);
    this.count(contribution, 1);
    this.contributions[contribution.evse] = contribution;
    this.limits[contribution.evse] = contribution.limit;
  }

  get sum(): number {
    let sum = 0;
    for (let index = 0; index < this.limits.length; index++) sum += this.limits[index] ?? 0;
    return sum;
  }

  get isLimited(): boolean {
    return this.limited > 0;
  }

  /** The most that one of them may use; an EVSE that nobody limits may use all. */
  get mostPhases(): number | undefined {
    if ((this.withPhases[0] ?? 0) > 0) return undefined;
    const most = this.withPhases.findLastIndex((evses) => evses > 0);
    return most > 0 ? most : undefined;
  }

  private count(contribution: Contribution | undefined, by: 1 | -1): void {
    if (contribution === undefined) return;
    const { isLimited, phases } = contribution;
    if (isLimited) this.limited += by;
    if (phases === NO_PHASES) return;
    while (this.withPhases.length <= phases) this.withPhases.push(0);
    this.withPhases[phases] = (this.withPhases[phases] ?? 0) + by;
  }
}

function total(present: Present, cap: Piece, unit: RateUnit, electrical: Electrical): Limit {
  const { sum, isLimited, mostPhases } = present;
  const { fromSeconds } = cap;
  const piece: Piece = {
    fromSeconds,
    amperes: unit === "A" ? sum : undefined,
    watts: unit === "A" ? undefined : sum,
    phases: mostPhases,
  };
  const { stackLevel: _, ...limit } = limitIn(unit, combine(piece, cap), electrical) ?? { limit: sum };
  const isCapped = cap.amperes !== undefined || cap.watts !== undefined;
  return { ...limit, ...((isLimited || isCapped) && { stackLevel: 0 }) };
}

/**
 * The EVSEs' own limits added up in the unit that was asked for, and no more than the station may have (K08.FR.03): from
 * one instant to the next at which one of them changes.
 */
export function sumOfEvses(
  evses: readonly EvseCourse[],
  station: Course,
  unit: RateUnit,
  electrical: Electrical,
): { readonly limits: readonly LimitFrom[]; readonly endSeconds: number } {
  const endSeconds = Math.min(station.endSeconds, ...evses.map(({ course }) => course.endSeconds));
  const changes = evses
    .flatMap((evse, index) => contributionsOf(evse, index, station, unit, electrical))
    .sort((one, other) => one.fromSeconds - other.fromSeconds);
  const present = new Present(evses.length);
  const limits: LimitFrom[] = [];
  let next = 0;
  let cap = 0;
  for (let at = station.pieces[0]?.fromSeconds ?? endSeconds; ; ) {
    for (let change = changes[next]; change !== undefined && change.fromSeconds <= at; change = changes[++next])
      present.set(change);
    while ((station.pieces[cap + 1]?.fromSeconds ?? Number.POSITIVE_INFINITY) <= at) cap++;
    const limit = total(present, station.pieces[cap] ?? { fromSeconds: at }, unit, electrical);
    limits.push({ fromSeconds: at, limit });
    const following = changes[next]?.fromSeconds ?? Number.POSITIVE_INFINITY;
    at = Math.min(following, station.pieces[cap + 1]?.fromSeconds ?? Number.POSITIVE_INFINITY);
    if (at >= endSeconds) return { limits, endSeconds };
    if (limits.length >= STEP_LIMIT) return { limits, endSeconds: at };
  }
}
