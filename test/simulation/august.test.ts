import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { AgentCharger, type AgentChargerOptions } from "../support/agent-charger.ts";

/** What August 2026 does otherwise than May, heard on the bus and told to the CSMS. */
let charger: AgentCharger;
afterEach(() => charger.stop());

const start = async (options: AgentChargerOptions = {}) => {
  charger = await AgentCharger.start({ release: "2026-08", ...options });
};
const CARD = { value: "04A1B2C3", type: "ISO14443" };
const charge = async () => {
  await charger.everest.evse(1).plugIn();
  expect(await charger.everest.presentToken(CARD)).toBe("Accepted");
  await charger.everest.evse(1).startCharging();
};

describe("connection_status (CHANGES b.1)", () => {
  const told: unknown[] = [];
  beforeEach(() => void told.splice(0));
  const listen = (one: AgentCharger, name: string) =>
    one.everest.bus.onVariable("ocpp", "ocpp_generic", name, (value) => told.push(value));

  test("all members, connected and disconnected; is_connected is no more", async () => {
    charger = await AgentCharger.prepare({ release: "2026-08" });
    await listen(charger, "connection_status");
    await listen(charger, "is_connected");
    await charger.startStation();
    charger.csms.refuseWith = 503;
    charger.csms.drop();
    for (let attempt = 0; attempt < 400 && told.length < 2; attempt++) await Bun.sleep(10);
    const details = {
      csms_url: charger.csms.url,
      identity: "cp001",
      security_profile: 1,
      configuration_slot: 1,
      ocpp_interface: "Wired0",
      ocpp_transport: "JSON",
      ocpp_version: "2.0.1",
    };
    expect(told.slice(0, 2)).toEqual([
      { connected: true, ...details },
      { connected: false, ...details },
    ]);
  });
});

test("an EVSE that somebody disables while it charges: Ended with Other, then Available and Unavailable (CHANGES c.2)", async () => {
  await start();
  await charge();
  const from = charger.csms.calls.length;
  charger.everest.evse(1).setEnabled(false);
  const { request } = await charger.csms.waitFor("TransactionEvent", ({ eventType }) => eventType === "Ended");
  expect(request).toMatchObject({
    triggerReason: "AbnormalCondition",
    transactionInfo: { stoppedReason: "Other" },
  });
  await charger.csms.waitFor(
    "StatusNotification",
    ({ connectorStatus }) => connectorStatus === "Unavailable",
    5_000,
    from,
  );
  expect(charger.csms.violations).toEqual([]);
});

test("reasons of a pause travel as names", async () => {
  await start();
  await charge();
  await charger.everest.evse(1).pause("EVSE");
  const isSuspended = ({ transactionInfo }: Readonly<Record<string, unknown>>) =>
    (transactionInfo as { chargingState?: string }).chargingState === "SuspendedEVSE";
  await charger.csms.waitFor("TransactionEvent", isSuspended);
});

test("errors of the powermeter have names of their own, and a techCode from the map (CHANGES b.3, c.7)", async () => {
  charger = await AgentCharger.prepare({
    release: "2026-08",
    prepare: (directory) => writeFileSync(join(directory, "codes.json"), '{"powermeter/CommunicationFault": "X1"}'),
    parametersIn: (directory) => ({ CustomMrecErrorMapPath: join(directory, "codes.json") }),
  });
  await charger.startStation();
  await charger.everest.evse(1).error("powermeter/CommunicationFault", "Active");
  const { request } = await charger.csms.waitFor("NotifyEvent");
  expect(request).toMatchObject({
    eventData: [{ techCode: "X1", component: { name: "FiscalMetering" }, variable: { name: "Problem" } }],
  });
});

test("a map of error codes that is no object stops the start with file, line and key", async () => {
  charger = await AgentCharger.prepare({
    release: "2026-08",
    prepare: (directory) => writeFileSync(join(directory, "codes.json"), '{\n  "a/B": 7\n}'),
    parametersIn: (directory) => ({ CustomMrecErrorMapPath: join(directory, "codes.json") }),
  });
  await expect(charger.startStation()).rejects.toThrow(/codes.json:2:3: a\/B: a text is expected/);
});

