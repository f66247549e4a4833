/** What can keep the station or an EVSE from being idle (errata 2.14); the word for the log and `/status`. */
export type HindranceName = "session" | "reservation" | "firmware update" | "log upload";

/** What keeps the station, or with `evseId` this EVSE, from being idle now, in words; undefined when nothing does. */
export type Hindrance = (evseId: number | undefined) => string | undefined;

/** What hinders the station from being idle: each block says what it knows of. */
export class Idleness {
  private readonly registered = new Map<HindranceName, Hindrance>();

  register(name: HindranceName, hindrance: Hindrance): void {
    if (this.registered.has(name)) throw new Error(`two blocks say what a ${name} hinders`);
    this.registered.set(name, hindrance);
  }

  /** Everything that hinders now. */
  hindrances(evseId?: number): readonly string[] {
    return [...this.registered].flatMap(([name, hindrance]) => {
      const words = hindrance(evseId);
      return words === undefined ? [] : [`${name}: ${words}`];
    });
  }

  isHinderedBy(name: HindranceName, evseId?: number): boolean {
    return this.registered.get(name)?.(evseId) !== undefined;
  }

  isIdle(evseId?: number): boolean {
    return [...this.registered.values()].every((hindrance) => hindrance(evseId) === undefined);
  }
}
