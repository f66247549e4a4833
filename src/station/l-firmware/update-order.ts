import type {
  FirmwareType,
  StatusInfoType,
  UpdateFirmwareRequest,
  UpdateFirmwareResponse,
} from "../../ocpp/v201/index.ts";
import type { StationContext } from "../context.ts";
import { answerOr } from "../model/answer-or.ts";

export type HardwareAnswer = UpdateFirmwareResponse["status"];
export interface OrderAnswer {
  readonly answer: HardwareAnswer;
  readonly statusInfo?: StatusInfoType;
}

const NO_ANSWER = { reasonCode: "InternalError", additionalInfo: "the charger did not take the request" };

export function isTaken(answer: HardwareAnswer): boolean {
  return answer === "Accepted" || answer === "AcceptedCanceled";
}

export async function validateCertificate(
  { hardware, logger }: StationContext,
  { signingCertificate }: FirmwareType,
): Promise<HardwareAnswer> {
  if (signingCertificate === undefined) return "Accepted";
  const question = hardware.security.verifyCertificate(signingCertificate, ["MF"]); // L01.FR.12, FR.21
  const validation = await answerOr(logger, "A signing certificate could not be verified", question, "Unknown");
  return validation === "Valid" ? "Accepted" : "InvalidCertificate"; // L01.FR.22
}

/** Hands an update to the hardware side. */
export async function orderUpdate(
  { hardware, logger }: StationContext,
  { requestId, firmware, retries, retryInterval }: UpdateFirmwareRequest,
): Promise<OrderAnswer> {
  const { location, retrieveDateTime, installDateTime, signingCertificate, signature } = firmware;
  const question = hardware.system.updateFirmware({
    requestId,
    location,
    retrieveDateTime,
    ...(installDateTime !== undefined && { installDateTime }),
    ...(signingCertificate !== undefined && { signingCertificate }),
    ...(signature !== undefined && { signature }),
    ...(retries !== undefined && { retries }),
    ...(retryInterval !== undefined && { retryIntervalSeconds: retryInterval }),
  });
  const answer = await answerOr(logger, "The firmware update could not be started", question, undefined);
  return answer === undefined ? { answer: "Rejected", statusInfo: NO_ANSWER } : { answer };
}
