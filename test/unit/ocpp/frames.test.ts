import { expect, test } from "bun:test";
import { backOffMilliseconds } from "../../../src/ocpp/back-off.ts";
import { parseFrame } from "../../../src/ocpp/frames.ts";
import { validateRequest, validateResponse } from "../../../src/ocpp/validation.ts";

test.each([
  ["no JSON", "-1", "RpcFrameworkError", "{nonsense"],
  ["no array", "-1", "RpcFrameworkError", '{"a":1}'],
  ["empty array", "-1", "RpcFrameworkError", "[]"],
  ["no message id", "-1", "RpcFrameworkError", "[2]"],
  ["a message id that is no text", "-1", "RpcFrameworkError", '[2,7,"Heartbeat",{}]'],
  ["a message id of 37 characters", "-1", "RpcFrameworkError", `[2,"${"x".repeat(37)}","Heartbeat",{}]`],
  ["no payload", "a", "RpcFrameworkError", '[2,"a","Heartbeat"]'],
  ["an action that is no text", "a", "RpcFrameworkError", '[2,"a",1,{}]'],
  ["an unknown message type", "a", "MessageTypeNotSupported", '[9,"a","Heartbeat",{}]'],
])("%s is answered with message id %s and %s", (_name, messageId, code, text) => {
  expect(parseFrame(text)).toMatchObject({ kind: "bad", messageId, code });
});

test("a CALLERROR without code and description has words for both", () => {
  expect(parseFrame('[4,"a","","",{}]')).toMatchObject({ code: "(no code)", description: "no description" });
});

test("100,000 nested arrays are told whose they are, and go no further", () => {
  const deep = "[".repeat(100_000) + "]".repeat(100_000);
  expect(parseFrame(`[2, "a" ,"DataTransfer",{"data":${deep}}]`)).toMatchObject({
    kind: "bad",
    messageId: "a",
    code: "FormatViolation",
  });
  expect(parseFrame(`[3,"a",{"data":${deep}}]`)).toMatchObject({ kind: "broken-answer", messageId: "a" });
  expect(parseFrame(`[4,"a","X","",${deep}]`)).toMatchObject({ kind: "broken-answer", messageId: "a" });
  expect(parseFrame(deep)).toMatchObject({ kind: "bad", messageId: "-1", code: "RpcFrameworkError" });
});

test("a broken answer is not answered", () => {
  expect(parseFrame('[3,"a"]').kind).toBe("broken-answer");
  expect(parseFrame('[4,"a"]').kind).toBe("broken-answer");
});

test("incident: a long integer in the data of a DataTransfer came out as ...992", () => {
  const frame = parseFrame('[2,"a","DataTransfer",{"vendorId":"v","data":{"id":9007199254740993,"list":[-1e3,1.5]}}]');
  const payload = frame.kind === "call" ? (frame.payload as { readonly data: unknown }) : undefined;
  expect(JSON.stringify(payload?.data)).toBe('{"id":9007199254740993,"list":[-1000,1.5]}');
});

test("incident: an answer that was a long integer passed for one without members", () => {
  const frame = parseFrame('[3,"a",9007199254740992]');
  expect(frame.kind === "result" && validateResponse("SecurityEventNotification", frame.payload)).toMatchObject({
    ok: false,
    code: "ProtocolError",
  });
  const call = parseFrame('[2,"a","GetVariables",{"getVariableData":[9007199254740992]}]');
  expect(call.kind === "call" && validateRequest("GetVariables", call.payload)).toMatchObject({ ok: false });
});

test("back-off: minimum, doubled RepeatTimes times, plus a new random part each time (part 4, 5.3, errata 4)", () => {
  const settings = { waitMinimumSeconds: 10, repeatTimes: 2, randomRangeSeconds: 4 };
  const random = { next: () => 0.5, uuid: () => "" };
  expect([0, 1, 2, 3, 9].map((failures) => backOffMilliseconds(failures, settings, random))).toEqual([
    12_000, 22_000, 42_000, 42_000, 42_000,
  ]);
});
