import { describe, expect, test } from "bun:test";
import type { ReportDataType } from "../../src/ocpp/v201/index.ts";
import { type Facts, onCharger, type TestSystem } from "../support/test-system.ts";

const variable = (component: string, name: string, instance?: string): Facts => ({
  component: { name: component },
  variable: { name, ...(instance !== undefined && { instance }) },
});

async function report(system: TestSystem, requestId: number, request: Facts): Promise<readonly ReportDataType[]> {
  const from = system.charger.csms.calls.length;
  await system.send("GetReport", { requestId, ...request } as never, { status: "Accepted" });
  await system.receive("NotifyReport", { requestId, tbc: false });
  return system.charger.csms.calls
    .slice(from)
    .filter(({ action }) => action === "NotifyReport")
    .flatMap(({ request: { reportData } }) => reportData as ReportDataType[]);
}

async function itemsPerMessage(system: TestSystem, message: string): Promise<number> {
  const { getVariableResult } = await system.send("GetVariables", {
    getVariableData: [variable("DeviceDataCtrlr", "ItemsPerMessage", message)],
  } as never);
  return Number((getVariableResult as readonly Facts[])[0]?.attributeValue);
}

const componentOf = ({ component }: ReportDataType): string => JSON.stringify(component);
const ofReport = ({ component, variable: { name, instance } }: ReportDataType): string =>
  `${component.name}${component.evse === undefined ? "" : `@${component.evse.id}.${component.evse.connectorId ?? ""}`} ${name}${instance === undefined ? "" : `[${instance}]`}`;

describe("variables", () => {
  test("TC_B_08_CS as many variables as ItemsPerMessage allows are read in one message", () =>
    onCharger({}, async (system) => {
      const count = await itemsPerMessage(system, "GetVariables");
      expect(count).toBeGreaterThan(0);
      const results = Array.from({ length: count }, () => ({ attributeStatus: "Accepted" }));
      await system.send(
        "GetVariables",
        {
          getVariableData: Array.from({ length: count }, () => variable("OCPPCommCtrlr", "OfflineThreshold")),
        } as never,
        { getVariableResult: results },
      );
    }));

  test("TC_B_11_CS as many variables as ItemsPerMessage allows are set in one message", () =>
    onCharger({}, async (system) => {
      const count = await itemsPerMessage(system, "SetVariables");
      expect(count).toBeGreaterThan(0);
      await system.send(
        "SetVariables",
        {
          setVariableData: Array.from({ length: count }, (_, index) => ({
            ...variable("OCPPCommCtrlr", "OfflineThreshold"),
            attributeValue: String(100 + index),
          })),
        } as never,
        { setVariableResult: Array.from({ length: count }, () => ({ attributeStatus: "Accepted" })) },
      );
      expect(await system.getVariable("OCPPCommCtrlr", "OfflineThreshold")).toBe(String(99 + count));
    }));
});

describe("custom reports", () => {
  test("TC_B_16_CS criteria: what is reported can be read, and is true (errata 6.2.12)", () =>
    onCharger({}, async (system) => {
      let ownersFound = 0;
      for (const [index, criterion] of (["Active", "Available", "Enabled"] as const).entries()) {
        const entries = await report(system, 20 + index, { componentCriteria: [criterion] });
        expect(entries.length).toBeGreaterThan(0);
        const owners = new Set(entries.filter(({ variable }) => variable.name === criterion).map(componentOf));
        ownersFound += owners.size;
        // B08.FR.07–09: a component without the variable is reported as a whole; nothing of it is the criterion's.
        for (const { component, variable: of } of entries.filter((entry) => owners.has(componentOf(entry))))
          await system.send("GetVariables", { getVariableData: [{ component, variable: of }] } as never, {
            getVariableResult: [{ attributeStatus: "Accepted", attributeValue: "true" }],
          });
        const variablesOfAll = await report(system, 50 + index, {});
        const hasVariable = new Set(variablesOfAll.filter((one) => one.variable.name === criterion).map(componentOf));
        expect(entries.map(componentOf).filter((one) => hasVariable.has(one) && !owners.has(one))).toEqual([]);
      }
      expect(ownersFound).toBeGreaterThan(0);
    }));

  test("TC_B_17_CS, TC_B_18_CS component-variables, alone and limited by a criterion", () =>
    onCharger({}, async (system) => {
      const componentVariable = [
        { component: { name: "EVSE", evse: { id: 1 } }, variable: { name: "AvailabilityState" } },
      ];
      expect((await report(system, 30, { componentVariable })).map(ofReport)).toEqual(["EVSE@1. AvailabilityState"]);
      const available = await report(system, 31, { componentVariable, componentCriteria: ["Available"] });
      expect(available.map(ofReport)).toEqual(["EVSE@1. AvailabilityState"]);
      await system.send("GetReport", { requestId: 32, componentVariable, componentCriteria: ["Problem"] } as never, {
        status: "EmptyResultSet",
      });
    }));

  test("TC_B_19_CS what the station does not know is an empty result", () =>
    onCharger({}, async (system) => {
      await system.send(
        "GetReport",
        { requestId: 33, componentVariable: [{ component: { name: "Unknown" } }] } as never,
        {
          status: "EmptyResultSet",
        },
      );
    }));

  test("TC_B_54_CS, TC_B_55_CS, TC_B_56_CS components without variable, without instance, without EVSE", () =>
    onCharger({}, async (system) => {
      const ofConnector = await report(system, 40, {
        componentVariable: [{ component: { name: "Connector", evse: { id: 2 } } }],
      });
      expect(new Set(ofConnector.map((entry) => ofReport(entry).split(" ")[0]))).toEqual(new Set(["Connector@2.1"]));
      const instances = await report(system, 41, {
        componentVariable: [{ component: { name: "DeviceDataCtrlr" }, variable: { name: "ItemsPerMessage" } }],
      });
      expect(instances.map(ofReport).sort()).toEqual([
        "DeviceDataCtrlr ItemsPerMessage[GetReport]",
        "DeviceDataCtrlr ItemsPerMessage[GetVariables]",
        "DeviceDataCtrlr ItemsPerMessage[SetVariables]",
      ]);
      const everywhere = await report(system, 42, {
        componentVariable: [{ component: { name: "EVSE" }, variable: { name: "Power" } }],
      });
      expect(everywhere.map(ofReport)).toEqual(["EVSE@1. Power", "EVSE@2. Power"]);
      for (const { variableCharacteristics } of everywhere) expect(variableCharacteristics?.maxLimit).toBeNumber();
    }));
});
