/** A small share of each part of the soak; the whole of it is started by hand or at night: scripts/soak. */
import { expect, test } from "bun:test";
import { broker } from "./broker-part.ts";
import { frames, payloads } from "./frame-parts.ts";
import { kills } from "./kill-part.ts";
import { load } from "./load-part.ts";
import { month } from "./month-part.ts";
import type { SoakPart } from "./part.ts";
import { runPart, summaryOf } from "./runner.ts";
import { simulation } from "./simulation-part.ts";

const SHORT: readonly (readonly [SoakPart, units: number])[] = [
  [simulation, 1],
  [kills, 8],
  [frames, 15],
  [payloads, 15],
  [month, 24],
  [load, 1],
  [broker, 5],
];

test.each(SHORT.map(([part, units]) => [part.title, part, units] as const))(
  "soak: %s",
  async (_title, part, units) => {
    const result = await runPart(part, {
      seed: 7,
      share: units / part.units,
      resume: false,
      isShort: true,
      print: () => {},
    });
    expect(result.failures).toEqual([]);
    expect(result.units).toBe(units);
  },
  120_000,
);

const broken = (failing: readonly number[], seen: number[]): SoakPart => ({
  name: "broken",
  title: "fails",
  unit: "units",
  units: 20,
  start: async () => ({
    step: async (unit) => {
      seen.push(unit);
      if (failing.includes(unit)) throw new Error("does not hold");
    },
    finish: async () => ({ seen: seen.length }),
  }),
});
const quiet = { seed: 1, share: 1, resume: false, print: () => {} };

test("a unit that fails is named, and the others go on", async () => {
  const result = await runPart(broken([3, 5], []), quiet);
  expect(result.failures).toEqual(["unit 3: does not hold", "unit 5: does not hold"]);
  expect(summaryOf([result])).toBe(`broken  20 units  0 s  2 FAILED  seen 20`);
});

test("a run that was ended goes on where it was, and remembers what had failed", async () => {
  const seen: number[] = [];
  const cut: SoakPart = {
    ...broken([1], seen),
    start: async () => ({
      step: async (unit) => {
        seen.push(unit);
        if (unit === 1) throw new Error("does not hold");
        if (unit === 4 && seen.filter((one) => one === 4).length === 1) await new Promise(() => {});
      },
      finish: async () => ({}),
    }),
  };
  // The first run never comes back from unit 4, as if it had been killed there.
  void runPart(cut, quiet);
  while (!seen.includes(4)) await Bun.sleep(1);
  const result = await runPart(cut, { ...quiet, resume: true });
  expect(result.failures).toEqual(["unit 1: does not hold"]);
  expect(seen.slice(5)).toEqual(Array.from({ length: 16 }, (_, index) => index + 4));
});
