import { JSON_NESTING_LIMIT } from "./json-text.ts";

/** JSON (RFC 8259) whose members know where they stand, for messages about configuration files. */
export type JsonPath = readonly (string | number)[];

export interface TextPosition {
  /** Both count from 1. */
  readonly line: number;
  readonly column: number;
}

export interface LocatedJson {
  readonly value: unknown;
  /** Members whose name occurs twice in their object; JSON.parse would silently keep the last. */
  readonly duplicates: readonly JsonPath[];
  /** Where the member at `path` begins (its name, where it has one); the deepest one that exists otherwise. */
  locate(path: JsonPath): TextPosition;
}

export class JsonSyntaxError extends Error {
  constructor(
    message: string,
    readonly position: TextPosition,
  ) {
    super(message);
  }
}

interface Node {
  readonly offset: number;
  readonly value: unknown;
  readonly members: ReadonlyMap<string | number, Node>;
}

const WHITESPACE = /[ \t\r\n]*/y;
/** Wider than JSON's strings: JSON.parse has the last word about escapes and control characters. */
const STRING = /"(?:[^"\\\n]|\\.)*"/y;
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const WORD = /true|false|null/y;
const NO_MEMBERS: ReadonlyMap<string | number, Node> = new Map();

function positionOf(text: string, offset: number): TextPosition {
  const before = text.slice(0, offset);
  return { line: before.split("\n").length, column: offset - before.lastIndexOf("\n") };
}

class Parser {
  readonly duplicates: JsonPath[] = [];
  private offset = 0;

  constructor(private readonly text: string) {}

  parseDocument(): Node {
    const node = this.parseValue([]);
    if (this.peek() !== "") this.fail("nothing may follow the value");
    return node;
  }

  private parseValue(path: JsonPath): Node {
    if (path.length > JSON_NESTING_LIMIT) this.fail("nested too deep");
    const next = this.peek();
    const { offset } = this;
    if (next === "{") return this.parseObject(path);
    if (next === "[") return this.parseArray(path);
    const token = this.match(STRING) ?? this.match(NUMBER) ?? this.match(WORD);
    if (token === undefined) return this.fail(`a value is expected${next === "" ? ", the text ends" : ""}`);
    return { offset, value: this.decode(token), members: NO_MEMBERS };
  }

  private decode(token: string): unknown {
    try {
      return JSON.parse(token);
    } catch {
      return this.fail(`${token} is no valid string`);
    }
  }

  private parseObject(path: JsonPath): Node {
    const { offset } = this;
    const members = new Map<string, Node>();
    this.parseList("{", "}", () => {
      this.peek();
      const start = this.offset;
      const token = this.match(STRING);
      if (token === undefined) return this.fail("a name in double quotes is expected");
      const name = String(this.decode(token));
      this.expect(":");
      const node = { ...this.parseValue([...path, name]), offset: start };
      if (members.has(name)) this.duplicates.push([...path, name]);
      members.set(name, node);
    });
    const entries = [...members].map(([name, node]) => [name, node.value] as const);
    return { offset, value: Object.fromEntries(entries), members };
  }

  private parseArray(path: JsonPath): Node {
    const { offset } = this;
    const members = new Map<number, Node>();
    this.parseList("[", "]", () => {
      members.set(members.size, this.parseValue([...path, members.size]));
    });
    return { offset, value: [...members.values()].map(({ value }) => value), members };
  }

  private parseList(open: string, close: string, parseMember: () => void): void {
    this.expect(open);
    if (this.peek() === close) return this.expect(close);
    for (;;) {
      parseMember();
      const next = this.peek();
      if (next === close) return this.expect(close);
      if (next !== ",") this.fail(`"," or "${close}" is expected`);
      this.expect(",");
    }
  }

  private peek(): string {
    this.match(WHITESPACE);
    return this.text[this.offset] ?? "";
  }

  private expect(character: string): void {
    if (this.peek() !== character) this.fail(`"${character}" is expected`);
    this.offset++;
  }

  private match(pattern: RegExp): string | undefined {
    pattern.lastIndex = this.offset;
    const found = pattern.exec(this.text)?.[0];
    this.offset += found?.length ?? 0;
    return found;
  }

  private fail(message: string): never {
    throw new JsonSyntaxError(message, positionOf(this.text, this.offset));
  }
}

/** A name in an object, or any other text. */
const STRING_OR_NAME = /"(?:[^"\\]|\\.)*"(?:\s*:)?/g;

/** Members of all objects; undefined when something is nested too deep. */
function countMembers(value: unknown, depth: number): number | undefined {
  if (typeof value !== "object" || value === null) return 0;
  if (depth > JSON_NESTING_LIMIT) return undefined;
  const values = Object.values(value);
  let count = Array.isArray(value) ? 0 : values.length;
  for (const member of values) {
    const below = countMembers(member, depth + 1);
    if (below === undefined) return undefined;
    count += below;
  }
  return count;
}

/** What the runtime makes of a text in which nothing is wrong; undefined when something is, or a name occurs twice. */
function parseFlawless(text: string): { readonly value: unknown } | undefined {
  try {
    const value: unknown = JSON.parse(text);
    let names = 0;
    for (const found of text.match(STRING_OR_NAME) ?? []) if (found.endsWith(":")) names++;
    return countMembers(value, 0) === names ? { value } : undefined;
  } catch {
    return undefined;
  }
}

/** Places are looked for when one is asked for: most files have no defect. @throws JsonSyntaxError */
export function parseLocatedJson(source: string): LocatedJson {
  const text = source.replace(/^\uFEFF/, "");
  const flawless = parseFlawless(text);
  let parsed: { readonly root: Node; readonly duplicates: readonly JsonPath[] } | undefined;
  const parse = () => {
    if (parsed !== undefined) return parsed;
    const parser = new Parser(text);
    parsed = { root: parser.parseDocument(), duplicates: parser.duplicates };
    return parsed;
  };
  return {
    value: flawless === undefined ? parse().root.value : flawless.value,
    duplicates: flawless === undefined ? parse().duplicates : [],
    locate(path) {
      let node = parse().root;
      for (const step of path) {
        const member = node.members.get(step);
        if (member === undefined) break;
        node = member;
      }
      return positionOf(text, node.offset);
    },
  };
}
