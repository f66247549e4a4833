/** What may be left out of received data that do not fit their schema, so that one odd member does not lose the rest. */
import * as v from "valibot";

/** What is wrong with a member, and where; places in a list are told as `[]`, so that there are few different ones. */
export type Note = (path: string, defect: string) => void;

/** A member's own name is the sender's: so much of it is told. */
const NAME_CHARACTERS = 50;

interface Shape {
  readonly type: string;
  readonly entries?: Readonly<Record<string, v.GenericSchema>>;
  readonly wrapped?: v.GenericSchema;
  readonly item?: v.GenericSchema;
}

function isOptional({ type }: Shape): boolean {
  return type === "optional" || type === "exact_optional";
}

/**
 * The value without members that the schema does not know, and without optional ones that are null, an empty list that may
 * not be empty, or, if `alsoUnreadable`, anything else that does not fit. What is required stays as it is, for the schema to
 * judge. One pass: the work grows with the value only.
 */
export function withoutOddMembers(
  schema: v.GenericSchema,
  value: unknown,
  note: Note,
  alsoUnreadable = false,
  path = "",
): unknown {
  const { type, entries, wrapped, item } = schema as unknown as Shape;
  if (wrapped !== undefined) return withoutOddMembers(wrapped, value, note, alsoUnreadable, path);
  if (item !== undefined && Array.isArray(value))
    return value.map((element) => withoutOddMembers(item, element, note, alsoUnreadable, `${path}[]`));
  if (entries === undefined || typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const kept: [string, unknown][] = [];
  for (const [name, member] of Object.entries(value)) {
    const known = Object.hasOwn(entries, name) ? entries[name] : undefined;
    const memberPath = `${path === "" ? "" : `${path}.`}${name.slice(0, NAME_CHARACTERS)}`;
    if (known === undefined) {
      if (type === "strict_object") note(memberPath, "unknown member");
      else kept.push([name, member]);
      continue;
    }
    const read = withoutOddMembers(known, member, note, alsoUnreadable, memberPath);
    const defect = isOptional(known as unknown as Shape) ? defectOf(known, read, alsoUnreadable) : undefined;
    if (defect === undefined) kept.push([name, read]);
    else note(memberPath, `${defect} taken as absent`);
  }
  return Object.fromEntries(kept);
}

function defectOf(schema: v.GenericSchema, value: unknown, alsoUnreadable: boolean): string | undefined {
  if (value === null) return v.is(schema, null) ? undefined : "null";
  const isEmpty = Array.isArray(value) && value.length === 0;
  if (isEmpty) return v.is(schema, value) ? undefined : "empty list";
  return alsoUnreadable && !v.is(schema, value) ? "what cannot be read" : undefined;
}
