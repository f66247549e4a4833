import { InternalCtrlr } from "../../device-model/variables.ts";
import type { Timer } from "../../lib/clock.ts";
import type { FirmwareStatusEnumType, UpdateFirmwareRequest } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";
import { AnswerFirst } from "../model/answer-first.ts";
import { UntilStored } from "../model/until-stored.ts";
import type { HardwareEvents } from "../ports.ts";
import { createDeferredDownload } from "./deferred-download.ts";
import {
  type FirmwareUpdate,
  failureOf,
  isInstalling,
  isWaitingForItsTime,
  retrieveDelayMilliseconds,
} from "./firmware-update.ts";
import { createInstallationGate } from "./installation-gate.ts";
import { watchTransactions } from "./running-transactions.ts";
import { type HardwareAnswer, isTaken, type OrderAnswer, orderUpdate, validateCertificate } from "./update-order.ts";
import { UpdateRecord, waitingUpdate } from "./update-record.ts";

/** After a reboot the hardware side tells by itself how the installation went; this long it is listened to first. */
const OWN_REPORT_MILLISECONDS = 2_000;
/** An update of an earlier run of which the hardware side says nothing for so long has not survived the restart. */
const SILENCE_LIMIT_MILLISECONDS = 300_000;

/** So long an update may be without another status once its time has come: a download over a slow link says nothing meanwhile. */
const STATUS_LIMIT_MILLISECONDS = 21_600_000;
/** An installation that was allowed has to begin, or the EVSEs that wait for it would be lost. */
const BEGIN_LIMIT_MILLISECONDS = 1_800_000;

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

function create(context: Given<"bootReason" | "evseHolds" | "idleness" | "triggers">) {
  const { clock, csms, deviceModel, events, logger } = context;
  const { bootReason, evseHolds, idleness, triggers } = context;
  const record = new UpdateRecord(context, bootReason);
  let silence: Timer | undefined;
  const answerFirst = new AnswerFirst();
  const untilStored = new UntilStored(clock, logger);

  const transactions = watchTransactions(context);
  const gate = createInstallationGate(context, evseHolds, {
    transactions,
    update: () => record.current,
    tellScheduled: (current) => record.tell(current, "InstallScheduled"), // L01.FR.16, FR.34, L02.FR.10, FR.23
    onAllowed: () => listenFor(record.isCarriedOver ? SILENCE_LIMIT_MILLISECONDS : BEGIN_LIMIT_MILLISECONDS),
  });

  /** Gives up an update of which nothing is heard. */
  const listenFor = (milliseconds: number): void => {
    silence?.cancel();
    silence = clock.after(milliseconds, () => {
      // What transactions or its time keep waiting has nothing to say.
      const lost = gate.isClosed() ? undefined : record.ongoing;
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
    record.tell(current, state);
    gate.open();
  };

  /**
   * Whatever the hardware side enters is told: waiting, pausing, rebooting and failing (L01.FR.13–15, FR.29, FR.30,
   * L02.FR.07–09, FR.19).
   */
  const take = ({ state, requestId, servesMeanwhile }: HardwareEvents["firmwareStatus"]): void => {
    if (state === "Idle") return; // only on request of the CSMS
    const known = record.of(requestId);
    const current = known !== undefined && servesMeanwhile === true ? { ...known, servesMeanwhile } : known;
    if (current === undefined) {
      logger.info(`The status ${state} of the superseded firmware update ${requestId} is not told`);
      return;
    }
    silence?.cancel();
    if (current.state !== state) record.tell(current, state);
    const next = record.ongoing;
    if (next === undefined) return gate.open();
    listenForNextStatus(next);
    gate.review();
  };

  const deferred = createDeferredDownload(context, {
    update: () => record.current,
    transactions,
    hold: () => gate.holdAll(),
    order: async (request) => isTaken((await orderUpdate(context, request)).answer),
    onOrdered: ({ deferred: _ordered, ...current }, taken) => {
      if (!taken) return end(current, "DownloadFailed");
      record.takeOrder(current);
      listenForNextStatus(current);
    },
  });

  /** A taken order replaces the update before it, which is cancelled if it was still going on (L01.FR.24, L02.FR.15). */
  const begin = (request: UpdateFirmwareRequest, answer: HardwareAnswer, waits: boolean): HardwareAnswer => {
    const { requestId, firmware } = request;
    const canceled = record.ongoing !== undefined;
    const firmwareVersion = deviceModel.read(InternalCtrlr.FirmwareVersion);
    silence?.cancel();
    record.isCarriedOver = false;
    record.takeOrder({
      requestId,
      signed: firmware.signingCertificate !== undefined,
      state: "Idle",
      retrieveDateTime: firmware.retrieveDateTime,
      ...(firmware.installDateTime !== undefined && { installDateTime: firmware.installDateTime }),
      ...(firmwareVersion !== undefined && { firmwareVersion }),
      ...(waits && { deferred: request }),
    });
    gate.open();
    const begun = record.ongoing;
    if (begun !== undefined && !waits) listenForNextStatus(begun);
    return canceled ? "AcceptedCanceled" : answer;
  };

  const tellDeferred = (): void => {
    const { current } = record;
    if (current?.deferred === undefined || current.state !== "Idle") return;
    untilStored.take("The firmware status DownloadScheduled", () => record.tell(current, "DownloadScheduled"));
    deferred.review();
  };

  csms.handle("UpdateFirmware", async (request) => {
    answerFirst.hold(request.requestId);
    try {
      const validity = await validateCertificate(context, request.firmware);
      const waits = validity === "Accepted" && deferred.mustWait();
      const isOrdered = validity === "Accepted" && !waits;
      const { answer, statusInfo }: OrderAnswer = isOrdered
        ? await orderUpdate(context, request)
        : { answer: validity };
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
    const current = record.ongoing;
    return current === undefined || isWaitingForItsTime(current, clock.now())
      ? undefined
      : `${current.requestId ?? "without request"} (${current.state})`;
  });
  triggers.register("FirmwareStatusNotification", () => () => {
    void csms.call("FirmwareStatusNotification", record.notification, { beforeAccepted: true });
  });

  /** What has become of an update that was going on when the station went down (L01.FR.28, FR.32, L02.FR.20, FR.21). */
  const resume = (found: FirmwareUpdate): void => {
    if (found.deferred !== undefined) {
      tellDeferred();
      return deferred.review();
    }
    if (record.isBootOfNewFirmware)
      silence = clock.after(OWN_REPORT_MILLISECONDS, () => {
        const current = record.ongoing;
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
      if (record.ongoing !== undefined) resume(record.ongoing);
    },
    stop() {
      silence?.cancel();
      untilStored.stop();
      gate.stop();
      deferred.stop();
    },
  };
}
