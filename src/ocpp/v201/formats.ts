/** String formats of the JSON schemas that valibot does not have in the same form. */
import * as v from "valibot";
import { isDateTime } from "../../lib/date-time.ts";
import { isOcppInteger } from "../../lib/integer.ts";

/** JavaScript has no leap seconds: a date-time with one would be no date at all. Only seconds can be 60. */
export function withoutLeapSecond(dateTime: string): string {
  return dateTime.replace(":60", ":59");
}

const WITHOUT_OFFSET = /^\d{4}-\d{2}-\d{2}[Tt ]\d{2}:\d{2}:\d{2}(\.\d+)?$/;

/** A time without offset, which RFC 3339 does not know but some CSMSs write, is taken as UTC, as libocpp does. */
export function withOffset(text: string): string {
  return WITHOUT_OFFSET.test(text) ? `${text}Z` : text;
}

/** Every date-time of a message. */
export const dateTime = v.pipe(
  v.string(),
  v.transform(withOffset),
  v.check(isDateTime, "not an RFC 3339 date-time"),
  v.transform(withoutLeapSecond),
);

/** Part 2, 2.1.4: 32 bits. What lies beyond may have lost digits when the frame was read. */
export const integer = v.pipe(v.number(), v.integer(), v.check(isOcppInteger, "not an integer of 32 bits"));

/** JSON schema counts code points where JavaScript counts UTF-16 units. */
export function maxCharacters(limit: number) {
  return v.check<string, string>(
    (text) => text.length <= limit || [...text].length <= limit,
    `longer than ${limit} characters`,
  );
}
