import { expect, test } from "bun:test";
import { InPart } from "../../../src/everest/in-part.ts";
import { VARIABLES } from "../../../src/everest/interfaces/index.ts";
import { silentLogger } from "../../../src/log/logger.ts";

test("one optional member that cannot be read lost the whole reading of the powermeter", () => {
  const log: string[] = [];
  const inPart = new InPart({ ...silentLogger, warn: (text) => log.push(text) });
  const reading = {
    timestamp: "2026-01-01T00:00:00.000Z",
    energy_Wh_import: { total: 5, L1: "five" },
    power_W: { L1: 7 },
  };
  const read = () => inPart.read(VARIABLES.evse_manager.powermeter, reading, "topic");
  expect(read()).toMatchObject({ success: true, output: { energy_Wh_import: { total: 5 } } });
  expect(read().output).not.toHaveProperty("power_W"); // without the total that it needs
  expect(log).toEqual([
    "A message on topic is odd: energy_Wh_import.L1: what cannot be read taken as absent (told once)",
    "A message on topic is odd: power_W: what cannot be read taken as absent (told once)",
  ]);
  const broken = { ...reading, energy_Wh_import: { total: "x" } };
  expect(inPart.read(VARIABLES.evse_manager.powermeter, broken, "topic").success).toBe(false);
});
