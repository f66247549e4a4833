import { afterEach, describe, expect, test } from "bun:test";
import type { HardwareError } from "../../../src/station/ports.ts";
import { InProcessCharger, type Payload } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const start = async (variables: Record<string, string> = {}, evseCount = 2) => {
  charger = await new InProcessCharger(1, variables, evseCount).start();
  await settle();
};
const settle = () => charger.clock.advance(100);
const token = { idToken: { idToken: "CARD", type: "ISO14443" as const }, remote: false };
const plugIn = (evseId = 1) =>
  charger.event(evseId, { kind: "SessionStarted", sessionId: `s${evseId}`, reason: "EVConnected" });
const begin = (evseId = 1) => {
  plugIn(evseId);
  charger.event(evseId, { kind: "TransactionStarted", sessionId: `s${evseId}`, token });
};
const stop = (evseId = 1) =>
  charger.event(evseId, { kind: "TransactionFinished", sessionId: `s${evseId}`, stoppedReason: "Local" });
const unplug = (evseId = 1) => charger.event(evseId, { kind: "SessionFinished", sessionId: `s${evseId}` });
const change = async (operationalStatus: "Operative" | "Inoperative", evse?: object) => {
  const answer = await charger.call("ChangeAvailability", {
    operationalStatus,
    ...(evse !== undefined && { evse }),
  });
  await settle();
  return (answer.body as Payload).status;
};
const statuses = (from = 0) =>
  charger
    .callsOf("StatusNotification")
    .slice(from)
    .map(({ evseId, connectorId, connectorStatus }) => `${evseId}/${connectorId} ${connectorStatus}`);
const AFTER_BOOT = 2;
const value = (component: string, variable: string, evseId?: number, connectorId?: number) => {
  const evse = evseId === undefined ? {} : { evseId, ...(connectorId !== undefined && { connectorId }) };
  return charger.deviceModel.get({ component, variable, ...evse }, "Actual").value;
};
const enabled = () =>
  charger.hardwareCalls
    .filter(({ name }) => name === "enableConnector")
    .map(({ args: [evseId, connectorId, operative] }) => `${evseId}/${connectorId} ${operative}`);
const goOffline = () => {
  charger.reachable = false;
  charger.disconnect();
};
const comeBack = async (milliseconds = 10_000) => {
  charger.reachable = true;
  await charger.clock.advance(milliseconds);
};

