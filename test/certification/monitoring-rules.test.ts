import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Facts, onCharger, type TestSystem } from "../support/test-system.ts";

/** What N02 to N08 require beyond the cases of the errata, on the executable with a maker's own monitors. */
const POWER = { component: { name: "EVSE", evse: { id: 1 } }, variable: { name: "Power" } };
const AVAILABILITY = { component: { name: "EVSE", evse: { id: 1 } }, variable: { name: "AvailabilityState" } };
const THRESHOLD = { component: { name: "OCPPCommCtrlr" }, variable: { name: "OfflineThreshold" } };

let componentConfig: string;
beforeAll(() => {
  componentConfig = mkdtempSync(join(tmpdir(), "monitored-"));
  cpSync(join(import.meta.dir, "../../component_config"), componentConfig, { recursive: true });
  const monitor = { type: "Delta", value: 1 };
  const evse = {
    name: "EVSE",
    evse_id: 1,
    properties: {
      AvailabilityState: {
        variable_name: "AvailabilityState",
        characteristics: { dataType: "OptionList", supportsMonitoring: true },
        attributes: [{ type: "Actual", mutability: "ReadOnly" }],
        monitors: [
          { ...monitor, config_type: "PreconfiguredMonitor", severity: 4 },
          { ...monitor, config_type: "HardWiredMonitor", severity: 2 },
        ],
      },
    },
  };
  writeFileSync(join(componentConfig, "standardized/EVSE_1.json"), JSON.stringify(evse));
});
afterAll(() => rmSync(componentConfig, { recursive: true, force: true }));

setDefaultTimeout(40_000);
const onMonitored = (scenario: (system: TestSystem) => Promise<void>) =>
  onCharger({ componentConfig, patch: { MonitoringCtrlr: { Enabled: true } } }, scenario);

async function set(system: TestSystem, ...items: readonly Facts[]): Promise<readonly Facts[]> {
  const { setMonitoringResult } = await system.send("SetVariableMonitoring", {
    setMonitoringData: items.map((item) => ({ severity: 5, type: "Delta", value: 1, ...item })),
  } as never);
  return setMonitoringResult as readonly Facts[];
}

/** `id variable type severity` of what is reported; empty for EmptyResultSet. */
async function report(system: TestSystem): Promise<readonly string[]> {
  const from = system.charger.csms.calls.length;
  const { status } = await system.send("GetMonitoringReport", { requestId: 5 });
  if (status === "EmptyResultSet") return [];
  await system.charger.csms.waitFor("NotifyMonitoringReport", ({ tbc }) => tbc === false, 8_000, from);
  return system.charger.csms.calls
    .slice(from)
    .flatMap(({ action, request }) =>
      action === "NotifyMonitoringReport" ? (request.monitor as readonly Facts[]) : [],
    )
    .flatMap(({ variable, variableMonitoring }) =>
      (variableMonitoring as readonly Facts[]).map(
        ({ id, type, severity }) => `${id} ${(variable as { name: string }).name} ${type} ${severity}`,
      ),
    )
    .toSorted();
}

const eventsSince = (system: TestSystem, from: number): readonly Facts[] =>
  system.charger.csms.calls
    .slice(from)
    .flatMap(({ action, request }) => (action === "NotifyEvent" ? (request.eventData as readonly Facts[]) : []));

