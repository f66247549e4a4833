/**
 * Seeded lives of vehicles with contracts: they ask for certificates and authorize themselves, repeat themselves and leave,
 * while the CSMS is slow, silent, wrong or gone, the security module has its moods and the station is killed.
 */
import { expect, test } from "bun:test";
import { liveContractSeeds } from "./contract-life.ts";

const SEEDS = Math.ceil(Number(process.env.SIMULATION_SEEDS ?? 1_000) / 20);
const FIRST_SEED = Number(process.env.SIMULATION_FIRST_SEED ?? 1);

test(`${SEEDS} seeded lives of vehicles with contracts: each request has its answer in time or nobody waits for it, none that of another, and no bad contract charges (C07.FR.07, M01.FR.01, M02.FR.01)`, async () => {
  await liveContractSeeds(FIRST_SEED, SEEDS);
  expect(SEEDS).toBeGreaterThan(0);
}, 3_600_000);
