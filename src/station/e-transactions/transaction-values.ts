import * as v from "valibot";
import { InternalCtrlr, OCPPCommCtrlr, SampledDataCtrlr } from "../../device-model/variables.ts";
import type { MeterValueType, ReadingContextEnumType } from "../../ocpp/v201/index.ts";
import { MeterValueTypeSchema } from "../../ocpp/v201/index.ts";
import type { StationContext } from "../context.ts";
import {
  type PublicKeyPolicy,
  thinToSize,
  toMeterValue,
  withPublicKeys,
  withSignatureOfBegin,
} from "../model/meter-values.ts";
import type { MeterReading } from "../ports.ts";
import { lastKnownReading, type Session, withTransaction } from "./session.ts";
import type { SessionInput } from "./transition.ts";

/** Room for everything but the meter values in a message. */
const ENVELOPE_BYTES = 2_000;
const DEFAULT_MESSAGE_BYTES = 32_000;

export interface TransactionValues {
  /** Values for Started; those for Ended are kept (E01.FR.09, E02.FR.09, E03.FR.07, E04.FR.05, E05.FR.05). */
  begin(transactionId: string, reading: MeterReading | undefined): readonly MeterValueType[];
  /**
   * Everything kept and the last value, thinned to what a message may hold (E06.FR.11–13, E07.FR.08–10, E08.FR.09–11,
   * E09.FR.05–07, E12.FR.07–09, E15.FR.01–03).
   */
  end(
    transactionId: string,
    reading: MeterReading | undefined,
    how: { readonly event: SessionInput | undefined; readonly unseen: boolean },
  ): readonly MeterValueType[];
  /** The values of one moment, those of TxUpdatedMeasurands (J02.FR.10). */
  update(reading: MeterReading | undefined, kind: ReadingContextEnumType): readonly MeterValueType[];
  /** Keeps what the meter said before and after an interruption. */
  keepInterruption(session: Session, readingAfter: MeterReading | undefined): void;
  /** When the newest of the kept values was read. */
  newestAt(transactionId: string): string | undefined;
  forget(transactionId: string): void;
  /** Values with the public keys that are due, and the session that remembers it. */
  withKeys(
    session: Session,
    values: readonly MeterValueType[],
  ): { readonly values: readonly MeterValueType[]; readonly session: Session };
}

/** The meter values of its own EVSE that go along with the events of a transaction (J02.FR.22); inside a unit of work. */
export function createTransactionValues({ core, deviceModel, model }: StationContext): TransactionValues {
  const select = (
    reading: MeterReading | undefined,
    kind: ReadingContextEnumType,
    measurands: readonly string[] | undefined,
  ): readonly MeterValueType[] => {
    if (deviceModel.read(SampledDataCtrlr.Enabled) === false) return [];
    const value = toMeterValue(reading, kind, {
      measurands: measurands ?? [],
      // E02.FR.14, E03.FR.10, E05.FR.06, E07.FR.12, E08.FR.12, E09.FR.08, E11.FR.08, E12.FR.10
      signReadings: deviceModel.read(SampledDataCtrlr.SignReadings) === true,
      registersWithoutPhases: deviceModel.read(SampledDataCtrlr.RegisterValuesWithoutPhases) === true,
    });
    return value === undefined ? [] : [value];
  };
  const forEnded = (reading: MeterReading | undefined, kind: ReadingContextEnumType) =>
    select(reading, kind, deviceModel.read(SampledDataCtrlr.TxEndedMeasurands));

  const keep = (transactionId: string, kind: ReadingContextEnumType, values: readonly MeterValueType[]): void => {
    for (const value of values) core.meterValues.append(transactionId, kind, value);
  };

  const kept = (transactionId: string): readonly MeterValueType[] =>
    core.meterValues.list(transactionId).flatMap((value) => {
      const parsed = v.safeParse(MeterValueTypeSchema, value);
      return parsed.success ? [parsed.output] : [];
    });

  const inContext = (value: MeterValueType, context: ReadingContextEnumType): MeterValueType => ({
    ...value,
    sampledValue: value.sampledValue.map((sample) => ({ ...sample, context })),
  });

  /** The reading in its context, or what was kept after it (a power cut leaves the reading of a minute ago). */
  const latest = (
    values: readonly MeterValueType[],
    reading: MeterReading | undefined,
    kind: ReadingContextEnumType,
  ): readonly MeterValueType[] => {
    const newest = values.at(-1);
    const isNewer = newest !== undefined && (reading?.timestamp ?? new Date(0)) < new Date(newest.timestamp);
    return isNewer ? [inContext(newest, kind)] : forEnded(reading, kind);
  };

  /** A meter that signs begin and end together tells the signature of the begin only with the end. */
  const withSignedStart = (values: readonly MeterValueType[], event: SessionInput | undefined) => {
    const signed = event?.kind === "TransactionFinished" ? event.signedStart : undefined;
    if (event === undefined || signed === undefined || deviceModel.read(SampledDataCtrlr.SignReadings) !== true)
      return values;
    return withSignatureOfBegin(values, signed, event.timestamp);
  };

  return {
    begin(transactionId, reading) {
      keep(transactionId, "Transaction.Begin", forEnded(reading, "Transaction.Begin"));
      return select(reading, "Transaction.Begin", deviceModel.read(SampledDataCtrlr.TxStartedMeasurands));
    },
    end(transactionId, reading, { event, unseen }) {
      const limit = (deviceModel.read(InternalCtrlr.MaxMessageSize) ?? DEFAULT_MESSAGE_BYTES) - ENVELOPE_BYTES;
      const values = kept(transactionId);
      // Nothing is newer than what the meter says now, whatever the wall clock was set to meanwhile.
      const isNow = reading !== undefined && !unseen;
      const last = isNow ? forEnded(reading, "Transaction.End") : latest(values, reading, "Transaction.End");
      return thinToSize(withSignedStart([...values, ...last], event), limit);
    },
    update: (reading, kind) => select(reading, kind, deviceModel.read(SampledDataCtrlr.TxUpdatedMeasurands)),
    keepInterruption(session, readingAfter) {
      const transactionId = session.transaction?.transactionId;
      if (transactionId === undefined) return;
      const before = latest(kept(transactionId), lastKnownReading(session), "Interruption.Begin");
      keep(transactionId, "Interruption.Begin", before);
      keep(transactionId, "Interruption.End", forEnded(readingAfter, "Interruption.End"));
    },
    newestAt: (transactionId) => kept(transactionId).at(-1)?.timestamp,
    forget: (transactionId) => core.meterValues.remove(transactionId),
    withKeys(session, values) {
      const policy = deviceModel.read(OCPPCommCtrlr.PublicKeyWithSignedMeterValue) as PublicKeyPolicy | "";
      const keyed = withPublicKeys(values, policy === "" ? undefined : policy, {
        told: session.transaction?.publicKeyTold ?? false,
        knownKey: model.evse(session.evseId)?.meterPublicKey,
      });
      return {
        values: keyed.values,
        session: withTransaction(session, (transaction) => ({ ...transaction, publicKeyTold: keyed.told })),
      };
    },
  };
}