describe("N03: preconfigured and hard-wired monitors", () => {
  const [makers, wired] = ["1 AvailabilityState Delta 4", "2 AvailabilityState Delta 2"];

  test(
    "TC_N_41_CS, N04.FR.15: a replaced preconfigured monitor is back after FactoryDefault (errata 6.2.99–103)",
    () =>
      onMonitored(async (system) => {
        expect(await report(system)).toEqual([makers, wired]);
        expect(await set(system, { ...AVAILABILITY, id: 1, severity: 5 })).toMatchObject([
          { id: 1, status: "Accepted" },
        ]);
        expect(await report(system)).toEqual(["1 AvailabilityState Delta 5", wired]);
        await system.charger.end("SIGKILL");
        await system.charger.startStation();
        await system.send("SetMonitoringBase", { monitoringBase: "All" }, { status: "Accepted" });
        expect(await report(system)).toEqual(["1 AvailabilityState Delta 5", wired]);
        await system.send("SetMonitoringBase", { monitoringBase: "FactoryDefault" }, { status: "Accepted" });
        expect(await report(system)).toEqual([makers, wired]);
      }),
    30_000,
  );

  test(
    "N03.FR.01, FR.03–05, N04.FR.18, N06.FR.03: hard-wired ones stay, whatever is asked",
    () =>
      onMonitored(async (system) => {
        await set(system, { ...POWER });
        await system.send("SetMonitoringBase", { monitoringBase: "HardWiredOnly" }, { status: "Accepted" });
        expect(await report(system)).toEqual([wired]);
        expect(await set(system, { ...AVAILABILITY, id: 2 })).toMatchObject([{ status: "Rejected" }]);
        await system.send(
          "ClearVariableMonitoring",
          { id: [2] },
          { clearMonitoringResult: [{ id: 2, status: "Rejected" }] },
        );
        await system.charger.everest.evse(1).plugIn();
        expect(await system.receive("NotifyEvent")).toMatchObject({
          eventData: [{ ...AVAILABILITY, eventNotificationType: "HardWiredMonitor", variableMonitoringId: 2 }],
        });
        await system.send("SetMonitoringBase", { monitoringBase: "All" }, { status: "Accepted" });
        expect(await report(system)).toEqual([makers, wired]);
      }),
    30_000,
  );
});

describe("N04, N06: each item has its own status, and nothing else is changed", () => {
  test("N04.FR.01–06, FR.08, FR.10–14, N06.FR.01, FR.02, FR.05", () =>
    onMonitored(async (system) => {
      const results = await set(
        system,
        { ...THRESHOLD, type: "UpperThreshold", value: 100 },
        { ...THRESHOLD, type: "UpperThreshold", value: 90 },
        { component: { name: "Toaster" }, variable: { name: "Power" } },
        { component: THRESHOLD.component, variable: { name: "Crumbs" } },
        { ...AVAILABILITY, type: "LowerThreshold" },
        { component: { name: "InternalCtrlr" }, variable: { name: "MonitorsProcessingInterval" } },
        { ...THRESHOLD, type: "LowerThreshold", value: -1 },
        { ...THRESHOLD, severity: 10 },
        { ...THRESHOLD, severity: -1 },
        { ...THRESHOLD, id: 2_147_483_647 },
        { ...POWER, id: 1 },
        { ...THRESHOLD, type: "Periodic", value: 0 },
        { ...THRESHOLD, value: -0.5 },
      );
      expect(results.map(({ status }) => status)).toEqual([
        "Accepted",
        "Duplicate",
        "UnknownComponent",
        "UnknownVariable",
        "UnsupportedMonitorType",
        "UnsupportedMonitorType",
        ...Array.from({ length: 7 }, () => "Rejected"),
      ]);
      expect(await report(system)).toHaveLength(3);
      const id = Number(results[0]?.id);
      await system.send(
        "ClearVariableMonitoring",
        { id: [id, id, -2_147_483_648] },
        {
          clearMonitoringResult: [{ status: "Accepted" }, { status: "NotFound" }, { status: "NotFound" }],
        },
      );
    }));

  test("N02.FR.07, N04.FR.09, N06.FR.06, FR.07: too many items or bytes are CALLERRORs", () =>
    onMonitored(async (system) => {
      const item = { ...POWER, type: "Delta", value: 1, severity: 5 };
      const many = { setMonitoringData: Array.from({ length: 251 }, () => item) };
      await system.sendForError("SetVariableMonitoring", many, "OccurrenceConstraintViolation");
      const long = { vendorId: "v", text: "x".repeat(200_000) };
      await system.sendForError(
        "SetVariableMonitoring",
        { setMonitoringData: [item], customData: long },
        "FormatViolation",
      );
      const ids = Array.from({ length: 5_001 }, (_, index) => index);
      await system.sendForError("ClearVariableMonitoring", { id: ids }, "OccurrenceConstraintViolation");
      await system.sendForError("ClearVariableMonitoring", { id: [1], customData: long }, "FormatViolation");
      const componentVariable = Array.from({ length: 1_001 }, () => ({ component: { name: "EVSE" } }));
      await system.sendForError(
        "GetMonitoringReport",
        { requestId: 1, componentVariable },
        "OccurrenceConstraintViolation",
      );
      expect(await report(system)).toHaveLength(2);
    }));

  test("more than ten monitors are all reported, none of the parts is empty (N02.FR.03, FR.04, FR.09)", () =>
    onMonitored(async (system) => {
      const variables = ["OfflineThreshold", "HeartbeatInterval", "ResetRetries", "WebSocketPingInterval"];
      const items = variables.flatMap((name) =>
        ["UpperThreshold", "Delta", "Periodic"].flatMap((type) =>
          Array.from({ length: 10 }, (_, severity) => ({
            component: { name: "OCPPCommCtrlr" },
            variable: { name },
            type,
            severity,
            value: 3_600,
          })),
        ),
      );
      expect((await set(system, ...items)).filter(({ status }) => status !== "Accepted")).toEqual([]);
      expect(await report(system)).toHaveLength(122);
    }));
});

