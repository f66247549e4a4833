import type * as v from "valibot";
import { characterLimitOf, isDateTime, limitOf, type SchemaNode } from "./message-examples.ts";
import type { SeededRandom } from "./seeded-random.ts";

const WORDS = ["", "x", "\u0000", "💥", "-1", "null", "constructor", "__proto__", "'; DROP TABLE x; --", "\ud800"];
const NUMBERS = [0, -0, -1, 1, 0.1, 1e-9, 255, 65_536, 2 ** 31, 2 ** 53, 1e308, -1e308];
const OPTIONAL_MEMBERS = 0.4;

function unwrap(node: SchemaNode): SchemaNode {
  return node.type === "exact_optional" && node.wrapped !== undefined ? node.wrapped : node;
}

function randomText(node: SchemaNode, random: SeededRandom): string {
  if (isDateTime(node)) return new Date(Date.UTC(2026, 0, 1) + random.below(10 ** 9) * 1000).toISOString();
  const limit = characterLimitOf(node) ?? 50;
  const dice = random.next();
  if (dice < 0.1) return "y".repeat(limit);
  return (dice < 0.4 ? random.pick(["1", "2", "TxCtrlr", "true", "10"]) : `v${random.below(10)}`).slice(0, limit);
}

/** A value that keeps to the schema, different each time. */
export function randomValue(node: SchemaNode, random: SeededRandom): unknown {
  const base = unwrap(node);
  switch (base.type) {
    case "strict_object":
    case "loose_object":
      return Object.fromEntries(
        Object.entries(base.entries ?? {})
          .filter(([, member]) => member.type !== "exact_optional" || random.next() < OPTIONAL_MEMBERS)
          .map(([key, member]) => [key, randomValue(member, random)]),
      );
    case "array": {
      const least = limitOf(base, "min_length") ?? 0;
      const most = Math.min(limitOf(base, "max_length") ?? 4, 4);
      const length = least + random.below(Math.max(1, most - least + 1));
      return Array.from({ length }, () => randomValue(base.item as SchemaNode, random));
    }
    case "picklist":
      return random.pick((base.options ?? [""]) as [string, ...string[]]);
    case "number": {
      const least = limitOf(base, "min_value") ?? 0;
      const most = limitOf(base, "max_value") ?? least + 1_000;
      return least + random.below(Math.max(1, Math.floor(most - least) + 1));
    }
    case "boolean":
      return random.next() < 0.5;
    case "string":
      return randomText(base, random);
    default:
      return "anything";
  }
}

/** What stands where something else should. */
function wrongValue(random: SeededRandom): unknown {
  const deep = (depth: number): unknown => (depth === 0 ? 1 : [deep(depth - 1)]);
  return random.pick([
    null,
    true,
    [],
    {},
    deep(50),
    random.pick(NUMBERS as [number, ...number[]]),
    random.pick(WORDS as [string, ...string[]]),
    "x".repeat(6_000),
    { toString: 1, __proto__: null },
  ]);
}

/** One change somewhere in a payload: a member lost, added or replaced, an item doubled, a value of another kind. */
export function mutate(value: unknown, random: SeededRandom): unknown {
  if (random.next() < 0.2) return wrongValue(random);
  if (Array.isArray(value)) {
    if (value.length === 0 || random.next() < 0.2) return [...value, ...value, wrongValue(random)];
    const at = random.below(value.length);
    return value.map((item, index) => (index === at ? mutate(item, random) : item));
  }
  if (typeof value !== "object" || value === null) return wrongValue(random);
  const entries = Object.entries(value);
  const at = random.below(entries.length + 1);
  if (at === entries.length) return { ...value, [random.pick(WORDS as [string, ...string[]])]: wrongValue(random) };
  if (random.next() < 0.3) return Object.fromEntries(entries.filter((_, index) => index !== at));
  return Object.fromEntries(entries.map(([key, inner], index) => [key, index === at ? mutate(inner, random) : inner]));
}

/** A payload of the schema with up to three changes. */
export function mutatedPayload(schema: v.GenericSchema, random: SeededRandom): unknown {
  let payload = randomValue(schema as unknown as SchemaNode, random);
  for (let changes = 1 + random.below(3); changes > 0; changes--) payload = mutate(payload, random);
  return payload;
}

/** A frame that is no longer what it was: cut, with something in it, or with its elements in disorder. */
export function mutatedFrame(frame: readonly unknown[], random: SeededRandom): string {
  const text = JSON.stringify(frame);
  const at = random.below(text.length);
  switch (random.below(6)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + random.pick(WORDS as [string, ...string[]]) + text.slice(at + 1);
    case 2:
      return JSON.stringify([...frame].reverse());
    case 3:
      return JSON.stringify(frame.slice(0, random.below(frame.length)));
    case 4:
      return JSON.stringify([...frame, wrongValue(random), wrongValue(random)]);
    default:
      return JSON.stringify(frame.map((part, index) => (index === random.below(3) ? wrongValue(random) : part)));
  }
}
