import { readFileSync } from "node:fs";
import { ExplainedError } from "../lib/explained-error.ts";
import { JsonSyntaxError, type LocatedJson, parseLocatedJson } from "../lib/located-json.ts";

/** NotifyEvent leaves no more room. */
const TECH_CODE_LENGTH = 50;

/** A file of codes that cannot be used: `file:line:column: key: message`, one line for each defect. */
export class ErrorCodesError extends ExplainedError {
  constructor(defects: readonly string[]) {
    super(`CustomMrecErrorMapPath: the file is not usable:\n  ${defects.join("\n  ")}`);
  }
}

function parse(path: string): LocatedJson {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    throw new ErrorCodesError([`${path}:1:1: it cannot be read (${(error as NodeJS.ErrnoException).code})`]);
  }
  try {
    return parseLocatedJson(text);
  } catch (error) {
    if (!(error instanceof JsonSyntaxError)) throw error;
    throw new ErrorCodesError([`${path}:${error.position.line}:${error.position.column}: ${error.message}`]);
  }
}

/**
 * techCodes by EVerest's error type from the file that CustomMrecErrorMapPath names: one JSON object (CHANGES c.7).
 * @throws ErrorCodesError
 */
export function readErrorCodes(path: string): ReadonlyMap<string, string> {
  if (path === "") return new Map();
  const json = parse(path);
  const { value, duplicates } = json;
  const defect = (key: readonly string[], message: string): string => {
    const { line, column } = json.locate(key);
    return [`${path}:${line}:${column}`, ...key, message].join(": ");
  };
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new ErrorCodesError([defect([], "an object of error types and codes is expected")]);
  const entries = Object.entries(value as Readonly<Record<string, unknown>>);
  const defects = [
    ...duplicates.map((key) => defect(key.map(String), "stands there twice")),
    ...entries.flatMap(([type, code]) => {
      if (typeof code !== "string") return [defect([type], "a text is expected")];
      if (code.length > TECH_CODE_LENGTH)
        return [defect([type], `at most ${TECH_CODE_LENGTH} characters are possible`)];
      return [];
    }),
  ];
  if (defects.length > 0) throw new ErrorCodesError(defects);
  return new Map(entries as [string, string][]);
}
