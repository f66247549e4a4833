import * as v from "valibot";
import type { VariableHandle } from "../../device-model/variable-handle.ts";
import { ISO15118Ctrlr } from "../../device-model/variables.ts";
import {
  type AuthorizeRequest,
  type AuthorizeResponse,
  type OCSPRequestDataType,
  OCSPRequestDataTypeSchema,
} from "../../ocpp/v201/index.ts";
import { validateRequest } from "../../ocpp/validation.ts";
import type { StationContext } from "../context.ts";
import { answerOr } from "../model/answer-or.ts";
import type { AuthorizationDecision, AuthorizationQuery } from "../model/authorization.ts";
import { isIso15118On } from "../model/iso15118.ts";
import { readAt } from "../model/setting-at.ts";
import type { CertificateValidation } from "../ports.ts";

/** AuthorizeRequest.iso15118CertificateHashData holds so many. */
const HASH_DATA_LIMIT = 4;
const PEM = /-----BEGIN CERTIFICATE-----/;

/** Why a contract does not charge, whatever anybody says of its eMAID. */
type Refusal = AuthorizationDecision;

/** How the CSMS is to be asked about a contract certificate, or why it need not be asked. */
export type ContractQuestion =
  | {
      readonly request: AuthorizeRequest;
      /** What was found out here, and the CSMS cannot know: such a contract does not become good by its answer. */
      readonly defect: Refusal | undefined;
    }
  | { readonly refusal: Refusal };

function refuse(
  status: AuthorizationDecision["idTokenInfo"]["status"],
  certificateStatus?: AuthorizationDecision["certificateStatus"],
  source: AuthorizationDecision["source"] = "local",
): Refusal {
  return { idTokenInfo: { status }, ...(certificateStatus !== undefined && { certificateStatus }), source };
}

/** Nobody can tell whether such a certificate is good. */
const UNVERIFIED = refuse("Invalid", "CertChainError");

/** In the words that the CSMS would have for it (C07.FR.15, FR.17). `seesChain`: it gets the certificates, not only hashes. */
function knownDefect(validation: CertificateValidation | undefined, seesChain: boolean): Refusal | undefined {
  switch (validation) {
    case "Expired":
      return refuse("Expired", "CertificateExpired");
    case "InvalidSignature":
    case "InvalidLeafSignature":
      return refuse("Invalid", "SignatureError");
    case "InvalidChain":
    case "Unknown": // among others one that is not valid yet
      return seesChain ? undefined : UNVERIFIED;
    default:
      return undefined;
  }
}

/** C07: what the station does with a contract certificate before the token itself is looked at. */
export function createContractValidation({ deviceModel, hardware, logger }: StationContext) {
  const setting = (handle: VariableHandle<"boolean">, { evseIds }: AuthorizationQuery): boolean | undefined =>
    readAt(deviceModel, handle, evseIds?.[0]);

  /** Undefined without an answer. */
  const verify = (certificate: string): Promise<CertificateValidation | undefined> =>
    answerOr(
      logger,
      "A contract certificate could not be verified",
      hardware.security.verifyCertificate(certificate, ["MO", "V2G"]),
      undefined,
    );

  const hashDataOf = async (certificate: string): Promise<readonly OCSPRequestDataType[]> => {
    const failed = "There are no OCSP data for a contract certificate";
    const hashData = await answerOr(logger, failed, hardware.security.moOcspRequestData(certificate), []);
    if (hashData.every((data) => v.is(OCSPRequestDataTypeSchema, data))) return hashData;
    logger.error(`${failed}: OCPP has no room for those of the security module`);
    return [];
  };

  const readable = ({ certificate }: AuthorizationQuery): string | undefined => {
    if (certificate === undefined || PEM.test(certificate)) return certificate;
    logger.warn("A contract certificate is passed over: it is no PEM text");
    return undefined;
  };

  const askWithHashData = (
    { idToken }: AuthorizationQuery,
    hashData: readonly OCSPRequestDataType[],
    validation?: CertificateValidation,
  ): ContractQuestion => ({
    request: { idToken, iso15118CertificateHashData: hashData.slice(0, HASH_DATA_LIMIT) },
    defect: knownDefect(validation, false),
  });

  const askWithChain = (
    { idToken }: AuthorizationQuery,
    certificate: string,
    validation: CertificateValidation | undefined,
  ): ContractQuestion => {
    const request = { idToken, certificate };
    if (validateRequest("Authorize", request).ok) return { request, defect: knownDefect(validation, true) };
    logger.warn(`A contract certificate chain of ${certificate.length} characters is too long for AuthorizeRequest`);
    return { refusal: UNVERIFIED };
  };

  return {
    /** What PnCEnabled says, where it says something. */
    isEnabled: (query: AuthorizationQuery): boolean =>
      isIso15118On(deviceModel, query.evseIds?.[0]) && setting(ISO15118Ctrlr.PnCEnabled, query) !== false,

    /** C07.FR.01, FR.02, FR.06. Hash data come from an ISO 15118 stack that has verified the chain itself. */
    async question(query: AuthorizationQuery): Promise<ContractQuestion> {
      if (query.certificateHashData !== undefined) return askWithHashData(query, query.certificateHashData);
      const certificate = readable(query);
      if (certificate === undefined) return { refusal: refuse("Invalid") };
      const validation = await verify(certificate);
      // Without the root certificate the CSMS has to look at the chain itself.
      const hashData = validation === "IssuerNotFound" ? [] : await hashDataOf(certificate);
      if (hashData.length > 0) return askWithHashData(query, hashData, validation);
      return setting(ISO15118Ctrlr.CentralContractValidationAllowed, query) === true
        ? askWithChain(query, certificate, validation)
        : { refusal: knownDefect(validation, false) ?? (validation === "Valid" ? refuse("Invalid") : UNVERIFIED) };
    },

    /** The answer to a question; a token is not good with a certificate that is not (C07.FR.13–17). */
    judge(defect: Refusal | undefined, { idTokenInfo, certificateStatus }: AuthorizeResponse): AuthorizationDecision {
      const isAccepted = idTokenInfo.status === "Accepted";
      if (isAccepted && defect !== undefined) return defect;
      if (certificateStatus === undefined) return { idTokenInfo, source: "csms" };
      if (!isAccepted || certificateStatus === "Accepted") return { idTokenInfo, certificateStatus, source: "csms" };
      logger.warn(`The CSMS accepts a token of which it says ${certificateStatus}: it is not accepted`);
      const status = certificateStatus === "CertificateExpired" ? "Expired" : "Invalid";
      return { idTokenInfo: { ...idTokenInfo, status }, certificateStatus, source: "csms" };
    },

    /** C07.FR.07, FR.08: undefined when the certificate is good and the token decides. */
    async refusalOffline(query: AuthorizationQuery): Promise<Refusal | undefined> {
      if (setting(ISO15118Ctrlr.ContractValidationOffline, query) !== true)
        return refuse("NotAtThisTime", undefined, "offline");
      const certificate = readable(query);
      const validation = certificate === undefined ? undefined : await verify(certificate);
      if (validation === "Valid") return undefined;
      return validation === "Expired"
        ? refuse("Expired", "CertificateExpired", "offline")
        : refuse("Unknown", undefined, "offline");
    },
  };
}
