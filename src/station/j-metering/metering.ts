import { AlignedDataCtrlr, SampledDataCtrlr } from "../../device-model/variables.ts";
import type { Timer } from "../../lib/clock.ts";
import type { MeterValueType, ReadingContextEnumType } from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";
import { toMeterValue } from "../model/meter-values.ts";
import type { EvseModel } from "../model/station-model.ts";

/** Values kept for one Ended event; beyond it every other intermediate one goes (J02.FR.20). */
const STORED_VALUES_LIMIT = 1_000;
const DAY_MILLISECONDS = 24 * 3600 * 1000;

/** Milliseconds from `now` to the next multiple of the interval since midnight UTC (J01). */
export function millisecondsToAligned(now: Date, intervalSeconds: number): number {
  const sinceMidnight = now.getTime() % DAY_MILLISECONDS;
  const interval = intervalSeconds * 1000;
  const next = Math.min((Math.floor(sinceMidnight / interval) + 1) * interval, DAY_MILLISECONDS);
  return next - sinceMidnight;
}

/** J01 and J02: sampled and clock-aligned meter values, in transactions and outside. */
export function createMeteringBlock(context: StationContext): Block {
  const { clock, core, csms, deviceModel, events, hardwareEvents, model, services } = context;
  const timers = new Map<string, Timer>();
  const unsubscribes: (() => void)[] = [];

  const select = (
    evse: EvseModel,
    measurands: readonly string[] | undefined,
    kind: ReadingContextEnumType,
    signReadings: boolean | undefined,
  ): MeterValueType | undefined =>
    toMeterValue(evse.reading, kind, {
      measurands: measurands ?? [],
      signReadings: signReadings === true,
      registersWithoutPhases: deviceModel.read(SampledDataCtrlr.RegisterValuesWithoutPhases) === true,
    });
  const sampled = (evse: EvseModel, measurands: readonly string[] | undefined, kind: ReadingContextEnumType) =>
    select(evse, measurands, kind, deviceModel.read(SampledDataCtrlr.SignReadings));
  const aligned = (evse: EvseModel, measurands: readonly string[] | undefined, kind: ReadingContextEnumType) =>
    select(evse, measurands, kind, deviceModel.read(AlignedDataCtrlr.SignReadings));

  const store = (evse: EvseModel, kind: ReadingContextEnumType, value: MeterValueType | undefined): void => {
    const transactionId = evse.transaction?.transactionId;
    if (transactionId === undefined || value === undefined) return;
    core.unitOfWork.run(() => {
      core.meterValues.append(transactionId, kind, value);
      if (core.meterValues.count(transactionId) > STORED_VALUES_LIMIT) core.meterValues.thin(transactionId);
    });
  };

  /** Runs `tick` at every interval for as long as the variable says so; 0 switches it off. */
  const repeat = (key: string, delayMilliseconds: () => number | undefined, tick: () => void): void => {
    timers.get(key)?.cancel();
    timers.delete(key);
    const delay = delayMilliseconds();
    if (delay === undefined) return;
    timers.set(
      key,
      clock.after(delay, () => {
        repeat(key, delayMilliseconds, tick);
        tick();
      }),
    );
  };

  const intervalOf = (seconds: number | undefined, enabled: boolean | undefined): number | undefined =>
    seconds === undefined || seconds <= 0 || enabled === false ? undefined : seconds * 1000;

  const startSampling = (evse: EvseModel): void => {
    repeat(
      `updated/${evse.evseId}`,
      () =>
        intervalOf(deviceModel.read(SampledDataCtrlr.TxUpdatedInterval), deviceModel.read(SampledDataCtrlr.Enabled)),
      () => {
        const value = sampled(evse, deviceModel.read(SampledDataCtrlr.TxUpdatedMeasurands), "Sample.Periodic");
        if (value !== undefined) services.reportMeterValues?.(evse.evseId, "MeterValuePeriodic", [value]); // J02.FR.01
      },
    );
    repeat(
      `ended/${evse.evseId}`,
      () => intervalOf(deviceModel.read(SampledDataCtrlr.TxEndedInterval), deviceModel.read(SampledDataCtrlr.Enabled)),
      () =>
        store(
          evse,
          "Sample.Periodic",
          sampled(evse, deviceModel.read(SampledDataCtrlr.TxEndedMeasurands), "Sample.Periodic"),
        ),
    );
  };

  const stopSampling = (evseId: number): void => {
    for (const key of [`updated/${evseId}`, `ended/${evseId}`]) {
      timers.get(key)?.cancel();
      timers.delete(key);
    }
  };

  const alignedDelay = (seconds: number | undefined): number | undefined =>
    intervalOf(seconds, deviceModel.read(AlignedDataCtrlr.Enabled)) === undefined
      ? undefined
      : millisecondsToAligned(clock.now(), seconds ?? 1);

  const sendMeterValues = (evse: EvseModel, value: MeterValueType, beforeAccepted: boolean): void =>
    void csms.call("MeterValues", { evseId: evse.evseId, meterValue: [value] }, { beforeAccepted });

  const tickAligned = (): void => {
    const onlyWhenIdle = deviceModel.read(AlignedDataCtrlr.SendDuringIdle) === true;
    if (onlyWhenIdle && model.evses.some((evse) => evse.transaction !== undefined)) return;
    for (const evse of model.evses) {
      const value = aligned(evse, deviceModel.read(AlignedDataCtrlr.Measurands), "Sample.Clock");
      if (value === undefined) continue;
      if (services.reportMeterValues?.(evse.evseId, "MeterValueClock", [value]) !== true)
        sendMeterValues(evse, value, false); // J01.FR.14
    }
  };

  const startAligned = (): void => {
    repeat("aligned", () => alignedDelay(deviceModel.read(AlignedDataCtrlr.Interval)), tickAligned);
    repeat(
      "aligned-ended",
      () => alignedDelay(deviceModel.read(AlignedDataCtrlr.TxEndedInterval)),
      () => {
        for (const evse of model.evses)
          store(
            evse,
            "Sample.Clock",
            aligned(evse, deviceModel.read(AlignedDataCtrlr.TxEndedMeasurands), "Sample.Clock"),
          );
      },
    );
  };

  services.triggerMeterValues = (evseId) => {
    const values = model.evses.flatMap((evse) => {
      const value =
        evseId === undefined || evseId === 0 || evse.evseId === evseId
          ? aligned(evse, deviceModel.read(AlignedDataCtrlr.Measurands), "Trigger") // F06.FR.06
          : undefined;
      return value === undefined ? [] : [{ evse, value }];
    });
    if (values.length === 0) return undefined;
    return () => {
      for (const { evse, value } of values) sendMeterValues(evse, value, true);
    };
  };

  return {
    name: "metering",
    start() {
      const resample = (): void => {
        for (const evse of model.evses) if (evse.transaction !== undefined) startSampling(evse);
      };
      unsubscribes.push(
        hardwareEvents.on("meter", ({ evseId, reading }) => {
          const evse = model.evse(evseId);
          if (evse !== undefined) evse.reading = reading;
        }),
        events.on("transactionStarted", ({ evseId }) => {
          const evse = model.evse(evseId);
          if (evse !== undefined) startSampling(evse);
        }),
        events.on("transactionEnded", ({ evseId }) => stopSampling(evseId)),
        ...[SampledDataCtrlr.TxUpdatedInterval, SampledDataCtrlr.TxEndedInterval].map((handle) =>
          deviceModel.onChange(handle, resample),
        ),
        deviceModel.onChange(SampledDataCtrlr.Enabled, resample),
        ...[AlignedDataCtrlr.Interval, AlignedDataCtrlr.TxEndedInterval].map((handle) =>
          deviceModel.onChange(handle, startAligned),
        ),
        deviceModel.onChange(AlignedDataCtrlr.Enabled, startAligned),
      );
      startAligned();
    },
    stop() {
      for (const timer of timers.values()) timer.cancel();
      timers.clear();
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
    },
  };
}
