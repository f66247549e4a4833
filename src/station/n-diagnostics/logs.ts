import type { GetLogResponse, UploadLogStatusEnumType } from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";

const FILE_NAME_LIMIT = 255;

/** N01: log files on request of the CSMS; the hardware side collects and uploads them. */
export function createLogsBlock(context: StationContext): Block {
  const { csms, hardware, hardwareEvents, logger, services } = context;
  let uploading: number | undefined;
  let lastStatus: UploadLogStatusEnumType | undefined;
  let unsubscribe: (() => void) | undefined;

  const notify = (status: UploadLogStatusEnumType, requestId: number | undefined, beforeAccepted = false): void =>
    void csms.call(
      "LogStatusNotification",
      { status, ...(requestId !== undefined && { requestId }) },
      { queueWhenOffline: true, beforeAccepted },
    ); // N01.FR.07, FR.13

  csms.handle("GetLog", async ({ log, logType, requestId, retries, retryInterval }) => {
    const superseded = uploading;
    const rejected: GetLogResponse = { status: "Rejected" }; // N01.FR.05
    try {
      const { status, fileName } = await hardware.system.uploadLogs({
        requestId,
        type: logType,
        location: log.remoteLocation,
        ...(log.oldestTimestamp !== undefined && { oldestTimestamp: log.oldestTimestamp }),
        ...(log.latestTimestamp !== undefined && { latestTimestamp: log.latestTimestamp }),
        ...(retries !== undefined && { retries }),
        ...(retryInterval !== undefined && { retryIntervalSeconds: retryInterval }),
      });
      if (status === "Rejected") return { response: rejected };
      uploading = requestId;
      lastStatus = undefined;
      const canceled = superseded !== undefined;
      return {
        response: {
          status: canceled ? "AcceptedCanceled" : status, // N01.FR.12
          ...(fileName !== undefined && { filename: fileName.slice(0, FILE_NAME_LIMIT) }), // N01.FR.01
        },
        ...(canceled && { afterResponse: () => notify("AcceptedCanceled", superseded) }), // N01.FR.20
      };
    } catch (error) {
      logger.error(`The log upload could not be started: ${(error as Error).message}`);
      return { response: rejected };
    }
  });

  services.isLogUploadActive = () => uploading !== undefined;
  services.triggerLogStatus = () => notify(uploading === undefined ? "Idle" : "Uploading", uploading, true); // F06.FR.14, FR.15

  return {
    name: "logs",
    start() {
      unsubscribe = hardwareEvents.on("logStatus", ({ state, requestId }) => {
        const id = requestId ?? uploading;
        if (id !== uploading && state === "AcceptedCanceled") return; // told when it was superseded
        if (state === lastStatus) return;
        lastStatus = state;
        notify(state, id); // N01.FR.08–10
        if (state !== "Uploading") uploading = undefined;
      });
    },
    stop() {
      unsubscribe?.();
    },
  };
}