describe("G01: connector status", () => {
  test("G01.FR.01, FR.03, FR.04: plugged in and out, told and shown in the device model", async () => {
    await start();
    expect(statuses()).toEqual(["1/1 Available", "2/1 Available"]);
    plugIn();
    await settle();
    expect(value("Connector", "AvailabilityState", 1, 1)).toBe("Occupied");
    expect(value("EVSE", "AvailabilityState", 1)).toBe("Occupied");
    unplug();
    await settle();
    expect(value("Connector", "AvailabilityState", 1, 1)).toBe("Available");
    expect(statuses(AFTER_BOOT)).toEqual(["1/1 Occupied", "1/1 Available"]);
  });

  test.each(["Authorized", "EVConnected"])(
    "G01.FR.05: scheduled for the end of the transaction is Unavailable, never Available (%s)",
    async (stopPoint) => {
      await start({ "TxCtrlr.TxStopPoint": stopPoint });
      begin();
      expect(await change("Inoperative", { id: 1 })).toBe("Scheduled");
      stop();
      unplug();
      await settle();
      expect(statuses(AFTER_BOOT)).toEqual(["1/1 Occupied", "1/1 Unavailable"]);
    },
  );

  test("G01.FR.06, FR.09, G03.FR.09: a reservation outlasts the cable, not its own token", async () => {
    await start();
    charger.event(1, { kind: "ReservationStarted" });
    plugIn();
    await settle();
    expect(statuses(AFTER_BOOT)).toEqual(["1/1 Reserved"]);
    charger.event(1, { kind: "TransactionStarted", sessionId: "s1", token });
    await settle();
    expect(statuses(AFTER_BOOT)).toEqual(["1/1 Reserved", "1/1 Occupied"]);
  });

  test("a reservation that ends while a cable is plugged in leaves the connector Occupied", async () => {
    await start();
    charger.event(1, { kind: "ReservationStarted" });
    plugIn();
    charger.event(1, { kind: "ReservationEnded" });
    await settle();
    expect(statuses(AFTER_BOOT)).toEqual(["1/1 Reserved", "1/1 Occupied"]);
  });

  test("G01.FR.08: a cable says nothing about the other connector of its EVSE, a reservation does", async () => {
    charger = new InProcessCharger(1, {}, 1, 2);
    await charger.start();
    await settle();
    plugIn();
    await settle();
    expect(statuses(AFTER_BOOT)).toEqual(["1/1 Occupied"]);
    unplug();
    charger.event(1, { kind: "ReservationStarted" });
    await settle();
    expect(statuses(AFTER_BOOT + 1)).toEqual(["1/1 Available", "1/1 Reserved", "1/2 Reserved"]);
  });

  test("MinimumStatusDuration: what does not last is not told", async () => {
    await start({ "ChargingStation.MinimumStatusDuration": "5" });
    plugIn();
    await charger.clock.advance(3_000);
    unplug();
    await charger.clock.advance(10_000);
    expect(statuses(AFTER_BOOT)).toEqual([]);
    plugIn();
    await charger.clock.advance(6_000);
    expect(statuses(AFTER_BOOT)).toEqual(["1/1 Occupied"]);
  });

  test("B04.FR.01, FR.02: after a short absence only what has changed is told, after a long one everything", async () => {
    await start({ "OCPPCommCtrlr.OfflineThreshold": "60" });
    goOffline();
    plugIn(2);
    await charger.clock.advance(5_000);
    await comeBack();
    expect(statuses(AFTER_BOOT)).toEqual(["2/1 Occupied"]);
    goOffline();
    await charger.clock.advance(120_000);
    await comeBack(60_000);
    expect(statuses(AFTER_BOOT + 1).sort()).toEqual(["1/1 Available", "2/1 Occupied"]);
  });

  test("a change that comes and goes while offline is nobody's business", async () => {
    await start({ "OCPPCommCtrlr.OfflineThreshold": "60" });
    goOffline();
    plugIn();
    unplug();
    await comeBack();
    expect(statuses(AFTER_BOOT)).toEqual([]);
  });

  test.each([
    ["goes on", () => charger.event(1, { kind: "ChargingStarted", sessionId: "s1" }), "Occupied"],
    ["is never heard of again", () => undefined, "Available"],
    [
      "is resumed only to be ended",
      () => {
        charger.event(1, { kind: "SessionResumed", sessionId: "s1" });
        charger.event(1, { kind: "TransactionFinished", sessionId: "", stoppedReason: "PowerLoss" });
      },
      "Available",
    ],
  ])("after a restart a connector with a transaction is Occupied until the session %s", async (_, happens, status) => {
    await start();
    begin();
    await settle();
    charger.crash();
    await charger.start();
    await settle();
    expect(statuses().slice(-2).sort()).toEqual(["1/1 Occupied", "2/1 Available"]);
    happens();
    await charger.clock.advance(30_000);
    expect(value("Connector", "AvailabilityState", 1, 1)).toBe(status);
  });
});

describe("G02: Heartbeat", () => {
  const heartbeats = () => charger.callsOf("Heartbeat").length;

  test("G02.FR.01–04: at the interval that BootNotification brought, and as the variable is set", async () => {
    await start({}, 1);
    await charger.clock.advance(301_000);
    expect(heartbeats()).toBe(1);
    await charger.call("SetVariables", {
      setVariableData: [
        { attributeValue: "60", component: { name: "OCPPCommCtrlr" }, variable: { name: "HeartbeatInterval" } },
      ],
    });
    await charger.clock.advance(61_000);
    expect(heartbeats()).toBe(2);
  });

  test("G02.FR.06: its answer sets the clock", async () => {
    await start({ "ClockCtrlr.TimeSource": "Heartbeat" }, 1);
    const currentTime = "2030-01-01T00:00:00.000Z";
    charger.react = ({ action }) => ({ answer: action === "Heartbeat" ? { currentTime } : {} });
    await charger.clock.advance(301_000);
    const times = charger.hardwareCalls.filter(({ name }) => name === "setSystemTime").map(({ args }) => args[0]);
    expect((times.at(-1) as Date).toISOString().slice(0, 19)).toBe(currentTime.slice(0, 19));
  });

  test("G02.FR.05, FR.07: other messages stand in for it, but not for a whole day", async () => {
    await start({ "AlignedDataCtrlr.Interval": "120", "AlignedDataCtrlr.SendDuringIdle": "false" }, 1);
    charger.meter(1, 1);
    await charger.clock.advance(3_600_000);
    expect(charger.callsOf("MeterValues").length).toBeGreaterThan(20);
    expect(heartbeats()).toBe(0);
    await charger.clock.advance(24 * 3_600_000);
    expect(heartbeats()).toBe(1);
  });
});

