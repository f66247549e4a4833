import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { ComponentDefinition } from "../../../../src/device-model/definitions.ts";
import { DeviceModelStorage } from "../../../../src/device-model/storage.ts";
import { nextAligned } from "../../../../src/station/j-metering/aligned-timer.ts";
import { thinToSize, withPublicKeys } from "../../../../src/station/model/meter-values.ts";
import type { Payload } from "../../../support/in-process-charger.ts";
import { current, energy, Rig, samplesOf, signed } from "./support.ts";

let rig: Rig | undefined;
afterEach(() => rig?.charger.dispose());
const start = async (variables: Record<string, string> = {}) => {
  rig = await Rig.start(variables);
  return rig;
};
const keys = (event: Payload | undefined) =>
  samplesOf(event).map(({ signedMeterValue }) => signedMeterValue?.publicKey);
const triggers = (of: Rig) => of.events.map(({ triggerReason }) => triggerReason);

describe("sampled values (J02.FR.01–04, FR.18, FR.22)", () => {
  test("measurands of each event are the configured ones, per phase and line (J02.FR.05–07, FR.10, E02.FR.10, E03.FR.08, J02.FR.11)", async () => {
    const station = await start({
      "SampledDataCtrlr.TxStartedMeasurands": "Current.Import",
      "SampledDataCtrlr.TxUpdatedMeasurands": "Energy.Active.Import.Register",
      "SampledDataCtrlr.TxEndedMeasurands": "Current.Import,Energy.Active.Import.Register",
      "SampledDataCtrlr.TxUpdatedInterval": "10",
    });
    station.reading([energy(1), energy(1, { phase: "L1" }), current("L1", 16), current("L2", 15)]);
    await station.plug().begin().pass(10_500);
    await station.finish("Local").pass();
    const told = station.events.map((event) =>
      samplesOf(event).map(({ measurand, phase, context }) => [measurand, phase, context].join(" ")),
    );
    expect(told).toEqual([
      ["Current.Import L1 Transaction.Begin", "Current.Import L2 Transaction.Begin"],
      ["Energy.Active.Import.Register  Sample.Periodic", "Energy.Active.Import.Register L1 Sample.Periodic"],
      [
        "Energy.Active.Import.Register  Transaction.Begin",
        "Energy.Active.Import.Register L1 Transaction.Begin",
        "Current.Import L1 Transaction.Begin",
        "Current.Import L2 Transaction.Begin",
        "Energy.Active.Import.Register  Transaction.End",
        "Energy.Active.Import.Register L1 Transaction.End",
        "Current.Import L1 Transaction.End",
        "Current.Import L2 Transaction.End",
      ],
    ]);
  });

  test("samples fall on the start plus whole intervals, without drift", async () => {
    const station = await start({ "SampledDataCtrlr.TxUpdatedInterval": "60" });
    await station
      .reading([energy(1)])
      .plug()
      .begin()
      .pass(600_500);
    const times = station.events.map(({ timestamp }) => Date.parse(String(timestamp)));
    expect(times.map((time) => time - (times[0] ?? 0))).toEqual(
      Array.from({ length: 11 }, (_, index) => index * 60_000),
    );
  });

  test("0 switches off; an interval that changes holds for the running transaction", async () => {
    const station = await start();
    await station
      .reading([energy(1)])
      .plug()
      .begin()
      .pass(600_000);
    expect(station.events).toHaveLength(1);
    await station.charger.call("SetVariables", {
      setVariableData: [
        { component: { name: "SampledDataCtrlr" }, variable: { name: "TxUpdatedInterval" }, attributeValue: "30" },
      ],
    });
    await station.pass(61_000);
    expect(triggers(station).slice(1)).toEqual(["MeterValuePeriodic", "MeterValuePeriodic"]);
  });

  test("RegisterValuesWithoutPhases: only the import register loses its phases (2.7.18)", async () => {
    const station = await start({
      "SampledDataCtrlr.RegisterValuesWithoutPhases": "true",
      "SampledDataCtrlr.TxStartedMeasurands": "Energy.Active.Import.Register,Energy.Active.Export.Register",
    });
    const exported = energy(2, { measurand: "Energy.Active.Export.Register", phase: "L1" });
    await station
      .reading([energy(1), energy(1, { phase: "L1" }), exported])
      .plug()
      .begin()
      .pass();
    expect(samplesOf(station.events[0]).map(({ measurand, phase }) => [measurand, phase])).toEqual([
      ["Energy.Active.Import.Register", undefined],
      ["Energy.Active.Export.Register", "L1"],
    ]);
  });

  test("a newer reading than that of the event is the last one: registers never fall (J02.FR.16)", async () => {
    const station = await start({ "SampledDataCtrlr.TxEndedInterval": "10" });
    const { clock } = station.charger;
    await station
      .reading([energy(100)])
      .plug()
      .begin()
      .pass(5_000);
    const stale = { timestamp: clock.now(), samples: [energy(150)] };
    await station.pass(1_000);
    await station.reading([energy(200)]).pass(5_000);
    station.charger.event(1, { kind: "TransactionFinished", sessionId: "s", stoppedReason: "Local", meter: stale });
    await station.pass();
    expect(samplesOf(station.events.at(-1)).map(({ value }) => value)).toEqual([100, 200, 200]);
  });
});

