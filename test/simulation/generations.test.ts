import { afterEach, expect, test } from "bun:test";
import { RELEASES, type Release } from "../../src/sim/everest/release.ts";
import { AgentCharger, type AgentChargerOptions } from "../support/agent-charger.ts";

let charger: AgentCharger | undefined;
afterEach(async () => {
  await charger?.stop();
  charger = undefined;
});

const CARD = { value: "04A1B2C3", type: "ISO14443" };

/** A driver comes, charges and goes: what the CSMS must hear of it, in whatever way EVerest speaks. */
async function playSession({ everest, csms }: AgentCharger): Promise<void> {
  const from = csms.calls.length;
  const evse = everest.evse(1);
  await evse.plugIn();
  expect(await everest.presentToken(CARD)).toBe("Accepted");
  await evse.startCharging();
  await evse.pause("EVSE");
  await evse.startCharging();
  expect(await everest.presentToken(CARD)).toBe("Stopped");
  await evse.unplug();
  await csms.waitFor("StatusNotification", ({ connectorStatus }) => connectorStatus === "Available", 5_000, from);
  const told = csms.calls.slice(from).flatMap(({ action, request }) => {
    const info = request.transactionInfo as { chargingState?: string } | undefined;
    return action === "TransactionEvent"
      ? [`${request.eventType} ${request.triggerReason} ${info?.chargingState}`]
      : [];
  });
  expect(told).toEqual([
    "Started Authorized EVConnected",
    "Updated ChargingStateChanged Charging",
    "Updated ChargingStateChanged SuspendedEVSE",
    "Updated ChargingStateChanged Charging",
    "Ended StopAuthorized EVConnected",
  ]);
}

const SLOTS: readonly AgentChargerOptions[] = [
  ...RELEASES.map((release) => ({ release })),
  { release: "2026-08" as Release, slot: "OCPPmulti" as const },
];

test.each(SLOTS.map((options) => [options.release, options.slot ?? "OCPP201", options] as const))(
  "EVerest of %s, in the slot of %s: the station starts fresh, plays a session, starts again",
  async (_release, _slot, options) => {
    charger = await AgentCharger.start(options);
    await playSession(charger);
    await charger.stopStation();
    await charger.startStation();
    await playSession(charger);
    expect(charger.everest.violations).toEqual([]);
    expect(charger.csms.violations).toEqual([]);
  },
  20_000,
);