describe("G03, G04: ChangeAvailability", () => {
  test("G03.FR.01–04, G01.FR.07: EVSE and connector, there and back, and to the state that holds already", async () => {
    await start();
    for (const evse of [{ id: 1 }, { id: 1, connectorId: 1 }]) {
      const from = statuses().length;
      expect(await change("Operative", evse)).toBe("Accepted");
      expect(statuses(from)).toEqual([]);
      expect(await change("Inoperative", evse)).toBe("Accepted");
      expect(await change("Inoperative", evse)).toBe("Accepted");
      expect(await change("Operative", evse)).toBe("Accepted");
      expect(statuses(from)).toEqual(["1/1 Unavailable", "1/1 Available"]);
    }
  });

  test("G04.FR.01–05, FR.07, FR.08: the whole station", async () => {
    await start();
    expect(await change("Operative")).toBe("Accepted");
    expect(await change("Inoperative")).toBe("Accepted");
    expect(statuses(AFTER_BOOT)).toEqual(["1/1 Unavailable", "2/1 Unavailable"]);
    expect(value("ChargingStation", "AvailabilityState")).toBe("Unavailable");
    expect(await change("Inoperative")).toBe("Accepted");
    expect(await change("Operative")).toBe("Accepted");
    expect(statuses(AFTER_BOOT + 2)).toEqual(["1/1 Available", "2/1 Available"]);
    expect(value("ChargingStation", "AvailabilityState")).toBe("Available");
  });

  test("G03.FR.06, FR.07: each level has a state of its own", async () => {
    await start();
    await change("Inoperative", { id: 1, connectorId: 1 });
    await change("Inoperative", { id: 1 });
    await change("Inoperative");
    await change("Operative");
    expect(statuses().at(-1)).toBe("2/1 Available");
    await change("Operative", { id: 1 });
    expect(statuses().at(-1)).toBe("2/1 Available");
    await change("Operative", { id: 1, connectorId: 1 });
    expect(statuses().at(-1)).toBe("1/1 Available");
  });

  test("what does not exist is rejected", async () => {
    await start();
    for (const evse of [{ id: 7 }, { id: 1, connectorId: 7 }, { id: 0, connectorId: 1 }])
      expect(await change("Inoperative", evse)).toBe("Rejected");
    expect(statuses(AFTER_BOOT)).toEqual([]);
  });

  test("G03.FR.08, G04.FR.09, G01.FR.02, B01.FR.07: the state outlasts a power loss, in the device model, too", async () => {
    await start();
    await change("Inoperative", { id: 1 });
    charger.crash();
    await charger.start();
    charger.event(1, { kind: "Enabled" }); // from before our Disable, replayed
    await settle();
    expect(statuses().slice(-2)).toEqual(["1/1 Unavailable", "2/1 Available"]);
    expect(value("Connector", "AvailabilityState", 1, 1)).toBe("Unavailable");
    expect(enabled().slice(-2)).toEqual(["1/1 false", "2/1 true"]);
  });

  test.each([
    ["G03.FR.05: an EVSE", { id: 1 }],
    ["G03.FR.05: a connector", { id: 1, connectorId: 1 }],
  ])("%s waits for the end of its transaction", async (_, evse) => {
    await start();
    begin();
    expect(await change("Inoperative", evse)).toBe("Scheduled");
    expect(enabled()).not.toContain("1/1 false");
    stop();
    await settle();
    expect(enabled().at(-1)).toBe("1/1 false");
  });

  test("G04.FR.06: while the station waits, each EVSE that becomes idle takes no new transaction", async () => {
    await start({}, 3);
    begin(1);
    begin(2);
    await settle();
    const from = statuses().length;
    expect(await change("Inoperative")).toBe("Scheduled");
    expect(statuses(from)).toEqual(["3/1 Unavailable"]);
    stop(1);
    await settle();
    expect(statuses(from)).toEqual(["3/1 Unavailable", "1/1 Unavailable"]);
    stop(2);
    await settle();
    expect(statuses(from)).toEqual(["3/1 Unavailable", "1/1 Unavailable", "2/1 Unavailable"]);
    charger.crash();
    await charger.start();
    await settle();
    expect(enabled().slice(-3)).toEqual(["1/1 false", "2/1 false", "3/1 false"]);
  });

  test("EVSEs stayed Unavailable after a scheduled change of the station was called off", async () => {
    await start();
    begin();
    expect(await change("Inoperative")).toBe("Scheduled");
    expect(await change("Operative")).toBe("Accepted");
    expect(statuses().at(-1)).toBe("2/1 Available");
    stop();
    unplug();
    await settle();
    expect(statuses().at(-1)).toBe("1/1 Available");
  });

  test("a scheduled change waits for a transaction that goes on after a restart", async () => {
    await start();
    begin();
    expect(await change("Inoperative", { id: 1 })).toBe("Scheduled");
    charger.crash();
    await charger.start();
    await settle();
    expect(enabled().at(-2)).toBe("1/1 true");
    charger.event(1, { kind: "ChargingStarted", sessionId: "s1" });
    stop();
    await settle();
    expect(enabled().at(-1)).toBe("1/1 false");
    expect(statuses().at(-1)).toBe("1/1 Unavailable");
  });

  test("somebody at the charger who disables an EVSE is stronger than the CSMS", async () => {
    await start();
    charger.event(1, { kind: "Disabled" });
    charger.hardwareAnswers.enableConnector = () => false;
    expect(await change("Operative", { id: 1 })).toBe("Accepted");
    expect(statuses().at(-1)).toBe("1/1 Unavailable");
    charger.event(1, { kind: "Enabled" });
    await settle();
    expect(statuses().at(-1)).toBe("1/1 Available");
  });

  test.each([
    ["does not answer", () => Promise.reject(new Error("timeout"))],
    ["says that it stays enabled", () => true],
  ])("a connector is Unavailable although the charger %s", async (_, answer) => {
    await start();
    charger.hardwareAnswers.enableConnector = answer;
    expect(await change("Inoperative", { id: 1 })).toBe("Accepted");
    expect(statuses().at(-1)).toBe("1/1 Unavailable");
  });
});

