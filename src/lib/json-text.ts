/** JSON from outside, whose size and nesting somebody else has chosen. */

/** Deeper nesting is no message and no configuration; whoever walks through what was parsed may recurse. */
export const JSON_NESTING_LIMIT = 100;

const QUOTE = 0x22;
const COMMA = 0x2c;
const OPENING: ReadonlySet<number> = new Set([0x5b, 0x7b]);
const CLOSING: ReadonlySet<number> = new Set([0x5d, 0x7d]);
const BACKSLASH = 0x5c;

/** The place behind the string that begins at `start`. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charCodeAt(at) !== QUOTE) at += text.charCodeAt(at) === BACKSLASH ? 2 : 1;
  return at + 1;
}

/** Brackets and commas outside strings, each with the nesting around it; ends early when `take` returns false. */
function scan(text: string, take: (depth: number) => boolean): void {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) at = endOfString(text, at) - 1;
    else if (OPENING.has(code)) depth++;
    else if (CLOSING.has(code)) depth--;
    else if (code !== COMMA) continue;
    if (code !== QUOTE && !take(depth)) return;
  }
}

function isNestedTooDeeply(text: string): boolean {
  // So deep a nesting takes as many characters.
  if (text.length <= JSON_NESTING_LIMIT) return false;
  let tooDeep = false;
  scan(text, (depth) => {
    tooDeep = depth > JSON_NESTING_LIMIT;
    return !tooDeep;
  });
  return tooDeep;
}

/** What is nested deeper than `JSON_NESTING_LIMIT` is not parsed at all: the objects would take a multiple of the text. */
export class JsonNestingError extends SyntaxError {
  constructor() {
    super(`nested deeper than ${JSON_NESTING_LIMIT} levels`);
  }
}

type Reviver = (key: string, value: unknown, context: { readonly source?: string }) => unknown;

/** @throws SyntaxError; JsonNestingError for what is nested too deeply. */
export function parseJson(text: string, reviver?: Reviver): unknown {
  if (isNestedTooDeeply(text)) throw new JsonNestingError();
  return JSON.parse(text, reviver as Parameters<typeof JSON.parse>[1]);
}

/** JSON indented by 2; undefined for what is no JSON, or would be longer than `limitCharacters` then. */
export function indentJson(text: string, limitCharacters: number): string | undefined {
  let length = text.length;
  scan(text, (depth) => {
    // A line break and its indentation.
    length += 1 + 2 * Math.max(0, depth);
    return length <= limitCharacters;
  });
  if (length > limitCharacters) return undefined;
  try {
    return JSON.stringify(parseJson(text), null, 2);
  } catch {
    return undefined;
  }
}