describe("signed values (E02.FR.14, E03.FR.10, E04.FR.10, E05.FR.06, E07.FR.12, E08.FR.12, J01.FR.21, J02.FR.21)", () => {
  test("only where SignReadings asks for them", async () => {
    const station = await start({ "SampledDataCtrlr.SignReadings": "false" });
    await station
      .reading([energy(1, signed("KEY"))])
      .plug()
      .begin()
      .pass();
    expect(keys(station.events[0])).toEqual([undefined]);
  });

  test.each([
    ["Never", ["", "", ""]],
    ["OncePerTransaction", ["KEY", "", ""]],
    ["EveryMeterValue", ["KEY", "KEY", "KEY"]],
  ])("PublicKeyWithSignedMeterValue %s", async (policy, expected) => {
    const station = await start({
      "SampledDataCtrlr.SignReadings": "true",
      "OCPPCommCtrlr.PublicKeyWithSignedMeterValue": policy,
    });
    station.charger.hardwareEvents.emit("publicKey", { evseId: 1, publicKey: "KEY" });
    await station
      .reading([energy(1, signed())])
      .plug()
      .begin()
      .pass();
    await station.finish("Local").pass();
    expect(station.events.flatMap((event) => keys(event))).toEqual(expected);
  });

  test("the key that a value brings goes before the meter's; without a policy keys stay as they are", () => {
    const value = { timestamp: "2026-01-01T00:00:00Z", sampledValue: [energy(1, signed("OWN"))] };
    const keyOf = (policy: "EveryMeterValue" | undefined) =>
      withPublicKeys([value], policy, { told: false, knownKey: "METER" }).values[0]?.sampledValue[0]?.signedMeterValue
        ?.publicKey;
    expect([keyOf("EveryMeterValue"), keyOf(undefined)]).toEqual(["OWN", "OWN"]);
  });

  test("a meter that signs the start only in the end: the signature belongs to Transaction.Begin", async () => {
    const station = await start({ "SampledDataCtrlr.SignReadings": "true" });
    await station
      .reading([energy(1)])
      .plug()
      .begin()
      .pass();
    const signedStart = { signedMeterData: "START", signingMethod: "", encodingMethod: "OCMF", publicKey: "" };
    station.charger.event(1, {
      kind: "TransactionFinished",
      sessionId: "s",
      stoppedReason: "Local",
      meter: { timestamp: station.charger.clock.now(), samples: [energy(2, signed())] },
      signedStart,
    });
    await station.pass();
    expect(samplesOf(station.events.at(-1))).toMatchObject([
      { context: "Transaction.Begin", signedMeterValue: { signedMeterData: "START" } },
      { context: "Transaction.End", signedMeterValue: { signedMeterData: "DATA" } },
    ]);
  });

  test.each(["true", "false"])(
    "where no import register is kept the signature of the start was lost (CHANGES c.4); SignReadings %s",
    async (signReadings) => {
      const station = await start({
        "SampledDataCtrlr.SignReadings": signReadings,
        "SampledDataCtrlr.TxEndedMeasurands": "Voltage",
      });
      await station
        .reading([energy(1)])
        .plug()
        .begin()
        .pass();
      station.charger.event(1, {
        kind: "TransactionFinished",
        sessionId: "s",
        stoppedReason: "Local",
        signedStart: { signedMeterData: "START", signingMethod: "", encodingMethod: "OCMF", publicKey: "" },
      });
      await station.pass();
      const signedValues = samplesOf(station.events.at(-1)).filter(
        (sample) => (sample as { signedMeterValue?: unknown }).signedMeterValue !== undefined,
      );
      const expected = {
        value: 0,
        context: "Transaction.Begin",
        measurand: "Energy.Active.Import.Register",
        signedMeterValue: { signedMeterData: "START" },
      };
      expect(signedValues).toMatchObject(signReadings === "true" ? [expected] : []);
    },
  );
});

