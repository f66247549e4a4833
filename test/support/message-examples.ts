import type * as v from "valibot";

/** What the examples need to know of a valibot schema. */
export interface SchemaNode {
  readonly type: string;
  readonly entries?: Readonly<Record<string, SchemaNode>>;
  readonly item?: SchemaNode;
  readonly options?: readonly string[];
  readonly wrapped?: SchemaNode;
  readonly pipe?: readonly { readonly type: string; readonly requirement?: unknown; readonly message?: unknown }[];
}

export interface Example {
  readonly name: string;
  readonly payload: Readonly<Record<string, unknown>>;
}

export function limitOf(node: SchemaNode, rule: string): number | undefined {
  const found = node.pipe?.find(({ type }) => type === rule);
  return typeof found?.requirement === "number" ? found.requirement : undefined;
}

export function characterLimitOf(node: SchemaNode): number | undefined {
  const message = String(node.pipe?.find(({ type }) => type === "check")?.message ?? "");
  const limit = /longer than (\d+)/.exec(message)?.[1];
  return limit === undefined ? undefined : Number(limit);
}

export function isDateTime(node: SchemaNode): boolean {
  return String(node.pipe?.find(({ type }) => type === "check")?.message ?? "").includes("RFC 3339");
}

/** A value that fits: the smallest one, or with every optional member when `full`. */
export function validValue(node: SchemaNode, full: boolean): unknown {
  switch (node.type) {
    case "exact_optional":
      return validValue(node.wrapped as SchemaNode, full);
    case "strict_object":
    case "loose_object":
      return Object.fromEntries(
        Object.entries(node.entries ?? {})
          .filter(([, member]) => full || member.type !== "exact_optional")
          .map(([key, member]) => [key, validValue(member, full)]),
      );
    case "array":
      return Array.from({ length: limitOf(node, "min_length") ?? 1 }, () => validValue(node.item as SchemaNode, full));
    case "picklist":
      return node.options?.[0];
    case "number":
      return limitOf(node, "min_value") ?? 1;
    case "boolean":
      return true;
    case "string":
      return isDateTime(node) ? "2026-01-01T00:00:00.000Z" : "x";
    default:
      return "anything";
  }
}

/** Wrong values for one member, each with the rule that it breaks. */
function wrongValues(node: SchemaNode): readonly (readonly [string, unknown])[] {
  const base = node.type === "exact_optional" ? (node.wrapped as SchemaNode) : node;
  const wrong: [string, unknown][] = [];
  if (base.type !== "unknown") wrong.push(["null", null]);
  if (base.type === "picklist") wrong.push(["unknown word", "NotInTheEnumeration"]);
  if (base.type === "number") wrong.push(["text for a number", "1"]);
  if (base.pipe?.some(({ type }) => type === "integer")) wrong.push(["fraction for an integer", 1.5]);
  if (base.type === "boolean") wrong.push(["text for a boolean", "true"]);
  if (base.type === "string") wrong.push(["number for text", 1]);
  if (isDateTime(base)) wrong.push(["no date-time", "yesterday"]);
  const characters = characterLimitOf(base);
  if (characters !== undefined) wrong.push([`${characters + 1} characters`, "x".repeat(characters + 1)]);
  const maximum = limitOf(base, "max_value");
  if (maximum !== undefined) wrong.push([`above ${maximum}`, maximum + 1]);
  const minimum = limitOf(base, "min_value");
  if (minimum !== undefined) wrong.push([`below ${minimum}`, minimum - 1]);
  if (base.type === "array") {
    wrong.push(["no array", {}]);
    if (limitOf(base, "min_length") !== undefined) wrong.push(["too few items", []]);
    const most = limitOf(base, "max_length");
    if (most !== undefined)
      wrong.push([
        "too many items",
        Array.from({ length: most + 1 }, () => validValue(base.item as SchemaNode, false)),
      ]);
  }
  return wrong;
}

/** The smallest and the fullest payload of a schema, and one wrong payload for every rule of its own members. */
export function examplesOf(schema: v.GenericSchema): {
  readonly valid: readonly Example[];
  readonly invalid: readonly Example[];
} {
  const node = schema as unknown as SchemaNode;
  const minimal = validValue(node, false) as Record<string, unknown>;
  const full = validValue(node, true) as Record<string, unknown>;
  const invalid: Example[] = [{ name: "unknown member", payload: { ...minimal, unknownMember: 1 } }];
  for (const [key, member] of Object.entries(node.entries ?? {})) {
    if (member.type !== "exact_optional") {
      const { [key]: _, ...rest } = minimal;
      invalid.push({ name: `${key} is missing`, payload: rest });
    }
    for (const [name, value] of wrongValues(member))
      invalid.push({ name: `${key}: ${name}`, payload: { ...minimal, [key]: value } });
  }
  return {
    valid: [
      { name: "minimal", payload: minimal },
      { name: "full", payload: full },
    ],
    invalid,
  };
}
