import { characterCount } from "../lib/characters.ts";
import { isDateTime } from "../lib/date-time.ts";
import { isOcppInteger } from "../lib/integer.ts";
import type { Characteristics } from "./definitions.ts";

/** Why a value does not fit, with the reason code of the appendix. */
export interface ValueDefect {
  readonly reasonCode: "ValueTooHigh" | "ValueTooLow" | "TooLargeElement" | "InvalidValue";
  readonly text: string;
}

/** Part 2, 2.1.4: RFC 3339 with at most three decimal places of a second. */
const DATE_TIME = /^[^ .]+(\.\d{1,3}[^\d.].*)?$/;
/** Part 2, 2.1.4: neither leading zeros nor a plus sign; of decimals it says nothing else than JSON does. */
const INTEGER = /^(0|-?[1-9]\d*)$/;
const DECIMAL = /^-?(0|[1-9]\d*)(\.\d+)?$/;
/** Decimal places that a value of the CSMS may have; what the station itself reports keeps its resolution (part 2, 2.1.4). */
const DECIMAL_PLACES_OF_CSMS = 6;

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
  const length = characterCount(value);
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
  if (maxLimit !== undefined && characterCount(value) > maxLimit)
    return { reasonCode: "TooLargeElement", text: `longer than ${maxLimit} characters` };
  const items = value.split(",").map((item) => item.trim());
  const allowed = valuesList?.split(",").map((item) => item.trim());
  const unknown = allowed === undefined ? undefined : items.find((item) => !allowed.includes(item));
  if (unknown !== undefined) return invalid("not in the list of values");
  if (unique && new Set(items).size !== items.length) return invalid("a member occurs twice");
  return items.includes("") ? invalid("an empty member") : undefined;
}

function integerDefect(value: string, characteristics: Characteristics, zeroAllowed: boolean): ValueDefect | undefined {
  if (!INTEGER.test(value)) return invalid("not an integer");
  return isOcppInteger(Number(value))
    ? rangeDefect(Number(value), characteristics, zeroAllowed)
    : invalid("not an integer of 32 bits");
}

/** More decimal places than the CSMS may send (part 2, 2.1.4)? */
export function hasTooManyDecimals(value: string, { dataType }: Characteristics): boolean {
  return dataType === "decimal" && (value.split(".")[1]?.length ?? 0) > DECIMAL_PLACES_OF_CSMS;
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
      return integerDefect(value, characteristics, zeroAllowed);
    case "decimal":
      return DECIMAL.test(value)
        ? rangeDefect(Number(value), characteristics, zeroAllowed)
        : invalid("not a decimal number");
    case "dateTime":
      return DATE_TIME.test(value) && isDateTime(value) ? undefined : invalid("not a date-time");
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
