import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { unitsOf } from "../../../src/lib/decimal.ts";

describe("money from the text of a number", () => {
  test.each([
    [4.35, 2, 435n],
    [1.239, 2, 123n],
    [0, 3, 0n],
    [-0, 3, 0n],
    [0.1 + 0.2, 2, 30n],
    [-1.231, 2, -124n],
    [-1.23, 2, -123n],
    [1e-7, 6, 0n],
    [-1e-7, 6, -1n],
    [1e21, 2, 10n ** 23n],
    [1.005, 2, 100n],
    [8.61, 2, 861n],
  ])("%p with %p decimals", (value, decimals, units) => {
    expect(unitsOf(value, decimals)).toBe(units);
  });

  test("every amount of up to 15 digits is cut off exactly where its text is", () => {
    const amount = fc.record({
      negative: fc.boolean(),
      whole: fc.nat({ max: 99_999_999 }),
      fraction: fc.stringMatching(/^\d{0,7}$/),
      decimals: fc.nat({ max: 6 }),
    });
    fc.assert(
      fc.property(amount, ({ negative, whole, fraction, decimals }) => {
        const text = `${negative ? "-" : ""}${whole}${fraction === "" ? "" : `.${fraction}`}`;
        const kept = BigInt(`${whole}${fraction.padEnd(decimals, "0").slice(0, decimals)}`);
        const rest = /[1-9]/.test(fraction.slice(decimals)) ? 1n : 0n;
        expect(unitsOf(Number(text), decimals)).toBe(negative ? -kept - rest : kept);
      }),
      { seed: 13, numRuns: 2_000 },
    );
  });

  test("never more than the amount, and less by less than a unit", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.nat({ max: 6 }), (value, decimals) => {
        const units = unitsOf(value, decimals);
        expect(unitsOf(value, decimals + 3) - units * 1000n).toBeGreaterThanOrEqual(0n);
        expect(unitsOf(value, decimals + 3) - units * 1000n).toBeLessThan(1000n);
      }),
      { seed: 13 },
    );
  });
});
