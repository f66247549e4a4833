import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import type { MonitorDefinition } from "../../../../src/device-model/monitor-rules.ts";
import { MonitoringCtrlr } from "../../../../src/device-model/variables.ts";
import { AVAILABILITY, MonitoredCharger, POWER, watchedEvse } from "./support.ts";

let station: MonitoredCharger;
afterEach(() => station.charger.dispose());

const LEVEL = { component: { name: "OCPPCommCtrlr" }, variable: { name: "OfflineThreshold" } };
/** A charger of which the maker watches the availability of EVSE 1 himself. */
const withMonitors = (...monitors: readonly MonitorDefinition[]) => MonitoredCharger.start({}, monitors);
const DELTA: MonitorDefinition = {
  type: "Delta",
  kind: "PreconfiguredMonitor",
  value: 1,
  severity: 4,
  transaction: false,
};

describe("SetVariableMonitoring", () => {
  test("N04.FR.01, FR.02: one result for each item in their order, each with its own status", async () => {
    station = await MonitoredCharger.start();
    const results = await station.set(
      {},
      { component: { name: "Toaster" } },
      { variable: { name: "Crumbs" } },
      { ...AVAILABILITY },
      { type: "Delta", value: -1 },
      { value: 99_999 },
      { severity: 10 },
      { type: "LowerThreshold", value: 5 },
      { id: 4_711 },
    );
    expect(results.map(({ status }) => status)).toEqual([
      "Accepted",
      "UnknownComponent", // N04.FR.03
      "UnknownVariable", // N04.FR.04
      "UnsupportedMonitorType", // N04.FR.05
      "Rejected", // N04.FR.14
      "Rejected", // N04.FR.06
      "Rejected",
      "Accepted", // N04.FR.08
      "Rejected", // N04.FR.13
    ]);
    expect(results.map(({ id }) => id !== undefined)).toEqual([
      true,
      false,
      false,
      false,
      false,
      false,
      false,
      true,
      false,
    ]); // N04.FR.11
    expect(results[2]).toMatchObject({
      component: POWER.component,
      variable: { name: "Crumbs" },
      type: "UpperThreshold",
    });
    expect(results[4]?.statusInfo?.reasonCode).toBe("ValuePositiveOnly");
    expect(results[5]?.statusInfo?.reasonCode).toBe("ValueOutOfRange");
    expect(await station.report()).toEqual(["1 Power UpperThreshold 1000 5", "2 Power LowerThreshold 5 5"]);
  });

  test("integer variables take thresholds, those of the component files as well", async () => {
    station = await MonitoredCharger.start();
    const id = await station.monitor("UpperThreshold", 100, LEVEL);
    await station.call("SetVariables", { setVariableData: [{ ...LEVEL, attributeValue: "101" }] });
    expect(station.told()).toEqual([`${id}:101`]);
  });

  test("N04.FR.10: Duplicate with the same type and severity, in one message, and by a replacement", async () => {
    station = await MonitoredCharger.start();
    const results = await station.set({}, { value: 500 }, { severity: 6 });
    expect(results.map(({ status }) => status)).toEqual(["Accepted", "Duplicate", "Accepted"]);
    const [again] = await station.set({ id: Number(results[2]?.id), severity: 5 });
    expect(again?.status).toBe("Duplicate");
    expect(await station.report()).toEqual(["1 Power UpperThreshold 1000 5", "2 Power UpperThreshold 1000 6"]);
  });

  test("N04.FR.12, FR.16: an id replaces, but never that of another variable", async () => {
    station = await MonitoredCharger.start();
    const id = await station.monitor("UpperThreshold", 1_000);
    const [other] = await station.set({ ...AVAILABILITY, type: "Delta", value: 1, id });
    expect(other).toMatchObject({ status: "Rejected" });
    expect(await station.monitor("LowerThreshold", 7, { id, severity: 2 })).toBe(id);
    expect(await station.report()).toEqual([`${id} Power LowerThreshold 7 2`]);
  });

  test("ids at the limits of an integer are answered", async () => {
    station = await MonitoredCharger.start();
    const ids = [0, -1, 2_147_483_647, -2_147_483_648];
    expect((await station.set(...ids.map((id) => ({ id })))).map(({ status }) => status)).toEqual(
      ids.map(() => "Rejected"),
    );
    expect(await station.call("ClearVariableMonitoring", { id: ids })).toEqual({
      clearMonitoringResult: ids.map((id) => ({ id, status: "NotFound" })),
    });
  });

  test("N04.FR.05: without support, and where no change is ever noticed", async () => {
    station = await MonitoredCharger.start();
    const internal = { component: { name: "InternalCtrlr" }, variable: { name: "MonitorsProcessingInterval" } };
    const time = { component: { name: "ClockCtrlr" }, variable: { name: "DateTime" } };
    const results = await station.set(
      { ...internal, type: "Delta" },
      { ...time, type: "Delta" },
      { ...time, type: "Periodic", value: 10 },
    );
    expect(results.map(({ status }) => status)).toEqual([
      "UnsupportedMonitorType",
      "UnsupportedMonitorType",
      "Accepted",
    ]);
  });

  test("N04.FR.09: more items or bytes than the variables say", async () => {
    station = await MonitoredCharger.start();
    const items = (count: number, name = "Power") =>
      Array.from({ length: count }, (_, severity) => ({ ...POWER, variable: { name }, severity }));
    const many = await station.charger.call("SetVariableMonitoring", { setMonitoringData: items(251) });
    expect(many).toMatchObject({ kind: "error", body: "OccurrenceConstraintViolation" });
    const long = {
      setMonitoringData: items(250, "x".repeat(50)),
      customData: { vendorId: "v", text: "y".repeat(100_000) },
    };
    expect(await station.charger.call("SetVariableMonitoring", long)).toMatchObject({
      kind: "error",
      body: "FormatViolation",
    });
    expect(await station.report()).toEqual(["EmptyResultSet"]);
  });

  test("MonitoringCtrlr.Available false: nothing of it is supported", async () => {
    station = await MonitoredCharger.start({ "MonitoringCtrlr.Available": "false" });
    for (const [action, request] of [
      ["SetVariableMonitoring", { setMonitoringData: [{ ...POWER, severity: 5 }] }],
      ["ClearVariableMonitoring", { id: [1] }],
      ["SetMonitoringBase", { monitoringBase: "All" }],
      ["SetMonitoringLevel", { severity: 5 }],
      ["GetMonitoringReport", { requestId: 1 }],
    ] as const)
      expect(await station.charger.call(action, request)).toMatchObject({ kind: "error", body: "NotSupported" });
  });
});

