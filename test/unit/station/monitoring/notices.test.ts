import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { MonitoringCtrlr } from "../../../../src/device-model/variables.ts";
import type { EventDataType } from "../../../../src/ocpp/v201/index.ts";
import { AVAILABILITY, AVAILABILITY_STATE, MonitoredCharger } from "./support.ts";

let station: MonitoredCharger;
afterEach(() => station.charger.dispose());

describe("thresholds", () => {
  test("N07.FR.06, FR.07, FR.16, FR.02: exceeding and return, with all that an event tells", async () => {
    station = await MonitoredCharger.start();
    const id = await station.monitor("UpperThreshold", 1_000);
    await station.power(1_000);
    expect(station.told()).toEqual([]);
    await station.power(1_001);
    const [request] = station.charger.callsOf("NotifyEvent");
    expect(request).toMatchObject({ seqNo: 0 });
    const [event] = station.events();
    expect(event).toMatchObject({
      trigger: "Alerting",
      actualValue: "1001",
      cleared: false,
      component: { name: "EVSE", evse: { id: 1 } },
      variable: { name: "Power" },
      variableMonitoringId: id,
      eventNotificationType: "CustomMonitor",
    });
    await station.power(2_000);
    await station.power(500);
    expect(station.told()).toEqual([`${id}:500 cleared`]);
  });

  test("N07.FR.17 below the lower threshold; two events of one moment are one message", async () => {
    station = await MonitoredCharger.start();
    await station.power(5_000);
    const upper = await station.monitor("UpperThreshold", 1_000);
    const lower = await station.monitor("LowerThreshold", 100);
    expect(station.told()).toEqual([`${upper}:5000`]);
    const messages = station.charger.callsOf("NotifyEvent").length;
    await station.power(50);
    expect(station.told()).toEqual([`${upper}:50 cleared`, `${lower}:50`]);
    expect(station.charger.callsOf("NotifyEvent").length).toBe(messages + 1);
  });

  test("a threshold that is exceeded when it is set is told, behind the answer that tells its id", async () => {
    station = await MonitoredCharger.start();
    await station.power(5_000);
    const id = await station.monitor("UpperThreshold", 1_000);
    expect(station.told()).toEqual([`${id}:5000`]);
  });

  test("N07.FR.11: a threshold that is moved clears the old one, or is exceeded", async () => {
    station = await MonitoredCharger.start();
    const id = await station.monitor("UpperThreshold", 1_000);
    await station.power(800);
    await station.monitor("UpperThreshold", 700, { id });
    expect(station.told()).toEqual([`${id}:800`]);
    await station.monitor("UpperThreshold", 750, { id });
    expect(station.told()).toEqual([]);
    await station.monitor("UpperThreshold", 900, { id });
    expect(station.told()).toEqual([`${id}:800 cleared`]);
  });

  test("N07.FR.12: a removed monitor is not cleared", async () => {
    station = await MonitoredCharger.start();
    const id = await station.monitor("UpperThreshold", 1_000);
    await station.power(2_000);
    station.events();
    await station.call("ClearVariableMonitoring", { id: [id] });
    await station.power(0);
    expect(station.told()).toEqual([]);
    expect(station.charger.core.monitorStates.all()).toEqual([]);
  });

  test("a value that goes and comes within one moment is told as it went: no crossing that was seen is dropped", async () => {
    station = await MonitoredCharger.start();
    const id = await station.monitor("UpperThreshold", 1_000);
    await station.power(2_000, 0);
    await station.power(0, 0);
    await station.charger.clock.advance(50);
    expect(station.told()).toEqual([`${id}:2000`, `${id}:0 cleared`]);
  });

  test("a value that jitters a thousand times in a second is told as often as it is looked at, and as it is in the end", async () => {
    station = await MonitoredCharger.start();
    const id = await station.monitor("UpperThreshold", 1_000);
    for (let step = 0; step < 1_000; step++) await station.power(step % 2 === 0 ? 2_000 : 0, 1);
    await station.power(3_000);
    await station.charger.clock.advance(2_000);
    const told = station.told();
    expect(told.length).toBeLessThanOrEqual(24);
    expect(told.map((one) => one.endsWith("cleared"))).toEqual(told.map((_, index) => index % 2 === 1));
    expect(told.at(-1)).toBe(`${id}:3000`);
  });
});

