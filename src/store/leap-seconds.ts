/**
 * libocpp's integer times count leap seconds (STORES 0.1): since 2017 they are 27 s ahead of POSIX milliseconds.
 * Times before that are not told apart; they occur in no live database.
 */
const LEAP_MILLISECONDS = 27_000;

export function toLibocppTime(date: Date): number {
  return date.getTime() + LEAP_MILLISECONDS;
}

export function fromLibocppTime(value: number): Date {
  return new Date(value <= LEAP_MILLISECONDS ? 0 : value - LEAP_MILLISECONDS);
}
