import { liveContractSeeds } from "../simulation/contract-life.ts";
import { LIVES_OF_ONE_CHARGER, liveSeeds } from "../simulation/life.ts";
import { liveNeedsSeeds } from "../simulation/needs-life.ts";
import { liveReservedSeeds } from "../simulation/reserved-life.ts";
import type { SoakPart } from "./part.ts";

/** Lives that need a charger of their own are lived once for each charger of the others. */
async function liveAll(firstSeed: number, count: number): Promise<number> {
  const few = Math.ceil(count / LIVES_OF_ONE_CHARGER);
  await liveSeeds(firstSeed, count);
  await liveContractSeeds(firstSeed, few);
  await liveNeedsSeeds(firstSeed, few);
  return liveReservedSeeds(firstSeed, count);
}

/** A unit is what one charger lives, so that a unit is repeated with all that went before in it. */
export const simulation: SoakPart = {
  name: "simulation",
  title:
    "Seeded lives of a charger in this process, on a fake clock: sessions, reservations, contracts, charging needs, broken lines, crashes, power cuts",
  unit: `times ${LIVES_OF_ONE_CHARGER} seeds`,
  units: 10_000 / LIVES_OF_ONE_CHARGER,
  start: async (seed) => {
    let reservations = 0;
    return {
      step: async (unit) => {
        reservations += await liveAll(seed + unit * LIVES_OF_ONE_CHARGER, LIVES_OF_ONE_CHARGER);
      },
      finish: async () => ({ "reservations used": reservations }),
    };
  },
};

/** So many seeds from one on: what a failure of the simulation names. */
export function seedsFrom(count: number, firstSeed: number): SoakPart {
  return {
    name: "simulation",
    title: `Seeds ${firstSeed} to ${firstSeed + count - 1} of the simulation`,
    unit: "run",
    units: 1,
    start: async () => ({
      step: async () => void (await liveAll(firstSeed, count)),
      finish: async () => ({ seeds: count }),
    }),
  };
}
