import { AlignedDataCtrlr, InternalCtrlr, OCPPCommCtrlr, SampledDataCtrlr } from "../../device-model/variables.ts";
import { every, type Timer } from "../../lib/clock.ts";
import type { MeterValueType, ReadingContextEnumType } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";
import { toMeterValue, withPublicKeys } from "../model/meter-values.ts";
import type { EvseModel } from "../model/station-model.ts";
import { planForEvses, rejectTrigger, type TriggerPlan } from "../registries/triggers.ts";
import { everyAligned } from "./aligned-timer.ts";
import { createFirstReadings } from "./first-readings.ts";

/** Values kept for one Ended event; beyond it every other intermediate one goes (J02.FR.20). */
const STORED_VALUES_LIMIT = 1_000;

/** J01 and J02 (J01.FR.01, J02.FR.01): sampled and clock-aligned meter values, in transactions and outside. */
export const metering = declareBlock({
  name: "metering",
  letter: "J",
  needs: ["transactions", "triggers"],
  hears: {
    "hardware.meter": "reading",
    "hardware.publicKey": "reading",
    "station.transactionStarted": "follow-up",
    "station.transactionResumed": "follow-up",
    "station.transactionEnded": "follow-up",
  },
  create,
});

function create(given: Given<"transactions" | "triggers">) {
  const { clock, core, csms, deviceModel, logger, model } = given;
  const { transactions, triggers } = given;
  /** Running timers by purpose, e.g. `updated/1`. */
  const timers = new Map<string, Timer>();
  /** EVSEs whose transaction certainly runs; one that a power cut interrupted may be over. */
  const running = new Set<number>();
  const firstReadings = createFirstReadings({ clock, logger });
  const unsubscribes: (() => void)[] = [];

  const select = (
    evse: EvseModel,
    kind: ReadingContextEnumType,
    measurands: readonly string[] | undefined,
    signReadings: boolean | undefined,
  ): MeterValueType | undefined =>
    toMeterValue(evse.reading, kind, {
      measurands: measurands ?? [],
      signReadings: signReadings === true,
      registersWithoutPhases: deviceModel.read(SampledDataCtrlr.RegisterValuesWithoutPhases) === true,
    });
  const sampled = (evse: EvseModel, measurands: readonly string[] | undefined) =>
    select(evse, "Sample.Periodic", measurands, deviceModel.read(SampledDataCtrlr.SignReadings)); // J02.FR.21
  const aligned = (evse: EvseModel, kind: ReadingContextEnumType, measurands: readonly string[] | undefined) =>
    select(evse, kind, measurands, deviceModel.read(AlignedDataCtrlr.SignReadings)); // J01.FR.21

  const store = (evse: EvseModel, kind: ReadingContextEnumType, value: MeterValueType | undefined): void => {
    const transactionId = evse.transaction?.transactionId;
    if (transactionId === undefined || value === undefined || !running.has(evse.evseId)) return;
    core.meterValues.append(transactionId, kind, value);
    if (core.meterValues.count(transactionId) > STORED_VALUES_LIMIT) core.meterValues.thin(transactionId);
  };

  /** The values of several EVSEs in one transaction; what cannot be stored is missing in the Ended event. */
  const storeAll = (append: () => void): void => {
    try {
      core.unitOfWork.run(append);
    } catch (error) {
      logger.error(`Meter values for the end of a transaction cannot be stored: ${(error as Error).message}`);
    }
  };

  const replaceTimer = (key: string, timer: Timer | undefined): void => {
    timers.get(key)?.cancel();
    if (timer === undefined) timers.delete(key);
    else timers.set(key, timer);
  };

  /** Samples of one EVSE every so many seconds from now; 0 switches them off. */
  const sampleEvery = (key: string, seconds: number | undefined, tick: () => void): void => {
    const isOff = seconds === undefined || seconds <= 0 || deviceModel.read(SampledDataCtrlr.Enabled) === false;
    replaceTimer(key, isOff ? undefined : every(clock, seconds * 1000, tick));
  };

  const startSampling = (evseId: number): void => {
    const evse = model.evse(evseId);
    if (evse === undefined) return;
    sampleEvery(`updated/${evseId}`, deviceModel.read(SampledDataCtrlr.TxUpdatedInterval), () => {
      const value = sampled(evse, deviceModel.read(SampledDataCtrlr.TxUpdatedMeasurands));
      // J02.FR.11, E02.FR.10, E03.FR.08, E04.FR.06, E11.FR.03, E12.FR.03
      if (value !== undefined) transactions.report(evseId, "MeterValuePeriodic", [value]);
    });
    sampleEvery(`ended/${evseId}`, deviceModel.read(SampledDataCtrlr.TxEndedInterval), () =>
      storeAll(() =>
        store(evse, "Sample.Periodic", sampled(evse, deviceModel.read(SampledDataCtrlr.TxEndedMeasurands))),
      ),
    );
  };

  const follow = ({ evseId }: HeardEvents["station.transactionStarted"]): void => {
    running.add(evseId);
    startSampling(evseId);
  };

  const stopSampling = ({ evseId }: HeardEvents["station.transactionEnded"]): void => {
    running.delete(evseId);
    for (const key of [`updated/${evseId}`, `ended/${evseId}`]) replaceTimer(key, undefined);
  };

  const sendMeterValues = (evse: EvseModel, value: MeterValueType, beforeAccepted: boolean): void => {
    const policy = deviceModel.read(OCPPCommCtrlr.PublicKeyWithSignedMeterValue);
    // Outside of events no transaction remembers a key: only EveryMeterValue sends it.
    const applied = policy === undefined || policy === "" || policy === "EveryMeterValue" ? policy : "Never";
    const { values } = withPublicKeys([value], applied === "" ? undefined : applied, {
      told: false,
      knownKey: evse.meterPublicKey,
    });
    void csms.call("MeterValues", { evseId: evse.evseId, meterValue: values }, { beforeAccepted }); // J01.FR.02
  };

  /** J01.FR.19, FR.20: SendDuringIdle of the EVSE looks at that EVSE, that of the station at all. */
  const isSilenced = (evse: EvseModel): boolean => {
    const whenIdle = deviceModel.read(AlignedDataCtrlr.SendDuringIdle) === true;
    if (whenIdle && model.evses.some(({ transaction }) => transaction !== undefined)) return true;
    return evse.transaction !== undefined && deviceModel.read(AlignedDataCtrlr.SendDuringIdle.at(evse.evseId)) === true;
  };

  const sendAligned = (instant: Date): void => {
    const rounds = deviceModel.read(InternalCtrlr.RoundClockAlignedTimestamps) === true;
    for (const evse of model.evses.filter((one) => !isSilenced(one))) {
      const read = aligned(evse, "Sample.Clock", deviceModel.read(AlignedDataCtrlr.Measurands));
      if (read === undefined) continue;
      const value = rounds ? { ...read, timestamp: instant.toISOString() } : read;
      if (!transactions.report(evse.evseId, "MeterValueClock", [value]))
        // J01.FR.22
        sendMeterValues(evse, value, false); // J01.FR.14
    }
  };

  const storeAligned = (): void =>
    storeAll(() => {
      for (const evse of model.evses)
        store(
          evse,
          "Sample.Clock",
          aligned(evse, "Sample.Clock", deviceModel.read(AlignedDataCtrlr.TxEndedMeasurands)),
        );
    });

  const alignEvery = (key: string, seconds: number | undefined, tick: (instant: Date) => void): void => {
    const isOff = seconds === undefined || seconds <= 0 || deviceModel.read(AlignedDataCtrlr.Enabled) === false;
    replaceTimer(key, isOff ? undefined : everyAligned(clock, seconds, tick));
  };

  const startAligned = (): void => {
    alignEvery("aligned", deviceModel.read(AlignedDataCtrlr.Interval), sendAligned);
    alignEvery("aligned-ended", deviceModel.read(AlignedDataCtrlr.TxEndedInterval), storeAligned);
  };

  /** What the meter says now (F06.FR.06, FR.09); false when there is nothing to send. */
  const sendTriggered = (evse: EvseModel): boolean => {
    const value = aligned(evse, "Trigger", deviceModel.read(AlignedDataCtrlr.Measurands));
    if (value !== undefined) sendMeterValues(evse, value, true);
    return value !== undefined;
  };

  const planTrigger = (evseId: number | undefined): TriggerPlan => {
    const measurands = deviceModel.read(AlignedDataCtrlr.Measurands);
    const concerned = model.evses.filter((evse) => evseId === undefined || evse.evseId === evseId);
    const ready = concerned.filter((evse) => aligned(evse, "Trigger", measurands) !== undefined);
    const expected = measurands?.length ? concerned.filter(firstReadings.isExpected) : [];
    if (ready.length === 0 && expected.length === 0) return rejectTrigger("NotFound", "there is no measurement");
    return () => {
      for (const evse of ready) sendTriggered(evse);
      for (const evse of expected) firstReadings.await(evse, () => sendTriggered(evse)); // F06.FR.10
    };
  };

  triggers.register("MeterValues", (request) => planForEvses(model, request, planTrigger));

  const resample = (): void => {
    for (const evseId of running) startSampling(evseId);
  };

  return {
    hears: {
      "hardware.meter": ({ evseId, reading }: HeardEvents["hardware.meter"]) => {
        const evse = model.evse(evseId);
        if (evse === undefined) return;
        evse.reading = reading;
        firstReadings.arrived(evseId);
      },
      "hardware.publicKey": ({ evseId, publicKey }: HeardEvents["hardware.publicKey"]) => {
        const evse = model.evse(evseId);
        if (evse !== undefined) evse.meterPublicKey = publicKey;
      },
      "station.transactionStarted": follow,
      "station.transactionResumed": follow,
      "station.transactionEnded": stopSampling,
    },
    start() {
      unsubscribes.push(
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
      firstReadings.stop();
      for (const timer of timers.values()) timer.cancel();
      timers.clear();
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
    },
  };
}
