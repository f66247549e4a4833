import { describe, expect, test } from "bun:test";
import { type Facts, onCharger, type TestSystem } from "../support/test-system.ts";

const POWER = { component: { name: "EVSE", evse: { id: 1 } }, variable: { name: "Power" } };
const AVAILABILITY = { component: { name: "EVSE", evse: { id: 1 } }, variable: { name: "AvailabilityState" } };
const CONNECTOR = {
  component: { name: "Connector", evse: { id: 1, connectorId: 1 } },
  variable: { name: "AvailabilityState" },
};
const THRESHOLD = { component: { name: "OCPPCommCtrlr" }, variable: { name: "OfflineThreshold" } };
const QUEUING = { component: { name: "MonitoringCtrlr" }, variable: { name: "OfflineQueuingSeverity" } };
const ENABLED = { patch: { MonitoringCtrlr: { Enabled: true } } };
const SEVERITY = 5;

async function set(system: TestSystem, ...items: readonly Facts[]): Promise<readonly Facts[]> {
  const { setMonitoringResult } = await system.send("SetVariableMonitoring", {
    setMonitoringData: items.map((item) => ({ severity: SEVERITY, ...item })),
  } as never);
  return setMonitoringResult as readonly Facts[];
}

async function accepted(system: TestSystem, item: Facts): Promise<number> {
  const [result] = await set(system, item);
  expect(result).toMatchObject({ status: "Accepted" });
  return Number(result?.id);
}

async function report(system: TestSystem, request: Facts = {}): Promise<readonly Facts[]> {
  const from = system.charger.csms.calls.length;
  await system.send("GetMonitoringReport", { requestId: 9, ...request } as never, { status: "Accepted" });
  await system.charger.csms.waitFor("NotifyMonitoringReport", ({ tbc }) => tbc === false, 8_000, from);
  return system.charger.csms.calls
    .slice(from)
    .filter(({ action }) => action === "NotifyMonitoringReport")
    .flatMap(({ request: { monitor } }) => monitor as readonly Facts[]);
}

const event = (facts: Facts): Facts => ({ eventData: [facts] });
const write = (system: TestSystem, value: string): Promise<void> =>
  system.setVariable("OCPPCommCtrlr", "OfflineThreshold", value);

describe("N02, N04: reports and settings", () => {
  test("TC_N_01_CS each criterion reports its monitors (errata 6.2.86)", () =>
    onCharger(ENABLED, async (system) => {
      for (const type of ["LowerThreshold", "UpperThreshold", "Delta", "Periodic", "PeriodicClockAligned"])
        await accepted(system, { ...POWER, type, value: 900 });
      const types = async (monitoringCriteria: readonly string[]) =>
        (await report(system, { monitoringCriteria })).flatMap(({ variableMonitoring }) =>
          (variableMonitoring as readonly Facts[]).map(({ type }) => type),
        );
      expect(await types(["ThresholdMonitoring"])).toEqual(["LowerThreshold", "UpperThreshold"]);
      expect(await types(["DeltaMonitoring"])).toEqual(["Delta"]);
      expect(await types(["PeriodicMonitoring"])).toEqual(["Periodic", "PeriodicClockAligned"]);
      expect(await report(system)).toMatchObject([
        { ...POWER, variableMonitoring: Array.from({ length: 5 }, () => ({})) },
      ]);
    }));

  test("TC_N_12_CS, TC_N_13_CS values out of range (errata 6.2.87, 6.2.88)", () =>
    onCharger(ENABLED, async (system) => {
      const results = await set(
        system,
        { ...POWER, type: "Delta", value: -1 },
        { ...QUEUING, type: "UpperThreshold", value: 10 },
      );
      expect(results).toMatchObject([
        {
          ...POWER,
          status: "Rejected",
          type: "Delta",
          severity: SEVERITY,
          statusInfo: { reasonCode: "ValuePositiveOnly" },
        },
        { ...QUEUING, status: "Rejected", type: "UpperThreshold", statusInfo: { reasonCode: "ValueOutOfRange" } },
      ]);
      expect(results.every(({ id }) => id === undefined)).toBe(true);
    }));

  test("TC_N_43_CS the first and third are valid, the second is not (errata 6.2.104, 6.2.105)", () =>
    onCharger(ENABLED, async (system) => {
      const results = await set(
        system,
        { ...POWER, type: "UpperThreshold", value: 1_000 },
        { ...POWER, type: "Delta", value: -1 },
        { ...POWER, type: "LowerThreshold", value: 10 },
      );
      expect(results.map(({ status }) => status)).toEqual(["Accepted", "Rejected", "Accepted"]);
    }));

  test("TC_N_39_CS the id of a monitor of another variable (errata 6.2.92)", () =>
    onCharger(ENABLED, async (system) => {
      const id = await accepted(system, { ...AVAILABILITY, type: "Delta", value: 1 });
      expect(await set(system, { ...POWER, id, type: "Delta", value: 1 })).toMatchObject([{ status: "Rejected" }]);
      expect(await report(system)).toMatchObject([{ ...AVAILABILITY, variableMonitoring: [{ id, type: "Delta" }] }]);
    }));
});