describe("N05, N07, N08: what is told", () => {
  test("N05.FR.01–03, N07.FR.15: less severe than the level is not told", () =>
    onMonitored(async (system) => {
      await system.send("SetMonitoringLevel", { severity: 10 }, { status: "Rejected" });
      await system.send("SetMonitoringLevel", { severity: 3 }, { status: "Accepted" });
      const from = system.charger.csms.calls.length;
      await system.charger.everest.evse(1).plugIn();
      await system.receive("NotifyEvent");
      await Bun.sleep(500);
      expect(eventsSince(system, from)).toMatchObject([{ variableMonitoringId: 2 }]);
    }));

  test("N07.FR.05: a fault and the monitor that sees it share numbering and order", () =>
    onMonitored(async (system) => {
      const [result] = await set(system, { ...AVAILABILITY, variable: { name: "Problem" } });
      const from = system.charger.csms.calls.length;
      const isSeen = ({ variableMonitoringId }: Facts): boolean => variableMonitoringId === result?.id;
      await system.charger.everest.evse(1).error("evse_manager/Inoperative", "Active");
      await system.charger.csms.waitFor(
        "NotifyEvent",
        ({ eventData }) => (eventData as readonly Facts[]).some(isSeen),
        8_000,
        from,
      );
      const events = eventsSince(system, from);
      const [fault] = events;
      expect(fault).toMatchObject({ eventNotificationType: "HardWiredNotification", actualValue: "true" });
      expect(events.map(({ eventId }) => eventId)).toEqual(events.map((_, index) => Number(fault?.eventId) + index));
      expect(events.find(isSeen)).toMatchObject({ cause: Number(fault?.eventId), actualValue: "true" });
    }));

  test(
    "N07.FR.04, N08.FR.03: what was queued offline outlives kill -9, in order",
    () =>
      onMonitored(async (system) => {
        const [delta, periodic] = await set(system, { ...POWER, value: 100 }, { ...POWER, type: "Periodic", value: 2 });
        system.charger.csms.refuseWith = 503;
        system.charger.csms.drop();
        const evse = system.charger.everest.evse(1);
        await evse.plugIn();
        await evse.authorize({ id_token: { value: "04A1" } });
        await Bun.sleep(3_000);
        await system.charger.end("SIGKILL");
        const from = system.charger.csms.calls.length;
        system.charger.csms.refuseWith = undefined;
        await system.charger.startStation();
        await system.charger.csms.waitFor("NotifyEvent", undefined, 10_000, from);
        await Bun.sleep(1_000);
        const events = eventsSince(system, from);
        const numbers = events.map(({ eventId }) => Number(eventId));
        expect(numbers).toEqual(numbers.toSorted((one, other) => one - other));
        expect(events.some(({ variableMonitoringId }) => variableMonitoringId === periodic?.id)).toBe(true);
        expect(events.filter(({ variableMonitoringId }) => variableMonitoringId === 2)).toMatchObject([
          { actualValue: "Occupied" },
        ]);
        expect(delta?.status).toBe("Accepted");
      }),
    40_000,
  );

  test("SetVariables of a monitored variable beside a periodic monitor does not loop, and integers have thresholds", () =>
    onMonitored(async (system) => {
      const [upper] = await set(
        system,
        { ...THRESHOLD, type: "UpperThreshold", value: 100 },
        { ...THRESHOLD, type: "Periodic", value: 3_600 },
      );
      const from = system.charger.csms.calls.length;
      await system.setVariable("OCPPCommCtrlr", "OfflineThreshold", "101");
      await system.receive("NotifyEvent", {
        eventData: [{ variableMonitoringId: Number(upper?.id), actualValue: "101" }],
      });
      await system.setVariable("OCPPCommCtrlr", "OfflineThreshold", "100");
      await Bun.sleep(500);
      expect(eventsSince(system, from)).toMatchObject([{ cleared: false }, { cleared: true }]);
    }));
});
