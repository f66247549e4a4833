import * as v from "valibot";

/** An optional member; peers leave it out, some send null. */
export function optional<Schema extends v.GenericSchema>(schema: Schema) {
  return v.optional(
    v.pipe(
      v.nullish(schema),
      v.transform((value) => value ?? undefined),
    ),
  );
}

/** Arrays of an enum inside a type travel as positions in its declaration (PROTOCOL 14); names are accepted as well. */
export function wordOrPosition(words: readonly string[]) {
  return v.pipe(
    v.union([v.string(), v.number()]),
    v.transform((value) => (typeof value === "number" ? (words[value] ?? `unknown ${value}`) : value)),
  );
}
