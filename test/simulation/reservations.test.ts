/**
 * Seeded lives of a charger whose EVSEs are reserved: drivers with and without reservation, remote starts, replacements,
 * cancellations, expiries, faults, an Auth that forgets or does not answer, broken lines, crashes and power cuts.
 */
import { expect, test } from "bun:test";
import { showProgress } from "../support/progress.ts";
import { liveReservedSeeds } from "./reserved-life.ts";

const SEEDS = Number(process.env.SIMULATION_SEEDS ?? 300);
const FIRST_SEED = Number(process.env.SIMULATION_FIRST_SEED ?? 1);

test(`${SEEDS} seeded lives with reservations: no EVSE stays Reserved for ever, none is handed to two drivers (H01.FR.07, FR.15, H02.FR.02, H03.FR.01, FR.09, FR.10, H04.FR.01–03)`, async () => {
  const progress = showProgress("lives with reservations", SEEDS);
  expect(await liveReservedSeeds(FIRST_SEED, SEEDS, progress.step)).toBeGreaterThan(0);
}, 3_600_000);

/** With what went before in their unit of 20 seeds, since the charger is the same. */
const COMPLAINED = [
  { seed: 5741, firstSeed: 5741, what: "a used reservation was named with another transaction" },
  { seed: 6662, firstSeed: 6661, what: "a reserved EVSE was given to whoever had reserved any" },
  { seed: 7167, firstSeed: 7161, what: "a used reservation was named with another transaction" },
  { seed: 7665, firstSeed: 7661, what: "a reserved EVSE was given to whoever had reserved any" },
];
for (const { seed, firstSeed, what } of COMPLAINED)
  test(`seed ${seed}, in which once ${what} (H01.FR.07, FR.15)`, async () => {
    expect(await liveReservedSeeds(firstSeed, seed - firstSeed + 1)).toBeGreaterThan(0);
  });
