/**
 * OCA certification test cases of K15–K17 (ISO 15118) for charging stations, on the compiled executable, as far as part 2 and
 * the errata (6.2.76–6.2.81, 6.2.119) tell them. NotifyEVChargingSchedule is missing: EVerest does not tell what an EV chooses.
 */
import { describe, expect, test } from "bun:test";
import type { ChargingProfileType } from "../../src/ocpp/v201/index.ts";
import { AC_NEEDS, DC_NEEDS } from "../../src/sim/everest/simulated-extension.ts";
import { type Facts, onCharger, type TestSystem, type TestSystemOptions } from "../support/test-system.ts";

const AC: TestSystemOptions = { optionalModules: true };

function profile(purpose: string, limits: readonly number[], more: Facts = {}) {
  return {
    id: 1,
    stackLevel: 0,
    chargingProfilePurpose: purpose,
    chargingProfileKind: "Absolute",
    ...more,
    chargingSchedule: limits.map((limit, index) => ({
      id: 2_000_000 + index,
      startSchedule: new Date(Date.now() - 2_000).toISOString(),
      chargingRateUnit: "A",
      chargingSchedulePeriod: [{ startPeriod: 0, limit, numberPhases: 3 }],
    })),
  } as unknown as ChargingProfileType;
}

const setTx = (system: TestSystem, limits: readonly number[], status = "Accepted", more: Facts = {}) =>
  system.send(
    "SetChargingProfile",
    {
      evseId: 1,
      chargingProfile: profile("TxProfile", limits, { id: 7, transactionId: system.transactionId, ...more }),
    },
    { status },
  );

const answerNeeds = (system: TestSystem, status: "Accepted" | "Rejected" | "Processing"): void =>
  system.charger.csms.on("NotifyEVChargingNeeds", () => ({ status }));

/** Reusable states EVConnectedPreSession and Authorized15118, up to ChargeParameterDiscoveryReq. */
async function authorized15118(system: TestSystem): Promise<void> {
  await system.evConnectedPreSession();
  await system.charger.everest.extension(1).greet();
  await system.authorizedLocally();
}

async function requestCharging(system: TestSystem, needs: unknown = AC_NEEDS): Promise<Facts> {
  await system.charger.everest.extension(1).requestCharging(needs);
  return system.receive("NotifyEVChargingNeeds", { evseId: 1 });
}

/** What the car of the simulated hardware draws, once it has been told. */
async function waitForAmperes(system: TestSystem, amperes: number): Promise<void> {
  const evse = system.charger.everest.evse(1);
  for (let attempt = 0; attempt < 100 && evse.drawn().amperes !== amperes; attempt++) await Bun.sleep(20);
  expect(evse.drawn().amperes).toBe(amperes);
}

