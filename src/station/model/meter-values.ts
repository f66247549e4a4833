import type { MeterValueType, ReadingContextEnumType, SampledValueType } from "../../ocpp/v201/index.ts";
import type { MeterReading } from "../ports.ts";

export interface SampleSelection {
  /** Measurands to report; a sample without one counts as the import register. */
  readonly measurands: readonly string[];
  /** Signed values only where SignReadings asks for them (E04.FR.10). */
  readonly signReadings: boolean;
  /** 2.7.18: the import register without its values per phase. */
  readonly registersWithoutPhases: boolean;
}

const DEFAULT_MEASURAND = "Energy.Active.Import.Register";

/** J01.FR.07, J02.FR.03: a sample without a measurand is one of the import register. */
function measurandOf({ measurand }: SampledValueType): string {
  return measurand ?? DEFAULT_MEASURAND;
}

function isWanted(sample: SampledValueType, { measurands, registersWithoutPhases }: SampleSelection): boolean {
  const measurand = measurandOf(sample);
  if (!measurands.includes(measurand)) return false;
  return !(registersWithoutPhases && sample.phase !== undefined && measurand === DEFAULT_MEASURAND);
}

/**
 * The samples of a reading that are asked for, in their context (J01.FR.08, J02.FR.04) and under the one time that
 * they share (J01.FR.05, FR.06, FR.17, J02.FR.02, FR.18); undefined when there are none.
 */
export function toMeterValue(
  reading: MeterReading | undefined,
  context: ReadingContextEnumType,
  selection: SampleSelection,
): MeterValueType | undefined {
  if (reading === undefined) return undefined;
  const sampledValue = reading.samples
    .filter((sample) => isWanted(sample, selection))
    .map(({ signedMeterValue, ...sample }) => ({
      ...sample,
      context,
      ...(signedMeterValue !== undefined && selection.signReadings && { signedMeterValue }),
    }));
  return sampledValue.length === 0 ? undefined : { timestamp: reading.timestamp.toISOString(), sampledValue };
}

function isTotalImport(sample: SampledValueType): boolean {
  return measurandOf(sample) === DEFAULT_MEASURAND && sample.phase === undefined;
}

/** The total imported energy in Wh, if the meter tells. */
export function importedEnergyWattHours(reading: MeterReading | undefined): number | undefined {
  return reading?.samples.find(isTotalImport)?.value;
}

/** The power that is drawn, in W: the total, or the sum of the phases; undefined when the meter does not tell. */
export function importedPowerWatts(reading: MeterReading | undefined): number | undefined {
  const powers = (reading?.samples ?? []).filter(({ measurand }) => measurand === "Power.Active.Import");
  const total = powers.find(({ phase }) => phase === undefined);
  if (total !== undefined) return total.value;
  return powers.length === 0 ? undefined : powers.reduce((sum, { value }) => sum + value, 0);
}

/** Current that counts as flowing. */
const USED_PHASE_AMPERES = 1;

/** How many phases the EV draws current from; undefined when none does, or the meter has no phases. */
export function phasesInUse(reading: MeterReading | undefined): number | undefined {
  const phases = ["L1", "L2", "L3"].filter((phase) =>
    reading?.samples.some(
      (sample) => sample.measurand === "Current.Import" && sample.phase === phase && sample.value >= USED_PHASE_AMPERES,
    ),
  );
  return phases.length === 0 ? undefined : phases.length;
}

/**
 * Puts a signature that came later to the value of the begin, unless that has one. Where no such value is kept
 * (TxEndedMeasurands) one is added, as EVerest does: what counts then stands in the signed data (CHANGES c.4).
 */
export function withSignatureOfBegin(
  values: readonly MeterValueType[],
  signedMeterValue: NonNullable<SampledValueType["signedMeterValue"]>,
  now: Date,
): readonly MeterValueType[] {
  const isOfBegin = (sample: SampledValueType): boolean =>
    sample.context === "Transaction.Begin" &&
    (sample.signedMeterValue !== undefined || measurandOf(sample) === DEFAULT_MEASURAND);
  const candidates = values.flatMap(({ sampledValue }) => sampledValue).filter(isOfBegin);
  const signed = candidates.find(isTotalImport) ?? candidates[0];
  if (signed === undefined) {
    const sample = { value: 0, context: "Transaction.Begin", measurand: DEFAULT_MEASURAND, signedMeterValue } as const;
    return [...values, { timestamp: now.toISOString(), sampledValue: [sample] }];
  }
  if (signed.signedMeterValue !== undefined) return values;
  const sign = (sample: SampledValueType) => (sample === signed ? { ...sample, signedMeterValue } : sample);
  return values.map((value) => ({ ...value, sampledValue: value.sampledValue.map(sign) }));
}

/** OCPPCommCtrlr.PublicKeyWithSignedMeterValue; undefined: keys go as the meter gives them. */
export type PublicKeyPolicy = "Never" | "OncePerTransaction" | "EveryMeterValue" | undefined;

/**
 * Public keys of signed values as the policy wants them; `told` says whether the transaction has told one before and
 * `knownKey` is the meter's own where a value brings none. A key that is not sent is an empty text (2.7.17).
 */
export function withPublicKeys(
  values: readonly MeterValueType[],
  policy: PublicKeyPolicy,
  { told, knownKey }: { readonly told: boolean; readonly knownKey: string | undefined },
): { readonly values: readonly MeterValueType[]; readonly told: boolean } {
  if (policy === undefined) return { values, told };
  let hasTold = told;
  const keyFor = (own: string): string => {
    if (policy === "Never" || (policy === "OncePerTransaction" && hasTold)) return "";
    const key = own !== "" ? own : (knownKey ?? "");
    hasTold ||= key !== "";
    return key;
  };
  const keyed = values.map((value) => ({
    ...value,
    sampledValue: value.sampledValue.map(({ signedMeterValue, ...sample }) =>
      signedMeterValue === undefined
        ? sample
        : { ...sample, signedMeterValue: { ...signedMeterValue, publicKey: keyFor(signedMeterValue.publicKey) } },
    ),
  }));
  return { values: keyed, told: hasTold };
}

/**
 * E06.FR.12, FR.13, E07.FR.09, FR.10, J02.FR.20: leaves out every other intermediate value until the rest fits;
 * the first and the last stay.
 */
export function thinToSize(values: readonly MeterValueType[], byteLimit: number): readonly MeterValueType[] {
  let kept = values;
  while (kept.length > 2 && Buffer.byteLength(JSON.stringify(kept)) > byteLimit)
    kept = kept.filter((_, index) => index === 0 || index === kept.length - 1 || index % 2 === 0);
  return kept;
}
