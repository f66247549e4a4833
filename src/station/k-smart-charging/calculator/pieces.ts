import type { RateUnit } from "./prepared-profile.ts";
import type { Leading, Stack } from "./stack.ts";

/**
 * What holds from one instant to the next piece: limits in A per phase (K01.FR.51) and in W in total side by side, since
 * neither can be turned into the other before the number of phases is known. Without both nothing limits here.
 */
export interface Piece {
  readonly fromSeconds: number;
  readonly amperes?: number | undefined;
  readonly watts?: number | undefined;
  readonly phases?: number | undefined;
  readonly phaseToUse?: number | undefined;
  /** Stack levels of the profiles that gave the limits. */
  readonly amperesLevel?: number | undefined;
  readonly wattsLevel?: number | undefined;
}

/** Pieces in order, the first from the start of the window. */
export interface Course {
  readonly pieces: readonly Piece[];
  /** Where the calculation ended; before the end of the window when there was too much to tell. */
  readonly endSeconds: number;
}

export interface Window {
  readonly startSeconds: number;
  readonly endSeconds: number;
}

/** Breakpoints of one calculation: a recurring schedule in a window of many years has no end. */
const STEP_LIMIT = 20_000;
/** Likewise where several courses meet; the longest schedule that can be told has 1,024 periods. */
const MEETING_LIMIT = 4_096;

function lower(
  limit: number | undefined,
  level: number | undefined,
  other: number | undefined,
  otherLevel: number | undefined,
): readonly [number | undefined, number | undefined] {
  if (other === undefined || (limit !== undefined && limit <= other)) return [limit, level];
  return [other, otherLevel];
}

export function lowest(one: number | undefined, other: number | undefined): number | undefined {
  if (one === undefined) return other;
  return other === undefined ? one : Math.min(one, other);
}

/** The lowest of both in each unit, and the lowest number of phases (SC.01, K08.FR.04, errata 2.36). */
export function combine(one: Piece, other: Piece): Piece {
  const [amperes, amperesLevel] = lower(one.amperes, one.amperesLevel, other.amperes, other.amperesLevel);
  const [watts, wattsLevel] = lower(one.watts, one.wattsLevel, other.watts, other.wattsLevel);
  return {
    fromSeconds: Math.max(one.fromSeconds, other.fromSeconds),
    amperes,
    watts,
    phases: lowest(one.phases, other.phases),
    phaseToUse: one.phaseToUse ?? other.phaseToUse,
    amperesLevel,
    wattsLevel,
  };
}

function pieceOf({ period, unit, stackLevel }: Leading, fromSeconds: number, knowsPhases: boolean): Piece {
  const isAmperes = unit === "A";
  return {
    fromSeconds,
    amperes: isAmperes ? period.limit : undefined,
    watts: isAmperes ? undefined : period.limit,
    phases: knowsPhases ? period.phases : undefined,
    phaseToUse: knowsPhases ? period.phaseToUse : undefined,
    amperesLevel: isAmperes ? stackLevel : undefined,
    wattsLevel: isAmperes ? undefined : stackLevel,
  };
}

/** Alternatives (the first that speaks counts: a TxProfile overrules a TxDefaultProfile, K02.FR.04), each purpose one. */
export type Purposes = readonly (readonly Stack[])[];

function pieceAt(purposes: Purposes, atSeconds: number, knowsPhases: boolean): Piece {
  let piece: Piece = { fromSeconds: atSeconds };
  for (const alternatives of purposes) {
    let leading: Leading | undefined;
    // All are asked, so that all are up to date.
    for (const stack of alternatives) {
      const own = stack.leadingAt(atSeconds);
      leading ??= own;
    }
    if (leading !== undefined) piece = combine(piece, pieceOf(leading, atSeconds, knowsPhases));
  }
  return piece;
}

/** From breakpoint to breakpoint, never second by second; at least one piece, even in an empty window. */
export function courseOf(purposes: Purposes, { startSeconds, endSeconds }: Window, knowsPhases: boolean): Course {
  const pieces: Piece[] = [];
  let at = startSeconds;
  for (let step = 0; step < STEP_LIMIT; step++) {
    pieces.push(pieceAt(purposes, at, knowsPhases));
    let next = Number.POSITIVE_INFINITY;
    for (const alternatives of purposes) for (const stack of alternatives) next = Math.min(next, stack.untilSeconds);
    if (next >= endSeconds) return { pieces, endSeconds };
    at = next;
  }
  return { pieces, endSeconds: at };
}

/** Where energy is direct current nobody counts phases (K01.FR.44). */
export function withoutPhases(piece: Piece): Piece {
  return { ...piece, phases: undefined, phaseToUse: undefined };
}

/** Runs over several courses at once; `visit` gets the piece of each that holds, wherever one of them changes. */
export function together<Result>(
  courses: readonly Course[],
  visit: (pieces: readonly Piece[], fromSeconds: number) => Result,
): { readonly results: readonly Result[]; readonly endSeconds: number } {
  const endSeconds = Math.min(...courses.map((course) => course.endSeconds));
  const indexes = courses.map(() => 0);
  const results: Result[] = [];
  let at = courses[0]?.pieces[0]?.fromSeconds ?? 0;
  for (;;) {
    results.push(
      visit(
        courses.map((course, index) => course.pieces[indexes[index] ?? 0] ?? { fromSeconds: at }),
        at,
      ),
    );
    let next = Number.POSITIVE_INFINITY;
    courses.forEach(({ pieces }, index) => {
      next = Math.min(next, pieces[(indexes[index] ?? 0) + 1]?.fromSeconds ?? Number.POSITIVE_INFINITY);
    });
    if (next >= endSeconds) return { results, endSeconds };
    if (results.length >= MEETING_LIMIT) return { results, endSeconds: next };
    courses.forEach(({ pieces }, index) => {
      const own = indexes[index] ?? 0;
      if (pieces[own + 1]?.fromSeconds === next) indexes[index] = own + 1;
    });
    at = next;
  }
}

/** How A and W are turned into each other, and what holds where no profile says anything. */
export interface Electrical {
  /** The set voltage of the area, between phase and neutral, not the measured one (K01.FR.50). */
  readonly voltage: number;
  readonly defaultPhases: number;
  readonly defaultLimit: Readonly<Record<RateUnit, number>>;
}

export interface Limit {
  readonly limit: number;
  readonly numberPhases?: number;
  readonly phaseToUse?: number;
  /** Of the profile that decided, if it speaks in the unit that was asked for. */
  readonly stackLevel?: number;
}

/** The limit of a piece in one unit; undefined where nothing limits. W / (V · phases) is A per phase (K01.FR.50, errata 2.40). */
export function limitIn(unit: RateUnit, piece: Piece, electrical: Electrical): Limit | undefined {
  const { amperes, watts, phases, phaseToUse } = piece;
  const wattsPerAmpere = electrical.voltage * (phases ?? electrical.defaultPhases);
  const own = unit === "A" ? amperes : watts;
  const ofAmperes = amperes === undefined ? undefined : amperes * wattsPerAmpere;
  const ofWatts = watts === undefined ? undefined : watts / wattsPerAmpere;
  const limit = lowest(own, unit === "A" ? ofWatts : ofAmperes);
  if (limit === undefined) return undefined;
  const stackLevel = unit === "A" ? piece.amperesLevel : piece.wattsLevel;
  return {
    limit,
    ...(phases !== undefined && { numberPhases: phases }),
    ...(phaseToUse !== undefined && { phaseToUse }),
    ...(limit === own && stackLevel !== undefined && { stackLevel }),
  };
}
