import { afterEach, beforeEach, expect, test } from "bun:test";
import type { ComponentDefinition } from "../../../src/device-model/definitions.ts";
import {
  baseReport,
  type ComponentCriterion,
  customReport,
  inParts,
  type ReportEntry,
  type ReportFilter,
} from "../../../src/device-model/reports.ts";
import { TestDeviceModel, variable } from "../../support/device-model.ts";

const availability = (state: string) => [variable("AvailabilityState", state, { mutability: "ReadOnly" })];
const COMPONENTS: readonly ComponentDefinition[] = [
  {
    name: "ChargingStation",
    variables: [...availability("Available"), variable("Problem", "false", { dataType: "boolean" })],
  },
  { name: "EVSE", evseId: 1, variables: availability("Available") },
  { name: "Connector", evseId: 1, connectorId: 1, variables: availability("Available") },
  { name: "Connector", evseId: 1, connectorId: 2, variables: availability("Occupied") },
  { name: "EVSE", evseId: 2, variables: availability("Available") },
  {
    name: "Fan",
    variables: [
      variable("Active", "true", { dataType: "boolean", mutability: "ReadOnly" }),
      variable("Problem", "true", { dataType: "boolean", mutability: "ReadOnly" }),
    ],
  },
  { name: "Fan", instance: "2", variables: [variable("Active", "false", { dataType: "boolean" })] },
  { name: "Fan", instance: "3", evseId: 1, variables: [variable("Active", undefined, { dataType: "boolean" })] },
  {
    name: "Tariff",
    variables: [
      variable("Available", "false", { dataType: "boolean", instance: "A" }),
      variable("Available", "true", { dataType: "boolean", instance: "B" }),
      variable("Secret", "hidden", { mutability: "WriteOnly" }),
      variable("Unset", undefined),
      variable("Length", "7", { constant: true, persistent: false }),
    ],
  },
];

let file: TestDeviceModel;
beforeEach(() => {
  file = new TestDeviceModel();
  file.open(COMPONENTS);
});
afterEach(() => file.dispose());

const label = ({ component, variable: { name, instance } }: ReportEntry) => {
  const tier = component.evse === undefined ? "" : `@${component.evse.id}.${component.evse.connectorId ?? ""}`;
  return `${component.name}${component.instance ?? ""}${tier} ${name}${instance ?? ""}`;
};
const base = (name: "ConfigurationInventory" | "FullInventory" | "SummaryInventory") =>
  [...baseReport(file.model, name, 2500)].map(label);
const custom = (criteria: readonly ComponentCriterion[], filters: readonly ReportFilter[] = []) =>
  [...customReport(file.model, criteria, filters, 2500)].map(label);

test("B07.FR.08: FullInventory is every variable", () => {
  expect(base("FullInventory")).toHaveLength(15);
});

test("B07.FR.07: ConfigurationInventory is what the operator can set, secrets included", () => {
  expect(base("ConfigurationInventory")).toEqual([
    "ChargingStation Problem",
    "Fan2 Active",
    "Fan3@1. Active",
    "Tariff AvailableA",
    "Tariff AvailableB",
    "Tariff Secret",
    "Tariff Unset",
    "Tariff Length",
  ]);
});

test("B07.FR.09: SummaryInventory is the availability of all tiers, and what is in an abnormal state", () => {
  expect(base("SummaryInventory")).toEqual([
    "ChargingStation AvailabilityState",
    "EVSE@1. AvailabilityState",
    "Connector@1.1 AvailabilityState",
    "Connector@1.2 AvailabilityState",
    "EVSE@2. AvailabilityState",
    "Fan Problem",
  ]);
});

test("B07.FR.03, FR.11, B08.FR.12: unset values are empty, only the values of WriteOnly variables are left out", () => {
  const entries = [...customReport(file.model, [], [{ component: { name: "Tariff" } }], 2500)];
  const attribute = (name: string) => entries.find((entry) => entry.variable.name === name)?.variableAttribute;
  const common = { type: "Actual", persistent: true, constant: false } as const;
  expect(attribute("Secret")).toEqual([{ ...common, mutability: "WriteOnly" }]);
  expect(attribute("Unset")).toEqual([{ ...common, mutability: "ReadWrite", value: "" }]);
  expect(attribute("Length")).toEqual([
    { ...common, mutability: "ReadWrite", value: "7", persistent: false, constant: true },
  ]);
  expect(entries[0]?.variableCharacteristics).toEqual({ dataType: "boolean", supportsMonitoring: false });
});

test("B08.FR.07: Active is reported where it is true or does not exist; unset is neither", () => {
  const components = new Set(custom(["Active"]).map((entry) => entry.split(" ")[0]));
  expect(components).toEqual(
    new Set(["ChargingStation", "EVSE@1.", "Connector@1.1", "Connector@1.2", "EVSE@2.", "Fan", "Tariff"]),
  );
});

