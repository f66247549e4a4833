import { describe, expect, test } from "bun:test";
import { maximumPowerWatts } from "../../../src/bridge/device-model-components.ts";
import { toHardwareError } from "../../../src/bridge/errors.ts";
import { toMeterReading } from "../../../src/bridge/meter-reading.ts";
import { toEvseEvent, toStoppedReason } from "../../../src/bridge/session-event.ts";
import { toAuthorizationQuery, toIdToken, toValidationResult } from "../../../src/bridge/tokens.ts";
import type { EvseManagerSessionEvent } from "../../../src/everest/interfaces/index.ts";

const NOW = new Date("2026-01-01T00:00:00.000Z");

describe("incident: the CSMS was told 0.30000000000000004 Wh", () => {
  const told = (energy: number, more: object = {}) =>
    toMeterReading({ timestamp: "", energy_Wh_import: { total: energy }, ...more }, NOW).samples.map(
      ({ value }) => value,
    );
  test.each([
    [0.1 + 0.2, 0.3],
    [4.35 * 100, 435],
    [Array.from({ length: 1_000 }, () => 0.1).reduce((sum, one) => sum + one), 100],
    [Math.fround(230.2), 230.2],
    [Math.fround(12_345.678), 12_345.678],
    [12_345_678.123456, 12_345_678.123456],
    [100_000_008, 100_000_008],
    [0.5, 0.5],
    [0, 0],
  ])("%d is told as %d", (measured, value) => {
    expect(told(measured)).toEqual([value]);
  });

  test("in every measurand and direction, and in what drivers' vehicles say", () => {
    const more = { power_W: { total: -(0.1 + 0.2), L1: Math.fround(16.1) }, voltage_V: { L1: Math.fround(229.9) } };
    expect(told(1, more)).toEqual([1, 16.1, 0.3, 229.9]);
    const soc = toMeterReading({ timestamp: "", energy_Wh_import: { total: 1 } }, NOW, {
      stateOfChargePercent: Math.fround(45.6),
    });
    expect(soc.samples.at(-1)?.value).toBe(45.6);
    expect(maximumPowerWatts({ maxCurrentAmperes: 16.1, maxPhaseCount: 3 })).toBe(11_109);
  });
});

test("numbers of EVerest that are no integers of OCPP do not get into its messages", () => {
  const event = {
    uuid: "u",
    timestamp: "2026-01-01T12:00:00Z",
    event: "SessionStarted",
    session_started: { reason: "EVConnected", reservation_id: 2 ** 31 },
  } as unknown as EvseManagerSessionEvent;
  expect(toEvseEvent(1, event, NOW)).not.toHaveProperty("reservationId");
});

describe("session events (BEHAVIOUR 5.3)", () => {
  const event = (name: string, more: object = {}) =>
    ({ uuid: "u", timestamp: "2026-01-01T12:00:00Z", event: name, ...more }) as unknown as EvseManagerSessionEvent;

  test("missing context objects and empty times are tolerated", () => {
    expect(toEvseEvent(1, event("SessionStarted"), NOW)).toMatchObject({
      kind: "SessionStarted",
      reason: "EVConnected",
      sessionId: "u",
    });
    expect(toEvseEvent(1, event("TransactionFinished"), NOW)).toMatchObject({
      kind: "TransactionFinished",
      stoppedReason: "Other",
    });
    expect(toEvseEvent(1, event("ReservationStart", { timestamp: "", uuid: "" }), NOW)).toMatchObject({
      timestamp: NOW,
      connectorId: 1,
    });
  });

  test("events without a meaning for OCPP, and unknown ones, are nothing", () => {
    for (const name of [
      "AuthRequired",
      "PrepareCharging",
      "StoppingCharging",
      "ChargingFinished",
      "PluginTimeout",
      "SomethingNew",
    ])
      expect(toEvseEvent(1, event(name), NOW)).toBeUndefined();
  });

  test("a remote token is known as one", () => {
    const id_tag = {
      id_token: { value: "T", type: "Central" },
      authorization_type: "OCPP",
      request_id: 9,
      parent_id_token: { value: "G", type: "Central" },
    };
    expect(toEvseEvent(2, event("TransactionStarted", { transaction_started: { id_tag } }), NOW)).toMatchObject({
      evseId: 2,
      token: {
        remote: true,
        remoteStartId: 9,
        idToken: { idToken: "T", type: "Central" },
        groupIdToken: { idToken: "G" },
      },
    });
  });

  test.each([
    ["HardReset", "ImmediateReset"],
    ["SoftReset", "Other"],
    ["ReqEnergyTransferRejected", "Other"],
    ["EVSEDisabled", "Other"],
    ["Local", "Local"],
    [undefined, "Other"],
  ])("stop reason %s is %s", (everest, ocpp) => {
    expect(toStoppedReason(everest as "Local")).toBe(ocpp as "Local");
  });
});

