import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { InternalCtrlr } from "../../device-model/variables.ts";
import type { Timer } from "../../lib/clock.ts";
import type {
  FirmwareStatusEnumType,
  FirmwareType,
  StatusInfoType,
  UpdateFirmwareRequest,
  UpdateFirmwareResponse,
} from "../../ocpp/v201/index.ts";
import { storedValue, type ViewRow } from "../../store/database-view.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";
import { AnswerFirst } from "../model/answer-first.ts";
import { answerOr } from "../model/answer-or.ts";
import { UntilStored } from "../model/until-stored.ts";
import type { HardwareEvents } from "../ports.ts";
import { createDeferredDownload } from "./deferred-download.ts";
import {
  FirmwareUpdate,
  failureOf,
  isDownloaded,
  isFailure,
  isInstalling,
  isOngoing,
  isWaitingForItsTime,
  retrieveDelayMilliseconds,
} from "./firmware-update.ts";
import { createInstallationGate } from "./installation-gate.ts";
import { watchTransactions } from "./running-transactions.ts";

const UPDATE_KEY = "firmware.update";
/** After a reboot the hardware side tells by itself how the installation went; this long it is listened to first. */
const OWN_REPORT_MILLISECONDS = 2_000;
/** An update of an earlier run of which the hardware side says nothing for so long has not survived the restart. */
const SILENCE_LIMIT_MILLISECONDS = 300_000;

/** So long an update may be without another status once its time has come: a download over a slow link says nothing meanwhile. */
const STATUS_LIMIT_MILLISECONDS = 21_600_000;
/** An installation that was allowed has to begin, or the EVSEs that wait for it would be lost. */
const BEGIN_LIMIT_MILLISECONDS = 1_800_000;

const NO_ANSWER = { reasonCode: "InternalError", additionalInfo: "the charger did not take the request" };

type HardwareAnswer = UpdateFirmwareResponse["status"];
interface OrderAnswer {
  readonly answer: HardwareAnswer;
  readonly statusInfo?: StatusInfoType;
}

/**
 * L01 and L02: firmware updates. The hardware side downloads, checks and installs; the station decides when it may
 * install, tells every status once and in order, and remembers the update over the reboot that it brings.
 */
export const firmware = declareBlock({
  name: "firmware",
  letter: "L",
  needs: ["bootReason", "evseHolds", "idleness", "triggers"],
  hears: { "hardware.firmwareStatus": "follow-up", "station.transactionEnded": "follow-up" },
  views: { waiting: waitingUpdate },
  create,
});

/** What `inspect waiting` shows of a firmware update that is not over. */
function waitingUpdate(database: Database): readonly ViewRow[] {
  const update = storedValue(database, UPDATE_KEY, v.nullable(FirmwareUpdate)) ?? undefined;
  return update === undefined || !isOngoing(update)
    ? []
    : [{ what: `firmware update ${update.requestId ?? ""}`, evse: null, state: update.state }];
}

