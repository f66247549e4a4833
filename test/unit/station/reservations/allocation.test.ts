import { expect, test } from "bun:test";
import { keptEvses, leavesOthers, type Needs, withoutEvse } from "../../../../src/station/h-reservation/allocation.ts";
import { SeededRandom } from "../../../support/seeded-random.ts";

/** The same by trying everything: how many reservations can get an EVSE each. */
function served(needs: Needs, taken: ReadonlySet<number> = new Set()): number {
  const [first, ...rest] = needs;
  if (first === undefined) return 0;
  const withFirst = first
    .filter((evseId) => !taken.has(evseId))
    .map((evseId) => 1 + served(rest, new Set([...taken, evseId])));
  return Math.max(served(rest, taken), ...withFirst);
}

const without = (needs: Needs, evseId: number): Needs => needs.map((one) => one.filter((other) => other !== evseId));

test("nobody is promised an EVSE that is not left, and an EVSE is kept just when a promise depends on it (H01.FR.07, FR.09, FR.20, FR.24)", () => {
  const random = new SeededRandom(13);
  for (let run = 0; run < 500; run++) {
    const needs: Needs = Array.from({ length: random.below(6) }, () =>
      [1, 2, 3, 4, 5].filter(() => random.next() < 0.4),
    );
    const lost = withoutEvse(needs);
    expect(needs.length - lost.length).toBe(served(needs));
    // The oldest first: whoever is left out has no place beside those before.
    for (const index of lost) {
      const before = needs.slice(0, index).filter((_, older) => !lost.includes(older));
      expect(served([...before, needs[index] ?? []])).toBe(before.length);
    }
    const kept = keptEvses(needs);
    for (const evseId of [1, 2, 3, 4, 5]) expect(kept.has(evseId)).toBe(served(without(needs, evseId)) < served(needs));
  }
});

test("whoever uses a reservation at an EVSE takes it from no other that can be kept (H01.FR.07, FR.09)", () => {
  const random = new SeededRandom(14);
  for (let run = 0; run < 500; run++) {
    const needs: Needs = Array.from({ length: 1 + random.below(5) }, () =>
      [1, 2, 3, 4, 5].filter(() => random.next() < 0.4),
    );
    const lost = withoutEvse(needs);
    for (const [index] of needs.entries()) {
      const others = needs.filter((_, other) => other !== index && !lost.includes(other));
      for (const evseId of [1, 2, 3, 4, 5])
        expect(leavesOthers(needs, index, evseId)).toBe(served(without(others, evseId)) === others.length);
    }
    // Of those that need the same EVSE one at least may have it.
    const owner = [1, 2, 3, 4, 5].filter((evseId) => needs.some((one) => one.includes(evseId)));
    for (const evseId of owner)
      expect(needs.some((one, index) => one.includes(evseId) && leavesOthers(needs, index, evseId))).toBe(true);
  }
});
