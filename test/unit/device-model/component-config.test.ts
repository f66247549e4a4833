import { afterEach, beforeEach, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { generateHandles } from "../../../scripts/generate/variable-handles.ts";
import { type ComponentConfigError, readComponentConfig } from "../../../src/device-model/component-config.ts";
import { type DeviceModel, openDeviceModel } from "../../../src/device-model/device-model.ts";
import { valueDefect } from "../../../src/device-model/value-rules.ts";
import { TxCtrlr } from "../../../src/device-model/variables.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const SHIPPED = join(import.meta.dir, "../../../component_config");
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "config-"));
  cpSync(SHIPPED, directory, { recursive: true });
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const edit = (change: (text: string) => string) => {
  const path = join(directory, "standardized/TxCtrlr.json");
  writeFileSync(path, change(readFileSync(path, "utf8")));
};
const defects = (): readonly string[] => {
  try {
    readComponentConfig(directory);
    return [];
  } catch (error) {
    return (error as ComponentConfigError).defects;
  }
};
const open = (): DeviceModel =>
  openDeviceModel({
    path: join(directory, "dm.db"),
    components: readComponentConfig(directory),
    clock: new FakeClock(),
    logger: silentLogger,
  }).deviceModel;
const setTimeOut = (value: string) =>
  edit((text) => text.replace(/("variable_name": "EVConnectionTimeOut"[\s\S]*?"value": )\d+/, `$1${value}`));

test("the handles are generated from the shipped configuration", () => {
  const committed = readFileSync(join(import.meta.dir, "../../../src/device-model/generated/handles.ts"), "utf8");
  expect(committed).toBe(generateHandles(join(SHIPPED, "standardized")));
});

test("broken JSON is named with file and line", () => {
  edit((text) => text.replace('"properties": {', '"properties": {,'));
  expect(defects()[0]).toMatch(/TxCtrlr\.json:\d+:\d+: /);
});

test("all defects at once: unknown key, wrong type, wrong value, duplicate component", () => {
  edit((text) => text.replace('"name": "TxCtrlr",', '"name": "TxCtrlr", "colour": "red",'));
  setTimeOut('"soon"');
  cpSync(join(directory, "standardized/AuthCtrlr.json"), join(directory, "standardized/Second.json"));
  const found = defects().join("\n");
  expect(found).toContain("colour: unknown key");
  expect(found).toContain("the value of EVConnectionTimeOut is not an integer");
  expect(found).toContain("AuthCtrlr is described twice");
});

test("a component of custom/ replaces the whole standardized one", () => {
  writeFileSync(
    join(directory, "custom-source.json"),
    JSON.stringify({
      name: "ReservationCtrlr",
      properties: {
        A: { variable_name: "Only", characteristics: { dataType: "string" }, attributes: [{ value: "x" }] },
      },
    }),
  );
  cpSync(join(directory, "custom-source.json"), join(directory, "custom/Reservation.json"));
  const found = readComponentConfig(directory).find(({ name }) => name === "ReservationCtrlr");
  expect(found?.variables.map(({ name }) => name)).toEqual(["Only"]);
});

test("an edited file counts until the CSMS has set the value (STORES 2.2)", async () => {
  let model = open();
  expect(model.read(TxCtrlr.EVConnectionTimeOut)).toBe(120);
  model.close();
  setTimeOut("90");
  model = open();
  expect(model.read(TxCtrlr.EVConnectionTimeOut)).toBe(90);
  await model.set([{ address: TxCtrlr.EVConnectionTimeOut, attributeType: "Actual", value: "77" }], "csms");
  model.close();
  setTimeOut("60");
  model = open();
  expect(model.read(TxCtrlr.EVConnectionTimeOut)).toBe(77);
  model.close();
});

test("incident of the C++ module: a value that the stack itself re-wrote gives way to an edited file", () => {
  let model = open();
  model.write(TxCtrlr.EVConnectionTimeOut, 111, "internal");
  model.close();
  model = open();
  expect(model.read(TxCtrlr.EVConnectionTimeOut)).toBe(111);
  model.close();
  setTimeOut("60");
  model = open();
  expect(model.read(TxCtrlr.EVConnectionTimeOut)).toBe(60);
  model.close();
});

test("a device-model file left by libocpp is taken over with the values of the CSMS", () => {
  cpSync(
    join(import.meta.dir, "../../fixtures/libocpp-db/device_model_storage-after-csms-session.db"),
    join(directory, "dm.db"),
  );
  const model = open();
  const variable = model.find({ component: "OCPPCommCtrlr", variable: "HeartbeatInterval" });
  expect(typeof variable === "string" ? variable : variable.attributes.get("Actual")?.source).toBe("csms");
  model.close();
});

test.each([
  ["boolean", "TRUE", false],
  ["boolean", "true", true],
  ["integer", "1.0", false],
  ["integer", "-5", true],
  ["decimal", "1e3", false],
  ["decimal", "1.5", true],
  ["dateTime", "2026-01-01", false],
  ["MemberList", "A,B", true],
  ["MemberList", "A,A", false],
  ["SequenceList", "A,A", true],
  ["MemberList", "A,X", false],
  ["OptionList", "X", false],
  ["OptionList", "B", true],
] as const)("a value of type %s: %s", (dataType, value, fits) => {
  expect(valueDefect(value, { dataType, valuesList: "A,B", supportsMonitoring: false }) === undefined).toBe(fits);
});

test("limits, and 0 as off where it may be", () => {
  const limited = { dataType: "integer", minLimit: 10, maxLimit: 20, supportsMonitoring: false } as const;
  expect(valueDefect("9", limited)?.reasonCode).toBe("ValueTooLow");
  expect(valueDefect("21", limited)?.reasonCode).toBe("ValueTooHigh");
  expect(valueDefect("0", limited, true)).toBeUndefined();
});
