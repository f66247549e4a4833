import { InternalCtrlr, ISO15118Ctrlr } from "../../device-model/variables.ts";
import type { Timer } from "../../lib/clock.ts";
import type { GetCertificateStatusResponse } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";
import { isIso15118On } from "../model/iso15118.ts";
import { type OcspAnswer, OcspDefect, readOcspAnswer } from "./ocsp-answer.ts";
import { type Attempts, OcspCache, type OcspEntry } from "./ocsp-cache.ts";
import { DAY_MILLISECONDS, noteFailure, untilAsked } from "./ocsp-rules.ts";
import { ocspView } from "./ocsp-view.ts";

/** Several signs of one change are one; and the answer to CertificateSigned leaves first. */
const SETTLING_MILLISECONDS = 1_000;
/** A store that never comes to rest is looked at no more often. */
const STORE_UPDATE_MILLISECONDS = 60_000;
/** Answers expire by the wall clock, which may be set. */
const REVIEW_MILLISECONDS = 60_000;
/** A message that could not be sent, although there is a connection, is tried again after this. */
const RESEND_MILLISECONDS = 1_000;
/** The CSMS does not know the message, and will not soon. */
const HOPELESS: ReadonlySet<string> = new Set(["NotImplemented", "NotSupported"]);

/**
 * M06: the OCSP status of the V2G certificates, fetched before an EV asks for it and given to the hardware side, which
 * shows it in the TLS handshake. One thing at a time: which certificates there are, answers to hand over, answers to fetch.
 */
export const ocspStatus = declareBlock({
  name: "ocsp-status",
  letter: "M",
  hears: {
    "hardware.certificateStore": "follow-up",
    "link.connected": "follow-up",
    "station.accepted": "follow-up",
    "station.leafInstalled": "follow-up",
  },
  views: { ocsp: ocspView },
  create,
});

