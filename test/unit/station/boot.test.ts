import { afterEach, describe, expect, test } from "bun:test";
import { InternalCtrlr } from "../../../src/device-model/variables.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

type BootAnswer = "Accepted" | "Pending" | "Rejected" | "silence";
const answerBoot = (status: BootAnswer, interval = 60) => {
  charger.react = ({ action }) => {
    const currentTime = charger.clock.now().toISOString();
    if (action !== "BootNotification") return { answer: action === "Heartbeat" ? { currentTime } : {} };
    return status === "silence" ? "silence" : { answer: { currentTime, interval, status } };
  };
};
const bootWith = async (status: BootAnswer, interval?: number) => {
  charger = new InProcessCharger(1, { "MonitoringCtrlr.OfflineQueuingSeverity": "3" });
  answerBoot(status, interval);
  await charger.start();
  await charger.clock.advance(1_000);
};
const actions = () => charger.calls.map(({ action }) => action);
const boots = () => charger.callsOf("BootNotification");
const reconnect = async () => {
  charger.disconnect();
  await charger.clock.advance(5_000);
};

describe("B02: Pending", () => {
  test("B02.FR.01: the CSMS reads, reports and configures; what it asked for is sent, nothing else", async () => {
    await bootWith("Pending");
    const component = { name: "OCPPCommCtrlr" };
    const variable = { name: "OfflineThreshold" };
    expect(
      (
        await charger.call("SetVariables", {
          setVariableData: [{ component, variable, attributeValue: "77" }],
        })
      ).body,
    ).toMatchObject({ setVariableResult: [{ attributeStatus: "Accepted" }] });
    expect((await charger.call("GetVariables", { getVariableData: [{ component, variable }] })).body).toMatchObject({
      getVariableResult: [{ attributeValue: "77" }],
    });
    await charger.call("GetReport", { requestId: 3, componentVariable: [{ component, variable }] });
    await charger.call("TriggerMessage", {
      requestedMessage: "StatusNotification",
      evse: { id: 1, connectorId: 1 },
    });
    await charger.clock.advance(1_000);
    expect(actions()).toEqual(["BootNotification", "NotifyReport", "StatusNotification"]); // B02.FR.02
  });

  test("B02.FR.05: remote start and stop are rejected; other CALLs get SecurityError", async () => {
    await bootWith("Pending");
    const idToken = { idToken: "A", type: "ISO14443" };
    expect(
      (await charger.call("RequestStartTransaction", { evseId: 1, remoteStartId: 1, idToken })).body,
    ).toMatchObject({ status: "Rejected" });
    expect((await charger.call("RequestStopTransaction", { transactionId: "x" })).body).toMatchObject({
      status: "Rejected",
    });
    for (const [action, request] of [
      ["ChangeAvailability", { operationalStatus: "Inoperative" }],
      ["GetMonitoringReport", { requestId: 1 }], // its result could not be sent
      ["ClearCache", {}],
      ["Nonsense", {}],
    ] as const)
      expect(await charger.call(action, request)).toMatchObject({ kind: "error", body: "SecurityError" });
  });

  test("B02.FR.04, FR.08: a reconnection does not shorten the interval of the CSMS, a trigger does (B02.FR.06)", async () => {
    await bootWith("Pending", 600);
    await reconnect();
    expect(charger.csms.connected).toBe(true);
    expect(boots()).toHaveLength(1);
    expect((await charger.call("TriggerMessage", { requestedMessage: "BootNotification" })).body).toEqual({
      status: "Accepted",
    });
    expect(boots().map(({ reason }) => reason)).toEqual(["PowerUp", "Triggered"]);
    await charger.clock.advance(599_000);
    expect(boots()).toHaveLength(2);
    await charger.clock.advance(2_000);
    expect(boots().map(({ reason }) => reason)).toEqual(["PowerUp", "Triggered", "PowerUp"]);
  });

  test("B02.FR.07: interval 0 leaves the wait to the station, which does not flood the CSMS", async () => {
    await bootWith("Pending", 0);
    await charger.clock.advance(28_000);
    expect(boots()).toHaveLength(1);
    await charger.clock.advance(15_000);
    expect(boots()).toHaveLength(2);
  });
});

