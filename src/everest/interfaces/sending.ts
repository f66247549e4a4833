/** An array of an enum inside a type: names of members on the way to it, `*` for each item of an array. */
export interface EnumArray {
  readonly path: readonly string[];
  /** In the order in which positions are counted. */
  readonly words: readonly string[];
}

function atPath(value: unknown, path: readonly string[], change: (found: unknown) => unknown): unknown {
  const [step, ...rest] = path;
  if (step === undefined) return change(value);
  if (step === "*") return Array.isArray(value) ? value.map((item) => atPath(item, rest, change)) : value;
  if (typeof value !== "object" || value === null || !(step in value)) return value;
  const object = value as Readonly<Record<string, unknown>>;
  return { ...object, [step]: atPath(object[step], rest, change) };
}

/** Words that have no position are left out: a C++ module would end over them. */
function toPositions(words: readonly string[]): (found: unknown) => unknown {
  return (found) =>
    Array.isArray(found) ? found.map((word) => words.indexOf(word)).filter((position) => position >= 0) : found;
}

/** A value as the generations before the summer of 2026 want it: enums in arrays inside a type as positions (PROTOCOL 14). */
export function withPositions(value: unknown, enumArrays: readonly EnumArray[] = []): unknown {
  return enumArrays.reduce<unknown>((changed, { path, words }) => atPath(changed, path, toPositions(words)), value);
}