describe("preconfigured and hard-wired monitors", () => {
  test("eventNotificationType tells whose it is; component files speak of EVerest's EVSEs, too", async () => {
    station = await withMonitors(DELTA, { ...DELTA, kind: "HardWiredMonitor", severity: 2 });
    station.charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" } as never);
    await station.charger.clock.advance(100);
    expect(station.events().map(({ eventNotificationType }) => eventNotificationType)).toEqual([
      "PreconfiguredMonitor",
      "HardWiredMonitor",
    ]);
  });

  test("N04.FR.18, N06.FR.03: a hard-wired one is neither replaced nor cleared", async () => {
    station = await withMonitors({ ...DELTA, kind: "HardWiredMonitor" });
    expect(await station.set({ ...AVAILABILITY, type: "Delta", value: 1, id: 1 })).toMatchObject([
      { status: "Rejected" },
    ]);
    expect(await station.call("ClearVariableMonitoring", { id: [1] })).toEqual({
      clearMonitoringResult: [{ id: 1, status: "Rejected" }],
    });
    for (const monitoringBase of ["HardWiredOnly", "FactoryDefault", "All"]) {
      await station.call("SetMonitoringBase", { monitoringBase });
      expect(await station.report()).toEqual(["1 AvailabilityState Delta 1 4"]);
    }
  });

  test("TC_N_41, N03.FR.03, FR.04, N04.FR.15: a replaced one stays with All, and is back with FactoryDefault", async () => {
    station = await withMonitors(DELTA);
    await station.monitor("Delta", 1, { ...AVAILABILITY, id: 1, severity: 5 });
    await station.monitor("UpperThreshold", 10);
    const changed = ["1 AvailabilityState Delta 1 5", "2 Power UpperThreshold 10 5"];
    expect((await station.report()).toSorted()).toEqual(changed);
    station.charger.crash();
    await station.restart();
    expect(await station.call("SetMonitoringBase", { monitoringBase: "All" })).toEqual({ status: "Accepted" }); // N03.FR.01
    expect((await station.report()).toSorted()).toEqual(changed);
    await station.call("SetMonitoringBase", { monitoringBase: "FactoryDefault" });
    expect(await station.report()).toEqual(["1 AvailabilityState Delta 1 4"]);
  });

  test("one that is back does not know what its replacement has told, after a restart neither", async () => {
    const upper = { ...DELTA, type: "UpperThreshold", value: 3_000 } as const;
    station = await MonitoredCharger.start({}, [upper], "Power");
    await station.monitor("UpperThreshold", 100, { id: 1 });
    await station.power(2_000);
    expect(station.told()).toEqual(["1:2000"]);
    await station.call("SetMonitoringBase", { monitoringBase: "FactoryDefault" });
    expect(station.told()).toEqual([]);
    station.charger.crash();
    await station.restart();
    expect(station.told()).toEqual([]);
    await station.power(3_001);
    expect(station.told()).toEqual(["1:3001"]);
  });

  test("N03.FR.05: HardWiredOnly removes custom and disables preconfigured ones, which come back", async () => {
    station = await withMonitors(DELTA);
    await station.monitor("UpperThreshold", 10);
    await station.call("SetMonitoringBase", { monitoringBase: "HardWiredOnly" });
    expect(await station.report()).toEqual(["EmptyResultSet"]);
    expect(station.charger.deviceModel.read(MonitoringCtrlr.ActiveMonitoringBase)).toBe("HardWiredOnly");
    station.charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" } as never);
    await station.charger.clock.advance(100);
    expect(station.told()).toEqual([]);
    station.charger.crash();
    await station.restart();
    expect(await station.report()).toEqual(["EmptyResultSet"]);
    await station.call("SetMonitoringBase", { monitoringBase: "All" });
    expect(await station.report()).toEqual(["1 AvailabilityState Delta 1 4"]);
  });

  test("N06.FR.01, FR.05: a cleared preconfigured one stays away over a restart, until the base brings it back", async () => {
    station = await withMonitors(DELTA);
    expect(await station.call("ClearVariableMonitoring", { id: [1, 1] })).toEqual({
      clearMonitoringResult: [
        { id: 1, status: "Accepted" },
        { id: 1, status: "NotFound" }, // N06.FR.02
      ],
    });
    station.charger.crash();
    await station.restart();
    expect(await station.report()).toEqual(["EmptyResultSet"]);
    await station.call("SetMonitoringBase", { monitoringBase: "All" });
    expect(await station.report()).toEqual(["1 AvailabilityState Delta 1 4"]);
  });

  test("a file that is edited counts; what the CSMS has made of the old monitor stays its own", async () => {
    station = await withMonitors(DELTA, { ...DELTA, severity: 7 });
    await station.monitor("Delta", 1, { ...AVAILABILITY, id: 1, severity: 5 });
    station.charger.crash();
    station.charger.furtherComponents = [watchedEvse([{ ...DELTA, severity: 7, transaction: true }])];
    await station.restart();
    await station.call("SetMonitoringBase", { monitoringBase: "FactoryDefault" });
    expect(await station.report()).toEqual(["2 AvailabilityState Delta 1 7"]);
  });
});

