import * as v from "valibot";
import { AuthCacheCtrlr, AuthCtrlr, ISO15118Ctrlr, LocalAuthListCtrlr, TxCtrlr } from "../../device-model/variables.ts";
import type { AuthorizeRequest, IdTokenInfoType, IdTokenType } from "../../ocpp/v201/index.ts";
import { IdTokenInfoTypeSchema } from "../../ocpp/v201/index.ts";
import { tokenHash } from "../../store/token-hash.ts";
import type { Block, StationContext } from "../context.ts";
import type { AuthorizationDecision, AuthorizationQuery } from "../model/authorization.ts";
import { createAuthorizationCache } from "./cache.ts";

function decide(status: IdTokenInfoType["status"], source: AuthorizationDecision["source"]): AuthorizationDecision {
  return { idTokenInfo: { status }, source };
}

/** C01–C16: may this token charge? Decided locally where the rules allow it, else by the CSMS. */
export function createAuthorizationBlock(context: StationContext): Block {
  const { clock, core, csms, deviceModel, logger, services, hardware } = context;
  const cache = createAuthorizationCache(context);

  const online = (): boolean => csms.connected && csms.registration === "Accepted";

  const listedInfo = (idToken: IdTokenType): IdTokenInfoType | undefined => {
    if (deviceModel.read(LocalAuthListCtrlr.Enabled) !== true) return undefined;
    const parsed = v.safeParse(IdTokenInfoTypeSchema, core.localList.get(tokenHash(idToken)));
    if (!parsed.success) return undefined;
    const { cacheExpiryDateTime } = parsed.output;
    const expires =
      deviceModel.read(LocalAuthListCtrlr.SupportsExpiryDateTime) === true && cacheExpiryDateTime !== undefined;
    // C13.FR.05, C14.FR.05: an expired entry is no entry.
    return expires && Date.parse(cacheExpiryDateTime) < clock.now().getTime() ? undefined : parsed.output;
  };

  /** What list and cache say without asking the CSMS; undefined: they do not decide. */
  const decideLocally = (idToken: IdTokenType): AuthorizationDecision | undefined => {
    const allowed = online()
      ? deviceModel.read(AuthCtrlr.LocalPreAuthorize) === true
      : deviceModel.read(AuthCtrlr.LocalAuthorizeOffline) === true;
    if (!allowed) return undefined;
    const remote = online() && deviceModel.read(AuthCtrlr.DisableRemoteAuthorization) !== true;
    const listed = listedInfo(idToken); // C13.FR.01, C14.FR.01: the list goes before the cache
    if (listed !== undefined) {
      if (listed.status === "Accepted" || deviceModel.read(LocalAuthListCtrlr.DisablePostAuthorize) === true)
        return { idTokenInfo: listed, source: "local-list" }; // C14.FR.02, FR.04
      return remote ? undefined : { idTokenInfo: listed, source: "local-list" }; // C14.FR.03, C13.FR.02
    }
    const cached = cache.find(idToken);
    if (cached === undefined) return undefined;
    if (cached.status === "Accepted" || deviceModel.read(AuthCacheCtrlr.DisablePostAuthorize) === true)
      return { idTokenInfo: cached, source: "cache" };
    return remote ? undefined : { idTokenInfo: cached, source: "cache" }; // C10.FR.03, C12.FR.05
  };

  const decideOffline = (): AuthorizationDecision =>
    deviceModel.read(AuthCtrlr.OfflineTxForUnknownIdEnabled) === true
      ? decide("Accepted", "offline") // C15.FR.08
      : decide("Unknown", "offline");

  const askCsms = async (request: AuthorizeRequest): Promise<AuthorizationDecision> => {
    const outcome = await csms.call("Authorize", request);
    if (outcome.kind === "offline") return decideOffline();
    if (outcome.kind !== "response") return decide("Unknown", "csms");
    const { idTokenInfo, certificateStatus } = outcome.response;
    cache.learn(request.idToken, idTokenInfo); // C10.FR.04
    return { idTokenInfo, ...(certificateStatus !== undefined && { certificateStatus }), source: "csms" };
  };

  /** C07: contract certificates. */
  const decideContract = async (query: AuthorizationQuery): Promise<AuthorizationDecision> => {
    const { idToken, certificate, certificateHashData } = query;
    if (online()) return askCsms(await contractRequest(query));
    if (deviceModel.read(ISO15118Ctrlr.ContractValidationOffline) !== true) return decide("NotAtThisTime", "offline"); // C07.FR.07
    if (certificate === undefined && certificateHashData === undefined) return decide("Invalid", "offline");
    const validation =
      certificate === undefined
        ? "Unknown"
        : await hardware.security.verifyCertificate(certificate, ["MO", "V2G"]).catch(() => "Unknown" as const); // C07.FR.08
    if (validation === "Expired") return { ...decide("Expired", "offline"), certificateStatus: "CertificateExpired" };
    if (validation !== "Valid") return decide("Unknown", "offline");
    const known = decideLocally(idToken); // C07.FR.09–11
    return { ...(known ?? decideOffline()), certificateStatus: "Accepted" }; // C07.FR.12
  };

  const contractRequest = async ({
    idToken,
    certificate,
    certificateHashData,
  }: AuthorizationQuery): Promise<AuthorizeRequest> => {
    if (certificateHashData !== undefined) return { idToken, iso15118CertificateHashData: certificateHashData }; // C07.FR.02
    if (certificate === undefined) return { idToken };
    const hashes = await hardware.security.moOcspRequestData(certificate).catch(() => []);
    if (hashes.length > 0) return { idToken, iso15118CertificateHashData: hashes.slice(0, 4) };
    return deviceModel.read(ISO15118Ctrlr.CentralContractValidationAllowed) === true
      ? { idToken, certificate }
      : { idToken }; // C07.FR.06
  };

  const authorize = async (query: AuthorizationQuery): Promise<AuthorizationDecision> => {
    const { idToken } = query;
    if (deviceModel.read(AuthCtrlr.Enabled) === false) return decide("Accepted", "local"); // C01.FR.01
    if (idToken.type === "NoAuthorization" || idToken.type === "Central") return decide("Accepted", "local"); // C02, C03.FR.01, C05.FR.01
    if (csms.registration !== "Accepted" && deviceModel.read(TxCtrlr.TxBeforeAcceptedEnabled) === false)
      return decide("NotAtThisTime", "local"); // B02.FR.03
    if (query.certificate !== undefined || query.certificateHashData !== undefined) return decideContract(query);
    const local = decideLocally(idToken);
    if (local !== undefined) return local;
    if (!online()) return decideOffline();
    if (deviceModel.read(AuthCtrlr.DisableRemoteAuthorization) === true) return decide("Unknown", "local");
    return askCsms({ idToken }); // C01.FR.02
  };

  services.authorize = (query) =>
    authorize(query).catch((error: Error) => {
      logger.error(`A token could not be authorized: ${error.stack ?? error.message}`);
      return decide("Unknown", "local");
    });
  services.learnIdTokenInfo = cache.learn;

  csms.handle("ClearCache", () => {
    if (deviceModel.read(AuthCacheCtrlr.Enabled) !== true) return { response: { status: "Rejected" } }; // C11.FR.04
    cache.clear();
    return { response: { status: "Accepted" } }; // C11.FR.03
  });

  return { name: "authorization", start: cache.start, stop: cache.stop };
}
