import { afterEach, describe, expect, test } from "bun:test";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const boots = () => charger.callsOf("BootNotification");
const currentTime = "2026-01-01T00:00:00.000Z";
const answerBoot = (status: string, interval: number) => {
  charger.react = ({ action }) => ({ answer: action === "BootNotification" ? { currentTime, interval, status } : {} });
};
const resultsOf = (body: unknown, list: string) => (body as Record<string, Record<string, unknown>[]>)[list] ?? [];

describe("B01–B03: boot", () => {
  test("B01.FR.01, FR.05, FR.09: reason, then the security event, then every connector", async () => {
    charger = await new InProcessCharger().start();
    expect(boots()).toMatchObject([
      {
        reason: "PowerUp",
        chargingStation: { model: "EVerestModel", vendorName: "EVerestVendor", serialNumber: "012345678" },
      },
    ]);
    await charger.clock.advance(100);
    expect(charger.calls.map(({ action }) => action)).toEqual([
      "BootNotification",
      "SecurityEventNotification",
      "StatusNotification",
      "StatusNotification",
    ]);
    expect(charger.callsOf("SecurityEventNotification")).toMatchObject([{ type: "StartupOfTheDevice" }]);
  });

  test("B01.FR.04, G02: the interval of the answer is the heartbeat's, and a silence begins with any message", async () => {
    charger = await new InProcessCharger().start();
    await charger.clock.advance(299_000);
    expect(charger.callsOf("Heartbeat")).toHaveLength(0);
    await charger.clock.advance(2_000);
    expect(charger.callsOf("Heartbeat")).toHaveLength(1);
    expect(charger.deviceModel.get({ component: "OCPPCommCtrlr", variable: "HeartbeatInterval" }, "Actual").value).toBe(
      "300",
    );
  });

  test("B02.FR.02, FR.08: Pending sends nothing but BootNotification, again after the interval", async () => {
    charger = new InProcessCharger();
    answerBoot("Pending", 60);
    await charger.start();
    await charger.clock.advance(59_000);
    expect(charger.calls.map(({ action }) => action)).toEqual(["BootNotification"]);
    answerBoot("Accepted", 60);
    await charger.clock.advance(2_000);
    expect(boots()).toHaveLength(2);
    expect(charger.callsOf("StatusNotification")).toHaveLength(2);
  });

  test("B02.FR.01, FR.05: Pending answers variables, refuses remote starts, sends triggered messages", async () => {
    charger = new InProcessCharger();
    answerBoot("Pending", 600);
    await charger.start();
    const variables = await charger.call("GetVariables", {
      getVariableData: [{ component: { name: "TxCtrlr" }, variable: { name: "EVConnectionTimeOut" } }],
    });
    expect(resultsOf(variables.body, "getVariableResult")).toMatchObject([
      { attributeStatus: "Accepted", attributeValue: "120", attributeType: "Actual" },
    ]);
    const start = await charger.call("RequestStartTransaction", {
      evseId: 1,
      remoteStartId: 1,
      idToken: { idToken: "A", type: "Central" },
    });
    expect(start).toMatchObject({ kind: "response", body: { status: "Rejected" } });
    expect(
      (
        await charger.call("TriggerMessage", {
          requestedMessage: "StatusNotification",
          evse: { id: 1, connectorId: 1 },
        })
      ).body,
    ).toEqual({ status: "Accepted" });
    await charger.clock.advance(10);
    expect(charger.callsOf("StatusNotification")).toHaveLength(1);
    expect((await charger.call("ClearCache", {})).body).toBe("SecurityError");
  });

  test("B03.FR.02, FR.08: Rejected is silent and answers SecurityError to everything", async () => {
    charger = new InProcessCharger();
    answerBoot("Rejected", 600);
    await charger.start();
    expect(await charger.call("TriggerMessage", { requestedMessage: "BootNotification" })).toEqual({
      messageId: expect.any(String),
      kind: "error",
      body: "SecurityError",
    } as never);
    await charger.clock.advance(599_000);
    expect(boots()).toHaveLength(1);
    await charger.clock.advance(2_000);
    expect(boots()).toHaveLength(2);
  });

  test("B02.FR.07: interval 0 lets the station choose, without a flood", async () => {
    charger = new InProcessCharger();
    answerBoot("Pending", 0);
    await charger.start();
    await charger.clock.advance(25_000);
    expect(boots()).toHaveLength(1);
    await charger.clock.advance(20_000);
    expect(boots()).toHaveLength(2);
  });

  test("a reconnection sends no second BootNotification, and B04.FR.02 only what changed", async () => {
    charger = await new InProcessCharger().start();
    await charger.clock.advance(1_000);
    const before = charger.calls.length;
    charger.disconnect();
    charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
    await charger.clock.advance(20_000);
    expect(charger.calls.slice(before).map(({ action, payload }) => [action, payload.connectorStatus])).toEqual([
      ["StatusNotification", "Occupied"],
    ]);
  });

  test("B04.FR.01: offline for longer than OfflineThreshold tells all connectors", async () => {
    charger = await new InProcessCharger().start();
    await charger.clock.advance(1_000);
    charger.reachable = false;
    charger.disconnect();
    await charger.clock.advance(120_000);
    const before = charger.callsOf("StatusNotification").length;
    charger.reachable = true;
    await charger.clock.advance(60_000);
    expect(charger.callsOf("StatusNotification").length - before).toBe(2);
  });
});

