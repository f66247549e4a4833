import { afterEach, beforeEach, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ComponentConfigError, readComponentConfig } from "../../../src/device-model/component-config.ts";

const SHIPPED = join(import.meta.dir, "../../../component_config");
let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "monitors-"));
  cpSync(SHIPPED, directory, { recursive: true });
  file = join(directory, "standardized/TxCtrlr.json");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** Gives `variable` monitors in a line of their own, which is the third of its object. */
const watch = (variable: string, monitors: unknown): void => {
  const name = `"variable_name": "${variable}",`;
  const text = readFileSync(file, "utf8");
  expect(text).toContain(name);
  writeFileSync(file, text.replace(name, `${name}\n"monitors": ${JSON.stringify(monitors)},`));
};
const line = () => readFileSync(file, "utf8").split('"monitors"')[0]?.split("\n").length;
const defects = (): readonly string[] => {
  try {
    readComponentConfig(directory);
    return [];
  } catch (error) {
    if (!(error instanceof ComponentConfigError)) throw error;
    return error.defects;
  }
};
const MONITOR = { type: "Delta", config_type: "PreconfiguredMonitor", severity: 4, value: 1 };

test("monitors of all kinds are read; the custom ones of a file are the maker's", () => {
  watch("EVConnectionTimeOut", [
    { ...MONITOR, reference_value: "60" },
    { ...MONITOR, type: "UpperThreshold", config_type: "HardWiredMonitor", transaction: true },
    { ...MONITOR, type: "Periodic", config_type: "CustomMonitor", value: 900 },
  ]);
  const variables = readComponentConfig(directory).find(({ name }) => name === "TxCtrlr")?.variables;
  expect(variables?.find(({ name }) => name === "EVConnectionTimeOut")?.monitors).toEqual([
    { type: "Delta", kind: "PreconfiguredMonitor", severity: 4, value: 1, transaction: false, reference: "60" },
    { type: "UpperThreshold", kind: "HardWiredMonitor", severity: 4, value: 1, transaction: true },
    { type: "Periodic", kind: "PreconfiguredMonitor", severity: 4, value: 900, transaction: false },
  ]);
  expect(variables?.filter(({ monitors }) => monitors !== undefined)).toHaveLength(1);
});

test.each([
  [
    "EVConnectionTimeOut",
    [MONITOR, { ...MONITOR, config_type: "HardWiredMonitor" }],
    "1.severity: contradicts monitor 0",
  ],
  ["EVConnectionTimeOut", [{ ...MONITOR, severity: 10 }], "0.severity: severities are 0 to 9"],
  ["EVConnectionTimeOut", [{ ...MONITOR, value: -1 }], "0.value: a difference is not negative"],
  ["EVConnectionTimeOut", [{ ...MONITOR, type: "Periodic", value: 0 }], "0.value: a period is at least 1 s"],
  ["TxStartPoint", [{ ...MONITOR, type: "UpperThreshold" }], "0.type: a MemberList has no thresholds"],
  ["EVConnectionTimeOut", [{ ...MONITOR, type: "Sometimes" }], "0.type: "],
  ["EVConnectionTimeOut", [{ ...MONITOR, value: "1" }], "0.value: "],
  ["EVConnectionTimeOut", [{ ...MONITOR, colour: 1 }], "0.colour: unknown key"],
  ["EVConnectionTimeOut", [{ type: "Delta" }], "0.config_type: "],
])("a monitor of %s that cannot be is told with file, line and key (%#)", (variable, monitors, message) => {
  watch(variable, monitors);
  const found = defects();
  expect(found.length).toBeGreaterThan(0);
  expect(found[0]).toContain(`TxCtrlr.json:${line()}:`);
  expect(found.some((defect) => defect.includes(`.monitors.${message}`))).toBe(true);
});

test("a monitor of a variable that cannot be monitored", () => {
  file = join(directory, "standardized/InternalCtrlr.json");
  watch("MonitorsProcessingInterval", [MONITOR]);
  expect(defects()).toEqual([expect.stringContaining("monitors.0.type: the variable cannot be monitored")]);
});