describe("firmware (CHANGES c.6)", () => {
  const UPDATE = {
    requestId: 5,
    firmware: { location: "https://x/fw", retrieveDateTime: "2026-01-01T00:00:00Z" },
  } as const;
  const status = (firmware_update_status: string, metadata?: object) =>
    charger.everest.bus.variable("system", "main", "firmware_update_status", {
      firmware_update_status,
      request_id: 5,
      ...(metadata !== undefined && { firmware_update_metadata: metadata }),
    });
  const told = () =>
    charger.csms.calls.flatMap(({ action, request }) =>
      action === "FirmwareStatusNotification" ? [request.status as string] : [],
    );
  const statusTold = (wanted: string) =>
    charger.csms.waitFor("FirmwareStatusNotification", ({ status: one }) => one === wanted);

  test("disable_connectors_during_install false: nothing is allowed, connectors stay", async () => {
    await start();
    expect(await charger.csms.send("UpdateFirmware", UPDATE)).toMatchObject({ response: { status: "Accepted" } });
    await status("Downloaded", { disable_connectors_during_install: false });
    await status("Installing");
    await statusTold("Installing");
    expect(charger.everest.recorded("allow_firmware_installation")).toHaveLength(0);
    expect(await charger.everest.presentToken(CARD)).toBe("Accepted");
  });

  test.each([undefined, {}, { disable_connectors_during_install: true }])(
    "metadata %j: the installation is allowed when nobody charges",
    async (metadata) => {
      await start();
      await charger.csms.send("UpdateFirmware", UPDATE);
      await status("Downloaded", metadata);
      for (let attempt = 0; attempt < 200; attempt++) {
        if (charger.everest.recorded("allow_firmware_installation").length > 0) break;
        await Bun.sleep(10);
      }
      expect(charger.everest.recorded("allow_firmware_installation")).toHaveLength(1);
    },
  );

  test("DeferFirmwareDownloadDuringTransaction: the System is asked when the last transaction has ended", async () => {
    await start({ patch: { InternalCtrlr: { DeferFirmwareDownloadDuringTransaction: true } } });
    await charge();
    await charger.csms.send("UpdateFirmware", UPDATE);
    await statusTold("DownloadScheduled");
    expect(charger.everest.recorded("update_firmware")).toHaveLength(0);
    await charger.everest.presentToken(CARD);
    await charger.everest.evse(1).unplug();
    for (let attempt = 0; attempt < 200; attempt++) {
      if (charger.everest.recorded("update_firmware").length > 0) break;
      await Bun.sleep(10);
    }
    expect(charger.everest.recorded("update_firmware")).toHaveLength(1);
    expect(told()).toEqual(["DownloadScheduled"]);
  });
});

test.each([
  ["OCPP201", "Delta"],
  ["OCPPmulti", "Alerting"],
] as const)(
  "a watched variable has changed: in the slot of %s the trigger is %s (CHANGES d.4)",
  async (slot, trigger) => {
    await start({ slot });
    const told: unknown[] = [];
    await charger.everest.bus.onVariable("ocpp", "ocpp_generic", "event_data", (value) => told.push(value));
    const component_variable = { component: { name: "OCPPCommCtrlr" }, variable: { name: "HeartbeatInterval" } };
    await charger.everest.bus.call("tester", "ocpp", "ocpp_generic", "monitor_variables", {
      component_variables: [component_variable],
    });
    await charger.everest.bus.call("tester", "ocpp", "ocpp_generic", "set_variables", {
      requests: [{ component_variable, value: "77" }],
      source: "tester",
    });
    for (let attempt = 0; attempt < 200 && told.length === 0; attempt++) await Bun.sleep(10);
    expect(told).toMatchObject([{ component_variable, trigger, actual_value: "77" }]);
  },
);
