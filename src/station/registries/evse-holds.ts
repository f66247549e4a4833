interface Hold {
  readonly evseIds: ReadonlySet<number>;
  /** The EVSEs are shown as they are; otherwise as Unavailable. */
  readonly isClosedOnly: boolean;
}

/** Who keeps EVSEs from new drivers for a while, e.g. a reset that waits or an update; never persisted. */
export class EvseHolds {
  private readonly holds = new Map<string, Hold>();
  private changed: (evseId: number) => void = () => {};

  /** Hears of every EVSE for which a holder has come or gone. */
  onChange(listener: (evseId: number) => void): void {
    this.changed = listener;
  }

  /** `holder` wants these EVSEs Unavailable, too. */
  hold(holder: string, evseIds: Iterable<number>): void {
    this.set(holder, [...this.evsesOf(holder), ...evseIds], false);
  }

  /** `holder` wants no new session at these EVSEs; their status stays what it is (TC_B_41). */
  close(holder: string, evseIds: Iterable<number>): void {
    this.set(holder, [...this.evsesOf(holder), ...evseIds], true);
  }

  /** From now on `holder` wants these EVSEs Unavailable, and no others. */
  holdOnly(holder: string, evseIds: Iterable<number>): void {
    this.set(holder, evseIds, false);
  }

  release(holder: string): void {
    this.set(holder, [], false);
  }

  /** Somebody wants it Unavailable. */
  isHeld(evseId: number): boolean {
    return [...this.holds.values()].some(({ evseIds, isClosedOnly }) => !isClosedOnly && evseIds.has(evseId));
  }

  /** Somebody wants no new session there. */
  isClosed(evseId: number): boolean {
    return [...this.holds.values()].some(({ evseIds }) => evseIds.has(evseId));
  }

  private evsesOf(holder: string): ReadonlySet<number> {
    return this.holds.get(holder)?.evseIds ?? new Set();
  }

  private set(holder: string, evseIds: Iterable<number>, isClosedOnly: boolean): void {
    const before = this.evsesOf(holder);
    const now = new Set(evseIds);
    if (now.size === 0) this.holds.delete(holder);
    else this.holds.set(holder, { evseIds: now, isClosedOnly });
    for (const evseId of new Set([...before, ...now])) if (before.has(evseId) !== now.has(evseId)) this.changed(evseId);
  }
}
