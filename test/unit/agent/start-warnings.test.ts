import { expect, test } from "bun:test";
import { startWarnings } from "../../../src/agent/start-warnings.ts";
import type { ModuleConfiguration } from "../../../src/everest/configuration.ts";

const configuration = (connections: ModuleConfiguration["connections"] = new Map()): ModuleConfiguration => ({
  moduleName: "OCPPmulti",
  parameters: new Map(),
  connections,
});
const offering = (...versions: string[]) => ({ read: () => versions }) as never;

test("nothing is said where everything has its effect", () => {
  expect(startWarnings({}, configuration(), offering("ocpp2.1", "ocpp2.0.1"))).toEqual([]);
});

test("what has no effect is told once: proxies, grid_support, versions without 2.0.1 (CHANGES d.3, d.5)", () => {
  const grid = { moduleId: "grid", implementationId: "main", mapping: undefined };
  const warnings = startWarnings(
    { HTTPS_PROXY: "http://proxy" },
    configuration(new Map([["grid_support", [grid]]])),
    offering("ocpp2.1"),
  );
  expect(warnings).toEqual([
    expect.stringContaining("HTTPS_PROXY"),
    expect.stringContaining("grid_support"),
    expect.stringContaining("SupportedOcppVersions names ocpp2.1: only ocpp2.0.1"),
  ]);
});