function create(context: Given) {
  const { clock, csms, deviceModel, hardware, logger, random } = context;
  const cache = new OcspCache(context);
  /** Which certificates there are, is asked then. */
  const inventory: Attempts = { failures: 0, notBeforeMilliseconds: Number.NEGATIVE_INFINITY };
  let storeUpdateAt = Number.NEGATIVE_INFINITY;
  let wasAccepted = false;
  let isRunning = false;
  let isStopped = false;
  let timer: Timer | undefined;
  let unsubscribe: readonly (() => void)[] = [];

  const now = (): number => clock.monotonicMilliseconds();
  const mayAsk = (): boolean => wasAccepted && csms.connected && csms.registration === "Accepted";
  const untilDue = (entry: OcspEntry): number =>
    untilAsked(
      entry,
      { monotonicMilliseconds: now(), wall: clock.now() },
      deviceModel.read(InternalCtrlr.OcspRequestInterval),
    );
  const isUngiven = ({ answer, isGiven }: OcspEntry): boolean => answer !== undefined && !isGiven;

  const takeInventory = async (): Promise<void> => {
    inventory.notBeforeMilliseconds = now() + DAY_MILLISECONDS;
    try {
      const requests = await hardware.security.v2gOcspRequestData();
      if (isStopped) return;
      cache.take(requests);
      inventory.failures = 0;
    } catch (error) {
      logger.warn(`The V2G certificates to be asked about are not known: ${(error as Error).message}`);
      noteFailure(inventory, now(), random);
    }
  };

  const give = async (entry: OcspEntry, { result }: OcspAnswer): Promise<void> => {
    try {
      await hardware.security.updateOcspCache(entry.request, result);
      if (entry.answer?.result === result) entry.isGiven = true;
    } catch (error) {
      logger.warn(`An OCSP answer was not taken and is given again: ${(error as Error).message}`);
      noteFailure(entry.giving, now(), random);
    }
  };

  /** Why the answer of the CSMS is of no use, after it was stored if it is. */
  const take = (entry: OcspEntry, response: GetCertificateStatusResponse, occasions: number): string | undefined => {
    const { ocspResult, status, statusInfo } = response;
    if (status !== "Accepted") return `the CSMS has none (${statusInfo?.reasonCode ?? status})`;
    if (ocspResult === undefined) return "Accepted without ocspResult";
    try {
      const answer = readOcspAnswer(ocspResult, entry.request);
      cache.keep(entry, answer, occasions);
      entry.asking.failures = 0;
      const until = answer.nextUpdate === undefined ? "" : `, until ${answer.nextUpdate.toISOString()}`;
      const text = `The V2G certificate ${entry.request.serialNumber} is ${answer.status}${until}`;
      if (answer.status === "good") logger.info(text);
      else logger.warn(text);
      return undefined;
    } catch (error) {
      return error instanceof OcspDefect ? error.message : `it cannot be stored: ${(error as Error).message}`;
    }
  };

  const fetch = async (entry: OcspEntry): Promise<void> => {
    const { asking, occasions, request } = entry;
    const outcome = await csms.call("GetCertificateStatus", { ocspRequestData: request }); // M06.FR.06, FR.07, FR.10
    if (isStopped || !cache.entries.includes(entry)) return;
    if (outcome.kind === "offline" || outcome.kind === "joined") {
      asking.notBeforeMilliseconds = now() + RESEND_MILLISECONDS;
      return;
    }
    const failure =
      outcome.kind === "response"
        ? take(entry, outcome.response, occasions)
        : outcome.kind === "timeout"
          ? "the CSMS does not answer"
          : `${outcome.code} ${outcome.description}`;
    if (failure === undefined) return;
    logger.warn(`There is no OCSP answer for the V2G certificate ${request.serialNumber}: ${failure}`);
    // A new certificate meanwhile counts more than what was said of the old ones.
    if (entry.occasions === occasions)
      noteFailure(asking, now(), random, outcome.kind === "error" && HOPELESS.has(outcome.code));
  };

  /** One step; false when nothing can be done now. */
  const step = async (): Promise<boolean> => {
    if (isStopped || !isIso15118On(deviceModel)) return false;
    if (inventory.notBeforeMilliseconds <= now()) {
      await takeInventory();
      return true;
    }
    const ungiven = cache.entries.find((entry) => isUngiven(entry) && entry.giving.notBeforeMilliseconds <= now());
    if (ungiven?.answer !== undefined) {
      await give(ungiven, ungiven.answer);
      return true;
    }
    const due = mayAsk() ? cache.entries.find((entry) => untilDue(entry) <= 0) : undefined;
    if (due !== undefined) await fetch(due);
    return due !== undefined;
  };

  const schedule = (): void => {
    timer?.cancel();
    if (isRunning || isStopped || !isIso15118On(deviceModel)) return;
    const { entries } = cache;
    const wait = Math.min(
      inventory.notBeforeMilliseconds - now(),
      ...(entries.some(({ answer }) => answer?.nextUpdate !== undefined) ? [REVIEW_MILLISECONDS] : []),
      ...entries.filter(isUngiven).map(({ giving }) => giving.notBeforeMilliseconds - now()),
      ...(mayAsk() ? entries.map(untilDue) : []),
    );
    timer = clock.after(Math.max(0, wait), () => void run());
  };

  const run = async (): Promise<void> => {
    if (isRunning) return;
    isRunning = true;
    while (await step());
    isRunning = false;
    schedule();
  };

  /** Which certificates there are is asked then, or earlier if that is due anyway. */
  const lookAgain = (delayMilliseconds: number): void => {
    inventory.failures = 0;
    inventory.notBeforeMilliseconds = Math.min(inventory.notBeforeMilliseconds, now() + delayMilliseconds);
    schedule();
  };

  const takeStoreUpdate = ({ leaf, ca }: HeardEvents["hardware.certificateStore"]): void => {
    const concernsV2G = leaf === "V2G" || ca === "V2G" || (leaf === undefined && ca === undefined);
    if (!concernsV2G) return;
    storeUpdateAt = Math.max(now() + SETTLING_MILLISECONDS, storeUpdateAt + STORE_UPDATE_MILLISECONDS);
    lookAgain(storeUpdateAt - now());
  };

  const takeNewLeaf = ({ use }: HeardEvents["station.leafInstalled"]): void => {
    if (use !== "V2G") return;
    try {
      cache.markStale(SETTLING_MILLISECONDS); // M06.FR.07
    } catch (error) {
      logger.error(`That OCSP answers are to be fetched anew is not stored: ${(error as Error).message}`);
    }
    lookAgain(SETTLING_MILLISECONDS);
  };

  return {
    hears: {
      "hardware.certificateStore": takeStoreUpdate,
      "link.connected": () => void run(),
      "station.accepted": ({ first }: HeardEvents["station.accepted"]) => {
        if (first) {
          wasAccepted = true;
          cache.reckon();
          lookAgain(0);
        }
        void run();
      },
      "station.leafInstalled": takeNewLeaf,
    },
    start() {
      unsubscribe = [
        deviceModel.onChange(ISO15118Ctrlr.Enabled, () => void run()),
        deviceModel.onChange(InternalCtrlr.OcspRequestInterval, () => void run()),
      ];
      void run();
    },
    stop() {
      isStopped = true;
      timer?.cancel();
      for (const end of unsubscribe) end();
    },
  };
}
