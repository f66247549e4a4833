import { ISO15118Ctrlr } from "../../device-model/variables.ts";
import type { AuthorizeRequest, OCSPRequestDataType } from "../../ocpp/v201/index.ts";
import type { StationContext } from "../context.ts";
import { answerOr } from "../model/answer-or.ts";
import type { AuthorizationDecision, AuthorizationQuery } from "../model/authorization.ts";
import type { CertificateValidation } from "../ports.ts";

/** AuthorizeRequest.iso15118CertificateHashData holds so many. */
const HASH_DATA_LIMIT = 4;
/** Somebody made these up: no answer of the CSMS, which sees hashes only, makes them good. */
const FORGED: ReadonlySet<CertificateValidation> = new Set(["InvalidSignature", "InvalidLeafSignature"]);

/** How the CSMS is to be asked about a contract certificate, or why it need not be asked. */
export type ContractQuestion =
  | { readonly request: AuthorizeRequest; readonly isForged: boolean }
  | { readonly refusal: AuthorizationDecision };

/** C07: what the station does with a contract certificate before the token itself is looked at. */
export function createContractValidation(context: StationContext) {
  const { deviceModel, hardware, logger } = context;

  const verify = (certificate: string): Promise<CertificateValidation> =>
    answerOr(
      logger,
      "A contract certificate could not be verified",
      hardware.security.verifyCertificate(certificate, ["MO", "V2G"]),
      "Unknown",
    );

  const hashDataOf = (certificate: string): Promise<readonly OCSPRequestDataType[]> =>
    answerOr(
      logger,
      "There are no OCSP data for a contract certificate",
      hardware.security.moOcspRequestData(certificate),
      [],
    );

  return {
    /** C07.FR.01, FR.02, FR.06. Hash data come from an ISO 15118 stack that has verified the chain itself. */
    async question({ idToken, certificate, certificateHashData }: AuthorizationQuery): Promise<ContractQuestion> {
      const ask = (hashData: readonly OCSPRequestDataType[], isForged = false): ContractQuestion => ({
        request: { idToken, iso15118CertificateHashData: hashData.slice(0, HASH_DATA_LIMIT) },
        isForged,
      });
      if (certificateHashData !== undefined) return ask(certificateHashData);
      const validation = certificate === undefined ? "Unknown" : await verify(certificate);
      // Without the root certificate the CSMS has to look at the chain itself.
      const hashData =
        certificate === undefined || validation === "IssuerNotFound" ? [] : await hashDataOf(certificate);
      if (hashData.length > 0) return ask(hashData, FORGED.has(validation));
      if (certificate !== undefined && deviceModel.read(ISO15118Ctrlr.CentralContractValidationAllowed) === true)
        return { request: { idToken, certificate }, isForged: FORGED.has(validation) };
      return { refusal: { idTokenInfo: { status: "Invalid" }, source: "local" } };
    },

    /** C07.FR.07, FR.08: undefined when the certificate is good and the token decides. */
    async refusalOffline({ certificate }: AuthorizationQuery): Promise<AuthorizationDecision | undefined> {
      if (deviceModel.read(ISO15118Ctrlr.ContractValidationOffline) !== true)
        return { idTokenInfo: { status: "NotAtThisTime" }, source: "offline" };
      const validation = certificate === undefined ? "Unknown" : await verify(certificate);
      if (validation === "Valid") return undefined;
      return validation === "Expired"
        ? { idTokenInfo: { status: "Expired" }, certificateStatus: "CertificateExpired", source: "offline" }
        : { idTokenInfo: { status: "Unknown" }, source: "offline" };
    },
  };
}
