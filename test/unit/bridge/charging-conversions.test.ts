import { expect, test } from "bun:test";
import { toMeterReading, toSignedMeterValue } from "../../../src/bridge/meter-reading.ts";
import { toSessionCost } from "../../../src/bridge/session-cost.ts";
import { toEvseEvent } from "../../../src/bridge/session-event.ts";
import type { EvseManagerSessionEvent, PowermeterPowermeter } from "../../../src/everest/interfaces/index.ts";

const NOW = new Date("2026-01-01T00:00:00.000Z");

test("session_cost: money in the smallest unit, rounded down, without the dust of binary fractions (BEHAVIOUR 19.2)", () => {
  const cost = {
    transactionId: "t",
    currency: "EUR",
    decimals: 2,
    status: "Finished" as const,
    totalCost: 4.35,
    timestamp: "2026-01-01T12:00:00.000Z",
    energyWattHours: 15_230.7,
    messages: [{ format: "UTF8" as const, content: "4.35" }],
  };
  expect(toSessionCost(cost)).toEqual({
    session_id: "t",
    currency: { code: "EUR", decimals: 2 },
    status: "Finished",
    cost_chunks: [{ cost: { value: 435 }, timestamp_to: "2026-01-01T12:00:00.000Z", metervalue_to: 15_230 }],
    message: [{ format: "UTF8", content: "4.35" }],
  });
  expect(toSessionCost({ ...cost, currency: "euros", status: "Running" })).toMatchObject({
    currency: { decimals: 2 },
    status: "Running",
  });
  expect(toSessionCost({ ...cost, totalCost: 1.239 })?.cost_chunks?.[0]?.cost).toEqual({ value: 123 });
});

test("a signature that does not fit into a message goes, the value stays: cut off it would cost the whole event", () => {
  const signature = { signed_meter_data: "x".repeat(2_501), signing_method: "ECDSA", encoding_method: "OCMF" };
  expect(toSignedMeterValue(signature)).toBeUndefined();
  const reading = toMeterReading(
    { timestamp: "", energy_Wh_import: { total: 5 }, signed_meter_value: signature } as PowermeterPowermeter,
    NOW,
  );
  expect(reading.samples).toEqual([
    { value: 5, measurand: "Energy.Active.Import.Register", location: "Outlet", unitOfMeasure: { unit: "Wh" } },
  ]);
});

test("current and reactive power that flow back are exported, line by line (J01.FR.09–11)", () => {
  const { samples } = toMeterReading(
    {
      timestamp: "",
      energy_Wh_import: { total: 5 },
      current_A: { L1: 3, L2: -4 },
      VAR: { total: -7 },
    } as PowermeterPowermeter,
    NOW,
  );
  expect(samples.slice(1).map(({ measurand, phase, value }) => [measurand, phase, value])).toEqual([
    ["Power.Reactive.Export", undefined, 7],
    ["Current.Import", "L1", 3],
    ["Current.Export", "L2", 4],
  ]);
});

test("a stop by a command of the CSMS keeps its cause; the signature of the start comes along", () => {
  const event = (transaction_finished: object) =>
    toEvseEvent(
      1,
      { uuid: "u", timestamp: "", event: "TransactionFinished", transaction_finished } as EvseManagerSessionEvent,
      NOW,
    );
  expect(event({ reason: "UnlockCommand" })).toMatchObject({ stoppedReason: "Other", cause: "UnlockCommand" });
  expect(event({ reason: "SoftReset" })).toMatchObject({ stoppedReason: "Other", cause: "ResetCommand" });
  const start_signed_meter_value = { signed_meter_data: "S", signing_method: "", encoding_method: "OCMF" };
  expect(event({ reason: "Local", start_signed_meter_value })).toMatchObject({
    signedStart: { signedMeterData: "S", publicKey: "" },
  });
});
