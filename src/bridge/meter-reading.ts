import type { PowermeterPowermeter, UnitsSignedSignedMeterValue } from "../everest/interfaces/index.ts";
import { withoutFloatNoise } from "../lib/float-noise.ts";
import type { MeasurandEnumType, PhaseEnumType, SampledValueType, SignedMeterValueType } from "../ocpp/v201/index.ts";
import type { MeterReading } from "../station/ports.ts";

type ByPhase = Readonly<Record<string, number | undefined>>;
type SignedByPhase = Readonly<Record<string, UnitsSignedSignedMeterValue | undefined>>;

const LINES: readonly (readonly [string, PhaseEnumType | undefined])[] = [
  ["total", undefined],
  ["L1", "L1"],
  ["L2", "L2"],
  ["L3", "L3"],
  ["N", "N"],
  ["DC", undefined],
];
/** Voltages are measured against neutral. */
const LINE_TO_NEUTRAL: readonly (readonly [string, PhaseEnumType | undefined])[] = [
  ["L1", "L1-N"],
  ["L2", "L2-N"],
  ["L3", "L3-N"],
  ["DC", undefined],
];

/** Lengths that a message of OCPP allows. */
const SIGNED_DATA_LENGTH = 2_500;
const METHOD_LENGTH = 50;

/** Undefined when the signature does not fit into a message: cut off it would be worthless, and cost the whole event. */
export function toSignedMeterValue(signed: UnitsSignedSignedMeterValue): SignedMeterValueType | undefined {
  const { signed_meter_data, signing_method, encoding_method, public_key = "" } = signed;
  const fits =
    signed_meter_data.length <= SIGNED_DATA_LENGTH &&
    signing_method.length <= METHOD_LENGTH &&
    encoding_method.length <= METHOD_LENGTH;
  if (!fits) return undefined;
  return {
    signedMeterData: signed_meter_data,
    signingMethod: signing_method,
    encodingMethod: encoding_method,
    publicKey: public_key.length <= SIGNED_DATA_LENGTH ? public_key : "",
  };
}

function samples(
  measurand: MeasurandEnumType,
  unit: string,
  values: ByPhase | undefined,
  signed: SignedByPhase | undefined,
  lines = LINES,
): SampledValueType[] {
  return lines.flatMap(([line, phase]) => {
    const value = values?.[line];
    if (value === undefined) return [];
    const signature = signed?.[line] && toSignedMeterValue(signed[line]);
    return [
      {
        value: withoutFloatNoise(value),
        measurand,
        ...(phase !== undefined && { phase }),
        location: "Outlet" as const,
        unitOfMeasure: { unit },
        ...(signature !== undefined && { signedMeterValue: signature }),
      },
    ];
  });
}

/** Power and current have a direction in OCPP: what flows back is exported. */
function directedSamples(
  [imported, exported]: readonly [MeasurandEnumType, MeasurandEnumType],
  unit: string,
  values: ByPhase | undefined,
  signed: SignedByPhase | undefined,
): SampledValueType[] {
  const pick = (wanted: (value: number) => boolean, sign: 1 | -1): ByPhase =>
    Object.fromEntries(
      Object.entries(values ?? {}).flatMap(([line, value]) =>
        value !== undefined && wanted(value) ? [[line, value * sign]] : [],
      ),
    );
  return [
    ...samples(
      imported,
      unit,
      pick((value) => value >= 0, 1),
      signed,
    ),
    ...samples(
      exported,
      unit,
      pick((value) => value < 0, -1),
      signed,
    ),
  ];
}

/** Some meters give no fraction of a second, some events no time at all. */
export function parseTimestamp(text: string | undefined, now: Date): Date {
  const time = text === undefined || text === "" ? Number.NaN : Date.parse(text);
  return Number.isNaN(time) ? now : new Date(time);
}

/**
 * A powermeter value of EVerest as samples of OCPP (BEHAVIOUR 6.1, with frequency and directions): every line that the
 * meter has, as the meter sees it, but for the noise of binary fractions (J01.FR.09–11, J02.FR.05–07), registers as they are read (J02.FR.16, FR.17).
 */
export function toMeterReading(
  meter: PowermeterPowermeter,
  now: Date,
  extra: {
    readonly stateOfChargePercent?: number | undefined;
    readonly signed?: UnitsSignedSignedMeterValue | undefined;
  } = {},
): MeterReading {
  const totalSignature = extra.signed ?? meter.signed_meter_value;
  const signedImport = meter.energy_Wh_import_signed as SignedByPhase | undefined;
  const importSignatures: SignedByPhase | undefined =
    totalSignature === undefined ? signedImport : { ...signedImport, total: signedImport?.total ?? totalSignature };
  return {
    timestamp: parseTimestamp(meter.timestamp, now),
    samples: [
      ...samples("Energy.Active.Import.Register", "Wh", meter.energy_Wh_import as unknown as ByPhase, importSignatures),
      ...samples(
        "Energy.Active.Export.Register",
        "Wh",
        meter.energy_Wh_export as ByPhase | undefined,
        meter.energy_Wh_export_signed as SignedByPhase | undefined,
      ),
      ...directedSamples(
        ["Power.Active.Import", "Power.Active.Export"],
        "W",
        meter.power_W as ByPhase | undefined,
        meter.power_W_signed as SignedByPhase | undefined,
      ),
      ...directedSamples(
        ["Power.Reactive.Import", "Power.Reactive.Export"],
        "var",
        meter.VAR as ByPhase | undefined,
        meter.VAR_signed as SignedByPhase | undefined,
      ),
      ...directedSamples(
        ["Current.Import", "Current.Export"],
        "A",
        meter.current_A as ByPhase | undefined,
        meter.current_A_signed as SignedByPhase | undefined,
      ),
      ...samples(
        "Voltage",
        "V",
        meter.voltage_V as ByPhase | undefined,
        meter.voltage_V_signed as SignedByPhase | undefined,
        LINE_TO_NEUTRAL,
      ),
      ...samples(
        "Frequency",
        "Hz",
        meter.frequency_Hz === undefined ? undefined : { total: meter.frequency_Hz.L1 },
        undefined,
      ),
      ...(extra.stateOfChargePercent === undefined
        ? []
        : [
            {
              value: withoutFloatNoise(extra.stateOfChargePercent),
              measurand: "SoC" as const,
              location: "EV" as const,
              unitOfMeasure: { unit: "Percent" },
            },
          ]),
    ],
  };
}
