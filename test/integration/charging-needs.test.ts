import { expect, test } from "bun:test";
import { SystemClock } from "../../src/lib/clock.ts";
import type { ChargingProfileType } from "../../src/ocpp/v201/index.ts";
import { AC_NEEDS, DC_NEEDS } from "../../src/sim/everest/simulated-extension.ts";
import { levelLoad } from "../../src/sim/load-leveling.ts";
import { Charger, type ChargerOptions } from "../support/charger.ts";

const CARD = { value: "04A1B2C3D4", type: "ISO14443" };

async function withCharger(options: ChargerOptions, scenario: (charger: Charger) => Promise<void>): Promise<void> {
  const charger = await Charger.start({ optionalModules: true, ...options });
  try {
    await scenario(charger);
    expect([...charger.csms.violations, ...charger.everest.violations]).toEqual([]);
  } finally {
    await charger.stop();
  }
}

/** An EV that may charge; resolves to its transaction. */
async function authorize(charger: Charger, evseId = 1): Promise<string> {
  const { csms, everest } = charger;
  const from = csms.calls.length;
  await everest.evse(evseId).plugIn();
  await everest.extension(evseId).greet();
  expect(await everest.presentToken(CARD, evseId)).toBe("Accepted");
  const { request } = await csms.waitFor("TransactionEvent", ({ idToken }) => idToken !== undefined, 10_000, from);
  return (request.transactionInfo as { transactionId: string }).transactionId;
}

const toldNeeds = ({ csms }: Charger) => csms.calls.filter(({ action }) => action === "NotifyEVChargingNeeds");

const threeSchedules = (transactionId: string): ChargingProfileType => ({
  id: 9,
  stackLevel: 0,
  chargingProfilePurpose: "TxProfile",
  chargingProfileKind: "Relative",
  transactionId,
  chargingSchedule: [6, 7, 8].map((limit, index) => ({
    id: index + 1,
    chargingRateUnit: "A",
    chargingSchedulePeriod: [{ startPeriod: 0, limit }],
  })) as unknown as ChargingProfileType["chargingSchedule"],
});

test("two EVs at once get their load levelled by the CSMS, by extensions with and without mapping", async () => {
  for (const mapsExtensions of [true, false])
    await withCharger({ mapsExtensions }, async (charger) => {
      const { csms, everest } = charger;
      levelLoad(csms, new SystemClock(), [10, 8]);
      await authorize(charger, 1);
      await authorize(charger, 2);
      await Promise.all([everest.extension(1).requestCharging(), everest.extension(2).requestCharging(DC_NEEDS)]);
      for (const evseId of [1, 2]) {
        await csms.waitFor("NotifyEVChargingNeeds", (request) => request.evseId === evseId);
        await everest.evse(evseId).startCharging();
      }
      for (let attempt = 0; attempt < 100 && everest.evses.some((evse) => evse.drawn().amperes !== 10); attempt++)
        await Bun.sleep(20);
      expect(everest.evses.map((evse) => evse.drawn().amperes)).toEqual([10, 10]);
      expect(charger.log.includes("is not mapped to an EVSE: it is taken for that of EVSE 2")).toBe(!mapsExtensions);
    });
}, 40_000);

test("modules that tell nonsense about needs: nothing is told of it, and the next needs are", async () => {
  await withCharger({}, async (charger) => {
    const { csms, everest } = charger;
    csms.on("NotifyEVChargingNeeds", () => ({ status: "Rejected" }));
    await authorize(charger);
    const { ac_charging_parameters } = AC_NEEDS;
    const nonsense: readonly unknown[] = [
      null,
      42,
      {},
      { requested_energy_transfer: "DC" },
      { requested_energy_transfer: "WPT", ac_charging_parameters },
      {
        requested_energy_transfer: "AC_two_phase",
        ac_charging_parameters: { ...ac_charging_parameters, ev_max_current: 1e12 },
      },
      {
        requested_energy_transfer: "AC_two_phase",
        ac_charging_parameters: { ...ac_charging_parameters, energy_amount: null },
      },
      {
        requested_energy_transfer: "AC_two_phase",
        ac_charging_parameters: { ...ac_charging_parameters, ev_min_current: -6 },
      },
    ];
    for (const needs of nonsense) await everest.extension(1).requestCharging(needs);
    await everest.extension(1).requestCharging({ ...AC_NEEDS, departure_time: 5, v2x_charging_parameters: "none" });
    await csms.waitFor("NotifyEVChargingNeeds");
    await Bun.sleep(300);
    expect(toldNeeds(charger).map(({ request }) => request)).toEqual([
      {
        evseId: 1,
        chargingNeeds: {
          requestedEnergyTransfer: "AC_three_phase",
          acChargingParameters: { energyAmount: 20_000, evMinCurrent: 6, evMaxCurrent: 32, evMaxVoltage: 400 },
        },
      },
    ]);
  });
}, 20_000);

test("an EV that renegotiates every 10 ms floods neither the CSMS nor the log", async () => {
  await withCharger({}, async (charger) => {
    const { csms, everest } = charger;
    csms.on("NotifyEVChargingNeeds", () => ({ status: "Processing" }));
    await authorize(charger);
    const { ac_charging_parameters } = AC_NEEDS;
    for (let energy = 1; energy <= 300; energy++)
      await everest.extension(1).requestCharging({
        ...AC_NEEDS,
        ac_charging_parameters: { ...ac_charging_parameters, energy_amount: energy },
      });
    await Bun.sleep(500);
    expect(toldNeeds(charger)).toHaveLength(3);
    expect(charger.log.split("\n").filter((line) => line.includes("EV at EVSE 1")).length).toBeLessThan(5);
    expect(await csms.send("GetLocalListVersion", {})).toMatchObject({ kind: "response" });
  });
}, 20_000);

test("kill -9 between needs and answer, and between answer and profile: told again until it is answered, several schedules allowed", async () => {
  await withCharger({}, async (charger) => {
    const { csms, everest } = charger;
    const transactionId = await authorize(charger);
    csms.on("NotifyEVChargingNeeds", () => undefined);
    await everest.extension(1).requestCharging();
    await csms.waitFor("NotifyEVChargingNeeds");
    await charger.end("SIGKILL");
    csms.on("NotifyEVChargingNeeds", () => ({ status: "Accepted" }));
    const from = csms.calls.length;
    await charger.startStation();
    await everest.evse(1).startCharging();
    await csms.waitFor("NotifyEVChargingNeeds", () => true, 20_000, from);
    await Bun.sleep(300);
    await charger.end("SIGKILL");
    await charger.startStation();
    await everest.evse(1).startCharging();
    expect(
      await csms.send("SetChargingProfile", { evseId: 1, chargingProfile: threeSchedules(transactionId) }),
    ).toEqual({
      kind: "response",
      response: { status: "Accepted" },
    });
    expect(toldNeeds(charger)).toHaveLength(2);
  });
}, 40_000);
