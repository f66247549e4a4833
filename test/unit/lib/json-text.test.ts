import { describe, expect, test } from "bun:test";
import { indentJson, JSON_NESTING_LIMIT, JsonNestingError, parseJson } from "../../../src/lib/json-text.ts";

const nested = (depth: number, open = "[", close = "]") => open.repeat(depth) + close.repeat(depth);

describe("JSON that was nested to hurt", () => {
  test("100 levels are parsed, 101 are not, whatever they are made of", () => {
    expect(parseJson(nested(JSON_NESTING_LIMIT))).toEqual(JSON.parse(nested(JSON_NESTING_LIMIT)));
    expect(() => parseJson(nested(JSON_NESTING_LIMIT + 1))).toThrow(JsonNestingError);
    expect(() => parseJson(`${'{"a":['.repeat(60)}${"]}".repeat(60)}`)).toThrow(JsonNestingError);
    expect(() => parseJson(nested(500_000))).toThrow(JsonNestingError);
  });

  test("brackets in a text are no nesting, nor are those that follow each other", () => {
    const text = JSON.stringify({ data: `\\"${"[{".repeat(1_000)}`, next: "]" });
    expect(parseJson(text)).toEqual(JSON.parse(text));
    const wide = `[${Array(1_000).fill("[]").join()}]`;
    expect(parseJson(wide)).toEqual(JSON.parse(wide));
  });

  test("what is no JSON is a syntax error, a string without end as well", () => {
    for (const text of ["", "]", `"${"[".repeat(200)}`, `${"]".repeat(300)}[`]) {
      expect(() => parseJson(text)).toThrow(SyntaxError);
      expect(() => parseJson(text)).not.toThrow(JsonNestingError);
    }
  });
});

describe("indentation", () => {
  test("is that of JSON.stringify, commas and brackets in texts included", () => {
    const value = [2, "1", "X", { list: [1, { a: 'x,]"' }], empty: {}, none: [] }];
    expect(indentJson(JSON.stringify(value), 10_000)).toBe(JSON.stringify(value, null, 2));
  });

  test("never makes more characters than allowed", () => {
    const text = `${nested(49).slice(0, 49)}${Array(500).fill(0).join()}${"]".repeat(49)}`;
    const length = JSON.stringify(JSON.parse(text), null, 2).length;
    expect(length).toBeGreaterThan(40 * text.length);
    expect(indentJson(text, length - 1)).toBeUndefined();
    expect(indentJson(text, 2 * length)).toHaveLength(length);
  });

  test("what is no JSON is not indented", () => expect(indentJson("hello", 100)).toBeUndefined());
});
