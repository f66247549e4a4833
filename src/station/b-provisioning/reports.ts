import { baseReport, customReport, inParts, type ReportEntry } from "../../device-model/reports.ts";
import { DeviceDataCtrlr, InternalCtrlr } from "../../device-model/variables.ts";
import type { NotifyReportRequest } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given } from "../block.ts";
import { checkMessageLimits } from "../model/message-limits.ts";

const DEFAULT_VALUE_SIZE = 2500;
const DEFAULT_MESSAGE_BYTES = 32_000;
const ENVELOPE_BYTES = 500;
/** A part holds at least something, whatever the configuration says. */
const SMALLEST_MESSAGE_BYTES = 2_000;
/** Entries of one NotifyReport: below what a CSMS must take, above what makes a full report chatty. */
const ITEMS_PER_PART = 100;
/** Reports that may wait for the one that is being sent. */
const REPORTS_WAITING_LIMIT = 10;

const BUSY = {
  status: "Rejected",
  statusInfo: { reasonCode: "OutOfMemory", additionalInfo: `${REPORTS_WAITING_LIMIT} reports are waiting` },
} as const;

/** B07 and B08: base and custom reports, sent in parts. */
export const reports = declareBlock({ name: "reports", letter: "B", create });

function create({ clock, csms, deviceModel, logger }: Given) {
  let stopped = false;
  /** Reports are sent one after the other, each whole. */
  let queue: Promise<void> = Promise.resolve();
  let waiting = 0;

  const valueLimit = (): number =>
    Math.min(DEFAULT_VALUE_SIZE, deviceModel.read(DeviceDataCtrlr.ReportingValueSize) || DEFAULT_VALUE_SIZE);

  /**
   * One part is on its way at a time, so that memory holds two; the next is made when it was answered. A CALLERROR is an
   * answer, too: the CSMS may miss a part, but not the end of the report.
   */
  const send = async (requestId: number, entries: Iterable<ReportEntry>): Promise<void> => {
    const messageBytes = deviceModel.read(InternalCtrlr.MaxMessageSize) ?? DEFAULT_MESSAGE_BYTES;
    const byteLimit = Math.max(SMALLEST_MESSAGE_BYTES, messageBytes) - ENVELOPE_BYTES;
    const parts = inParts(entries, ITEMS_PER_PART, byteLimit)[Symbol.iterator]();
    let next = parts.next();
    for (let seqNo = 0; next.done !== true && !stopped; seqNo++) {
      const reportData = next.value;
      next = parts.next();
      const request = {
        requestId, // B07.FR.04, B08.FR.04
        generatedAt: clock.now().toISOString(),
        seqNo, // B07.FR.10, B08.FR.14
        tbc: next.done !== true,
        reportData,
      } as unknown as NotifyReportRequest;
      const outcome = await csms.call("NotifyReport", request, { beforeAccepted: true }); // B07.FR.03, B08.FR.03
      if (outcome.kind === "response") continue;
      logger.warn(`Part ${seqNo} of report ${requestId} is not delivered: ${outcome.kind}`);
      if (outcome.kind !== "error") return;
    }
  };

  const schedule = (requestId: number, entries: Iterable<ReportEntry>): void => {
    waiting++;
    queue = queue
      .then(() => send(requestId, entries))
      .catch((error: Error) => logger.error(`Report ${requestId} failed: ${error.message}`))
      .finally(() => waiting--);
  };

  // Every report base is supported (B07.FR.12).
  csms.handle("GetBaseReport", ({ requestId, reportBase }) => {
    if (waiting > REPORTS_WAITING_LIMIT) return { response: BUSY }; // B07.FR.13
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
    if (waiting > REPORTS_WAITING_LIMIT) return { response: BUSY }; // B08.FR.16
    const entries = () => customReport(deviceModel, componentCriteria, componentVariable, valueLimit());
    if (entries().next().done === true) return { response: { status: "EmptyResultSet" } }; // B08.FR.15
    return { response: { status: "Accepted" }, afterResponse: () => schedule(requestId, entries()) }; // B08.FR.01
  });

  return {
    stop() {
      stopped = true;
    },
  };
}
