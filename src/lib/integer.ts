const LARGEST = 2 ** 31 - 1;
const SMALLEST = -(2 ** 31);

/** An integer as OCPP has them: 31 bits and a sign (part 2, 2.1.4). */
export function isOcppInteger(value: number): boolean {
  return Number.isInteger(value) && value >= SMALLEST && value <= LARGEST;
}