describe("N07: alert events", () => {
  test("TC_N_20_CS thresholds of EVSE.Power while energy flows and after it (errata 6.2.89)", () =>
    onCharger(ENABLED, async (system) => {
      await system.send("SetMonitoringBase", { monitoringBase: "All" }, { status: "Accepted" });
      await system.send("SetMonitoringLevel", { severity: 8 }, { status: "Accepted" });
      const upper = await accepted(system, { ...POWER, type: "UpperThreshold", value: 100 });
      await system.charge();
      const exceeded = await system.receive("NotifyEvent", event({ variableMonitoringId: upper }));
      expect(exceeded).toMatchObject({
        seqNo: 0,
        eventData: [
          {
            ...POWER,
            trigger: "Alerting",
            cleared: false,
            transactionId: system.transactionId,
            eventNotificationType: "CustomMonitor",
          },
        ],
      });
      const lower = await accepted(system, { ...POWER, type: "LowerThreshold", value: 10 });
      const from = system.charger.csms.calls.length;
      await system.charger.everest.evse(1).pause("EV");
      await system.charger.csms.waitFor(
        "NotifyEvent",
        ({ eventData }) =>
          (eventData as readonly Facts[]).some(({ variableMonitoringId }) => variableMonitoringId === lower),
        8_000,
        from,
      );
      const events = system.charger.csms.calls
        .slice(from)
        .flatMap(({ action, request }) => (action === "NotifyEvent" ? (request.eventData as readonly Facts[]) : []));
      expect(events).toMatchObject([
        { variableMonitoringId: upper, cleared: true },
        { variableMonitoringId: lower, cleared: false },
      ]);
    }));

  test("TC_N_45_CS, TC_N_56_CS numeric and other differences (errata 6.2.106, 6.2.110)", () =>
    onCharger(ENABLED, async (system) => {
      const numeric = await accepted(system, { ...POWER, type: "Delta", value: 100 });
      const state = await accepted(system, { ...AVAILABILITY, type: "Delta", value: 1 });
      await system.charger.everest.evse(1).plugIn();
      await system.receive(
        "NotifyEvent",
        event({ ...AVAILABILITY, trigger: "Delta", variableMonitoringId: state, actualValue: "Occupied" }),
      );
      await system.charger.everest.evse(1).authorize({ id_token: { value: "04A1" } });
      await system.charger.everest.evse(1).startCharging();
      await system.receive("NotifyEvent", event({ ...POWER, trigger: "Delta", variableMonitoringId: numeric }));
    }));

  test("TC_N_48_CS of a write-only variable no value is told", () =>
    onCharger(ENABLED, async (system) => {
      const secret = { component: { name: "SecurityCtrlr" }, variable: { name: "BasicAuthPassword" } };
      const id = await accepted(system, { ...secret, type: "Delta", value: 1 });
      await system.setVariable("SecurityCtrlr", "BasicAuthPassword", "DEADBEEFDEADBEEE");
      system.charger.csms.expectPassword("DEADBEEFDEADBEEE");
      await system.receive("NotifyEvent", event({ ...secret, actualValue: "", variableMonitoringId: id }));
    }));

  test("TC_N_51_CS, TC_N_52_CS a modified threshold is exceeded; a removed one tells nothing", () =>
    onCharger(ENABLED, async (system) => {
      const id = await accepted(system, { ...THRESHOLD, type: "UpperThreshold", value: 1_000 });
      await write(system, "500");
      await accepted(system, { ...THRESHOLD, id, type: "UpperThreshold", value: 400 });
      await system.receive("NotifyEvent", event({ variableMonitoringId: id, actualValue: "500", trigger: "Alerting" }));
      await system.send(
        "ClearVariableMonitoring",
        { id: [id] },
        { clearMonitoringResult: [{ id, status: "Accepted" }] },
      );
      await system.send(
        "GetMonitoringReport",
        { requestId: 3, monitoringCriteria: ["ThresholdMonitoring"] },
        { status: "EmptyResultSet" },
      );
      await write(system, "5");
      await system.receiveNo("NotifyEvent", 1_500);
    }));

  test(
    "TC_N_53_CS, N07.FR.14 monitors outlive kill -9, and a threshold is cleared after it",
    () =>
      onCharger(ENABLED, async (system) => {
        const id = await accepted(system, { ...THRESHOLD, type: "UpperThreshold", value: 100 });
        const power = await accepted(system, { ...POWER, type: "UpperThreshold", value: 100 });
        await write(system, "500");
        await system.receive("NotifyEvent", event({ variableMonitoringId: id, cleared: false }));
        await system.charge();
        await system.receive("NotifyEvent", event({ variableMonitoringId: power, cleared: false }));
        await system.charger.end("SIGKILL");
        await system.charger.everest.evse(1).pause("EV");
        system.skip();
        await system.charger.startStation();
        expect(await report(system, { monitoringCriteria: ["ThresholdMonitoring"] })).toHaveLength(2);
        const from = system.charger.csms.calls.length;
        await write(system, "50");
        await system.charger.csms.waitFor(
          "NotifyEvent",
          ({ eventData }) =>
            (eventData as readonly Facts[]).some(
              ({ variableMonitoringId, cleared }) => variableMonitoringId === id && cleared === true,
            ),
          8_000,
          from,
        );
        await system.charger.csms.waitFor(
          "NotifyEvent",
          ({ eventData }) =>
            (eventData as readonly Facts[]).some(
              ({ variableMonitoringId, cleared }) => variableMonitoringId === power && cleared === true,
            ),
          12_000,
          0,
        );
      }),
    60_000,
  );

  test(
    "TC_N_23_CS what is less severe than OfflineQueuingSeverity is not queued (errata 6.2.90)",
    () =>
      onCharger(ENABLED, async (system) => {
        await system.setVariable("MonitoringCtrlr", "OfflineQueuingSeverity", "4");
        for (const one of [AVAILABILITY, CONNECTOR]) await accepted(system, { ...one, type: "Delta", value: 1 });
        const kept = await accepted(system, { ...CONNECTOR, type: "Delta", value: 1, severity: 4 });
        const evse = system.charger.everest.evse(1);
        await evse.plugIn();
        await system.receive("NotifyEvent", event({ actualValue: "Occupied" }));
        await Bun.sleep(500);
        system.charger.csms.refuseWith = 503;
        system.charger.csms.drop();
        await evse.unplug();
        await evse.plugIn();
        await Bun.sleep(500);
        const from = system.charger.csms.calls.length;
        system.charger.csms.refuseWith = undefined;
        await system.charger.csms.waitFor("NotifyEvent", undefined, 15_000, from);
        await Bun.sleep(1_000);
        const events = system.charger.csms.calls
          .slice(from)
          .flatMap(({ action, request }) => (action === "NotifyEvent" ? (request.eventData as readonly Facts[]) : []));
        expect(events.map(({ variableMonitoringId, actualValue }) => [variableMonitoringId, actualValue])).toEqual([
          [kept, "Available"],
          [kept, "Occupied"],
        ]);
      }),
    40_000,
  );
});

