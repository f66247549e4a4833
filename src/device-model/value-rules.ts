import type { Characteristics } from "./definitions.ts";

/** Why a value does not fit, with the reason code of the appendix. */
export interface ValueDefect {
  readonly reasonCode: "ValueTooHigh" | "ValueTooLow" | "TooLargeElement" | "InvalidValue";
  readonly text: string;
}

const DATE_TIME = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})$/;
const DECIMAL = /^[+-]?\d+(\.\d+)?$/;
const INTEGER = /^[+-]?\d+$/;

function invalid(text: string): ValueDefect {
  return { reasonCode: "InvalidValue", text };
}

function rangeDefect(
  value: number,
  { minLimit, maxLimit }: Characteristics,
  zeroAllowed: boolean,
): ValueDefect | undefined {
  if (zeroAllowed && value === 0) return undefined;
  if (minLimit !== undefined && value < minLimit) return { reasonCode: "ValueTooLow", text: `below ${minLimit}` };
  if (maxLimit !== undefined && value > maxLimit) return { reasonCode: "ValueTooHigh", text: `above ${maxLimit}` };
  return undefined;
}

function lengthDefect(value: string, { minLimit = 0, maxLimit }: Characteristics): ValueDefect | undefined {
  const { length } = [...value];
  if (maxLimit !== undefined && length > maxLimit)
    return { reasonCode: "TooLargeElement", text: `longer than ${maxLimit} characters` };
  return length < minLimit ? invalid(`shorter than ${minLimit} characters`) : undefined;
}

function listDefect(
  value: string,
  { valuesList, maxLimit }: Characteristics,
  unique: boolean,
): ValueDefect | undefined {
  if (value === "") return undefined;
  if (maxLimit !== undefined && value.length > maxLimit)
    return { reasonCode: "TooLargeElement", text: `longer than ${maxLimit} characters` };
  const items = value.split(",").map((item) => item.trim());
  const allowed = valuesList?.split(",").map((item) => item.trim());
  const unknown = allowed === undefined ? undefined : items.find((item) => !allowed.includes(item));
  if (unknown !== undefined) return invalid("not in the list of values");
  if (unique && new Set(items).size !== items.length) return invalid("a member occurs twice");
  return items.includes("") ? invalid("an empty member") : undefined;
}

/** Does a value fit the characteristics of its variable (B05.FR.07, FR.08)? `zeroAllowed`: 0 means "off" below minLimit. */
export function valueDefect(
  value: string,
  characteristics: Characteristics,
  zeroAllowed = false,
): ValueDefect | undefined {
  switch (characteristics.dataType) {
    case "boolean":
      return value === "true" || value === "false" ? undefined : invalid("not true or false");
    case "integer":
      return INTEGER.test(value) && Number.isSafeInteger(Number(value))
        ? rangeDefect(Number(value), characteristics, zeroAllowed)
        : invalid("not an integer");
    case "decimal":
      return DECIMAL.test(value)
        ? rangeDefect(Number(value), characteristics, zeroAllowed)
        : invalid("not a decimal number");
    case "dateTime":
      return DATE_TIME.test(value) && !Number.isNaN(Date.parse(value)) ? undefined : invalid("not a date-time");
    case "OptionList": {
      const allowed = characteristics.valuesList?.split(",").map((item) => item.trim());
      return allowed === undefined || allowed.includes(value) ? undefined : invalid("not in the list of values");
    }
    case "MemberList":
      return listDefect(value, characteristics, true);
    case "SequenceList":
      return listDefect(value, characteristics, false);
    case "string":
      return lengthDefect(value, characteristics);
  }
}
