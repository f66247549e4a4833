import type { Timer } from "../../lib/clock.ts";
import type { GetLogRequest, GetLogResponse, UploadLogStatusEnumType } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";
import { AnswerFirst } from "../model/answer-first.ts";
import { UntilStored } from "../model/until-stored.ts";
import type { LogUploadState } from "../ports.ts";

const FILE_NAME_LIMIT = 255;
/** An upload of which nothing is heard for so long, and the time that its repetitions take, has failed. */
const SILENCE_LIMIT_SECONDS = 3_600;
/** Whatever repetitions the CSMS has asked for. */
const LONGEST_SILENCE_SECONDS = 86_400;
const NO_ANSWER = { reasonCode: "InternalError", additionalInfo: "the charger did not take the request" };

/** N01: log files on request of the CSMS; the hardware side collects and uploads them. */
export const logs = declareBlock({
  name: "logs",
  letter: "N",
  needs: ["idleness", "securityLog", "triggers"],
  hears: { "hardware.logStatus": "follow-up" },
  create,
});

function create(given: Given<"idleness" | "securityLog" | "triggers">) {
  const { clock, core, csms, hardware, logger, writeDiagnostics } = given;
  const { idleness, securityLog, triggers } = given;
  /** The upload that the hardware side works on. */
  let uploading: number | undefined;
  /** The latest request, whose upload may be tried again after a failure. */
  let latest: number | undefined;
  /** A request that the hardware side did not answer in time: it was refused, and may be carried out all the same. */
  let unanswered: number | undefined;
  let lastStatus: UploadLogStatusEnumType | undefined;
  let silenceLimitSeconds = SILENCE_LIMIT_SECONDS;
  let silence: Timer | undefined;
  const answerFirst = new AnswerFirst();
  const untilStored = new UntilStored(clock, logger);

  const tell = (status: UploadLogStatusEnumType, requestId: number): void => {
    core.unitOfWork.run(() => csms.enqueue("LogStatusNotification", { status, requestId })); // N01.FR.07, FR.13
  };

  /** Its end may never be told: others wait for it (errata 2.14), and so does the CSMS. */
  const listen = (): void => {
    silence?.cancel();
    const awaited = uploading;
    if (awaited === undefined) return;
    silence = clock.after(silenceLimitSeconds * 1000, () => {
      logger.error(`Nothing was heard of log upload ${awaited} for ${silenceLimitSeconds} s: it is given up`);
      uploading = undefined;
      untilStored.take("The end of a silent log upload", () => take("UploadFailure", awaited));
    });
  };

  /** Undefined where it cannot be written: the hardware side has logs of its own. */
  const diagnostics = async (): Promise<string | undefined> => {
    try {
      return await writeDiagnostics();
    } catch (error) {
      logger.warn(`What is known of the station is not part of the log upload: ${(error as Error).message}`);
      return undefined;
    }
  };

  const order = async ({ log, logType, requestId, retries, retryInterval }: GetLogRequest) => {
    const securityLogPath = logType === "SecurityLog" ? securityLog.path : undefined;
    const diagnosticsPath = logType === "DiagnosticsLog" ? await diagnostics() : undefined;
    return hardware.system
      .uploadLogs({
        requestId,
        type: logType, // N01.FR.02–04
        location: log.remoteLocation,
        ...(log.oldestTimestamp !== undefined && { oldestTimestamp: log.oldestTimestamp }),
        ...(log.latestTimestamp !== undefined && { latestTimestamp: log.latestTimestamp }),
        ...(retries !== undefined && { retries }),
        ...(retryInterval !== undefined && { retryIntervalSeconds: retryInterval }),
        ...(securityLogPath !== undefined && { securityLogPath }),
        ...(diagnosticsPath !== undefined && { diagnosticsPath }),
      })
      .catch((error: Error) => {
        logger.error(`The log upload could not be started: ${error.message}`);
        unanswered = requestId;
        return { status: "Rejected" as const, statusInfo: NO_ANSWER };
      });
  };

  csms.handle("GetLog", async (request) => {
    const { requestId } = request;
    answerFirst.hold(requestId);
    const { status, fileName, statusInfo } = {
      fileName: undefined,
      statusInfo: undefined,
      ...(await order(request)),
    };
    const answer = (response: GetLogResponse, before = (): void => {}) => ({
      response,
      afterResponse: () => {
        before();
        answerFirst.release();
      },
    });
    if (status === "Rejected") return answer({ status, ...(statusInfo !== undefined && { statusInfo }) }); // N01.FR.05
    const superseded = uploading;
    uploading = requestId;
    latest = requestId;
    lastStatus = undefined;
    const repetitionSeconds = Math.max(0, request.retries ?? 0) * Math.max(0, request.retryInterval ?? 0);
    silenceLimitSeconds = Math.min(SILENCE_LIMIT_SECONDS + repetitionSeconds, LONGEST_SILENCE_SECONDS);
    listen();
    return answer(
      {
        status: superseded === undefined ? status : "AcceptedCanceled", // N01.FR.12
        ...(fileName !== undefined && { filename: fileName.slice(0, FILE_NAME_LIMIT) }), // N01.FR.01
      },
      () => {
        if (superseded === undefined) return;
        untilStored.take("The canceled log upload", () => tell("AcceptedCanceled", superseded)); // N01.FR.20
      },
    );
  });

  const take = (state: LogUploadState, requestId: number | undefined): void => {
    const id = requestId ?? uploading ?? latest;
    if (id === undefined || state === "Idle") return; // not the CSMS's upload; Idle only on request of the CSMS
    // A superseded upload was told AcceptedCanceled and has ended with that.
    if (latest !== undefined && id !== latest && id !== unanswered) return;
    if (state !== lastStatus) tell(state, id); // N01.FR.08–10
    latest = id;
    lastStatus = state;
    uploading = state === "Uploading" ? id : undefined;
    listen();
  };

  // Errata 2.14: the station as a whole waits for the end of an upload, a single EVSE does not.
  idleness.register("log upload", (evseId) =>
    evseId === undefined && (uploading !== undefined || answerFirst.isHolding)
      ? String(uploading ?? "being ordered")
      : undefined,
  );
  triggers.register("LogStatusNotification", () => () => {
    void csms.call(
      "LogStatusNotification",
      uploading === undefined ? { status: "Idle" } : { status: "Uploading", requestId: uploading }, // F06.FR.14, FR.15
      { beforeAccepted: true },
    );
  });

  return {
    hears: {
      "hardware.logStatus": ({ state, requestId }: HeardEvents["hardware.logStatus"]) =>
        answerFirst.pass(requestId, () => untilStored.take(`The log status ${state}`, () => take(state, requestId))),
    },
    stop() {
      silence?.cancel();
      untilStored.stop();
    },
  };
}