describe("differences", () => {
  test("N07.FR.18: counted from the last notice", async () => {
    station = await MonitoredCharger.start();
    const id = await station.monitor("Delta", 100);
    for (const watts of [100, 101, 150, 200, 201, 202, 100]) await station.power(watts, 300);
    expect(station.told()).toEqual([`${id}:101`, `${id}:202`, `${id}:100`]);
  });

  test("N07.FR.19: AvailabilityState, which EVerest's side feeds", async () => {
    station = await MonitoredCharger.start();
    const id = await station.monitor("Delta", 1, AVAILABILITY);
    station.charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" } as never);
    await station.charger.clock.advance(100);
    expect(station.told()).toEqual([`${id}:Occupied`]);
  });

  test("N07.FR.10: of a write-only variable the change is told, not the value, and none is kept", async () => {
    station = await MonitoredCharger.start();
    const password = { component: { name: "SecurityCtrlr" }, variable: { name: "BasicAuthPassword" } };
    const id = await station.monitor("Delta", 1, password);
    await station.call("SetVariables", {
      setVariableData: [{ ...password, attributeValue: "a-new-password-of-20" }],
    });
    await station.charger.clock.advance(5_000);
    expect(station.told()).toEqual([`${id}:`]);
    expect(JSON.stringify(station.charger.core.monitorStates.all())).not.toContain("a-new");
  });
});