describe("B05–B08: variables and reports", () => {
  const set = async (component: string, variable: string, attributeValue: string, more: object = {}) => {
    const { body } = await charger.call("SetVariables", {
      setVariableData: [{ component: { name: component }, variable: { name: variable }, attributeValue, ...more }],
    });
    return resultsOf(body, "setVariableResult")[0]?.attributeStatus;
  };
  const get = async (component: string, variable: string, more: object = {}) => {
    const { body } = await charger.call("GetVariables", {
      getVariableData: [{ component: { name: component }, variable: { name: variable }, ...more }],
    });
    return resultsOf(body, "getVariableResult")[0];
  };

  test("every status: B05.FR.04–10, B06.FR.06–13", async () => {
    charger = await new InProcessCharger().start();
    expect(await set("TxCtrlr", "EVConnectionTimeOut", "60")).toBe("Accepted");
    expect(await set("Nothing", "EVConnectionTimeOut", "60")).toBe("UnknownComponent");
    expect(await set("TxCtrlr", "Nothing", "60")).toBe("UnknownVariable");
    expect(await set("TxCtrlr", "EVConnectionTimeOut", "60", { attributeType: "Target" })).toBe(
      "NotSupportedAttributeType",
    );
    expect(await set("TxCtrlr", "EVConnectionTimeOut", "sixty")).toBe("Rejected");
    expect(await set("TxCtrlr", "TxStartPoint", "ParkingBayOccupancy")).toBe("Rejected");
    expect(await set("SecurityCtrlr", "SecurityProfile", "3")).toBe("Rejected");
    expect(await get("TXCTRLR", "evconnectiontimeout")).toMatchObject({
      attributeStatus: "Accepted",
      attributeValue: "60",
    });
    expect(await get("SecurityCtrlr", "BasicAuthPassword")).toMatchObject({ attributeStatus: "Rejected" });
    expect(await get("AuthCacheCtrlr", "LifeTime")).toMatchObject({ attributeStatus: "Accepted", attributeValue: "" });
    expect((await get("Nothing", "x"))?.attributeValue).toBeUndefined();
    expect(await get("ClockCtrlr", "DateTime")).toMatchObject({
      attributeValue: expect.stringMatching(/^2026-01-01T/),
    });
  });

  test("a value set by the CSMS is still there after a crash", async () => {
    charger = await new InProcessCharger().start();
    await set("TxCtrlr", "EVConnectionTimeOut", "77");
    charger.crash();
    await charger.start();
    expect((await get("TxCtrlr", "EVConnectionTimeOut"))?.attributeValue).toBe("77");
  });

  test("B06.FR.16: too many items are answered with OccurrenceConstraintViolation", async () => {
    charger = await new InProcessCharger().start();
    const item = { component: { name: "TxCtrlr" }, variable: { name: "EVConnectionTimeOut" } };
    expect(
      (await charger.call("GetVariables", { getVariableData: Array.from({ length: 101 }, () => item) })).body,
    ).toBe("OccurrenceConstraintViolation");
  });

  test("B07: a full report comes in numbered parts, without secrets", async () => {
    charger = await new InProcessCharger().start();
    expect((await charger.call("GetBaseReport", { requestId: 7, reportBase: "FullInventory" })).body).toEqual({
      status: "Accepted",
    });
    await charger.clock.advance(1_000);
    const parts = charger.callsOf("NotifyReport");
    expect(parts.map(({ seqNo }) => seqNo)).toEqual(parts.map((_, index) => index));
    expect(parts.map(({ tbc }) => tbc)).toEqual(parts.map((_, index) => index < parts.length - 1));
    const text = JSON.stringify(parts);
    expect(text).toContain("BasicAuthPassword");
    expect(text).not.toContain("DEADBEEFDEADBEEF");
    expect(text).toContain('"name":"Connector"');
  });

  test("B08: criteria and component-variables select; nothing found is EmptyResultSet", async () => {
    charger = await new InProcessCharger().start();
    await charger.call("GetReport", {
      requestId: 8,
      componentVariable: [{ component: { name: "EVSE" }, variable: { name: "AvailabilityState" } }],
    });
    await charger.clock.advance(100);
    const data = charger
      .callsOf("NotifyReport")
      .flatMap(({ reportData }) => reportData as { component: { evse: { id: number } } }[]);
    expect(data.map(({ component }) => component.evse.id)).toEqual([1, 2]); // B08.FR.23
    expect((await charger.call("GetReport", { requestId: 9, componentCriteria: ["Problem"] })).body).toEqual({
      status: "EmptyResultSet",
    });
  });

  test("B09, B10: network profiles are checked before they are stored, and before they are used", async () => {
    charger = await new InProcessCharger().start();
    const connectionData = {
      messageTimeout: 30,
      ocppCsmsUrl: "ws://other:9000",
      ocppInterface: "Wired0",
      ocppTransport: "JSON",
      ocppVersion: "OCPP20",
      securityProfile: 1,
    };
    const status = async (request: object) => (await charger.call("SetNetworkProfile", request)).body;
    expect(await set("OCPPCommCtrlr", "NetworkConfigurationPriority", "2")).toBe("Rejected"); // B10.FR.02
    expect(await status({ configurationSlot: 9, connectionData })).toMatchObject({
      status: "Rejected",
      statusInfo: { reasonCode: "InvalidConfSlot" },
    });
    expect(
      await status({ configurationSlot: 2, connectionData: { ...connectionData, ocppCsmsUrl: "http://x" } }),
    ).toMatchObject({ statusInfo: { reasonCode: "InvalidNetworkConf" } });
    expect(
      await status({ configurationSlot: 2, connectionData: { ...connectionData, securityProfile: 0 } }),
    ).toMatchObject({ status: "Rejected" });
    expect(await status({ configurationSlot: 2, connectionData })).toEqual({ status: "Accepted" });
    expect(await set("OCPPCommCtrlr", "NetworkConfigurationPriority", "2,1")).toBe("Accepted"); // B10.FR.01
    expect(charger.csms.connected).toBe(true);
  });
});