test("TC_B_16, B08.FR.07–09: a criterion brought all variables of a component that has its variable", () => {
  expect(custom(["Active"]).filter((entry) => entry.startsWith("Fan"))).toEqual(["Fan Active"]);
  expect(custom(["Active"]).filter((entry) => entry.startsWith("ChargingStation"))).toHaveLength(2);
  expect(custom(["Available"]).filter((entry) => entry.startsWith("Tariff"))).toEqual(["Tariff AvailableB"]);
  expect(custom(["Enabled"])).toHaveLength(15); // It exists nowhere.
});

test("B08.FR.10: Problem is only reported where it is true", () => {
  expect(custom(["Problem"])).toEqual(["Fan Problem"]);
});

test("B08.FR.13: criteria are alternatives, B08.FR.05: and limit what is listed", () => {
  expect(custom(["Problem", "Active"]).filter((entry) => entry.startsWith("Fan"))).toEqual([
    "Fan Active",
    "Fan Problem",
  ]);
  expect(custom(["Problem", "Active"], [{ component: { name: "Fan" }, variable: { name: "Active" } }])).toEqual([
    "Fan Active",
  ]);
});

test("TC_B_18: a variable that is listed by name is reported where the component meets the criterion, others are not", () => {
  const filters = [
    { component: { name: "Tariff" }, variable: { name: "Length" } },
    { component: { name: "Fan" } },
    { component: { name: "EVSE", evse: { id: 1 } }, variable: { name: "AvailabilityState" } },
  ];
  expect(custom(["Available"], filters)).toEqual([
    "EVSE@1. AvailabilityState",
    "Fan Active",
    "Fan Problem",
    "Fan2 Active",
    "Fan3@1. Active",
    "Tariff Length",
  ]);
  expect(custom(["Active"], filters).filter((entry) => entry.startsWith("Fan"))).toEqual(["Fan Active"]);
  expect(custom(["Problem"], filters)).toEqual(["Fan Problem"]);
});

test.each<[string, ReportFilter, readonly string[]]>([
  ["B08.FR.20: no variable means all", { component: { name: "Fan", instance: "2" } }, ["Fan2 Active"]],
  [
    "B08.FR.21: no instance of the variable means every one",
    { component: { name: "Tariff" }, variable: { name: "Available" } },
    ["Tariff AvailableA", "Tariff AvailableB"],
  ],
  [
    "an instance of the variable means that one",
    { component: { name: "Tariff" }, variable: { name: "Available", instance: "B" } },
    ["Tariff AvailableB"],
  ],
  [
    "B08.FR.22: no connector means every one of the EVSE",
    { component: { name: "Connector", evse: { id: 1 } } },
    ["Connector@1.1 AvailabilityState", "Connector@1.2 AvailabilityState"],
  ],
  [
    "a connector means that one",
    { component: { name: "Connector", evse: { id: 1, connectorId: 2 } } },
    ["Connector@1.2 AvailabilityState"],
  ],
  [
    "B08.FR.23: no EVSE means every one",
    { component: { name: "EVSE" } },
    ["EVSE@1. AvailabilityState", "EVSE@2. AvailabilityState"],
  ],
  [
    "B08.FR.24: an instance of the component means that one",
    { component: { name: "Fan", instance: "3" } },
    ["Fan3@1. Active"],
  ],
  [
    "B08.FR.25: no instance of the component means every one",
    { component: { name: "fan" }, variable: { name: "active" } },
    ["Fan Active", "Fan2 Active", "Fan3@1. Active"],
  ],
  ["what does not exist is not found", { component: { name: "Unknown" } }, []],
])("%s", (_rule, filter, found) => {
  expect(custom([], [filter])).toEqual([...found]);
});

test("values are cut where ReportingValueSize says so", () => {
  const [entry] = customReport(file.model, [], [{ component: { name: "EVSE", evse: { id: 1 } } }], 5);
  expect(entry?.variableAttribute[0]?.value).toBe("Avail");
});

test("parts hold so many entries and so many bytes, and lose none", () => {
  const entries = [...baseReport(file.model, "FullInventory", 2500)];
  expect([...inParts(entries, 4, 1e6)].map(({ length }) => length)).toEqual([4, 4, 4, 3]);
  const parts = [...inParts(entries, 100, 1200)];
  expect(parts.flat()).toEqual(entries);
  for (const part of parts) expect(Buffer.byteLength(JSON.stringify(part))).toBeLessThanOrEqual(1200);
  expect([...inParts(entries, 100, 1)]).toHaveLength(15);
});