describe("which are told", () => {
  test("MonitoringCtrlr.Enabled counts at once: before it nothing is told, then what is", async () => {
    station = await MonitoredCharger.start({ "MonitoringCtrlr.Enabled": "false" });
    const id = await station.monitor("UpperThreshold", 1_000);
    await station.power(2_000);
    expect(station.told()).toEqual([]);
    station.charger.deviceModel.write(MonitoringCtrlr.Enabled, true, "csms");
    await station.charger.clock.advance(50);
    expect(station.told()).toEqual([`${id}:2000`]);
  });

  test("N05.FR.01, FR.03, N07.FR.15: the level decides; one that is raised tells how it is now", async () => {
    station = await MonitoredCharger.start();
    const severe = await station.monitor("UpperThreshold", 1_000, { severity: 4 });
    const mild = await station.monitor("UpperThreshold", 1_000, { severity: 5 });
    expect(await station.call("SetMonitoringLevel", { severity: 4 })).toEqual({ status: "Accepted" });
    await station.power(2_000);
    expect(station.told()).toEqual([`${severe}:2000`]);
    await station.call("SetMonitoringLevel", { severity: 9 });
    expect(station.told()).toEqual([`${mild}:2000`]);
  });

  test("N05.FR.02: severities beyond 0 to 9", async () => {
    station = await MonitoredCharger.start();
    for (const severity of [-1, 10, 2_147_483_647])
      expect(await station.call("SetMonitoringLevel", { severity })).toEqual({ status: "Rejected" });
    expect(station.charger.deviceModel.read(MonitoringCtrlr.ActiveMonitoringLevel)).toBe(9);
  });

  test("N07.FR.04: offline up to OfflineQueuingSeverity each crossing is kept; of the others how it is afterwards", async () => {
    station = await MonitoredCharger.start({ "MonitoringCtrlr.OfflineQueuingSeverity": "4" });
    const kept = await station.monitor("UpperThreshold", 1_000, { severity: 4 });
    const other = await station.monitor("UpperThreshold", 1_000, { severity: 5 });
    station.charger.reachable = false;
    station.charger.disconnect();
    for (const watts of [2_000, 0, 3_000, 0, 4_000]) await station.power(watts, 2_000);
    expect(station.charger.core.normalQueue.length).toBe(5);
    station.charger.reachable = true;
    await station.charger.clock.advance(120_000);
    const told = station.told();
    expect(told.filter((one) => one.startsWith(`${kept}:`))).toEqual(
      ["2000", "0 cleared", "3000", "0 cleared", "4000"].map((value) => `${kept}:${value}`),
    );
    expect(told.filter((one) => one.startsWith(`${other}:`))).toEqual([`${other}:4000`]);
  });

  test("offline an event is stored in the transaction that stores what the CSMS will know", async () => {
    station = await MonitoredCharger.start();
    await station.monitor("UpperThreshold", 1_000);
    station.charger.reachable = false;
    station.charger.disconnect();
    const { normalQueue } = station.charger.core;
    const another = new Database(join(station.charger.directory, "cp.db"), { readonly: true });
    const known = () => another.query("SELECT TRIGGERED FROM STATION_MONITOR_STATE").values().flat();
    const append = normalQueue.append.bind(normalQueue);
    const whileStored: unknown[] = [];
    normalQueue.append = (...message) => {
      whileStored.push(...known());
      append(...message);
    };
    await station.power(2_000);
    expect(whileStored).toEqual([0]);
    expect(known()).toEqual([1]);
    another.close();
  });

  test("TC_N_23: a state that is as before when the line is back is not told, if its monitor is not kept", async () => {
    station = await MonitoredCharger.start({ "MonitoringCtrlr.OfflineQueuingSeverity": "4" });
    await station.monitor("Delta", 1, { ...AVAILABILITY, severity: 5 });
    station.charger.reachable = false;
    station.charger.disconnect();
    for (const state of ["Occupied", "Available"]) {
      station.charger.deviceModel.write(AVAILABILITY_STATE, state, "internal", true);
      await station.charger.clock.advance(2_000);
    }
    station.charger.reachable = true;
    await station.charger.clock.advance(120_000);
    expect(station.told()).toEqual([]);
  });

  test("with `transaction` only while one runs on the EVSE", async () => {
    station = await MonitoredCharger.start();
    const id = await station.monitor("UpperThreshold", 1_000, { transaction: true });
    await station.power(2_000);
    expect(station.told()).toEqual([]);
    const evse = station.charger.model.evse(1);
    if (evse !== undefined)
      evse.transaction = { transactionId: "tx", evseId: 1, connectorId: 1, sessionId: "s", authorized: true };
    station.charger.events.emit("transactionStarted", { transactionId: "tx", evseId: 1, connectorId: 1 });
    await station.charger.clock.advance(50);
    expect(station.events()).toMatchObject([{ variableMonitoringId: id, transactionId: "tx" }]);
  });
});

describe("over a restart", () => {
  test("N07.FR.13, FR.14: a threshold that was exceeded before a restart is cleared after it", async () => {
    station = await MonitoredCharger.start();
    const id = await station.monitor("UpperThreshold", 1_000);
    await station.power(2_000);
    expect(station.told()).toEqual([`${id}:2000`]);
    station.charger.crash();
    await station.restart();
    expect(station.told()).toEqual([`${id}:0 cleared`]);
  });

  test("while the first reading still comes, a threshold that is exceeded as before is not cleared in between", async () => {
    station = await MonitoredCharger.start();
    const id = await station.monitor("UpperThreshold", 1_000);
    await station.power(2_000);
    station.events();
    station.charger.crash();
    await station.charger.start();
    await station.power(2_500);
    await station.charger.clock.advance(10_000);
    expect(station.told()).toEqual([]);
    await station.power(0);
    expect(station.told()).toEqual([`${id}:0 cleared`]);
  });

  test("the last notice of a difference outlives the process", async () => {
    station = await MonitoredCharger.start();
    const id = await station.monitor("Delta", 100);
    await station.power(5_000);
    station.events();
    station.charger.crash();
    await station.charger.start();
    await station.power(5_050);
    await station.charger.clock.advance(10_000);
    expect(station.told()).toEqual([]);
    await station.power(5_101);
    expect(station.told()).toEqual([`${id}:5101`]);
  });
});

