import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toHardwareError } from "../../../src/bridge/errors.ts";
import { readErrorCodes } from "../../../src/config/error-codes.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "error-codes-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function write(text: string): string {
  const path = join(directory, "codes.json");
  writeFileSync(path, text);
  return path;
}
const techCodeOf = (type: string, codes?: ReadonlyMap<string, string>) =>
  toHardwareError(
    {
      type,
      sub_type: "",
      message: "",
      description: "",
      severity: "High",
      state: "Active",
      timestamp: "",
      origin: { module_id: "m", implementation_id: "i" },
    },
    new Date(),
    () => 1,
    codes,
  ).techCode;

test("the entries of the file win over the built-in codes and add to them (CHANGES c.7)", () => {
  const codes = readErrorCodes(
    write('{"evse_board_support/MREC8EmergencyStop": "E-STOP", "powermeter/CommunicationFault": "X1"}'),
  );
  expect(techCodeOf("evse_board_support/MREC8EmergencyStop", codes)).toBe("E-STOP");
  expect(techCodeOf("powermeter/CommunicationFault", codes)).toBe("X1");
  expect(techCodeOf("evse_board_support/MREC6UnderVoltage", codes)).toBe("CX006");
  expect(techCodeOf("powermeter/VendorError", codes)).toBeUndefined();
});

test("without a file the built-in codes hold", () => {
  expect(techCodeOf("evse_board_support/MREC8EmergencyStop", readErrorCodes(""))).toBe("CX008");
});

test.each([
  ["[]", /codes.json:1:1: an object of error types and codes is expected/],
  ["null", /an object of error types/],
  ['{\n "a/B": "1",\n', /codes.json:3:1: /],
  ['{\n "a/B": "1",\n "c/D": 7}', /codes.json:3:2: c\/D: a text is expected/],
  ['{"a/B": "1",\n "a/B": "2"}', /codes.json:2:2: a\/B: stands there twice/],
  [`{"a/B": "${"x".repeat(51)}"}`, /codes.json:1:2: a\/B: at most 50 characters/],
])("a bad file is told with line and key: %s", (text, message) => {
  expect(() => readErrorCodes(write(text))).toThrow(message);
});

test("a file that is not there is told by its path", () => {
  expect(() => readErrorCodes("/nonexistent/codes.json")).toThrow(
    "/nonexistent/codes.json:1:1: it cannot be read (ENOENT)",
  );
});
