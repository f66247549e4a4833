const RFC_3339 =
  /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt ]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)$/;

/** RFC 3339 date-time of a day that the calendar has, with any number of fractional digits and any offset. */
export function isDateTime(text: string): boolean {
  const match = RFC_3339.exec(text);
  if (match === null) return false;
  const [, year, month, day] = match;
  return Number(day) <= new Date(Date.UTC(Number(year), Number(month), 0)).getUTCDate();
}