describe("charging with load leveling (K15)", () => {
  test("TC_K_53_CS success, with the needs of alternating current", () =>
    onCharger(AC, async (system) => {
      answerNeeds(system, "Accepted");
      await authorized15118(system);
      expect(await requestCharging(system, { ...AC_NEEDS, departure_time: "2030-01-01T06:00:00Z" })).toEqual({
        evseId: 1,
        chargingNeeds: {
          requestedEnergyTransfer: "AC_three_phase",
          acChargingParameters: { energyAmount: 20_000, evMinCurrent: 6, evMaxCurrent: 32, evMaxVoltage: 400 },
          departureTime: "2030-01-01T06:00:00.000Z",
        },
      });
      await setTx(system, [6]);
      await system.energyTransferStarted();
      await waitForAmperes(system, 6);
      await system.receiveNo("NotifyEVChargingSchedule");
    }));

  test("TC_K_53_CS success, with the needs of direct current and three schedules", () =>
    onCharger(AC, async (system) => {
      answerNeeds(system, "Accepted");
      await authorized15118(system);
      const needs = await requestCharging(system, DC_NEEDS);
      expect(needs.chargingNeeds).toMatchObject({
        requestedEnergyTransfer: "DC",
        dcChargingParameters: { evMaxCurrent: 200, evMaxVoltage: 450, stateOfCharge: 50 },
      });
      await setTx(system, [8, 7, 6]);
      await system.energyTransferStarted();
      await waitForAmperes(system, 8);
      await system.send("GetChargingProfiles", { requestId: 1, chargingProfile: {} }, { status: "Accepted" });
      const { chargingProfile } = await system.receive("ReportChargingProfiles", { requestId: 1 });
      expect((chargingProfile as readonly ChargingProfileType[])[0]?.chargingSchedule).toHaveLength(3);
    }));

  test.each(["Rejected", "Processing"] as const)(
    "TC_K_54_CS, TC_K_55_CS no schedule (%s): the EV charges within what the EVSE may give; a later profile holds",
    (status) =>
      onCharger(AC, async (system) => {
        answerNeeds(system, status);
        const chargingProfile = profile("TxDefaultProfile", [9]);
        await system.send("SetChargingProfile", { evseId: 1, chargingProfile }, { status: "Accepted" });
        await authorized15118(system);
        await requestCharging(system);
        await system.energyTransferStarted();
        await waitForAmperes(system, 9);
        await setTx(system, [6]);
        await waitForAmperes(system, 6);
      }),
  );

  test("TC_K_56_CS offline: the TxDefaultProfile holds, and the events say that they come late", () =>
    onCharger({ ...AC, patch: { AuthCtrlr: { OfflineTxForUnknownIdEnabled: true } } }, async (system) => {
      const { charger } = system;
      const chargingProfile = profile("TxDefaultProfile", [8]);
      await system.send("SetChargingProfile", { evseId: 1, chargingProfile }, { status: "Accepted" });
      await system.evConnectedPreSession();
      charger.csms.refuseWith = 503;
      charger.csms.drop();
      await charger.everest.extension(1).greet();
      expect(await charger.everest.presentToken({ value: "04A1", type: "ISO14443" }, 1)).toBe("Accepted");
      await charger.everest.extension(1).requestCharging();
      await charger.everest.evse(1).startCharging();
      await waitForAmperes(system, 8);
      charger.csms.refuseWith = undefined;
      const offline = { offline: true };
      await system.receiveTransactionEvent({ eventType: "Started", ...offline }, 20_000);
      await system.receiveTransactionEvent({ transactionInfo: { chargingState: "Charging" }, ...offline });
      // Told late, so that the CSMS can begin a renegotiation.
      await system.receive("NotifyEVChargingNeeds", { evseId: 1 });
    }));

  test("K15.FR.17 a TxProfile before the needs is Rejected with InvalidMessageSeq", () =>
    onCharger(AC, async (system) => {
      answerNeeds(system, "Accepted");
      await authorized15118(system);
      // What the car speaks comes over another topic than its session.
      await Bun.sleep(300);
      const early = await setTx(system, [6], "Rejected");
      expect(early.statusInfo).toMatchObject({ reasonCode: "InvalidMessageSeq" });
      await requestCharging(system);
      await setTx(system, [6]);
    }));
});

describe("renegotiation", () => {
  test("TC_K_57_CS initiated by the EV (K17)", () =>
    onCharger(AC, async (system) => {
      answerNeeds(system, "Accepted");
      await authorized15118(system);
      await requestCharging(system);
      await setTx(system, [10]);
      await system.energyTransferStarted();
      await waitForAmperes(system, 10);
      const { ac_charging_parameters } = AC_NEEDS;
      const fewer = { ...AC_NEEDS, ac_charging_parameters: { ...ac_charging_parameters, energy_amount: 5_000 } };
      const again = await requestCharging(system, fewer);
      expect(again.chargingNeeds).toMatchObject({ acChargingParameters: { energyAmount: 5_000 } });
      await setTx(system, [6]);
      await waitForAmperes(system, 6);
    }));

  test("TC_K_58_CS, TC_K_59_CS initiated by the CSMS (K16), the needs of the EV are not told again", () =>
    onCharger(AC, async (system) => {
      answerNeeds(system, "Accepted");
      await authorized15118(system);
      await requestCharging(system);
      await setTx(system, [12]);
      await system.energyTransferStarted();
      await waitForAmperes(system, 12);
      await setTx(system, [6]);
      await waitForAmperes(system, 6);
      await system.charger.everest.extension(1).requestCharging();
      await system.receiveNo("NotifyEVChargingNeeds");
    }));
});
