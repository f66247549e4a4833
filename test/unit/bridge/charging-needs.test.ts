import { describe, expect, test } from "bun:test";
import { safeParse } from "valibot";
import { toChargingNeeds } from "../../../src/bridge/charging-needs.ts";
import { toVehicleReadings, vehicleOf } from "../../../src/bridge/vehicle.ts";
import type { Iso15118ChargingNeeds, Iso15118EnergyTransferMode } from "../../../src/everest/interfaces/index.ts";
import { ChargingNeedsTypeSchema } from "../../../src/ocpp/v201/index.ts";
import { AC_NEEDS, DC_NEEDS } from "../../../src/sim/everest/simulated-extension.ts";

const read = (needs: unknown) => {
  const result = toChargingNeeds(needs as Iso15118ChargingNeeds);
  if ("needs" in result) expect(safeParse(ChargingNeedsTypeSchema, result.needs).success).toBe(true);
  return result;
};
const ac = (parameters: object) => ({
  ...AC_NEEDS,
  ac_charging_parameters: { ...AC_NEEDS.ac_charging_parameters, ...parameters },
});
const dc = (parameters: object) => ({
  ...DC_NEEDS,
  dc_charging_parameters: { ...DC_NEEDS.dc_charging_parameters, ...parameters },
});

describe("charging_needs of EVerest in OCPP's words (BEHAVIOUR 14.5)", () => {
  test("K15.FR.06, K17.FR.06: all members of alternating current", () => {
    expect(read({ ...AC_NEEDS, departure_time: "2026-01-01T18:00:00+02:00" })).toEqual({
      needs: {
        requestedEnergyTransfer: "AC_three_phase",
        acChargingParameters: { energyAmount: 20_000, evMinCurrent: 6, evMaxCurrent: 32, evMaxVoltage: 400 },
        departureTime: "2026-01-01T16:00:00.000Z",
      },
      leftOut: [],
    });
  });

  test("K15.FR.06, K17.FR.06: all members of direct current", () => {
    expect(read(DC_NEEDS)).toEqual({
      needs: {
        requestedEnergyTransfer: "DC",
        dcChargingParameters: {
          evMaxCurrent: 200,
          evMaxVoltage: 450,
          energyAmount: 30_000,
          evMaxPower: 80_000,
          stateOfCharge: 50,
          evEnergyCapacity: 60_000,
          fullSoC: 100,
          bulkSoC: 80,
        },
      },
      leftOut: [],
    });
  });

  test.each([
    ["AC_single_phase_core", "AC_single_phase"],
    ["AC_two_phase", "AC_two_phase"],
    ["AC_three_phase_core", "AC_three_phase"],
    ["DC_core", "DC"],
    ["DC_extended", "DC"],
    ["DC_combo_core", "DC"],
    ["DC_unique", "DC"],
    ["DC", "DC"],
    ["DC_BPT", "DC"],
    ["MCS", "DC"],
    ["AC_BPT", undefined],
    ["AC_DER_IEC", undefined],
    ["WPT", undefined],
    ["SOMETHING_NEW", undefined],
  ] as const)("%s is %s", (mode, expected) => {
    const needs = { ...AC_NEEDS, ...DC_NEEDS, requested_energy_transfer: mode as Iso15118EnergyTransferMode };
    const result = read(needs);
    if (expected === undefined) expect(result).toEqual({ defect: `OCPP 2.0.1 has no word for "${mode}"` });
    else expect(result).toMatchObject({ needs: { requestedEnergyTransfer: expected } });
  });

  test("K15.FR.06: only the parameters of the current that is asked for, and not without them", () => {
    expect(Object.keys((read({ ...AC_NEEDS, ...DC_NEEDS }) as { needs: object }).needs)).not.toContain(
      "acChargingParameters",
    );
    expect(read({ requested_energy_transfer: "DC" })).toEqual({ defect: "there are no DC parameters" });
    expect(read({ ...DC_NEEDS, requested_energy_transfer: "AC_two_phase" })).toEqual({
      defect: "there are no AC parameters",
    });
  });

  test("fractions never exceed what the EV can stand", () => {
    expect(read(ac({ ev_min_current: 6.2, ev_max_current: 31.9, ev_max_voltage: 400.9, energy_amount: 0.6 }))).toEqual(
      expect.objectContaining({
        needs: expect.objectContaining({
          acChargingParameters: { energyAmount: 1, evMinCurrent: 7, evMaxCurrent: 31, evMaxVoltage: 400 },
        }),
      }),
    );
  });

  test.each([
    ["more than 32 bits", ac({ energy_amount: 2 ** 31 }), "energy_amount is 2147483648"],
    ["a negative current", ac({ ev_max_current: -1 }), "ev_max_current is -1"],
    ["no number", ac({ ev_max_voltage: Number.NaN }), "ev_max_voltage is NaN"],
    ["infinity", dc({ ev_max_current: Number.POSITIVE_INFINITY }), "ev_max_current is Infinity"],
    [
      "two of them",
      dc({ ev_max_current: 1e300, ev_max_voltage: -5 }),
      "ev_max_current is 1e+300, ev_max_voltage is -5",
    ],
  ])("%s where a value is required is not told", (_, needs, defect) => {
    expect(read(needs)).toEqual({ defect });
  });

  test.each([
    ["a state of charge beyond 100", dc({ state_of_charge: 101 }), "stateOfCharge 101"],
    ["a negative power", dc({ ev_max_power: -1 }), "evMaxPower -1"],
    ["an energy of more than 32 bits", dc({ energy_amount: 1e10 }), "energyAmount 10000000000"],
    ["a departure that is no time", { ...DC_NEEDS, departure_time: "soon" }, 'departureTime "soon"'],
  ])("%s is left out, the rest is told", (_, needs, what) => {
    const result = read(needs) as { needs: { dcChargingParameters: object }; leftOut: readonly string[] };
    expect(result.leftOut).toEqual([what]);
    expect(result.needs.dcChargingParameters).toMatchObject({ evMaxCurrent: 200, bulkSoC: 80 });
    expect(JSON.stringify(result.needs)).not.toContain("departureTime");
  });
});