describe("ids and files", () => {
  test("an id is never given twice, and the two files of the device model share the numbers", async () => {
    station = await MonitoredCharger.start();
    const first = await station.monitor("UpperThreshold", 1_000);
    const second = await station.monitor("UpperThreshold", 100, LEVEL);
    await station.call("ClearVariableMonitoring", { id: [first, second] });
    station.charger.crash();
    await station.restart();
    expect(await station.monitor("UpperThreshold", 100, LEVEL)).toBe(second + 1);
    expect(await station.monitor("UpperThreshold", 1_000)).toBe(second + 2);
  });

  test("a component that has come since the start can be watched", async () => {
    station = await MonitoredCharger.start();
    const characteristics = { dataType: "integer", supportsMonitoring: true } as const;
    const attributes = [{ type: "Actual", mutability: "ReadWrite", value: "1" }] as const;
    station.charger.deviceModel.addComponentBeside(
      { component: "OCPPCommCtrlr", variable: "OfflineThreshold" },
      { name: "Late", variables: [{ name: "Number", characteristics, attributes }] },
    );
    const late = { component: { name: "Late" }, variable: { name: "Number" } };
    const id = await station.monitor("UpperThreshold", 5, late);
    await station.call("SetVariables", { setVariableData: [{ ...late, attributeValue: "6" }] });
    expect(station.told()).toEqual([`${id}:6`]);
  });

  test("what libocpp has left is taken over, a Delta with its reference; it finds ours in its own columns", async () => {
    station = await MonitoredCharger.start();
    station.charger.crash();
    const path = join(station.charger.directory, "dm.db");
    const variableOf = (database: Database) =>
      database
        .query(
          "SELECT v.ID FROM VARIABLE v JOIN COMPONENT c ON c.ID = v.COMPONENT_ID WHERE v.NAME = 'OfflineThreshold'",
        )
        .values()[0]?.[0];
    const libocpp = new Database(path);
    libocpp
      .query(
        `INSERT INTO VARIABLE_MONITORING (VARIABLE_ID, SEVERITY, "TRANSACTION", TYPE_ID, CONFIG_TYPE_ID, VALUE, REFERENCE_VALUE)
         VALUES (?, 3, 0, 2, 2, 10, '20')`,
      )
      .run(variableOf(libocpp) as number);
    libocpp.close();
    await station.restart();
    expect(await station.report()).toEqual(["1 OfflineThreshold Delta 10 3"]);
    expect(station.told().length).toBe(1);
    await station.monitor("LowerThreshold", 5, { ...LEVEL, severity: 8, transaction: true });
    station.charger.crash();
    const left = new Database(path);
    expect(
      left
        .query(
          `SELECT ID, VARIABLE_ID, SEVERITY, "TRANSACTION", TYPE_ID, CONFIG_TYPE_ID, VALUE FROM VARIABLE_MONITORING ORDER BY ID`,
        )
        .values(),
    ).toEqual([
      [1, variableOf(left), 3, 0, 2, 2, 10],
      [2, variableOf(left), 8, 1, 1, 2, 5],
    ] as never);
    left.close();
    await station.charger.start();
  });

  test("two files in which libocpp gave the same id: one of them gets another", async () => {
    station = await MonitoredCharger.start();
    await station.monitor("UpperThreshold", 1_000);
    station.charger.crash();
    const libocpp = new Database(join(station.charger.directory, "dm.db"));
    libocpp.run(
      `INSERT INTO VARIABLE_MONITORING (ID, VARIABLE_ID, SEVERITY, "TRANSACTION", TYPE_ID, CONFIG_TYPE_ID, VALUE)
       SELECT 1, ID, 3, 0, 1, 2, 10 FROM VARIABLE WHERE NAME = 'OfflineThreshold'`,
    );
    libocpp.close();
    await station.restart();
    expect((await station.report()).toSorted()).toEqual([
      "1 OfflineThreshold LowerThreshold 10 3",
      "2 Power UpperThreshold 1000 5",
    ]);
  });

  test("a disk that takes nothing: CALLERROR, nothing changed", async () => {
    station = await MonitoredCharger.start();
    const id = await station.monitor("UpperThreshold", 1_000);
    const other = new Database(join(station.charger.directory, "edm.db"));
    other.run("CREATE TRIGGER full BEFORE INSERT ON VARIABLE_MONITORING BEGIN SELECT RAISE(ABORT, 'disk full'); END");
    // The first lies in another file, which takes it.
    const setMonitoringData = [
      { ...POWER, ...LEVEL, severity: 6 },
      { ...POWER, severity: 6 },
    ];
    expect(await station.charger.call("SetVariableMonitoring", { setMonitoringData })).toMatchObject({ kind: "error" });
    other.run("DROP TRIGGER full");
    other.close();
    expect(await station.report()).toEqual([`${id} Power UpperThreshold 1000 5`]);
    await station.monitor("UpperThreshold", 5, { severity: 6 });
  });
});