describe("clock-aligned values (J01.FR.01, FR.05–10, FR.17)", () => {
  const aligned = { "AlignedDataCtrlr.Interval": "60" };
  const meterValues = (of: Rig) => of.charger.callsOf("MeterValues").map(({ evseId }) => evseId);

  test("idle EVSEs by MeterValues, an EVSE in a transaction by its event (J01.FR.02, FR.14, FR.22)", async () => {
    const station = await start(aligned);
    await station
      .reading([energy(1)])
      .reading([energy(2)], 2)
      .plug()
      .begin()
      .pass(60_000);
    expect(meterValues(station)).toEqual([2]);
    expect(triggers(station)).toEqual(["Authorized", "MeterValueClock"]);
    expect(samplesOf(station.events[1])).toMatchObject([{ context: "Sample.Clock" }]);
  });

  test("SendDuringIdle of the station silences all while a transaction runs (J01.FR.20)", async () => {
    const station = await start({ ...aligned, "AlignedDataCtrlr.SendDuringIdle": "true" });
    await station
      .reading([energy(1)])
      .reading([energy(2)], 2)
      .pass(60_000);
    expect(meterValues(station)).toEqual([1, 2]);
    await station.plug().begin().pass(120_000);
    expect(meterValues(station)).toEqual([1, 2]);
    expect(triggers(station)).toEqual(["Authorized"]);
    await station.finish("Local").pass(60_000);
    expect(meterValues(station)).toEqual([1, 2, 1, 2]);
  });

  test("SendDuringIdle of an EVSE silences that one (J01.FR.19)", async () => {
    const station = await start(aligned);
    const { charger } = station;
    const storage = new DeviceModelStorage({
      path: join(charger.directory, "evse.db"),
      clock: charger.clock,
      logger: charger.context.logger,
    });
    const component: ComponentDefinition = {
      name: "AlignedDataCtrlr",
      evseId: 1,
      variables: [
        {
          name: "SendDuringIdle",
          characteristics: { dataType: "boolean", supportsMonitoring: false },
          attributes: [{ type: "Actual", mutability: "ReadWrite", value: "true" }],
        },
      ],
    };
    charger.deviceModel.addComponents([component], storage, { source: "test" });
    await station
      .reading([energy(1)])
      .reading([energy(2)], 2)
      .plug()
      .begin()
      .pass(60_000);
    expect(meterValues(station)).toEqual([2]);
    expect(triggers(station)).toEqual(["Authorized"]);
  });

  test("values for the end are kept at AlignedDataCtrlr.TxEndedInterval", async () => {
    const station = await start({
      "AlignedDataCtrlr.TxEndedInterval": "60",
      "AlignedDataCtrlr.TxEndedMeasurands": "Energy.Active.Import.Register",
      "SampledDataCtrlr.TxEndedMeasurands": "",
    });
    await station
      .reading([energy(1)])
      .plug()
      .begin()
      .pass(180_000);
    await station.finish("Local").pass();
    expect(samplesOf(station.events.at(-1)).map(({ context }) => context)).toEqual([
      "Sample.Clock",
      "Sample.Clock",
      "Sample.Clock",
    ]);
  });

  test("RoundClockAlignedTimestamps puts the exact instant", async () => {
    const station = await start({ ...aligned, "InternalCtrlr.RoundClockAlignedTimestamps": "true" });
    await station.pass(30_000);
    await station.reading([energy(1)]).pass(30_000);
    expect(station.charger.callsOf("MeterValues")).toMatchObject([
      { meterValue: [{ timestamp: "2026-01-01T00:01:00.000Z" }] },
    ]);
  });

  test("a wall clock that is set neither doubles nor loses an instant for long", async () => {
    const station = await start({ "AlignedDataCtrlr.Interval": "900" });
    await station.reading([energy(1)]).pass(60_000);
    station.charger.clock.jumpTo("2026-01-01T00:59:50.000Z");
    await station.pass(30_000);
    expect(meterValues(station)).toEqual([1]);
    await station.pass(900_000);
    expect(meterValues(station)).toEqual([1, 1]);
    station.charger.clock.jumpTo("2026-01-01T00:00:00.000Z");
    await station.pass(930_000);
    expect(meterValues(station)).toEqual([1, 1, 1]);
  });

  test("instants count from midnight UTC, and a day begins anew", () => {
    const next = (time: string, seconds: number) => nextAligned(new Date(`2026-01-01T${time}Z`), seconds).toISOString();
    expect(next("00:00:00.000", 900)).toBe("2026-01-01T00:15:00.000Z");
    expect(next("10:07:00.000", 900)).toBe("2026-01-01T10:15:00.000Z");
    expect(next("21:30:00.000", 7 * 3600)).toBe("2026-01-02T00:00:00.000Z");
  });
});