describe("B11, B12: reset", () => {
  const reset = async (request: object) => ((await charger.call("Reset", request)).body as { status: string }).status;
  const resets = () => charger.hardwareCalls.filter(({ name }) => name === "reset").map(({ args }) => args[0]);

  test("B11.FR.03: an idle station resets at once", async () => {
    charger = await new InProcessCharger().start();
    expect(await reset({ type: "OnIdle" })).toBe("Accepted");
    await charger.clock.advance(10_000);
    expect(resets()).toEqual([false]);
  });

  test("B11.FR.09: an EVSE that cannot be reset by itself, and an unknown one", async () => {
    charger = await new InProcessCharger().start();
    expect(await reset({ type: "Immediate", evseId: 1 })).toBe("Rejected");
    expect(await reset({ type: "Immediate", evseId: 9 })).toBe("Rejected");
    charger.hardwareAnswers.isResetAllowed = () => false;
    expect(await reset({ type: "Immediate" })).toBe("Rejected"); // B11.FR.06
  });

  test("B12.FR.01: OnIdle waits for the transaction, also over a crash; idle EVSEs take nobody", async () => {
    charger = await new InProcessCharger().start();
    charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
    charger.event(1, {
      kind: "TransactionStarted",
      sessionId: "s",
      token: { idToken: { idToken: "A", type: "ISO14443" }, remote: false },
    });
    expect(await reset({ type: "OnIdle" })).toBe("Scheduled");
    expect(charger.hardwareCalls).toContainEqual({ name: "enableConnector", args: [2, 1, false] });
    expect(resets()).toEqual([]);
    charger.event(1, { kind: "TransactionFinished", sessionId: "s", stoppedReason: "Local" });
    charger.event(1, { kind: "SessionFinished", sessionId: "s" });
    await charger.clock.advance(20_000);
    expect(resets()).toEqual([true]);
  });

  test("B12.FR.04 with errata: Immediate ends the transaction with ResetCommand and ImmediateReset first", async () => {
    charger = await new InProcessCharger().start();
    charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
    charger.event(1, {
      kind: "TransactionStarted",
      sessionId: "s",
      token: { idToken: { idToken: "A", type: "ISO14443" }, remote: false },
    });
    charger.hardwareAnswers.stopTransaction = () => {
      charger.event(1, { kind: "TransactionFinished", sessionId: "s", stoppedReason: "ImmediateReset" });
      return true;
    };
    expect(await reset({ type: "Immediate" })).toBe("Accepted");
    await charger.clock.advance(20_000);
    expect(charger.callsOf("TransactionEvent").at(-1)).toMatchObject({
      eventType: "Ended",
      triggerReason: "ResetCommand",
      transactionInfo: { stoppedReason: "ImmediateReset" },
    });
    expect(resets()).toEqual([false]);
  });
});
