/** The vectors of libocpp's own tests, read from ../shared where it is there. */
import { test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { ChargingProfileType } from "../../../../src/ocpp/v201/index.ts";

const DIRECTORY = join(import.meta.dir, "../../../../../shared/reference/libocpp/smart-charging-vectors");
const isThere = existsSync(DIRECTORY);

const SKIPPED: Readonly<Record<string, string>> = {
  "offline-short": "needs maxOfflineDuration of OCPP 2.1",
  "offline-too-long": "needs maxOfflineDuration of OCPP 2.1",
};
export interface Vector {
  readonly id: string;
  readonly ocppVersion?: string;
  readonly profile: ChargingProfileType;
}

export async function vectors<Kind extends Vector>(file: string): Promise<readonly Kind[]> {
  if (!isThere) return [];
  const all = (await Bun.file(join(DIRECTORY, file)).json()) as Kind[];
  return all.filter(({ ocppVersion }) => ocppVersion !== "2.1");
}

export function check<Kind extends Vector>(all: readonly Kind[], run: (vector: Kind) => void): void {
  if (!isThere) test.skip("the reference vectors are not on this machine", () => {});
  for (const vector of all) {
    const reason = SKIPPED[vector.id];
    if (reason === undefined) test(vector.id, () => run(vector));
    else test.skip(`${vector.id}: ${reason}`, () => {});
  }
}
