import { expect, test } from "bun:test";
import { describeEvses } from "../../../src/agent/evses.ts";
import type { EverestModule } from "../../../src/everest/everest-module.ts";
import { silentLogger } from "../../../src/log/logger.ts";

/** One EVSE whose module leaves the first `lost` questions without an answer. */
function moduleThatLoses(lost: number): Pick<EverestModule, "peers"> & { asked: number } {
  const module = {
    asked: 0,
    peers: () => [
      {
        call: async () => {
          if (module.asked++ < lost) throw new Error("no answer");
          return { id: 1, connectors: [{ id: 1, type: "cType2" }] };
        },
      },
    ],
  };
  return module as unknown as Pick<EverestModule, "peers"> & { asked: number };
}

test("incident: one answer that got lost on a busy bus kept a charger with many EVSEs from starting", async () => {
  expect(await describeEvses(moduleThatLoses(2), silentLogger)).toEqual([
    { evseId: 1, connectors: [{ connectorId: 1, connectorType: "cType2" }] },
  ]);
});

test("an EVSE that never says what it is ends the start", async () => {
  const module = moduleThatLoses(Number.POSITIVE_INFINITY);
  await expect(describeEvses(module, silentLogger)).rejects.toThrow("no answer");
  expect(module.asked).toBe(6);
});
