import { expect, test } from "bun:test";
import { ChangeSampler, SAMPLES_PER_INTERVAL, type Sample } from "../../../src/device-model/change-sampler.ts";
import type { VariableState } from "../../../src/device-model/device-model.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const ONE = { key: "one" } as VariableState;
const OTHER = { key: "other" } as VariableState;

function start(intervalSeconds = 1) {
  const clock = new FakeClock();
  const seen: (readonly Sample[])[] = [];
  const values = new Map<VariableState, string>();
  const sampler = new ChangeSampler({
    clock,
    intervalSeconds: () => intervalSeconds,
    valueOf: (variable) => values.get(variable),
    onSamples: (samples) => seen.push(samples),
  });
  const take = (variable: VariableState, value: string): void => {
    values.set(variable, value);
    sampler.take(variable, value);
  };
  return { clock, seen, take, sampler, all: () => seen.flat().map(({ value }) => value) };
}

test("what comes in one moment is seen together, in its order", async () => {
  const { clock, seen, take } = start();
  take(ONE, "1");
  take(OTHER, "a");
  take(ONE, "2");
  await clock.advance(0);
  expect(seen).toEqual([
    [
      { variable: ONE, value: "1" },
      { variable: OTHER, value: "a" },
      { variable: ONE, value: "2" },
    ],
  ]);
});

test("a slow value is seen whole, a fast one so often as the interval allows and as it is in the end", async () => {
  const { clock, take, all } = start();
  for (let second = 0; second < 20; second++) {
    take(ONE, `slow ${second}`);
    await clock.advance(990);
  }
  expect(all().length).toBe(20);
  for (let step = 0; step < 5_000; step++) {
    take(ONE, `fast ${step}`);
    await clock.advance(1);
  }
  await clock.advance(2_000);
  const fast = all().length - 20;
  expect(fast).toBeGreaterThan(4 * SAMPLES_PER_INTERVAL);
  expect(fast).toBeLessThanOrEqual(7 * (SAMPLES_PER_INTERVAL + 1));
  expect(all().at(-1)).toBe("fast 4999");
});

test("one that jitters does not cost another one its samples", async () => {
  const { clock, take, all } = start(60);
  for (let step = 0; step < 1_000; step++) take(ONE, `fast ${step}`);
  take(OTHER, "rare");
  await clock.advance(0);
  expect(all().at(-1)).toBe("rare");
  expect(all().length).toBe(SAMPLES_PER_INTERVAL + 1);
  await clock.advance(60_000);
  expect(all().at(-1)).toBe("fast 999");
});

test("once it is stopped nothing is seen and no timer is left", async () => {
  const { clock, take, sampler, all } = start();
  for (let step = 0; step < 100; step++) take(ONE, String(step));
  sampler.stop();
  await clock.advance(10_000);
  expect(all()).toEqual([]);
  expect(clock.pendingTimerCount).toBe(0);
});