function create(context: Given<"bootReason" | "evseHolds" | "idleness" | "triggers">) {
  const { clock, core, csms, deviceModel, events, hardware, logger, settings } = context;
  const { bootReason, evseHolds, idleness, triggers } = context;
  /** The latest update; a finished one stays for TriggerMessage (L01.FR.25, FR.26). */
  let update: FirmwareUpdate | undefined;
  /** Ordered by an earlier run of this program. */
  let carriedOver = false;
  let silence: Timer | undefined;
  const answerFirst = new AnswerFirst();
  const untilStored = new UntilStored(clock, logger);

  /** Memory follows what was stored. */
  const remember = (next: FirmwareUpdate, alongWith: () => void = () => {}): void => {
    core.unitOfWork.run(() => {
      core.keyValues.set(UPDATE_KEY, next);
      alongWith();
    });
    update = next;
  };

  /** The hardware side has begun already: what it reports belongs to this update, stored or not. */
  const rememberOrder = (next: FirmwareUpdate): void => {
    try {
      remember(next);
    } catch (error) {
      logger.critical(`The firmware update ${next.requestId} is not stored yet: ${(error as Error).message}`);
      update = next;
    }
  };

  /** The new state and its message are one decision (L01.FR.01, FR.10, L02.FR.01, FR.06). */
  const tell = (current: FirmwareUpdate, state: FirmwareStatusEnumType): void => {
    const { requestId } = current;
    remember({ ...current, state }, () => {
      csms.enqueue("FirmwareStatusNotification", { status: state, ...(requestId !== undefined && { requestId }) });
      if (state === "InvalidSignature") events.emit("securityEvent", { type: "InvalidFirmwareSignature" }); // L01.FR.03
      // L01.FR.31; a boot by the update has told it already.
      if (state === "Installed" && !(carriedOver && bootReason.read() === "FirmwareUpdate"))
        events.emit("securityEvent", { type: "FirmwareUpdated" });
    });
  };

  const transactions = watchTransactions(context);
  const gate = createInstallationGate(context, evseHolds, {
    transactions,
    update: () => update,
    tellScheduled: (current) => tell(current, "InstallScheduled"), // L01.FR.16, FR.34, L02.FR.10, FR.23
    onAllowed: () => listenFor(carriedOver ? SILENCE_LIMIT_MILLISECONDS : BEGIN_LIMIT_MILLISECONDS),
  });

  /** Gives up an update of which nothing is heard. */
  const listenFor = (milliseconds: number): void => {
    silence?.cancel();
    silence = clock.after(milliseconds, () => {
      // What transactions or its time keep waiting has nothing to say.
      const lost = gate.isClosed() ? undefined : ongoing();
      if (lost === undefined) return;
      // The clock may have been set back meanwhile: what waits for its time waits longer then.
      const now = clock.now();
      const delay = isWaitingForItsTime(lost, now) ? retrieveDelayMilliseconds(lost, now) : 0;
      if (delay > 0) return listenFor(delay + SILENCE_LIMIT_MILLISECONDS);
      logger.error(`Nothing more was heard of the firmware update in state ${lost.state}: it is given up`);
      untilStored.take("The end of a silent firmware update", () => end(lost, failureOf(lost)));
    });
  };

  /** The end of an update may never be told: resets wait for it (errata 2.14), and EVSEs. */
  const listenForNextStatus = (current: FirmwareUpdate): void =>
    listenFor(retrieveDelayMilliseconds(current, clock.now()) + STATUS_LIMIT_MILLISECONDS);

  const end = (current: FirmwareUpdate, state: FirmwareStatusEnumType): void => {
    tell(current, state);
    gate.open();
  };

  const ongoing = (): FirmwareUpdate | undefined => (update !== undefined && isOngoing(update) ? update : undefined);

  /** The update that a status of the hardware side speaks of; undefined for one that was superseded (L01.FR.24). */
  const updateOf = (requestId: number | undefined): FirmwareUpdate | undefined => {
    if (update !== undefined && update.requestId === requestId) return update;
    if (ongoing() !== undefined) return requestId === undefined ? update : undefined;
    return { requestId, signed: false, state: "Idle" };
  };

  /**
   * Whatever the hardware side enters is told: waiting, pausing, rebooting and failing (L01.FR.13–15, FR.29, FR.30,
   * L02.FR.07–09, FR.19).
   */
  const take = ({ state, requestId, servesMeanwhile }: HardwareEvents["firmwareStatus"]): void => {
    if (state === "Idle") return; // only on request of the CSMS
    const known = updateOf(requestId);
    const current = known !== undefined && servesMeanwhile === true ? { ...known, servesMeanwhile } : known;
    if (current === undefined) {
      logger.info(`The status ${state} of the superseded firmware update ${requestId} is not told`);
      return;
    }
    silence?.cancel();
    if (current.state !== state) tell(current, state);
    const next = ongoing();
    if (next === undefined) return gate.open();
    listenForNextStatus(next);
    gate.review();
  };

  const validateCertificate = async ({ signingCertificate }: FirmwareType): Promise<HardwareAnswer> => {
    if (signingCertificate === undefined) return "Accepted";
    const question = hardware.security.verifyCertificate(signingCertificate, ["MF"]); // L01.FR.12, FR.21
    const validation = await answerOr(logger, "A signing certificate could not be verified", question, "Unknown");
    return validation === "Valid" ? "Accepted" : "InvalidCertificate"; // L01.FR.22
  };

  const order = ({ requestId, firmware, retries, retryInterval }: UpdateFirmwareRequest): Promise<OrderAnswer> => {
    const { location, retrieveDateTime, installDateTime, signingCertificate, signature } = firmware;
    return hardware.system
      .updateFirmware({
        requestId,
        location,
        retrieveDateTime,
        ...(installDateTime !== undefined && { installDateTime }),
        ...(signingCertificate !== undefined && { signingCertificate }),
        ...(signature !== undefined && { signature }),
        ...(retries !== undefined && { retries }),
        ...(retryInterval !== undefined && { retryIntervalSeconds: retryInterval }),
      })
      .then((answer) => ({ answer }))
      .catch((error: Error) => {
        logger.error(`The firmware update could not be started: ${error.message}`);
        return { answer: "Rejected" as const, statusInfo: NO_ANSWER };
      });
  };

  const isTaken = (answer: HardwareAnswer): boolean => answer === "Accepted" || answer === "AcceptedCanceled";

  const deferred = createDeferredDownload(context, {
    update: () => update,
    transactions,
    hold: () => gate.holdAll(),
    order: async (request) => isTaken((await order(request)).answer),
    onOrdered: ({ deferred: _ordered, ...current }, taken) => {
      if (!taken) return end(current, "DownloadFailed");
      rememberOrder(current);
      listenForNextStatus(current);
    },
  });

  /** A taken order replaces the update before it, which is cancelled if it was still going on (L01.FR.24, L02.FR.15). */
  const begin = (request: UpdateFirmwareRequest, answer: HardwareAnswer, waits: boolean): HardwareAnswer => {
    const { requestId, firmware } = request;
    const canceled = ongoing() !== undefined;
    const firmwareVersion = deviceModel.read(InternalCtrlr.FirmwareVersion);
    silence?.cancel();
    carriedOver = false;
    rememberOrder({
      requestId,
      signed: firmware.signingCertificate !== undefined,
      state: "Idle",
      retrieveDateTime: firmware.retrieveDateTime,
      ...(firmware.installDateTime !== undefined && { installDateTime: firmware.installDateTime }),
      ...(firmwareVersion !== undefined && { firmwareVersion }),
      ...(waits && { deferred: request }),
    });
    gate.open();
    const begun = ongoing();
    if (begun !== undefined && !waits) listenForNextStatus(begun);
    return canceled ? "AcceptedCanceled" : answer;
  };

  const tellDeferred = (): void => {
    const current = update;
    if (current?.deferred === undefined || current.state !== "Idle") return;
    untilStored.take("The firmware status DownloadScheduled", () => tell(current, "DownloadScheduled"));
    deferred.review();
  };

  csms.handle("UpdateFirmware", async (request) => {
    answerFirst.hold(request.requestId);
    try {
      const validity = await validateCertificate(request.firmware);
      const waits = validity === "Accepted" && deferred.mustWait();
      const isOrdered = validity === "Accepted" && !waits;
      const { answer, statusInfo }: OrderAnswer = isOrdered ? await order(request) : { answer: validity };
      if (answer === "InvalidCertificate" || answer === "RevokedCertificate")
        events.emit("securityEvent", { type: "InvalidFirmwareSigningCertificate", techInfo: answer }); // L01.FR.02
      // L01.FR.27, L02.FR.18: what the hardware side cannot cancel goes on.
      return {
        response: {
          status: isTaken(answer) ? begin(request, answer, waits) : answer,
          ...(statusInfo !== undefined && { statusInfo }),
        },
        afterResponse: () => {
          answerFirst.release();
          tellDeferred();
        },
      };
    } catch (error) {
      answerFirst.release();
      throw error;
    }
  });

  // Errata 2.14: the station as a whole waits for the end of an update, a single EVSE does not.
  idleness.register("firmware update", (evseId) => {
    if (evseId !== undefined) return undefined;
    // As good as begun while the hardware side is asked: a reset meanwhile would cut it off (B12.FR.10).
    if (answerFirst.isHolding) return "being ordered";
    const current = ongoing();
    return current === undefined || isWaitingForItsTime(current, clock.now())
      ? undefined
      : `${current.requestId ?? "without request"} (${current.state})`;
  });
  triggers.register("FirmwareStatusNotification", () => () => {
    const told = update === undefined || update.state === "Idle" || update.state === "Installed" ? undefined : update;
    void csms.call(
      "FirmwareStatusNotification",
      told === undefined
        ? { status: "Idle" } // L01.FR.20, FR.25, L02.FR.14, FR.16, F06.FR.16
        : { status: told.state, ...(told.requestId !== undefined && { requestId: told.requestId }) }, // L01.FR.26, L02.FR.17
      { beforeAccepted: true },
    );
  });

  const hasNewFirmware = ({ firmwareVersion }: FirmwareUpdate): boolean =>
    settings.bootReason === "FirmwareUpdate" ||
    (firmwareVersion !== undefined && deviceModel.read(InternalCtrlr.FirmwareVersion) !== firmwareVersion);

  const found = core.keyValues.get(UPDATE_KEY, v.nullable(FirmwareUpdate)) ?? undefined;
  // A failure of an earlier run is not current information (F06.FR.09).
  update = found !== undefined && isFailure(found.state) ? undefined : found;
  const left = ongoing();
  // Whatever the hardware side says: the station came up with what an update has installed.
  const isBootOfNewFirmware = left !== undefined && isDownloaded(left) && hasNewFirmware(left);
  if (isBootOfNewFirmware) bootReason.explain("FirmwareUpdate");

  /** What has become of an update that was going on when the station went down (L01.FR.28, FR.32, L02.FR.20, FR.21). */
  const resume = (found: FirmwareUpdate): void => {
    carriedOver = true;
    if (found.deferred !== undefined) {
      tellDeferred();
      return deferred.review();
    }
    if (isBootOfNewFirmware)
      silence = clock.after(OWN_REPORT_MILLISECONDS, () => {
        const current = ongoing();
        if (current !== undefined) end(current, "Installed");
      });
    else {
      listenFor(retrieveDelayMilliseconds(found, clock.now()) + SILENCE_LIMIT_MILLISECONDS);
      if (isInstalling(found)) gate.holdAll();
    }
    gate.review();
  };

  return {
    hears: {
      "hardware.firmwareStatus": (status: HeardEvents["hardware.firmwareStatus"]) =>
        answerFirst.pass(status.requestId, () =>
          untilStored.take(`The firmware status ${status.state}`, () => take(status)),
        ),
      "station.transactionEnded": () => {
        gate.review(); // L01.FR.06, L02.FR.03
        deferred.review();
      },
    },
    start() {
      if (left !== undefined) resume(left);
    },
    stop() {
      silence?.cancel();
      untilStored.stop();
      gate.stop();
      deferred.stop();
    },
  };
}
