import { afterEach, beforeEach, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ComponentConfigError, readComponentConfig } from "../../../src/device-model/component-config.ts";

const SHIPPED = join(import.meta.dir, "../../../component_config");
let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "bad-config-"));
  cpSync(SHIPPED, directory, { recursive: true });
  file = join(directory, "standardized/TxCtrlr.json");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const edit = (pattern: RegExp | string, replacement: string) =>
  writeFileSync(file, readFileSync(file, "utf8").replace(pattern, replacement));
const defects = (): readonly string[] => {
  try {
    readComponentConfig(directory);
    return [];
  } catch (error) {
    if (!(error instanceof ComponentConfigError)) throw error;
    return error.defects;
  }
};
/** Line of the file in which the text occurs first. */
const lineOf = (text: string) => readFileSync(file, "utf8").split(text)[0]?.split("\n").length;

test("the shipped files are without defects", () => {
  expect(defects()).toEqual([]);
});

test.each([
  ["a trailing comma", '"name": "TxCtrlr",', '"name": "TxCtrlr",,', /^.*TxCtrlr\.json:2:\d+: a name in double quotes/],
  ["a missing bracket", /\}\s*$/, "", /^.*TxCtrlr\.json:\d+:\d+: "," or "\}" is expected/],
  ["an unquoted word", '"boolean"', "boolean", /^.*TxCtrlr\.json:\d+:\d+: a value is expected/],
  ["a single quote", '"name"', "'name'", /^.*TxCtrlr\.json:2:3: a name in double quotes/],
])("broken JSON, %s, is named with file, line and column", (_what, pattern, replacement, message) => {
  edit(pattern, replacement);
  expect(defects()).toHaveLength(1);
  expect(defects()[0]).toMatch(message);
});

test.each([
  ["in the file", '"name": "TxCtrlr",', '"name": "TxCtrlr", "colour": 1,', "colour: unknown key"],
  [
    "in a variable",
    '"variable_name": "EVConnectionTimeOut"',
    '"variable_name": "EVConnectionTimeOut", "vlaue": 3',
    ".vlaue: unknown key",
  ],
  [
    "in its characteristics",
    '"dataType": "decimal"',
    '"dataType": "decimal", "minimum": 1',
    "characteristics.minimum: unknown key",
  ],
  ["in an attribute", '"type": "Actual"', '"type": "Actual", "valeu": 1', "attributes.0.valeu: unknown key"],
])("an unknown key %s is named with its line", (_where, pattern, replacement, message) => {
  edit(pattern, replacement);
  expect(defects()).toHaveLength(1);
  expect(defects()[0]).toContain(message);
  const key = /(\w+): unknown key/.exec(message)?.[1] ?? "";
  expect(defects()[0]).toContain(`TxCtrlr.json:${lineOf(`"${key}"`)}:`);
});

test.each([
  ["a type", '"variable_name": "EVConnectionTimeOut"', '"variable_name": 7', "Expected string but received 7"],
  ["a data type", '"dataType": "decimal"', '"dataType": "float"', "characteristics.dataType"],
  [
    "a value",
    /("variable_name": "EVConnectionTimeOut"[\s\S]*?"value": )\d+/,
    '$1"soon"',
    "attributes.0.value: the value of EVConnectionTimeOut is not an integer",
  ],
  [
    "limits",
    '"dataType": "decimal"',
    '"dataType": "decimal", "minLimit": 2, "maxLimit": 1',
    "minLimit: above maxLimit",
  ],
])("%s that is wrong is named", (_what, pattern, replacement, message) => {
  edit(pattern, replacement);
  expect(defects().join("\n")).toContain(message);
});

test("a key that occurs twice does not silently win over the first", () => {
  edit('"name": "TxCtrlr",', '"name": "TxCtrlr",\n"name": "AuthCtrlr",');
  expect(defects()[0]).toContain("TxCtrlr.json:3:1: name: this key occurs twice");
});

test("a component that is described twice is named with both files", () => {
  cpSync(join(directory, "standardized/AuthCtrlr.json"), join(directory, "standardized/Second.json"));
  expect(defects()).toHaveLength(1);
  expect(defects()[0]).toMatch(/Second\.json:2:3: name: component AuthCtrlr is described twice, first in .*AuthCtrlr/);
});

test("a required value that is missing is named with file, line and key", () => {
  edit('"variable_name": "TxStopPoint"', '"variable_name": "Other"');
  edit(/("variable_name": "EVConnectionTimeOut"[\s\S]*?"value": )\d+/, "$1null");
  expect(defects()).toHaveLength(2);
  expect(defects().join("\n")).toMatch(/TxCtrlr\.json:2:3: name: the variable TxStopPoint is required/);
  expect(defects().join("\n")).toContain(
    `TxCtrlr.json:${lineOf('"EVConnectionTimeOut": {')}:5: properties.EVConnectionTimeOut: the required variable`,
  );
});

test("a required component that is missing is named, unless its file cannot be read", () => {
  rmSync(file);
  expect(defects()).toEqual([`${directory}/standardized: component TxCtrlr is required, but no file describes it`]);
  writeFileSync(file, "{");
  expect(defects()).toHaveLength(1);
  expect(defects()[0]).toContain("TxCtrlr.json:1:2: ");
});

test("all defects of all files are told at once", () => {
  edit('"name": "TxCtrlr",', '"name": "TxCtrlr", "colour": 1,');
  file = join(directory, "standardized/AuthCtrlr.json");
  edit('"boolean"', '"bool"');
  file = join(directory, "standardized/SecurityCtrlr.json");
  edit(/("variable_name": "Identity"[\s\S]*?"value": )"[^"]*"/, '$1"cp:001"');
  expect(defects()).toHaveLength(3);
  expect(defects().join("\n")).toContain("must not contain a colon");
});
