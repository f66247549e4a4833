/** For each reservation, the oldest first, the EVSEs of which it needs one. */
export type Needs = readonly (readonly number[])[];

/** Gives the reservation one of its EVSEs, moving others where that helps; false when there is none for it. */
function assign(needs: Needs, index: number, owner: Map<number, number>, tried: Set<number>): boolean {
  for (const evseId of needs[index] ?? []) {
    if (tried.has(evseId)) continue;
    tried.add(evseId);
    const other = owner.get(evseId);
    if (other === undefined || assign(needs, other, owner, tried)) {
      owner.set(evseId, index);
      return true;
    }
  }
  return false;
}

/** Indices of the reservations for which no EVSE is left when all older ones get theirs. */
export function withoutEvse(needs: Needs): readonly number[] {
  const owner = new Map<number, number>();
  return needs.flatMap((_, index) => (assign(needs, index, owner, new Set()) ? [] : [index]));
}

/** Can the others that have an EVSE, the first of `needs` before those behind them, still have one when this one takes that EVSE? */
export function leavesOthers(needs: Needs, index: number, evseId: number): boolean {
  const lost = withoutEvse(needs);
  const others = needs
    .filter((_, other) => other !== index && !lost.includes(other))
    .map((evseIds) => evseIds.filter((one) => one !== evseId));
  return withoutEvse(others).length === 0;
}

/**
 * The EVSEs that nobody else may have, because without them fewer reservations could be kept: that of a reservation for a
 * certain EVSE, and all free ones once there are as many reservations (H01.FR.07, FR.09, FR.20, FR.24).
 */
export function keptEvses(needs: Needs): ReadonlySet<number> {
  const lost = withoutEvse(needs).length;
  const kept = [...new Set(needs.flat())].filter(
    (evseId) => withoutEvse(needs.map((evseIds) => evseIds.filter((other) => other !== evseId))).length > lost,
  );
  return new Set(kept);
}
