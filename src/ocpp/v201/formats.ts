/** String formats of the JSON schemas that valibot does not have in the same form. */
import * as v from "valibot";

const RFC_3339 =
  /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt ]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** RFC 3339 date-time with any number of fractional digits and any offset. */
export function isDateTime(text: string): boolean {
  const match = RFC_3339.exec(text);
  if (match === null) return false;
  const [, year, month, day] = match;
  return Number(day) <= new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
}

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

/** JSON schema counts code points where JavaScript counts UTF-16 units. */
export function maxCharacters(limit: number) {
  return v.check<string, string>(
    (text) => text.length <= limit || [...text].length <= limit,
    `longer than ${limit} characters`,
  );
}
