/** Decimal places that are kept: a millionth of a watt hour is less than any meter tells. */
const DECIMAL_PLACES = 6;
/** So many digits tell every number of 32 bits from its neighbours. */
const DIGITS_OF_SINGLE = 9;

/** The shortest decimal of a number that went through a C++ `float`: 230.2 instead of 230.1999969482422. */
function shortestSingle(value: number): number {
  for (let digits = 1; digits < DIGITS_OF_SINGLE; digits++) {
    const shorter = Number(value.toPrecision(digits));
    if (Math.fround(shorter) === value) return shorter;
  }
  return value;
}

/** A measured value without the dust of binary fractions: 0.3 instead of 0.30000000000000004. Whole numbers stay as they are. */
export function withoutFloatNoise(value: number): number {
  if (Number.isInteger(value)) return value;
  const decimal = Math.fround(value) === value ? shortestSingle(value) : value;
  return Number(decimal.toFixed(DECIMAL_PLACES));
}
