import { describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { generateMessages } from "../../../scripts/generate/messages.ts";
import { isDateTime } from "../../../src/lib/date-time.ts";
import { ACTIONS, MESSAGE_SCHEMAS } from "../../../src/ocpp/v201/index.ts";
import { validateRequest, validateResponse } from "../../../src/ocpp/validation.ts";
import { examplesOf } from "../../support/message-examples.ts";

const SCHEMAS = join(import.meta.dir, "../../../../shared/reference/ocpp-2.0.1/schemas");
const GENERATED = join(import.meta.dir, "../../../src/ocpp/v201/generated");

test("there are all 64 actions of OCPP 2.0.1", () => {
  expect(ACTIONS).toHaveLength(64);
});

test.skipIf(!existsSync(SCHEMAS))("generator and committed messages agree (skipped without ../shared)", () => {
  const files = generateMessages(SCHEMAS);
  expect(readdirSync(GENERATED).sort()).toEqual([...files.keys()].sort());
  for (const [name, content] of files) expect(readFileSync(join(GENERATED, name), "utf8")).toBe(content);
});

describe.each([...ACTIONS])("%s", (action) => {
  test("takes what fits and refuses what does not, request and response", () => {
    const request = examplesOf(MESSAGE_SCHEMAS[action].request);
    const response = examplesOf(MESSAGE_SCHEMAS[action].response);
    for (const { name, payload } of request.valid)
      expect([name, validateRequest(action, payload).ok]).toEqual([name, true]);
    for (const { name, payload } of response.valid)
      expect([name, validateResponse(action, payload).ok]).toEqual([name, true]);
    for (const { name, payload } of request.invalid)
      expect([name, validateRequest(action, payload).ok]).toEqual([name, false]);
    for (const { name, payload } of response.invalid)
      expect([name, validateResponse(action, payload).ok]).toEqual([name, false]);
  });
});

describe("the error code names the broken rule (part 4, table 8)", () => {
  const codeOf = (payload: unknown): string => {
    const result = validateRequest("BootNotification", payload);
    return result.ok ? "ok" : result.code;
  };
  const station = { model: "m", vendorName: "v" };
  test.each([
    ["missing member", { reason: "PowerUp" }, "OccurrenceConstraintViolation"],
    ["missing inner member", { reason: "PowerUp", chargingStation: { model: "m" } }, "OccurrenceConstraintViolation"],
    ["unknown member", { reason: "PowerUp", chargingStation: station, more: 1 }, "FormatViolation"],
    ["unknown word", { reason: "Whim", chargingStation: station }, "PropertyConstraintViolation"],
    [
      "too long",
      { reason: "PowerUp", chargingStation: { ...station, model: "x".repeat(21) } },
      "PropertyConstraintViolation",
    ],
    ["wrong type", { reason: "PowerUp", chargingStation: { ...station, model: 7 } }, "TypeConstraintViolation"],
    ["no object", [], "ProtocolError"],
    ["null, the other notation of no members (part 4, 4.1.5)", null, "OccurrenceConstraintViolation"],
  ])("%s", (_name, payload, code) => {
    expect(codeOf(payload)).toBe(code);
  });

  test("null stands for a payload without members (part 4, 4.1.5)", () => {
    expect(validateRequest("Heartbeat", null)).toEqual({ ok: true, value: {} });
  });

  test("a description never repeats the value: it may be a secret", () => {
    const result = validateRequest("Authorize", { idToken: { idToken: "SECRET-PIN".repeat(9), type: "KeyCode" } });
    expect(result.ok ? "" : result.description).not.toContain("SECRET");
  });
});

test.each([
  ["2026-02-28T23:59:59Z", true],
  ["2026-02-28T23:59:60.123456789+02:00", true],
  ["2026-02-29T00:00:00Z", false],
  ["2026-13-01T00:00:00Z", false],
  ["2026-01-01", false],
  ["2026-01-01T00:00:00", false],
])("date-time %s: %p", (text, valid) => {
  expect(isDateTime(text)).toBe(valid);
});

test.each([
  ["RequestStartTransaction", "remoteStartId", { idToken: { idToken: "A", type: "Central" } }],
  ["GetBaseReport", "requestId", { reportBase: "FullInventory" }],
  ["SendLocalList", "versionNumber", { updateType: "Full" }],
] as const)("incident: %s took a %s of more than 32 bits (part 2, 2.1.4)", (action, member, others) => {
  const codeOf = (value: number): string => {
    const result = validateRequest(action, { ...others, [member]: value });
    return result.ok ? "ok" : `${result.code} ${result.description}`;
  };
  const refused = `TypeConstraintViolation ${member}: not an integer of 32 bits`;
  expect([2_147_483_648, 2 ** 40, Number("9007199254740993"), -2_147_483_649].map(codeOf)).toEqual(
    Array(4).fill(refused),
  );
  expect([2_147_483_647, -2_147_483_648].map(codeOf)).toEqual(["ok", "ok"]);
});

test("incident: the leap second, which RFC 3339 allows, made an invalid date of a card's expiry", () => {
  const idTokenInfo = { status: "Accepted", cacheExpiryDateTime: "2026-12-31T23:59:60.5+00:00" };
  const result = validateResponse("Authorize", { idTokenInfo });
  expect(result.ok ? result.value.idTokenInfo.cacheExpiryDateTime : undefined).toBe("2026-12-31T23:59:59.5+00:00");
});
