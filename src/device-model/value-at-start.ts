import type { Logger } from "../log/logger.ts";
import type { AttributeDefinition } from "./definitions.ts";
import { variableDefect } from "./set-check.ts";
import type { VariableState } from "./state.ts";
import { valueDefect } from "./value-rules.ts";

const NUMERIC: ReadonlySet<string> = new Set(["integer", "decimal"]);

/** A number as the specification writes it (part 2, 2.1.4); undefined for what is none, or none of 32 bits. */
function canonicalNumber(value: string, { characteristics }: VariableState): string | undefined {
  const { dataType, supportsMonitoring } = characteristics;
  const isWellFormed = (text: string): boolean => valueDefect(text, { dataType, supportsMonitoring }) === undefined;
  if (isWellFormed(value)) return value;
  const canonical = value.trim() === "" ? "" : String(Number(value));
  return isWellFormed(canonical) ? canonical : undefined;
}

/**
 * The value with which an attribute begins: a number that an earlier program took in another form (`033`) is written as
 * it should be, one that is none gives way to that of the configuration; both are told, and so is a value beyond the limits.
 */
export function valueAtStart(
  variable: VariableState,
  { type, value: configured }: AttributeDefinition,
  stored: string | undefined,
  logger: Logger,
): string | undefined {
  const { component, name, instance, characteristics } = variable;
  if (stored === undefined || stored === "") return stored;
  const label = `${component.definition.name}.${name}${instance === undefined ? "" : `[${instance}]`}`;
  if (characteristics.dataType === "string") {
    const defect = variableDefect(variable, stored);
    if (defect !== undefined) logger.warn(`The value of ${label} is ${defect.text}`);
  }
  if (!NUMERIC.has(characteristics.dataType)) return stored;
  const canonical = canonicalNumber(stored, variable);
  if (canonical === undefined) {
    logger.warn(`${label} was stored as what is no ${characteristics.dataType}: the configured value counts`);
    return configured;
  }
  if (canonical !== stored) logger.warn(`${label} was stored in another form than ${canonical}`);
  const defect = type === "Actual" ? variableDefect(variable, canonical) : undefined;
  if (defect !== undefined) logger.warn(`${label} is ${canonical}, which is ${defect.text}`);
  return canonical;
}
