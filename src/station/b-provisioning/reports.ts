import { baseReport, customReport, inParts, type ReportEntry } from "../../device-model/reports.ts";
import { DeviceDataCtrlr, InternalCtrlr } from "../../device-model/variables.ts";
import type { NotifyReportRequest } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given } from "../block.ts";
import { checkMessageLimits } from "../model/message-limits.ts";
import { REPORTS_ARE_WAITING, ReportQueue } from "../model/report-queue.ts";

const DEFAULT_VALUE_SIZE = 2500;
const DEFAULT_MESSAGE_BYTES = 32_000;
const ENVELOPE_BYTES = 500;
/** A part holds at least something, whatever the configuration says. */
const SMALLEST_MESSAGE_BYTES = 2_000;
/** Entries of one NotifyReport: below what a CSMS must take, above what makes a full report chatty. */
const ITEMS_PER_PART = 100;
/** B07 and B08: base and custom reports, sent in parts. */
export const reports = declareBlock({ name: "reports", letter: "B", create });

function create({ clock, csms, deviceModel, logger }: Given) {
  const queue = new ReportQueue(logger);

  const valueLimit = (): number =>
    Math.min(DEFAULT_VALUE_SIZE, deviceModel.read(DeviceDataCtrlr.ReportingValueSize) || DEFAULT_VALUE_SIZE);

  const schedule = (requestId: number, entries: Iterable<ReportEntry>): void => {
    const messageBytes = deviceModel.read(InternalCtrlr.MaxMessageSize) ?? DEFAULT_MESSAGE_BYTES;
    const byteLimit = Math.max(SMALLEST_MESSAGE_BYTES, messageBytes) - ENVELOPE_BYTES;
    queue.schedule(`report ${requestId}`, inParts(entries, ITEMS_PER_PART, byteLimit), (reportData, { seqNo, tbc }) => {
      const request = {
        requestId, // B07.FR.04, B08.FR.04
        generatedAt: clock.now().toISOString(),
        seqNo, // B07.FR.10, B08.FR.14
        tbc,
        reportData,
      } as unknown as NotifyReportRequest;
      return csms.call("NotifyReport", request, { beforeAccepted: true }); // B07.FR.03, B08.FR.03
    });
  };

  // Every report base is supported (B07.FR.12).
  csms.handle("GetBaseReport", ({ requestId, reportBase }) => {
    if (queue.isFull) return { response: REPORTS_ARE_WAITING }; // B07.FR.13
    return {
      response: { status: "Accepted" }, // B07.FR.01
      afterResponse: () => schedule(requestId, baseReport(deviceModel, reportBase, valueLimit())),
    };
  });

  csms.handle("GetReport", (request) => {
    const { requestId, componentCriteria = [], componentVariable = [] } = request;
    checkMessageLimits(request, componentVariable.length, {
      items: deviceModel.read(DeviceDataCtrlr.ItemsPerMessage_GetReport),
      bytes: deviceModel.read(DeviceDataCtrlr.BytesPerMessage_GetReport),
    }); // B08.FR.06, FR.17, FR.18
    const supported = deviceModel.read(InternalCtrlr.SupportedCriteria) ?? componentCriteria;
    if (componentCriteria.some((criterion) => !supported.includes(criterion)))
      return { response: { status: "NotSupported" } }; // B08.FR.02
    if (queue.isFull) return { response: REPORTS_ARE_WAITING }; // B08.FR.16
    const entries = () => customReport(deviceModel, componentCriteria, componentVariable, valueLimit());
    if (entries().next().done === true) return { response: { status: "EmptyResultSet" } }; // B08.FR.15
    return { response: { status: "Accepted" }, afterResponse: () => schedule(requestId, entries()) }; // B08.FR.01
  });

  return { stop: () => queue.stop() };
}
