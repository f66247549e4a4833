import { InternalCtrlr, ISO15118Ctrlr, SecurityCtrlr } from "../../device-model/variables.ts";
import type { CertificateSigningUseEnumType } from "../../ocpp/v201/index.ts";
import type { StationContext } from "../context.ts";
import type { LeafCertificateUse } from "../ports.ts";

export type Use = CertificateSigningUseEnumType;

export const LEAF_USE: Record<Use, LeafCertificateUse> = { ChargingStationCertificate: "CSMS", V2GCertificate: "V2G" };

/** A wait that doubles again and again stays within this. */
const LONGEST_WAIT_SECONDS = 31_536_000;

/** How the CSMS wants to be asked again (SecurityCtrlr.CertSigningWaitMinimum and CertSigningRepeatTimes). */
export interface SigningPatience {
  readonly minimumSeconds: number;
  /** How often the wait may double: increments are counted, not requests. */
  readonly increments: number;
}

export function readPatience({ deviceModel }: StationContext): SigningPatience {
  return {
    minimumSeconds: Math.max(1, deviceModel.read(SecurityCtrlr.CertSigningWaitMinimum) ?? 1),
    increments: Math.max(0, deviceModel.read(SecurityCtrlr.CertSigningRepeatTimes) ?? 0),
  };
}

/** The wait after a request, doubled with each repetition but the first (A02.FR.17, FR.18, A03.FR.17, FR.18). */
export function waitSeconds({ minimumSeconds, increments }: SigningPatience, repetition: number): number {
  return Math.min(minimumSeconds * 2 ** Math.min(repetition, increments), LONGEST_WAIT_SECONDS);
}

/**
 * Asked for again after the first wait and after each that was doubled, then no more (A02.FR.19, A03.FR.19). No increments at
 * all switch the repetition off.
 */
export function isLastRepetition({ increments }: SigningPatience, repetition: number): boolean {
  return increments === 0 || repetition > increments;
}

function subject({ deviceModel }: StationContext, use: Use) {
  const isStation = use === "ChargingStationCertificate";
  const useTpm = isStation ? InternalCtrlr.UseTPM : InternalCtrlr.UseTPMSeccLeafCertificate;
  return {
    commonName: deviceModel.read(isStation ? InternalCtrlr.ChargeBoxSerialNumber : ISO15118Ctrlr.SeccId) || "",
    organization:
      (!isStation && deviceModel.read(ISO15118Ctrlr.OrganizationName)) ||
      deviceModel.read(SecurityCtrlr.OrganizationName) ||
      "",
    country: deviceModel.read(ISO15118Ctrlr.CountryName) || "",
    useTpm: deviceModel.read(useTpm) === true,
  };
}

/** A CSR with a new key pair (A02.FR.02, A03.FR.02); undefined when there is none, which is a security event. */
export async function generateSigningRequest(context: StationContext, use: Use): Promise<string | undefined> {
  const { events, hardware, logger } = context;
  const wanted = subject(context, use);
  // Whether a country is needed is for the hardware side to say.
  const missing = (["commonName", "organization"] as const).filter((name) => wanted[name] === "");
  const request =
    missing.length > 0
      ? { failure: `the subject of the certificate lacks ${missing.join(", ")}` }
      : await hardware.security
          .generateSigningRequest(LEAF_USE[use], wanted)
          .catch((error: Error) => ({ failure: error.message }));
  if (!("failure" in request)) return request.csr;
  logger.error(`No certificate signing request for ${use}: ${request.failure}`);
  events.emit("securityEvent", { type: "CSRGenerationFailed", techInfo: `${use}: ${request.failure}` });
  return undefined;
}
