import { ISO15118Ctrlr } from "../../device-model/variables.ts";
import { plainBase64 } from "../../lib/base64.ts";
import { declareBlock, type Given } from "../block.ts";
import { isIso15118On } from "../model/iso15118.ts";
import { readAt } from "../model/setting-at.ts";
import type { ContractCertificateRequest, EvseEvent } from "../ports.ts";

/** The vehicle waits 5 s (part 2, 2.7, table 9), and whoever talks with it shall answer within 4.5 s (errata 2.2). */
const USEFUL_MILLISECONDS = 4_500;

/** M01, M02: a vehicle gets its contract certificate from the CSMS, through whoever speaks ISO 15118 with it. */
export const contractCertificates = declareBlock({
  name: "contract-certificates",
  letter: "M",
  hears: { "hardware.contractCertificate": "follow-up", "hardware.evse": "follow-up" },
  create,
});

/**
 * Of one communicator only the newest request counts, since its answer does not say what it answers: a vehicle that asks anew
 * has given up what it asked before. Nothing of it is stored; nobody waits any more after a restart.
 */
function create({ clock, csms, deviceModel, hardware, logger }: Given) {
  const underWay = new Map<string, ContractCertificateRequest>();

  const name = ({ action, communicator, evseId }: ContractCertificateRequest): string =>
    `request for a contract certificate (${action}) ${evseId === undefined ? `of ${communicator}` : `at EVSE ${evseId}`}`;

  const isEnabled = (evseId: number | undefined): boolean =>
    isIso15118On(deviceModel, evseId) &&
    readAt(deviceModel, ISO15118Ctrlr.ContractCertificateInstallationEnabled, evseId) === true;

  /** What the vehicle gets to hear; or, in words for the log, why there is no certificate for it. */
  const ask = async (request: ContractCertificateRequest): Promise<{ exi: string } | { failure: string }> => {
    const { action, communicator, iso15118SchemaVersion, exiRequest, defect, evseId, heardAtMilliseconds } = request;
    if (defect !== undefined) return { failure: defect };
    if (!isEnabled(evseId)) return { failure: "it is switched off (ContractCertificateInstallationEnabled)" };
    const usefulMilliseconds = heardAtMilliseconds + USEFUL_MILLISECONDS - clock.monotonicMilliseconds();
    if (usefulMilliseconds <= 0) return { failure: "the vehicle waits no more" };
    const outcome = await csms.call(
      "Get15118EVCertificate", // M01.FR.01, M02.FR.01
      { iso15118SchemaVersion, action, exiRequest },
      { usefulMilliseconds, subject: `contract certificate for ${communicator}` },
    );
    if (outcome.kind === "timeout") return { failure: "no answer of the CSMS in the time of the vehicle" };
    if (outcome.kind !== "response") return { failure: outcome.kind === "error" ? outcome.code : "offline" };
    const { status, statusInfo, exiResponse } = outcome.response;
    if (status !== "Accepted") return { failure: `the CSMS says ${status} ${statusInfo?.reasonCode ?? ""}`.trim() };
    const exi = plainBase64(exiResponse);
    return exi === undefined ? { failure: "the EXI of the CSMS is not Base64" } : { exi };
  };

  const tell = (request: ContractCertificateRequest, exi: string | undefined): void => {
    hardware.vehicle
      .answerContractCertificate(request, exi)
      .catch((error: Error) => logger.error(`The answer to the ${name(request)} was not taken: ${error.message}`));
  };

  const take = async (request: ContractCertificateRequest): Promise<void> => {
    const { communicator, action, exiRequest, iso15118SchemaVersion } = request;
    const earlier = underWay.get(communicator);
    if (
      earlier?.action === action &&
      earlier.exiRequest === exiRequest &&
      earlier.iso15118SchemaVersion === iso15118SchemaVersion
    )
      return logger.info(`The ${name(request)} is repeated: one answer serves both`);
    if (earlier !== undefined) logger.warn(`The ${name(earlier)} is given up for a newer one`);
    underWay.set(communicator, request);
    const answer = await ask(request);
    if (underWay.get(communicator) !== request)
      return logger.warn(`The answer to the ${name(request)} is not handed on: nobody waits for it any more`);
    underWay.delete(communicator);
    if ("failure" in answer) logger.warn(`The ${name(request)} has failed: ${answer.failure}`);
    tell(request, "exi" in answer ? answer.exi : undefined);
  };

  /** Who comes next must not get what was meant for the one that left. */
  const giveUpAt = (evseId: number): void => {
    for (const request of underWay.values()) {
      if (request.evseId !== evseId) continue;
      underWay.delete(request.communicator);
      logger.warn(`The ${name(request)} has failed: the vehicle is gone`);
      tell(request, undefined);
    }
  };

  return {
    hears: {
      "hardware.contractCertificate": (request: ContractCertificateRequest) => void take(request),
      "hardware.evse": ({ evseId, kind }: EvseEvent) => {
        if (kind === "SessionFinished") giveUpAt(evseId);
      },
    },
  };
}