describe("GetMonitoringReport", () => {
  test("N02.FR.01, FR.03–14, FR.16–21: criteria, components, variables and instances select", async () => {
    station = await MonitoredCharger.start();
    await station.monitor("UpperThreshold", 1_000);
    await station.monitor("LowerThreshold", 1_000);
    await station.monitor("Delta", 1, AVAILABILITY);
    await station.monitor("Periodic", 600, { ...AVAILABILITY, component: { name: "EVSE", evse: { id: 2 } } });
    await station.monitor("PeriodicClockAligned", 900, {
      component: { name: "Connector", evse: { id: 2, connectorId: 1 } },
      variable: { name: "AvailabilityState" },
    });
    const ids = async (request: object) =>
      (await station.report(request as never)).map((one) => Number(one.split(" ")[0])).toSorted();
    expect(await ids({})).toEqual([1, 2, 3, 4, 5]);
    expect(await ids({ monitoringCriteria: ["ThresholdMonitoring"] })).toEqual([1, 2]);
    expect(await ids({ monitoringCriteria: ["DeltaMonitoring", "PeriodicMonitoring"] })).toEqual([3, 4, 5]);
    const evse = (id?: number) => ({ component: { name: "EVSE", ...(id !== undefined && { evse: { id } }) } });
    expect(await ids({ componentVariable: [evse()] })).toEqual([1, 2, 3, 4]);
    expect(await ids({ componentVariable: [evse(1)], monitoringCriteria: ["DeltaMonitoring"] })).toEqual([3]);
    expect(await ids({ componentVariable: [{ ...evse(1), variable: { name: "power" } }] })).toEqual([1, 2]);
    expect(await ids({ componentVariable: [{ component: { name: "Connector", evse: { id: 2 } } }] })).toEqual([5]);
    expect(await station.report({ componentVariable: [{ component: { name: "Toaster" } }] })).toEqual([
      "EmptyResultSet",
    ]);
  });

  test("more than ten monitors are all reported, in parts none of which is empty (N02.FR.09)", async () => {
    station = await MonitoredCharger.start({ "InternalCtrlr.MaxMessageSize": "2000" });
    const items = [1, 2].flatMap((id) =>
      ["Power", "SupplyPhases"].flatMap((name) =>
        Array.from({ length: 10 }, (_, severity) => ({
          component: { name: "EVSE", evse: { id } },
          variable: { name },
          type: "Delta" as const,
          severity,
        })),
      ),
    );
    await station.set(...items);
    expect((await station.report()).length).toBe(40);
    const parts = station.charger.callsOf("NotifyMonitoringReport");
    expect(parts.length).toBeGreaterThan(2);
    expect(parts.map(({ seqNo, tbc, requestId }) => ({ seqNo, tbc, requestId }))).toEqual(
      parts.map((_, seqNo) => ({ seqNo, tbc: seqNo < parts.length - 1, requestId: 7 })),
    );
    expect(parts.every(({ monitor }) => (monitor as readonly unknown[]).length > 0)).toBe(true);
  });

  test("N02.FR.07: more component-variables than ItemsPerMessage of GetReport", async () => {
    station = await MonitoredCharger.start({ "DeviceDataCtrlr.ItemsPerMessage": "2" });
    const componentVariable = Array.from({ length: 3 }, () => ({ component: { name: "EVSE" } }));
    expect(await station.charger.call("GetMonitoringReport", { requestId: 1, componentVariable })).toMatchObject({
      kind: "error",
      body: "OccurrenceConstraintViolation",
    });
  });

  test("N06.FR.06, FR.07: more ids, or more bytes, than the variables say", async () => {
    station = await MonitoredCharger.start();
    const ids = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
    expect(await station.charger.call("ClearVariableMonitoring", { id: ids(5_001) })).toMatchObject({
      kind: "error",
      body: "OccurrenceConstraintViolation",
    });
    const customData = { vendorId: "v", text: "y".repeat(70_000) };
    expect(await station.charger.call("ClearVariableMonitoring", { id: [1], customData })).toMatchObject({
      kind: "error",
      body: "FormatViolation",
    });
  });
});