describe("N08: periodic events", () => {
  test("TC_N_24_CS every two seconds (errata 6.2.91, 6.2.94, 6.2.95)", () =>
    onCharger(ENABLED, async (system) => {
      await system.send("SetMonitoringLevel", { severity: 8 }, { status: "Accepted" });
      const id = await accepted(system, { ...POWER, type: "Periodic", value: 2 });
      const facts = event({ ...POWER, trigger: "Periodic", variableMonitoringId: id });
      const first = await system.receive("NotifyEvent", facts);
      const second = await system.receive("NotifyEvent", facts);
      const at = ({ generatedAt }: Facts) => Date.parse(String(generatedAt));
      expect(Math.round((at(second) - at(first)) / 1_000)).toBe(2);
    }));
});

test("inspect monitors is a view of the databases of a running station", () =>
  onCharger(ENABLED, async (system) => {
    await accepted(system, { ...POWER, type: "UpperThreshold", value: 100 });
    await accepted(system, { ...THRESHOLD, type: "Delta", value: 5 });
    const { EXECUTABLE } = await import("../support/charger.ts");
    const { directory } = system.charger;
    const { stdout } = Bun.spawnSync([
      EXECUTABLE,
      "inspect",
      "monitors",
      "--json",
      "--device-model-database-path",
      `${directory}/device_model.db`,
      "--everest-device-model-database-path",
      `${directory}/everest_device_model.db`,
    ]);
    expect(
      (JSON.parse(stdout.toString()) as readonly Facts[]).toSorted((a, b) => Number(a.id) - Number(b.id)),
    ).toMatchObject([
      {
        id: 1,
        component: "EVSE",
        evse: 1,
        variable: "Power",
        type: "UpperThreshold",
        value: 100,
        kind: "CustomMonitor",
      },
      { id: 2, component: "OCPPCommCtrlr", variable: "OfflineThreshold", type: "Delta", value: 5 },
    ]);
  }));
