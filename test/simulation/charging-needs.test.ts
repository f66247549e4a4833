import { expect, test } from "bun:test";
import { liveNeedsSeeds } from "./needs-life.ts";

const SEEDS = Number(process.env.NEEDS_SEEDS ?? 25);

test.each(Array.from({ length: SEEDS }, (_, seed) => seed + 1))(
  "seed %d: in the end the CSMS knows the newest needs of every EV that charges, and nothing of others",
  async (seed) => {
    await liveNeedsSeeds(seed, 1);
    expect(seed).toBeGreaterThan(0);
  },
);