describe("an Ended event that would grow too large (E06.FR.12, FR.13, E07.FR.09, FR.10, E08.FR.10, FR.11, E09.FR.06, FR.07, E12.FR.08, FR.09, E15.FR.02, FR.03, J02.FR.20)", () => {
  const value = (index: number) => ({ timestamp: new Date(index * 1000).toISOString(), sampledValue: [energy(index)] });

  test("intermediate values go, evenly; the first and the last stay", () => {
    const values = Array.from({ length: 200 }, (_, index) => value(index));
    const kept = thinToSize(values, 5_000);
    expect(JSON.stringify(kept).length).toBeLessThanOrEqual(5_000);
    expect([kept[0], kept.at(-1)]).toEqual([value(0), value(199)]);
    const gaps = kept
      .slice(1, -1)
      .map(({ sampledValue }, index) => (sampledValue[0]?.value ?? 0) - (kept[index]?.sampledValue[0]?.value ?? 0));
    expect(new Set(gaps).size).toBe(1);
  });

  test("a transaction of a day stays within the message and the store (bounded)", async () => {
    const station = await start({ "SampledDataCtrlr.TxEndedInterval": "60" });
    await station
      .reading([energy(0)])
      .plug()
      .begin()
      .pass();
    for (let hour = 1; hour <= 24; hour++) await station.reading([energy(hour)]).pass(3_600_000);
    expect(station.charger.core.meterValues.count("s")).toBeLessThanOrEqual(1_000);
    await station.finish("Local").pass();
    const ended = station.events.at(-1);
    expect(JSON.stringify(ended).length).toBeLessThan(32_000);
    expect(samplesOf(ended)[0]).toMatchObject({ context: "Transaction.Begin", value: 0 });
    expect(samplesOf(ended).at(-1)).toMatchObject({ context: "Transaction.End", value: 24 });
    expect(station.charger.core.meterValues.count("s")).toBe(0);
  });
});

describe("cost and messages in the answers (BEHAVIOUR 19.2)", () => {
  const on = { "TariffCostCtrlr.Available": "true", "TariffCostCtrlr.Enabled": "true" };
  const answer = { totalCost: 1.5, updatedPersonalMessage: { format: "UTF8", content: "1.50" } };

  test("running and final cost, with the register that the event tells; the message is the driver's", async () => {
    const station = await start({ ...on, "TariffCostCtrlr.Currency": "EUR" });
    station.answerEvents(() => answer);
    await station
      .reading([energy(1_000)])
      .plug()
      .begin()
      .pass();
    await station
      .reading([energy(2_500)])
      .finish("Local")
      .pass();
    expect(station.commands("sessionCost")).toMatchObject([
      [{ transactionId: "s", currency: "EUR", status: "Running", totalCost: 1.5, energyWattHours: 1_000 }],
      [{ transactionId: "s", status: "Finished", energyWattHours: 2_500 }],
    ]);
    expect(station.commands("tariffMessage")[0]).toEqual(["s", [answer.updatedPersonalMessage]]);
  });

  test("nothing while the functions are off", async () => {
    const station = await start({ "TariffCostCtrlr.Enabled": "false" });
    station.answerEvents(() => answer);
    await station.plug().begin().pass();
    expect(station.commands("sessionCost")).toEqual([]);
    expect(station.commands("tariffMessage")).toEqual([]);
  });
});
