/** What a part has measured, in the order in which it is shown. */
export type Figures = Readonly<Record<string, string | number>>;

export interface RunningPart {
  /** What the station's process has said, and how it has ended where it has: kept when a unit fails. */
  testimony?(): string;
  /** One unit of work. @throws Error that names what does not hold */
  step(unit: number): Promise<void>;
  /** Looks at what must hold in the end, and ends everything that was started. `figures`: of this run. */
  finish(): Promise<Figures>;
}

/** A part of the soak: so many units, each of which can be repeated by its number and the seed. */
export interface SoakPart {
  readonly name: string;
  readonly title: string;
  /** What a unit is, e.g. `seeds`. */
  readonly unit: string;
  /** Units of the whole part. */
  readonly units: number;
  readonly start: (seed: number, options: { readonly isShort: boolean }) => Promise<RunningPart>;
}
