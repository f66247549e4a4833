import { afterEach, describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { Charger, SURROUNDINGS } from "../support/charger.ts";

let charger: Charger | undefined;
afterEach(async () => {
  await charger?.stop();
  charger = undefined;
});

const CARD = { value: "04A1B2C3", type: "ISO14443" };

async function playSession(one: Charger): Promise<void> {
  await one.everest.evse(1).plugIn();
  expect(await one.everest.presentToken(CARD)).toBe("Accepted");
  await one.everest.evse(1).startCharging();
  await one.csms.waitFor("TransactionEvent", ({ triggerReason }) => triggerReason === "ChargingStateChanged");
  await one.everest.presentToken(CARD);
  await one.everest.evse(1).unplug();
  await one.csms.waitFor("TransactionEvent", ({ eventType }) => eventType === "Ended");
}

describe.each(SURROUNDINGS)("EVerest of $release in the slot of $slot", (surroundings) => {
  test("a session from boot to end over TCP: B01, C01, E01–E07, G01", async () => {
    charger = await Charger.start(surroundings);
    const boot = charger.csms.calls[0];
    expect(boot?.action).toBe("BootNotification");
    expect(boot?.request.reason).toBe("PowerUp");
    await playSession(charger);
    const [started, charging, ended] = charger.transactionEvents();
    expect(started).toMatchObject({
      eventType: "Started",
      triggerReason: "Authorized",
      seqNo: 0,
      evse: { id: 1, connectorId: 1 },
      idToken: { idToken: CARD.value, type: CARD.type },
      transactionInfo: { chargingState: "EVConnected" },
    });
    expect(charging).toMatchObject({
      eventType: "Updated",
      triggerReason: "ChargingStateChanged",
      transactionInfo: { chargingState: "Charging" },
    });
    expect(ended).toMatchObject({
      eventType: "Ended",
      triggerReason: "StopAuthorized",
      transactionInfo: { stoppedReason: "Local" },
      idToken: { idToken: CARD.value },
    });
    const statuses = charger.csms.calls
      .filter(({ action }) => action === "StatusNotification")
      .map(({ request }) => request.connectorStatus);
    expect(statuses.slice(0, 3)).toEqual(["Available", "Available", "Occupied"]);
    expect([...charger.csms.violations, ...charger.everest.violations]).toEqual([]);
    expect(await charger.end("SIGTERM")).toBe(0);
  });

  test("a lost network in the middle: events are queued, marked offline and delivered in order (E04, E11.FR.07)", async () => {
    charger = await Charger.start(surroundings);
    const { csms, everest } = charger;
    await everest.evse(1).plugIn();
    await everest.presentToken(CARD);
    await csms.waitFor("TransactionEvent", ({ eventType }) => eventType === "Started");
    csms.refuseWith = 503;
    csms.drop();
    await everest.evse(1).startCharging();
    await everest.evse(1).pause("EV");
    await everest.evse(1).unplug();
    await Bun.sleep(300);
    csms.refuseWith = undefined;
    await csms.waitFor("TransactionEvent", ({ eventType }) => eventType === "Ended", 20_000);
    const events = charger.transactionEvents();
    expect(events.map(({ seqNo }) => seqNo)).toEqual([0, 1, 2, 3]);
    expect(events.slice(1).every(({ offline }) => offline === true)).toBe(true);
    expect([...csms.violations, ...everest.violations]).toEqual([]);
  });

  test("kill -9 in the middle of a session: nothing is lost, the transaction goes on", async () => {
    charger = await Charger.start(surroundings);
    const { csms, everest } = charger;
    await everest.evse(1).plugIn();
    await everest.presentToken(CARD);
    await everest.evse(1).startCharging();
    await csms.waitFor(
      "TransactionEvent",
      ({ transactionInfo }) => (transactionInfo as { chargingState?: string }).chargingState === "Charging",
    );
    await charger.end("SIGKILL");
    await charger.startStation();
    await everest.presentToken(CARD);
    await everest.evse(1).unplug();
    await csms.waitFor("TransactionEvent", ({ eventType }) => eventType === "Ended");
    const events = charger.transactionEvents();
    expect(events.filter(({ eventType }) => eventType === "Started")).toHaveLength(1);
    expect(events.at(-1)).toMatchObject({ eventType: "Ended", transactionInfo: { stoppedReason: "Local" } });
    expect([...csms.violations, ...everest.violations]).toEqual([]);
  });
});

test("the same over the broker's unix socket", async () => {
  charger = await Charger.start({ useSocket: true });
  await playSession(charger);
  expect(charger.csms.violations).toEqual([]);
});

const EVEREST_CONFIG = join(import.meta.dir, "../../../shared/reference/everest/component_config");
test.skipIf(!existsSync(EVEREST_CONFIG))(
  "EVerest's own component configuration works unchanged (skipped without ../shared)",
  async () => {
    charger = await Charger.start({ componentConfig: EVEREST_CONFIG });
    await playSession(charger);
    expect(charger.csms.violations).toEqual([]);
  },
);

test("a broker that goes away and comes back", async () => {
  charger = await Charger.start();
  await charger.broker.restart();
  await Bun.sleep(2_500);
  expect(charger.isRunning).toBe(true);
  await playSession(charger);
});

test("unusable configuration: one clear message and exit code 1 before ModuleReady", async () => {
  charger = await Charger.start({ stopped: true, parameters: { MessageQueueResumeDelay: "soon" } });
  const station = charger.spawn();
  const code = await new Promise((resolve) => station.once("exit", resolve));
  expect(code).toBe(1);
  expect(charger.log).toContain("MessageQueueResumeDelay");
});