describe("faults and monitors are one stream", () => {
  const fault = (state: "raised" | "cleared") =>
    station.charger.hardwareEvents.emit("error", {
      state,
      type: "evse_board_support/MREC2GroundFailure",
      subType: "",
      component: "EVSE",
      variable: "Problem",
      description: "",
      message: "",
      severity: "High",
      timestamp: station.charger.clock.now(),
      inoperative: false,
      evseId: 1,
      origin: "bsp",
    });

  test("N07.FR.05: one numbering and one order, and the fault is the cause", async () => {
    station = await MonitoredCharger.start();
    const id = await station.monitor("Delta", 1, { ...AVAILABILITY, variable: { name: "Problem" } });
    fault("raised");
    await station.charger.clock.advance(50);
    await station.monitor("UpperThreshold", 1);
    await station.power(5);
    const events = station.events();
    const first = (events[0] as EventDataType).eventId;
    expect(events.map(({ eventId }) => eventId)).toEqual([first, first + 1, first + 2]);
    expect(events[0]).toMatchObject({ eventNotificationType: "HardWiredNotification" });
    expect(events[1]).toMatchObject({ variableMonitoringId: id, cause: first });
    expect(events[2]?.cause).toBeUndefined();
  });

  test("a fault is never dropped for a monitor's event, neither in memory nor while offline", async () => {
    station = await MonitoredCharger.start();
    await station.monitor("Periodic", 1);
    await station.monitor("UpperThreshold", 1_000);
    station.charger.reachable = false;
    station.charger.disconnect();
    fault("raised");
    await station.charger.clock.advance(100);
    for (let round = 0; round < 1_300; round++) await station.power(round % 2 === 0 ? 2_000 : 0, 1_000);
    expect(station.charger.core.normalQueue.length).toBeLessThanOrEqual(2_000);
    station.charger.reachable = true;
    await station.charger.clock.advance(300_000);
    const events = station.events();
    expect(events[0]).toMatchObject({ eventNotificationType: "HardWiredNotification", actualValue: "true" });
    // Periodic events go before crossings.
    expect(events.filter(({ trigger }) => trigger === "Alerting").length).toBe(1_301);
  });

  test("where a thousand messages wait in memory, one of a monitor gives way to a fault, and never the other way round", async () => {
    station = await MonitoredCharger.start();
    const { csms, clock } = station.charger;
    station.charger.react = () => "silence";
    const outcomes: string[] = [];
    const send = (name: string, givesWay: boolean) =>
      void csms
        .call("DataTransfer", { vendorId: name }, { givesWay })
        .then(({ kind }) => outcomes.push(`${name} ${kind}`));
    // The first is on its way, a thousand wait.
    for (let index = 0; index <= 999; index++) send("other", false);
    send("monitor", true);
    send("late monitor", true);
    await clock.advance(0);
    expect(outcomes).toEqual(["late monitor offline"]);
    send("fault", false);
    await clock.advance(0);
    expect(outcomes).toEqual(["late monitor offline", "monitor offline"]);
    send("late fault", false);
    await clock.advance(0);
    expect(outcomes.at(-1)).toBe("late fault offline");
  });

  test("a CSMS that does not answer does not fill the memory with events of monitors", async () => {
    station = await MonitoredCharger.start({ "OCPPCommCtrlr.MessageTimeout": "100000" });
    station.charger.react = () => "silence";
    const id = await station.monitor("UpperThreshold", 1_000);
    for (let round = 0; round < 3_000; round++) await station.power(round % 2 === 0 ? 2_000 : 0, 300);
    fault("raised");
    await station.charger.clock.advance(1_000);
    station.charger.react = () => ({ answer: {} });
    await station.charger.clock.advance(400_000);
    const events = station.events();
    expect(events.length).toBeLessThan(600);
    expect(events.some(({ eventNotificationType }) => eventNotificationType === "HardWiredNotification")).toBe(true);
    const ofMonitor = events.filter(({ variableMonitoringId }) => variableMonitoringId === id);
    expect(ofMonitor.map(({ cleared }) => cleared)).toEqual(ofMonitor.map((_, index) => index % 2 === 1));
  });
});