describe("what is known of a vehicle in numbers (ConnectedEV)", () => {
  test("from its needs", () => {
    const { needs } = read(DC_NEEDS) as { needs: Parameters<typeof vehicleOf>[0] };
    expect(vehicleOf(needs)).toEqual({
      readings: {
        "DCCurrent.MaxSet": 200,
        "DCVoltage.MaxSet": 450,
        "Power.MaxSet": 80_000,
        "EnergyCapacity.Actual": 60_000,
        "EnergyImport.Target": 30_000,
        "StateOfCharge.Actual": 50,
        "StateOfCharge.MaxSet": 100,
        "StateOfChargeBulk.Actual": 80,
      },
    });
  });

  test("from EvseManager while it charges; times become seconds, what is no number or no time is left out", () => {
    const now = new Date("2026-01-01T00:00:00Z");
    expect(
      toVehicleReadings(
        {
          soc: 51,
          target_current: 100,
          target_voltage: 400,
          maximum_power_limit: Number.NaN,
          estimated_time_full: "2026-01-01T01:00:00Z",
          estimated_time_bulk: "2025-12-31T23:00:00Z",
          departure_time: "never",
          remaining_energy_needed: 7_000,
        },
        now,
      ),
    ).toEqual({
      readings: {
        "DCCurrent.Target": 100,
        "DCVoltage.Target": 400,
        "EnergyImport.Target": 7_000,
        "RemainingTimeBulk.Actual": 0,
        "RemainingTimeFull.Actual": 3_600,
        "StateOfCharge.Actual": 51,
      },
    });
  });
});
