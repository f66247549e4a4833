import { expect, test } from "bun:test";
import { classifyError } from "../../../src/ocpp/connection-failure.ts";

test.each([
  [
    "the code, where a name has several addresses and none answers",
    { message: "", code: "ECONNREFUSED" },
    "ECONNREFUSED",
  ],
  ["words, where there is nothing at all", { message: "" }, "no reason is known"],
  ["message and code", { message: "it broke", code: "E1" }, "it broke (E1)"],
  ["a message that names the code", { message: "connect E1", code: "E1" }, "connect E1"],
])("an attempt that failed is never told without a reason: %s", (_what, error, text) => {
  expect(classifyError(Object.assign(new Error(error.message), error))).toEqual({ kind: "network", text });
});
