const DECIMAL = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/;
/** More digits than these say nothing in a number (`Number.MAX_VALUE` has 309 in front of the point). */
const LARGEST_EXPONENT = 400;

/**
 * How many units of the `decimals`-th decimal place are in what the number's text says, rounded down: `4.35` with 2 decimals is
 * 435, although the binary number is a little less. Exact for every text of up to 15 digits, since those come back from a number
 * as they were written.
 */
export function unitsOf(value: number, decimals: number): bigint {
  const [, sign, whole = "0", fraction = "", exponent = "0"] = DECIMAL.exec(String(value)) ?? [];
  const shift = Number(exponent) - fraction.length + decimals;
  const digits = BigInt(`${sign ?? ""}${whole}${fraction}`);
  if (shift >= 0) return digits * 10n ** BigInt(Math.min(shift, LARGEST_EXPONENT));
  const divisor = 10n ** BigInt(Math.min(-shift, LARGEST_EXPONENT));
  const quotient = digits / divisor;
  return digits < 0n && quotient * divisor !== digits ? quotient - 1n : quotient;
}