describe("B03: Rejected", () => {
  test("B03.FR.02, FR.08: every CALL gets SecurityError and nothing is sent until the interval is over", async () => {
    await bootWith("Rejected", 60);
    for (const [action, request] of [
      ["TriggerMessage", { requestedMessage: "BootNotification" }],
      ["GetVariables", { getVariableData: [] }],
      ["Nonsense", {}],
    ] as const)
      expect(await charger.call(action, request)).toMatchObject({ kind: "error", body: "SecurityError" });
    await charger.clock.advance(57_000);
    expect(actions()).toEqual(["BootNotification"]);
    answerBoot("Accepted");
    await charger.clock.advance(5_000); // B03.FR.06
    expect(actions().slice(0, 2)).toEqual(["BootNotification", "BootNotification"]);
    expect(charger.callsOf("StatusNotification")).toHaveLength(2);
  });

  test("B03.FR.05: interval 0 when rejected", async () => {
    await bootWith("Rejected", 0);
    await charger.clock.advance(28_000);
    expect(boots()).toHaveLength(1);
    await charger.clock.advance(15_000);
    expect(boots()).toHaveLength(2);
  });

  test("B03.FR.01, B02.FR.03: a driver is served before the acceptance only when TxBeforeAcceptedEnabled says so", async () => {
    charger = new InProcessCharger(1, {
      "TxCtrlr.TxBeforeAcceptedEnabled": "false",
      "AuthCtrlr.OfflineTxForUnknownIdEnabled": "true",
    });
    answerBoot("Rejected");
    await charger.start();
    const authorize = () => charger.services.authorization.authorize({ idToken: { idToken: "A", type: "ISO14443" } });
    expect((await authorize())?.idTokenInfo.status).toBe("NotAtThisTime");
    charger.dispose();
    charger = new InProcessCharger(1, {
      "TxCtrlr.TxBeforeAcceptedEnabled": "true",
      "AuthCtrlr.OfflineTxForUnknownIdEnabled": "true",
    });
    answerBoot("Rejected");
    await charger.start();
    expect((await authorize())?.idTokenInfo.status).toBe("Accepted");
    charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
    charger.event(1, {
      kind: "TransactionStarted",
      sessionId: "s",
      token: { idToken: { idToken: "A", type: "ISO14443" }, remote: false },
    });
    await charger.clock.advance(1_000);
    expect(charger.callsOf("TransactionEvent")).toEqual([]);
    answerBoot("Accepted");
    await charger.clock.advance(60_000);
    expect(charger.callsOf("TransactionEvent")).toMatchObject([{ eventType: "Started", seqNo: 0 }]);
  });
});

describe("before the answer to BootNotification", () => {
  test("a disk that is full keeps the station neither from booting nor from its heartbeat", async () => {
    charger = new InProcessCharger();
    answerBoot("silence");
    await charger.start();
    charger.deviceModel.write = () => {
      throw new Error("disk full");
    };
    answerBoot("Accepted");
    await reconnect();
    expect(charger.csms.registration).toBe("Accepted");
    expect(charger.callsOf("StatusNotification")).toHaveLength(2);
  });

  test("B01.FR.08: nothing but BootNotification leaves; what the CSMS triggered meanwhile follows the acceptance", async () => {
    await bootWith("silence");
    await charger.call("TriggerMessage", { requestedMessage: "Heartbeat" });
    charger.hardwareEvents.emit("error", {
      state: "raised",
      origin: "evse_manager_1/evse",
      type: "evse_manager/MREC11CableCheckFault",
      component: "EVSE",
      variable: "Problem",
      subType: "",
      description: "",
      message: "",
      severity: "Low",
      timestamp: charger.clock.now(),
      evseId: 1,
      inoperative: false,
    });
    await charger.clock.advance(20_000);
    expect(actions()).toEqual(["BootNotification"]);
    answerBoot("Accepted");
    await charger.clock.advance(60_000);
    expect(new Set(actions())).toEqual(
      new Set(["BootNotification", "Heartbeat", "StatusNotification", "SecurityEventNotification", "NotifyEvent"]),
    );
    expect(actions().slice(0, 2)).toEqual(["BootNotification", "BootNotification"]); // B01.FR.03
  });

  test("a connection lost before the answer begins anew with BootNotification at once", async () => {
    await bootWith("silence");
    await charger.clock.advance(31_000); // the message timeout: now the station waits by its own choice
    expect(boots()).toHaveLength(1);
    answerBoot("Accepted");
    await reconnect();
    expect(boots()).toHaveLength(2);
  });
});

