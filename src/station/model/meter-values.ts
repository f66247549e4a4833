import type { MeterValueType, ReadingContextEnumType, SampledValueType } from "../../ocpp/v201/index.ts";
import type { MeterReading } from "../ports.ts";

export interface SampleSelection {
  /** Measurands to report; a sample without one counts as the import register (J01). */
  readonly measurands: readonly string[];
  /** Signed values only where SignReadings asks for them (E04.FR.10). */
  readonly signReadings: boolean;
  /** 2.7.18: registers without their values per phase. */
  readonly registersWithoutPhases: boolean;
}

const DEFAULT_MEASURAND = "Energy.Active.Import.Register";

function isWanted(sample: SampledValueType, { measurands, registersWithoutPhases }: SampleSelection): boolean {
  const measurand = sample.measurand ?? DEFAULT_MEASURAND;
  if (!measurands.includes(measurand)) return false;
  return !(registersWithoutPhases && sample.phase !== undefined && measurand.endsWith(".Register"));
}

/** The samples of a reading that are asked for, in their context; undefined when there are none. */
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

/** The total imported energy in Wh, if the meter tells. */
export function importedEnergyWattHours(reading: MeterReading | undefined): number | undefined {
  return reading?.samples.find(
    ({ measurand, phase }) => (measurand ?? DEFAULT_MEASURAND) === DEFAULT_MEASURAND && phase === undefined,
  )?.value;
}

/** E06.FR.12: leaves out every other intermediate value until the rest fits; the first and the last stay. */
export function thinToSize(values: readonly MeterValueType[], byteLimit: number): readonly MeterValueType[] {
  let kept = values;
  while (kept.length > 2 && Buffer.byteLength(JSON.stringify(kept)) > byteLimit)
    kept = kept.filter((_, index) => index === 0 || index === kept.length - 1 || index % 2 === 0);
  return kept;
}
