import { expect, test } from "bun:test";
import { JsonSyntaxError, parseLocatedJson } from "../../../src/lib/located-json.ts";

test.each([
  '{"a": [1, -2.5e3, true, null, "\\u00e9\\n"], "b": {"c": {}}, "d": []}',
  "  [ ]  ",
  '"text"',
  "0",
  '\uFEFF{"bom": true}',
])("reads what JSON.parse reads: %s", (text) => {
  expect(parseLocatedJson(text).value).toEqual(JSON.parse(text.replace("\uFEFF", "")));
});

test.each([
  ["", 1, 1],
  ['{"a": 1,}', 1, 9],
  ['{"a": 1,\n "b" 2}', 2, 6],
  ["[1, 02]", 1, 6],
  ["{'a': 1}", 1, 2],
  ['{"a": undefined}', 1, 7],
  ['{"a": 1} x', 1, 10],
  ['{"a": "never ends', 1, 7],
  ['["\\x"]', 1, 6],
  ['["tab\there"]', 1, 12],
  ["[".repeat(200), 1, 102],
] as const)("refuses what JSON.parse refuses, and says where: %p", (text, line, column) => {
  expect(() => JSON.parse(text)).toThrow();
  try {
    parseLocatedJson(text);
    throw new Error("it was taken");
  } catch (error) {
    expect(error).toBeInstanceOf(JsonSyntaxError);
    expect((error as JsonSyntaxError).position).toEqual({ line, column });
  }
});

test("members know their place, a path that ends early its deepest one", () => {
  const json = parseLocatedJson('{\n  "a": {\n    "b": [10,\n      20]\n  }\n}');
  expect(json.locate([])).toEqual({ line: 1, column: 1 });
  expect(json.locate(["a"])).toEqual({ line: 2, column: 3 });
  expect(json.locate(["a", "b"])).toEqual({ line: 3, column: 5 });
  expect(json.locate(["a", "b", 1])).toEqual({ line: 4, column: 7 });
  expect(json.locate(["a", "nothing", "b"])).toEqual({ line: 2, column: 3 });
});

test("names that occur twice are told with their path", () => {
  expect(parseLocatedJson('{"a": {"b": 1, "b": 2}, "c": [{"d": 1, "d": 1}]}').duplicates).toEqual([
    ["a", "b"],
    ["c", 0, "d"],
  ]);
});