test("B01.FR.01: names longer than the message allows are cut, and the station registers", async () => {
  charger = new InProcessCharger(1, {
    "ChargingStation.Model": "A model name of more than twenty characters",
    "InternalCtrlr.ChargeBoxSerialNumber": "0123456789012345678901234567890",
  });
  await charger.start();
  expect(boots()).toMatchObject([
    { chargingStation: { model: "A model name of more", serialNumber: "0123456789012345678901234" } },
  ]);
});

test("B01.FR.04: an interval of 0 leaves the heartbeat as it was", async () => {
  await bootWith("Accepted", 0);
  await charger.clock.advance(1_800_000);
  expect(charger.callsOf("Heartbeat")).toHaveLength(1);
});

describe("B04: back after being offline", () => {
  const statuses = () => charger.callsOf("StatusNotification").map(({ evseId }) => evseId);

  test("B04.FR.01, FR.02: only what changed after a short time, all connectors after a long one; no BootNotification", async () => {
    await bootWith("Accepted");
    charger.reachable = false;
    charger.disconnect();
    charger.event(2, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
    charger.reachable = true;
    charger.calls.length = 0;
    await charger.clock.advance(30_000);
    expect(statuses()).toEqual([2]);
    charger.calls.length = 0;
    charger.reachable = false;
    charger.disconnect();
    await charger.clock.advance(70_000);
    charger.reachable = true;
    await charger.clock.advance(30_000);
    expect(statuses()).toEqual([1, 2]);
    expect(boots()).toEqual([]);
  });
});

test("B10.FR.10: after a switch of the profile BootNotification goes before everything else", async () => {
  charger = new InProcessCharger(1, {
    "InternalCtrlr.NetworkConnectionProfiles": JSON.stringify(
      [1, 2].map((configurationSlot) => ({
        configurationSlot,
        connectionData: {
          messageTimeout: 30,
          ocppCsmsUrl: `ws://host-${configurationSlot}`,
          ocppInterface: "Wired0",
          ocppTransport: "JSON",
          ocppVersion: "OCPP20",
          securityProfile: 1,
        },
      })),
    ),
    "OCPPCommCtrlr.NetworkConfigurationPriority": "1,2",
  });
  await charger.start();
  await charger.clock.advance(1_000);
  charger.unreachableSlots.add(1);
  charger.disconnect();
  charger.event(2, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
  charger.calls.length = 0;
  await charger.clock.advance(200_000);
  expect(charger.attempts.map(({ slot }) => slot)).toEqual([1, 1, 1, 1, 2]); // B10.FR.03
  expect(actions()[0]).toBe("BootNotification");
  expect(charger.callsOf("StatusNotification")).toHaveLength(2);
  expect(
    charger.deviceModel.get({ component: "OCPPCommCtrlr", variable: "ActiveNetworkProfile" }, "Actual").value,
  ).toBe("2");
  expect(charger.deviceModel.read(InternalCtrlr.NetworkConnectionProfiles)).toContain("host-1");
});
