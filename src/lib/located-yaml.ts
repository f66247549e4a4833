import { isAlias, isCollection, isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument } from "yaml";
import type { JsonPath, TextPosition } from "./located-json.ts";

/** YAML whose members know where they stand, for messages about configuration files. */
export interface LocatedYaml {
  /** Undefined when the text is no YAML. */
  readonly value: unknown;
  /** What is no YAML, repeated keys included. */
  readonly defects: readonly { readonly message: string; readonly position: TextPosition }[];
  /** Depth to which `path` exists. */
  depthOf(path: JsonPath): number;
  /** Where the member at `path` begins (its key, where it has one); the deepest one that exists otherwise. */
  locate(path: JsonPath): TextPosition;
}

/** Aliases that may be followed before it is regarded as an attack. */
const ALIAS_LIMIT = 100;
const START: TextPosition = { line: 1, column: 1 };

export function parseLocatedYaml(text: string): LocatedYaml {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, merge: true });
  const positionOf = (offset: number): TextPosition => {
    const { line, col } = lines.linePos(offset);
    return line === 0 ? START : { line, column: col };
  };
  const resolve = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node);
  const step = (node: unknown, key: string | number): { readonly place: Node; readonly value: unknown } | undefined => {
    const parent = resolve(node);
    if (isMap(parent)) {
      const pair = parent.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      return pair !== undefined && isNode(pair.key) ? { place: pair.key, value: pair.value } : undefined;
    }
    const item: unknown = isSeq(parent) && typeof key === "number" ? parent.items[key] : undefined;
    return isNode(item) ? { place: item, value: item } : undefined;
  };
  const walk = (path: JsonPath): { readonly depth: number; readonly offset: number } => {
    let depth = 0;
    let offset = isCollection(document.contents) ? (document.contents.range?.[0] ?? 0) : 0;
    let node: unknown = document.contents;
    for (const key of path) {
      const found = step(node, key);
      if (found === undefined) break;
      depth++;
      offset = found.place.range?.[0] ?? offset;
      node = found.value;
    }
    return { depth, offset };
  };
  const defects = document.errors.map(({ message, pos }) => ({
    message: (message.split("\n")[0] ?? message).replace(/ at line \d+, column \d+:?$/, ""),
    position: positionOf(pos[0]),
  }));
  let value: unknown;
  try {
    value = defects.length === 0 ? document.toJS({ maxAliasCount: ALIAS_LIMIT }) : undefined;
  } catch (error) {
    defects.push({ message: (error as Error).message, position: START });
  }
  return {
    value,
    defects,
    depthOf: (path) => walk(path).depth,
    locate: (path) => positionOf(walk(path).offset),
  };
}
