import { describe, expect, test } from "bun:test";
import type { Logger } from "../../../src/log/logger.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { ToldOnce } from "../../../src/log/told-once.ts";
import { parseFrame } from "../../../src/ocpp/frames.ts";
import type { Action } from "../../../src/ocpp/v201/index.ts";
import { readResponse, validateRequest } from "../../../src/ocpp/validation.ts";

const read = (action: Action, payload: unknown) => {
  const notes: string[] = [];
  const result = readResponse(action, payload, (path, defect) => notes.push(`${path}: ${defect}`));
  return { result, notes };
};
const BOOT = { currentTime: "2026-01-01T00:00:00Z", interval: 300, status: "Accepted" };

describe("one odd member of an answer lost all of it", () => {
  test.each<[string, Action, unknown, unknown, readonly string[]]>([
    [
      "an unknown member",
      "TransactionEvent",
      { totalCost: 1, more: { x: 1 } },
      { totalCost: 1 },
      ["more: unknown member"],
    ],
    ["null", "BootNotification", { ...BOOT, statusInfo: null }, BOOT, ["statusInfo: null taken as absent"]],
    [
      "a name of Object's",
      "Heartbeat",
      JSON.parse('{"currentTime":"2026-01-01T00:00:00Z","__proto__":{"a":1}}'),
      { currentTime: "2026-01-01T00:00:00Z" },
      ["__proto__: unknown member"],
    ],
    [
      "in nested objects and lists",
      "TransactionEvent",
      {
        idTokenInfo: {
          status: "Accepted",
          groupIdToken: {
            idToken: "G",
            type: "Central",
            additionalInfo: [
              { additionalIdToken: "a", type: "b", c: 1 },
              { additionalIdToken: "d", type: "e", customData: null },
            ],
          },
          language1: null,
        },
      },
      {
        idTokenInfo: {
          status: "Accepted",
          groupIdToken: {
            idToken: "G",
            type: "Central",
            additionalInfo: [
              { additionalIdToken: "a", type: "b" },
              { additionalIdToken: "d", type: "e" },
            ],
          },
        },
      },
      [
        "idTokenInfo.groupIdToken.additionalInfo[].c: unknown member",
        "idTokenInfo.groupIdToken.additionalInfo[].customData: null taken as absent",
        "idTokenInfo.language1: null taken as absent",
      ],
    ],
    [
      "an empty list",
      "Authorize",
      { idTokenInfo: { status: "Accepted", groupIdToken: { idToken: "G", type: "Central", additionalInfo: [] } } },
      { idTokenInfo: { status: "Accepted", groupIdToken: { idToken: "G", type: "Central" } } },
      ["idTokenInfo.groupIdToken.additionalInfo: empty list taken as absent"],
    ],
    [
      "data of a vendor keep what they carry",
      "Heartbeat",
      { currentTime: BOOT.currentTime, customData: { vendorId: "v", x: null }, y: 1 },
      { currentTime: BOOT.currentTime, customData: { vendorId: "v", x: null } },
      ["y: unknown member"],
    ],
  ])("%s", (_name, action, payload, value, notes) => {
    expect(read(action, payload)).toEqual({ result: { ok: true, value } as never, notes: [...notes] });
  });

  test.each<[string, Action, unknown]>([
    ["a required member is missing", "BootNotification", { interval: 300, status: "Accepted", more: 1 }],
    ["a required member is null", "BootNotification", { ...BOOT, status: null }],
    ["a type is wrong", "TransactionEvent", { totalCost: "1", more: 1 }],
    ["an optional object lacks what it needs", "TransactionEvent", { idTokenInfo: {} }],
    ["no object", "TransactionEvent", []],
  ])("still refused: %s", (_name, action, payload) => {
    expect(read(action, payload).result.ok).toBe(false);
  });

  test("a list that may be empty stays: it has a meaning of its own (C01.FR.19)", () => {
    const payload = { idTokenInfo: { status: "Accepted", evseId: [], language1: null } };
    expect(read("Authorize", payload).result).toMatchObject({ value: { idTokenInfo: { evseId: [] } } });
  });

  test("a CALL stays strict", () => {
    expect(validateRequest("ClearCache", { more: 1 }).ok).toBe(false);
  });

  test("elements behind the payload of a CALLRESULT are nobody's; a CALLERROR may lack its details", () => {
    expect(parseFrame('[3,"a",{},{}]')).toEqual({ kind: "result", messageId: "a", payload: {} });
    expect(parseFrame('[4,"a","GenericError"]')).toMatchObject({ kind: "error", code: "GenericError" });
  });
});

test("each kind of oddity is logged once, and a CSMS that makes up ever new ones fills neither log nor memory", () => {
  const log: string[] = [];
  const logger: Logger = { ...silentLogger, warn: (text) => log.push(text) };
  const oddities = new ToldOnce(logger);
  for (let index = 0; index < 1_000; index++) {
    oddities.warn("the same");
    oddities.warn(`kind ${index}`);
  }
  expect(log).toHaveLength(200);
  expect(log.filter((line) => line.startsWith("the same"))).toHaveLength(1);
  expect(log.at(-1)).toContain("other kinds are not told any more");
});