describe("powermeter (BEHAVIOUR 6.1)", () => {
  test("registers, currents, voltages to neutral, frequency, state of charge", () => {
    const { samples, timestamp } = toMeterReading(
      {
        timestamp: "2026-01-01T12:00:00Z",
        energy_Wh_import: { total: 100, L1: 40 },
        current_A: { L1: 16, N: 0.1 },
        voltage_V: { L1: 230, DC: 400 },
        frequency_Hz: { L1: 50 },
      },
      NOW,
      { stateOfChargePercent: 55 },
    );
    expect(timestamp.toISOString()).toBe("2026-01-01T12:00:00.000Z");
    expect(samples.map(({ measurand, phase, value }) => `${measurand} ${phase ?? "-"} ${value}`)).toEqual([
      "Energy.Active.Import.Register - 100",
      "Energy.Active.Import.Register L1 40",
      "Current.Import L1 16",
      "Current.Import N 0.1",
      "Voltage L1-N 230",
      "Voltage - 400",
      "Frequency - 50",
      "SoC - 55",
    ]);
  });

  test("incident of the C++ module: power that flows back is exported, not negative import", () => {
    const { samples } = toMeterReading(
      { timestamp: "", energy_Wh_import: { total: 1 }, power_W: { total: -500 } },
      NOW,
    );
    expect(samples.find(({ measurand }) => measurand === "Power.Active.Export")?.value).toBe(500);
    expect(samples.some(({ measurand }) => measurand === "Power.Active.Import")).toBe(false);
  });

  test("a signed meter value belongs to the total import register", () => {
    const signed_meter_value = { signed_meter_data: "d", signing_method: "m", encoding_method: "e" };
    const { samples } = toMeterReading({ timestamp: "", energy_Wh_import: { total: 1 }, signed_meter_value }, NOW);
    expect(samples[0]?.signedMeterValue).toEqual({
      signedMeterData: "d",
      signingMethod: "m",
      encodingMethod: "e",
      publicKey: "",
    });
  });
});

test("tokens: an unknown type never becomes one that needs no authorization", () => {
  expect(toIdToken({ value: "x", type: "DirectPayment" as "Local" })).toEqual({ idToken: "x", type: "Local" });
  expect(
    toAuthorizationQuery({
      id_token: { value: "x", type: "eMAID" },
      authorization_type: "PlugAndCharge",
      certificate: "PEM",
      connectors: [2],
    }),
  ).toEqual({
    idToken: { idToken: "x", type: "eMAID" },
    certificate: "PEM",
    isPlugAndCharge: true,
    evseIds: [2],
  });
});

test("every field of the decision reaches EVerest; tariff_messages is always there", () => {
  expect(
    toValidationResult({
      idTokenInfo: {
        status: "Accepted",
        groupIdToken: { idToken: "G", type: "Central" },
        cacheExpiryDateTime: "2026-05-01T00:00:00Z",
        evseId: [1],
        personalMessage: { format: "UTF8", content: "hi" },
      },
      certificateStatus: "Accepted",
    }),
  ).toEqual({
    authorization_status: "Accepted",
    tariff_messages: [{ content: "hi", format: "UTF8" }],
    expiry_time: "2026-05-01T00:00:00.000Z",
    parent_id_token: { value: "G", type: "Central" },
    evse_ids: [1],
    certificate_status: "Accepted",
  });
  expect(toValidationResult({ idTokenInfo: { status: "Unknown" } })).toEqual({
    authorization_status: "Unknown",
    tariff_messages: [],
  });
});

test("errors: MREC code, EVSE of the evse_manager, and the time at which they are cleared", () => {
  const error = {
    type: "evse_board_support/MREC17EVSEContactorFault",
    sub_type: "",
    message: "m",
    description: "d",
    severity: "High",
    state: "ClearedByModule",
    timestamp: "2025-01-01T00:00:00.000Z",
    origin: { module_id: "bsp", implementation_id: "main", mapping: { evse: 2, connector: 1 } },
  };
  expect(toHardwareError(error, NOW, () => undefined)).toMatchObject({
    state: "cleared",
    techCode: "CX017",
    evseId: 2,
    connectorId: 1,
    timestamp: NOW,
    inoperative: false,
  });
  expect(toHardwareError({ ...error, type: "evse_manager/Inoperative", state: "Active" }, NOW, () => 1)).toMatchObject({
    state: "raised",
    evseId: 1,
    inoperative: true,
  });
});
