import { isPeriodic, isThreshold } from "../../device-model/monitor-rules.ts";
import type { Monitor, Monitors } from "../../device-model/monitors.ts";
import { isNamedBy } from "../../device-model/reports.ts";
import { DeviceDataCtrlr, InternalCtrlr } from "../../device-model/variables.ts";
import type { ComponentVariableType, MonitoringCriterionEnumType, MonitoringDataType } from "../../ocpp/v201/index.ts";
import type { Given } from "../block.ts";
import { checkMessageLimits } from "../model/message-limits.ts";
import { messageParts } from "../model/message-parts.ts";
import { REPORTS_ARE_WAITING, type ReportQueue } from "../model/report-queue.ts";
import { addressOf } from "./monitor-events.ts";

const DEFAULT_MESSAGE_BYTES = 32_000;
/** A part holds at least something, whatever the configuration says. */
const SMALLEST_MESSAGE_BYTES = 2_000;
const ENVELOPE_BYTES = 500;
const VARIABLES_PER_PART = 100;

const SELECTS: Readonly<Record<MonitoringCriterionEnumType, (monitor: Monitor) => boolean>> = {
  ThresholdMonitoring: ({ type }) => isThreshold(type), // N02.FR.12
  DeltaMonitoring: ({ type }) => type === "Delta", // N02.FR.13
  PeriodicMonitoring: ({ type }) => isPeriodic(type), // N02.FR.14
};

/** The monitors that are asked for, by variable; without criteria or variables all of them (N02.FR.05, FR.06, FR.08, FR.11). */
export function monitoringData(
  monitors: Iterable<Monitor>,
  criteria: readonly MonitoringCriterionEnumType[] | undefined,
  filters: readonly ComponentVariableType[] | undefined,
): readonly MonitoringDataType[] {
  const wanted = [...monitors].filter(
    (monitor) =>
      (criteria === undefined || criteria.some((criterion) => SELECTS[criterion](monitor))) &&
      (filters === undefined || filters.some((filter) => isNamedBy(monitor.variable, filter))), // N02.FR.16–21
  );
  return [...Map.groupBy(wanted, ({ variable }) => variable).values()].flatMap((ofVariable) => {
    const [first] = ofVariable;
    if (first === undefined) return [];
    const variableMonitoring = ofVariable.map(({ id, transaction, value, type, severity }) => ({
      id,
      transaction,
      value,
      type,
      severity,
    }));
    return [{ ...addressOf(first), variableMonitoring }];
  });
}

/** N02: GetMonitoringReport; every criterion is supported, so NotSupported (N02.FR.02) is never the answer. */
export function serveMonitoringReports(
  { clock, csms, deviceModel }: Given,
  monitors: Monitors,
  queue: ReportQueue,
  demandAvailable: () => void,
): void {
  csms.handle("GetMonitoringReport", (request) => {
    demandAvailable();
    const { requestId, monitoringCriteria, componentVariable } = request;
    const items = deviceModel.read(DeviceDataCtrlr.ItemsPerMessage_GetReport);
    checkMessageLimits(request, componentVariable?.length ?? 0, { items, bytes: undefined }); // N02.FR.07
    if (queue.isFull) return { response: REPORTS_ARE_WAITING };
    const data = monitoringData(monitors.active(), monitoringCriteria, componentVariable);
    if (data.length === 0) return { response: { status: "EmptyResultSet" } }; // N02.FR.10
    const messageBytes = deviceModel.read(InternalCtrlr.MaxMessageSize) ?? DEFAULT_MESSAGE_BYTES;
    const byteLimit = Math.max(SMALLEST_MESSAGE_BYTES, messageBytes) - ENVELOPE_BYTES;
    return {
      response: { status: "Accepted" }, // N02.FR.01
      afterResponse: () =>
        queue.schedule(
          `monitoring report ${requestId}`,
          messageParts(data, VARIABLES_PER_PART, byteLimit),
          (monitor, { seqNo, tbc }) =>
            csms.call("NotifyMonitoringReport", {
              requestId, // N02.FR.03, FR.04
              generatedAt: clock.now().toISOString(),
              seqNo, // N02.FR.09
              tbc,
              monitor,
            }),
        ),
    };
  });
}