describe("G05, N07: faults", () => {
  const fault = (state: "raised" | "cleared", more: Partial<HardwareError> = {}, evseId = 1) =>
    charger.hardwareEvents.emit("error", {
      state,
      origin: "lock/main",
      type: "connector_lock/MREC1ConnectorLockFailure",
      subType: "",
      component: "ConnectorPlugRetentionLock",
      variable: "Problem",
      description: "the lock does not close",
      message: "",
      severity: "High",
      timestamp: charger.clock.now(),
      ...(evseId > 0 && { evseId }),
      inoperative: false,
      ...(more.type === undefined && { techCode: "CX001" }),
      ...more,
    });
  const INOPERATIVE = {
    type: "evse_manager/Inoperative",
    component: "EVSE",
    inoperative: true,
  } as const;
  const told = () =>
    charger.callsOf("NotifyEvent").flatMap(({ eventData }) => eventData as readonly Record<string, unknown>[]);
  const actualValues = () => told().map(({ actualValue }) => actualValue);

  test("G05.FR.01–04: a lock that fails is told, and the connector is Faulted instead of charging", async () => {
    await start();
    plugIn();
    fault("raised");
    fault("raised", INOPERATIVE);
    await settle();
    expect(told()).toMatchObject([
      {
        eventId: 0,
        trigger: "Alerting",
        actualValue: "true",
        cleared: false,
        techCode: "CX001",
        techInfo: "the lock does not close",
        eventNotificationType: "HardWiredNotification",
        component: { name: "ConnectorPlugRetentionLock", evse: { id: 1, connectorId: 1 } },
        variable: { name: "Problem" },
      },
      { eventId: 1, techCode: "evse_manager/Inoperative", component: { name: "EVSE", evse: { id: 1 } } },
    ]);
    expect(value("ConnectorPlugRetentionLock", "Problem", 1, 1)).toBe("true");
    expect(charger.callsOf("TransactionEvent")).toEqual([]);
    fault("cleared", INOPERATIVE);
    fault("cleared");
    await settle();
    expect(value("ConnectorPlugRetentionLock", "Problem", 1, 1)).toBe("false");
    expect(value("EVSE", "Problem", 1)).toBe("false");
    expect(statuses(AFTER_BOOT)).toEqual(["1/1 Occupied", "1/1 Faulted", "1/1 Occupied"]);
  });

  test("a fault in a transaction names it; one of no EVSE, or of one that does not exist, concerns the station", async () => {
    await start();
    begin();
    fault("raised");
    fault("raised", { component: "EVSE" }, 0);
    fault("raised", { component: "RCD", variable: "Tripped" }, 0);
    fault("raised", { component: "EVSE" }, 99);
    await settle();
    expect(told()).toMatchObject([
      { transactionId: "s1" },
      { component: { name: "ChargingStation" } },
      { component: { name: "RCD" }, variable: { name: "Tripped" } },
      { component: { name: "ChargingStation" } },
    ]);
    expect(
      told()
        .slice(1)
        .every(({ component }) => !("evse" in (component as object))),
    ).toBe(true);
    expect(value("ChargingStation", "Problem")).toBe("true");
  });

  test("an inoperative EVSE makes all its connectors Faulted, a named connector only itself", async () => {
    charger = new InProcessCharger(1, {}, 1, 2);
    await charger.start();
    await settle();
    fault("raised", INOPERATIVE);
    await settle();
    expect(statuses(AFTER_BOOT)).toEqual(["1/1 Faulted", "1/2 Faulted"]);
    expect(value("ChargingStation", "AvailabilityState")).toBe("Faulted");
    fault("cleared", INOPERATIVE);
    fault("raised", { ...INOPERATIVE, connectorId: 2 });
    await settle();
    expect(statuses(AFTER_BOOT + 2)).toEqual(["1/1 Available", "1/2 Available", "1/2 Faulted"]);
    expect(value("EVSE", "AvailabilityState", 1)).toBe("Available");
  });

  test("order of states (CHANGES c.2): a fault is not masked by Inoperative, nor Inoperative by what goes on at the connector", async () => {
    await start();
    await change("Inoperative", { id: 1 });
    fault("raised", INOPERATIVE);
    await settle();
    plugIn();
    unplug();
    await settle();
    fault("cleared", INOPERATIVE);
    await settle();
    plugIn();
    unplug();
    await settle();
    expect(statuses(AFTER_BOOT)).toEqual(["1/1 Unavailable", "1/1 Faulted", "1/1 Unavailable"]);
  });

  test("incident: a connector became Available with the first of two faults cleared, and a RequestStart was Accepted", async () => {
    await start();
    const remoteStart = async () => {
      const idToken = { idToken: "CARD", type: "Central" };
      const { body } = await charger.call("RequestStartTransaction", { remoteStartId: 1, evseId: 1, idToken });
      return (body as Record<string, unknown>).status;
    };
    fault("raised", { ...INOPERATIVE, subType: "overheat" });
    fault("raised", { ...INOPERATIVE, subType: "lock" });
    fault("cleared", { ...INOPERATIVE, subType: "overheat" });
    await settle();
    expect(statuses(AFTER_BOOT)).toEqual(["1/1 Faulted"]);
    expect(value("Connector", "AvailabilityState", 1, 1)).toBe("Faulted");
    expect(await remoteStart()).toBe("Rejected"); // F01.FR.23
    fault("cleared", { ...INOPERATIVE, subType: "lock" });
    await settle();
    expect(statuses(AFTER_BOOT)).toEqual(["1/1 Faulted", "1/1 Available"]);
    expect(await remoteStart()).toBe("Accepted");
  });

  test("a fault of the EVSE and one of its connector: Faulted until both are cleared, in whatever order", async () => {
    charger = new InProcessCharger(1, {}, 1, 2);
    await charger.start();
    await settle();
    const ofConnector = { ...INOPERATIVE, subType: "lock", connectorId: 2 };
    fault("raised", INOPERATIVE);
    fault("raised", ofConnector);
    fault("cleared", INOPERATIVE);
    await settle();
    expect(statuses(AFTER_BOOT)).toEqual(["1/1 Faulted", "1/2 Faulted", "1/1 Available"]);
    fault("raised", INOPERATIVE);
    fault("cleared", ofConnector);
    await settle();
    expect(statuses(AFTER_BOOT + 3)).toEqual(["1/1 Faulted"]);
    expect(value("Connector", "AvailabilityState", 1, 2)).toBe("Faulted");
  });

  test("the same fault of two modules: Problem and Faulted last until both have cleared it", async () => {
    await start();
    for (const origin of ["lock_a/main", "lock_b/main"]) fault("raised", { ...INOPERATIVE, origin });
    fault("cleared", { ...INOPERATIVE, origin: "lock_a/main" });
    await settle();
    expect(value("EVSE", "Problem", 1)).toBe("true");
    expect(statuses(AFTER_BOOT)).toEqual(["1/1 Faulted"]);
    fault("cleared", { ...INOPERATIVE, origin: "lock_b/main" });
    await settle();
    expect(value("EVSE", "Problem", 1)).toBe("false");
    expect(statuses(AFTER_BOOT)).toEqual(["1/1 Faulted", "1/1 Available"]);
  });

  test("Problem lasts as long as one of two faults does", async () => {
    await start();
    fault("raised", INOPERATIVE);
    fault("raised", { ...INOPERATIVE, subType: "other" });
    fault("cleared", INOPERATIVE);
    expect(value("EVSE", "Problem", 1)).toBe("true");
    fault("cleared", { ...INOPERATIVE, subType: "other" });
    expect(value("EVSE", "Problem", 1)).toBe("false");
  });

  test("what happened before the station was accepted is held, whatever its severity", async () => {
    charger = new InProcessCharger(1, { "MonitoringCtrlr.OfflineQueuingSeverity": "0" });
    charger.reachable = false;
    await charger.start();
    fault("raised", { severity: "Low" });
    fault("cleared", { severity: "Low" });
    await comeBack(120_000);
    expect(actualValues()).toEqual(["true", "false"]);
  });

  test("offline, faults are kept if they are severe enough, over a restart, too, and told in their order", async () => {
    await start({ "MonitoringCtrlr.OfflineQueuingSeverity": "3" });
    goOffline();
    fault("raised");
    fault("raised", { severity: "Medium", techCode: "CX006" });
    charger.crash();
    charger.reachable = true;
    await charger.start();
    fault("cleared");
    await charger.clock.advance(10_000);
    expect(told().map(({ actualValue, techCode }) => [actualValue, techCode])).toEqual([
      ["true", "CX001"],
      ["false", "CX001"],
    ]);
    expect(told().map(({ eventId }) => eventId)).toEqual([0, 2]);
  });

  test("what is less severe than ActiveMonitoringLevel is shown, but not told", async () => {
    await start({ "MonitoringCtrlr.ActiveMonitoringLevel": "4" });
    fault("raised", { severity: "Medium" });
    fault("raised", INOPERATIVE);
    await settle();
    expect(value("ConnectorPlugRetentionLock", "Problem", 1, 1)).toBe("true");
    expect(told()).toMatchObject([{ techCode: "evse_manager/Inoperative" }]);
  });

  test("a fault was cleared in the eyes of the CSMS before it was raised", async () => {
    await start();
    goOffline();
    fault("raised");
    charger.csms.events.on("connected", () => fault("cleared"));
    await comeBack();
    expect(actualValues()).toEqual(["true", "false"]);
  });

  test("a fault was lost when the connection broke before its answer", async () => {
    await start();
    charger.react = () => "silence";
    fault("raised");
    await settle();
    charger.react = ({ action }) => ({
      answer:
        action === "BootNotification"
          ? { currentTime: charger.clock.now().toISOString(), interval: 300, status: "Accepted" }
          : {},
    });
    goOffline();
    await comeBack();
    expect(told().map(({ eventId }) => eventId)).toEqual([0, 0]);
  });
});
