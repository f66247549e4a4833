import { InternalCtrlr, ISO15118Ctrlr, SecurityCtrlr } from "../../device-model/variables.ts";
import type { CertificateSigningUseEnumType } from "../../ocpp/v201/index.ts";
import type { StationContext } from "../context.ts";
import type { LeafCertificateUse } from "../ports.ts";

export type Use = CertificateSigningUseEnumType;

/** What a certificate is asked for: one use, or both at once (A02, SignCombinedCertificate). */
export const TARGETS = ["ChargingStationCertificate", "V2GCertificate", "Combined"] as const;
export type Target = (typeof TARGETS)[number];

export const LEAF_USE: Record<Use, LeafCertificateUse> = { ChargingStationCertificate: "CSMS", V2GCertificate: "V2G" };

/** For ISO 15118 first: what the ISO 15118 side refuses has not changed what the CSMS is shown. */
export function usesOf(target: Target): readonly Use[] {
  return target === "Combined" ? ["V2GCertificate", "ChargingStationCertificate"] : [target];
}

/** The schema of SignCertificate, in characters. */
const LONGEST_REQUEST = 5_500;
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

/** The CSMS looks for the serial number in a certificate that is for it, too (A00.FR.405). */
function subject({ deviceModel }: StationContext, target: Target) {
  const isForCsms = target !== "V2GCertificate";
  const useTpm =
    target === "ChargingStationCertificate" ? InternalCtrlr.UseTPM : InternalCtrlr.UseTPMSeccLeafCertificate;
  return {
    commonName: deviceModel.read(isForCsms ? InternalCtrlr.ChargeBoxSerialNumber : ISO15118Ctrlr.SeccId) || "",
    organization:
      (!isForCsms && deviceModel.read(ISO15118Ctrlr.OrganizationName)) ||
      deviceModel.read(SecurityCtrlr.OrganizationName) ||
      "",
    country: deviceModel.read(ISO15118Ctrlr.CountryName) || "",
    useTpm: deviceModel.read(useTpm) === true,
  };
}

/** What the subject of a certificate lacks; whether a country is needed is for the hardware side to say. */
function missingIn(wanted: ReturnType<typeof subject>): string | undefined {
  const missing = (["commonName", "organization"] as const).filter((name) => wanted[name] === "");
  return missing.length === 0 ? undefined : `the subject of the certificate lacks ${missing.join(", ")}`;
}

function tellFailure({ events, logger }: StationContext, target: Target, failure: string): void {
  logger.error(`No certificate signing request for ${target}: ${failure}`);
  events.emit("securityEvent", { type: "CSRGenerationFailed", techInfo: `${target}: ${failure}` });
}

/** Why there can be no request for such a certificate, which is a security event; undefined when there can. */
export function subjectDefect(context: StationContext, target: Target): string | undefined {
  const defect = missingIn(subject(context, target));
  if (defect !== undefined) tellFailure(context, target, defect);
  return defect;
}

/** A CSR with a new key pair (A02.FR.02, A03.FR.02); undefined when there is none, which is a security event. */
export async function generateSigningRequest(context: StationContext, target: Target): Promise<string | undefined> {
  if (subjectDefect(context, target) !== undefined) return undefined;
  const [use = "ChargingStationCertificate"] = usesOf(target);
  const request = await context.hardware.security
    .generateSigningRequest(LEAF_USE[use], subject(context, target))
    .catch((error: Error) => ({ failure: error.message }));
  const failure = "failure" in request ? request.failure : requestDefect(request.csr);
  if (failure !== undefined) tellFailure(context, target, failure);
  return failure === undefined && "csr" in request ? request.csr : undefined;
}

/** Why the CSMS could not be sent such a request. */
function requestDefect(csr: string): string | undefined {
  if (csr === "") return "the request is empty";
  return csr.length > LONGEST_REQUEST ? `the request has ${csr.length} characters` : undefined;
}
