import { baseReport, customReport, inParts, type ReportEntry } from "../../device-model/reports.ts";
import { DeviceDataCtrlr, InternalCtrlr } from "../../device-model/variables.ts";
import { OcppError } from "../../ocpp/errors.ts";
import type { NotifyReportRequest } from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";

const DEFAULT_VALUE_SIZE = 2500;
const DEFAULT_MESSAGE_BYTES = 32_000;
const ENVELOPE_BYTES = 500;
/** Entries of one NotifyReport: below what a CSMS must take, above what makes a full report chatty. */
const ITEMS_PER_PART = 100;

/** B07 and B08: base and custom reports, sent in parts. */
export function createReportsBlock(context: StationContext): Block {
  const { clock, csms, deviceModel, logger } = context;
  let stopped = false;
  /** Reports are sent one after the other, each whole. */
  let queue: Promise<void> = Promise.resolve();

  const valueLimit = (): number => deviceModel.read(DeviceDataCtrlr.ReportingValueSize) ?? DEFAULT_VALUE_SIZE;

  /** One part is on its way at a time, so that memory holds two; the next is made when it was answered. */
  const send = async (requestId: number, entries: Iterable<ReportEntry>): Promise<void> => {
    const byteLimit = (deviceModel.read(InternalCtrlr.MaxMessageSize) ?? DEFAULT_MESSAGE_BYTES) - ENVELOPE_BYTES;
    const parts = inParts(entries, ITEMS_PER_PART, byteLimit)[Symbol.iterator]();
    const generatedAt = clock.now().toISOString();
    let next = parts.next();
    for (let seqNo = 0; next.done !== true && !stopped; seqNo++) {
      const reportData = next.value;
      next = parts.next();
      const request = {
        requestId,
        generatedAt,
        seqNo,
        tbc: next.done !== true,
        reportData,
      } as unknown as NotifyReportRequest;
      const outcome = await csms.call("NotifyReport", request, { beforeAccepted: true }); // B07.FR.03, FR.10
      if (outcome.kind === "response") continue;
      logger.warn(`Report ${requestId} ends with part ${seqNo}: ${outcome.kind}`);
      return;
    }
  };

  const schedule = (requestId: number, entries: Iterable<ReportEntry>): void => {
    queue = queue
      .then(() => send(requestId, entries))
      .catch((error: Error) => logger.error(`Report ${requestId} failed: ${error.message}`));
  };

  csms.handle("GetBaseReport", ({ requestId, reportBase }) => ({
    response: { status: "Accepted" }, // B07.FR.01
    afterResponse: () => schedule(requestId, baseReport(deviceModel, reportBase, valueLimit())),
  }));

  csms.handle("GetReport", (request) => {
    const { requestId, componentCriteria = [], componentVariable = [] } = request;
    const itemLimit = deviceModel.read(DeviceDataCtrlr.ItemsPerMessage_GetReport);
    if (itemLimit !== undefined && componentVariable.length > itemLimit)
      throw new OcppError("OccurrenceConstraintViolation", `at most ${itemLimit} items in one message`); // B08.FR.17
    const entries = () => customReport(deviceModel, componentCriteria, componentVariable, valueLimit());
    if (entries().next().done === true) return { response: { status: "EmptyResultSet" } }; // B08.FR.15
    return { response: { status: "Accepted" }, afterResponse: () => schedule(requestId, entries()) }; // B08.FR.01
  });

  return {
    name: "reports",
    start() {},
    stop() {
      stopped = true;
    },
  };
}
