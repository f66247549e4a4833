/** OCA certification test cases of block J for charging stations, on the compiled executable. */
import { describe, expect, test } from "bun:test";
import { type Facts, onCharger } from "../support/test-system.ts";

interface MeterValue {
  readonly timestamp: string;
  readonly sampledValue: readonly Facts[];
}

const MEASURANDS = "Energy.Active.Import.Register,Voltage";

/** Every configured measurand, each with this context and not measured in the EV (errata 6.2.58). */
function expectMeasurands({ meterValue }: Facts, context: string, measurands = MEASURANDS): void {
  const samples = (meterValue as readonly MeterValue[] | undefined)?.flatMap(({ sampledValue }) => sampledValue) ?? [];
  const found = samples.filter((sample) => sample.context === context);
  expect([...new Set(found.map(({ measurand }) => measurand))].sort()).toEqual(measurands.split(",").sort());
  expect(samples.filter(({ location, measurand }) => location === "EV" && measurand !== "SoC")).toEqual([]);
}

describe("sampled meter values", () => {
  test("TC_J_07_CS at the start and at the end", () =>
    onCharger(
      {
        patch: {
          SampledDataCtrlr: { TxStartedMeasurands: MEASURANDS, TxEndedMeasurands: MEASURANDS, TxEndedInterval: 1 },
        },
      },
      async (system) => {
        await system.evConnectedPreSession();
        await system.charger.everest.presentToken({ value: "04A1B2C3D4", type: "ISO14443" });
        expectMeasurands(await system.receiveTransactionEvent({ eventType: "Started" }), "Transaction.Begin");
        await system.energyTransferStarted();
        await Bun.sleep(2_300);
        await system.charger.everest.presentToken({ value: "04A1B2C3D4", type: "ISO14443" });
        const ended = await system.receiveTransactionEvent({ eventType: "Ended" });
        for (const context of ["Transaction.Begin", "Sample.Periodic", "Transaction.End"])
          expectMeasurands(ended, context);
      },
    ));

  test("TC_J_08_CS while charging, at the interval", () =>
    onCharger(
      { patch: { SampledDataCtrlr: { TxUpdatedInterval: 1, TxUpdatedMeasurands: MEASURANDS } } },
      async (system) => {
        await system.charge();
        for (let count = 0; count < 2; count++) {
          const event = await system.receiveTransactionEvent({
            eventType: "Updated",
            triggerReason: "MeterValuePeriodic",
          });
          expectMeasurands(event, "Sample.Periodic");
        }
      },
    ));

  test("TC_J_11_CS registers without phases", () =>
    onCharger(
      {
        patch: {
          SampledDataCtrlr: {
            TxUpdatedInterval: 1,
            TxUpdatedMeasurands: "Energy.Active.Import.Register",
            RegisterValuesWithoutPhases: true,
          },
        },
      },
      async (system) => {
        await system.charge();
        const { meterValue } = await system.receiveTransactionEvent({ triggerReason: "MeterValuePeriodic" });
        const samples = (meterValue as readonly MeterValue[]).flatMap(({ sampledValue }) => sampledValue);
        expect(samples.filter(({ phase }) => phase !== undefined)).toEqual([]);
      },
    ));
});

describe("clock-aligned meter values", () => {
  const aligned = { Interval: 1, Measurands: MEASURANDS };

  test("TC_J_01_CS no transaction", () =>
    onCharger({ patch: { AlignedDataCtrlr: aligned } }, async (system) => {
      for (const evseId of [1, 2]) expectMeasurands(await system.receive("MeterValues", { evseId }), "Sample.Clock");
    }));

  test("TC_J_02_CS a transaction on one EVSE", () =>
    onCharger({ patch: { AlignedDataCtrlr: { ...aligned, SendDuringIdle: false } } }, async (system) => {
      await system.charge();
      const event = await system.receiveTransactionEvent({ eventType: "Updated", triggerReason: "MeterValueClock" });
      expectMeasurands(event, "Sample.Clock");
      expectMeasurands(await system.receive("MeterValues", { evseId: 2 }), "Sample.Clock");
    }));

  test("TC_J_03_CS in the Ended event", () =>
    onCharger(
      { patch: { AlignedDataCtrlr: { Interval: 0, TxEndedInterval: 1, TxEndedMeasurands: MEASURANDS } } },
      async (system) => {
        await system.charge();
        await Bun.sleep(2_300);
        await system.charger.everest.presentToken({ value: "04A1B2C3D4", type: "ISO14443" });
        expectMeasurands(await system.receiveTransactionEvent({ eventType: "Ended" }), "Sample.Clock");
      },
    ));
});
