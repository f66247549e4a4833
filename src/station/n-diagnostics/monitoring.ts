import { LEAST_SEVERE } from "../../device-model/monitor-rules.ts";
import { type MonitoringBase, type MonitorResult, Monitors } from "../../device-model/monitors.ts";
import { MonitoringCtrlr } from "../../device-model/variables.ts";
import { OcppError } from "../../ocpp/errors.ts";
import type { SetMonitoringDataType, SetMonitoringResultType, StatusInfoType } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given } from "../block.ts";
import { checkMessageLimits, longestAddressBytes } from "../model/message-limits.ts";
import { ReportQueue } from "../model/report-queue.ts";
import { toAddress } from "../model/variable-address.ts";
import { MonitorRunner } from "./monitor-runner.ts";
import { serveMonitoringReports } from "./monitoring-report.ts";
import { monitorsView } from "./monitors-view.ts";

/** What an item of SetVariableMonitoring has beside its address. */
const SETTING_BYTES = JSON.stringify({ id: 10_000, value: 10_000.5, type: "PeriodicClockAligned", severity: 9 }).length;
const BASES: readonly string[] = ["All", "FactoryDefault", "HardWiredOnly"] satisfies readonly MonitoringBase[];

function toStatusInfo({ reasonCode = "NoError", additionalInfo }: MonitorResult): StatusInfoType | undefined {
  return additionalInfo === undefined ? undefined : { reasonCode, additionalInfo: additionalInfo.slice(0, 512) };
}

/** The id is one of the station's, so only what was accepted has one. */
function toResult(item: SetMonitoringDataType, result: MonitorResult): SetMonitoringResultType {
  const { component, variable, type, severity } = item;
  const statusInfo = toStatusInfo(result);
  return {
    ...(result.monitor !== undefined && { id: result.monitor.id }), // N04.FR.11
    status: result.status,
    type,
    severity,
    component, // N04.FR.02
    variable,
    ...(statusInfo !== undefined && { statusInfo }),
  };
}

/** N02–N08: monitors of variables. */
export const monitoring = declareBlock({
  name: "monitoring",
  letter: "N",
  needs: ["eventStream"],
  hears: {
    "link.connected": "follow-up",
    "station.accepted": "follow-up",
    "station.transactionStarted": "follow-up",
    "station.transactionResumed": "follow-up",
  },
  deviceModelViews: { monitors: monitorsView },
  create,
});

function create(given: Given<"eventStream">) {
  const { csms, deviceModel, logger } = given;
  const base = (): MonitoringBase => {
    const value = deviceModel.read(MonitoringCtrlr.ActiveMonitoringBase) ?? "";
    return BASES.includes(value) ? (value as MonitoringBase) : "All";
  };
  const monitors = new Monitors(deviceModel, logger, base);
  const runner = new MonitorRunner(given, monitors);
  const reports = new ReportQueue(logger);

  const demandAvailable = (): void => {
    if (deviceModel.read(MonitoringCtrlr.Available) === false)
      throw new OcppError("NotSupported", "MonitoringCtrlr.Available is false");
  };

  let addressBytes: number | undefined;
  csms.handle("SetVariableMonitoring", (request) => {
    demandAvailable();
    const { setMonitoringData } = request;
    addressBytes ??= longestAddressBytes(deviceModel);
    checkMessageLimits(request, setMonitoringData.length, {
      items: deviceModel.read(MonitoringCtrlr.ItemsPerMessage_SetVariableMonitoring),
      bytes: deviceModel.read(MonitoringCtrlr.BytesPerMessage_SetVariableMonitoring),
      shortestItemBytes: addressBytes + SETTING_BYTES,
    }); // N04.FR.09
    const results = monitors.set(
      setMonitoringData.map(({ id, value, type, severity, transaction = false, component, variable }) => ({
        ...(id !== undefined && { id }),
        value,
        type,
        severity,
        transaction,
        address: toAddress(component, variable),
      })),
    );
    const changed = results.flatMap(({ monitor }) => (monitor === undefined ? [] : [monitor]));
    runner.follow(changed.filter((monitor) => monitors.isActive(monitor)));
    // One result for each item, in their order (N04.FR.01).
    const setMonitoringResult = setMonitoringData.map((item, index) =>
      toResult(item, results[index] ?? { status: "Rejected" }),
    );
    return { response: { setMonitoringResult }, afterResponse: () => runner.touch(changed) };
  });

  csms.handle("ClearVariableMonitoring", (request) => {
    demandAvailable();
    const { id: ids } = request;
    checkMessageLimits(request, ids.length, {
      items: deviceModel.read(MonitoringCtrlr.ItemsPerMessage_ClearVariableMonitoring),
      bytes: deviceModel.read(MonitoringCtrlr.BytesPerMessage_ClearVariableMonitoring),
    }); // N06.FR.06, FR.07
    const statuses = monitors.clear(ids);
    runner.follow([]);
    const clearMonitoringResult = ids.map((id, index) => ({ id, status: statuses[index] ?? ("Rejected" as const) }));
    return { response: { clearMonitoringResult } }; // N06.FR.05
  });

  // Every base is supported (N03.FR.02), as long as there is a variable to keep it in.
  csms.handle("SetMonitoringBase", ({ monitoringBase }) => {
    demandAvailable();
    if (typeof deviceModel.find(MonitoringCtrlr.ActiveMonitoringBase) === "string")
      return { response: { status: "NotSupported" } };
    const restored = monitors.applyBase(monitoringBase);
    deviceModel.write(MonitoringCtrlr.ActiveMonitoringBase, monitoringBase, "csms");
    runner.follow(restored);
    return { response: { status: "Accepted" }, afterResponse: () => runner.touchAll() }; // N03.FR.01
  });

  csms.handle("SetMonitoringLevel", ({ severity }) => {
    demandAvailable();
    const isPossible = severity >= 0 && severity <= LEAST_SEVERE;
    if (!isPossible || typeof deviceModel.find(MonitoringCtrlr.ActiveMonitoringLevel) === "string")
      return { response: { status: "Rejected" } }; // N05.FR.02
    deviceModel.write(MonitoringCtrlr.ActiveMonitoringLevel, severity, "csms");
    return { response: { status: "Accepted" } }; // N05.FR.01
  });

  serveMonitoringReports(given, monitors, reports, demandAvailable);

  return {
    hears: {
      "link.connected": () => runner.touchAll(),
      "station.accepted": () => runner.touchAll(),
      "station.transactionStarted": () => runner.touchAll(),
      "station.transactionResumed": () => runner.touchAll(),
    },
    start: () => runner.start(),
    stop() {
      runner.stop();
      reports.stop();
    },
  };
}
