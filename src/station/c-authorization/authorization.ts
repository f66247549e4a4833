import * as v from "valibot";
import { AuthCacheCtrlr, AuthCtrlr, LocalAuthListCtrlr, TxCtrlr } from "../../device-model/variables.ts";
import type {
  AuthorizeRequest,
  AuthorizeResponse,
  ClearCacheResponse,
  IdTokenInfoType,
  IdTokenType,
} from "../../ocpp/v201/index.ts";
import { IdTokenTypeSchema } from "../../ocpp/v201/index.ts";
import { isSameToken } from "../../store/token-hash.ts";
import { declareBlock, type Given } from "../block.ts";
import { type AuthorizationDecision, type AuthorizationQuery, isAllowedAt } from "../model/authorization.ts";
import { leafHashes } from "../model/certificate.ts";
import type { AuthorizationService } from "../services.ts";
import { authView } from "./authorization-view.ts";
import { createAuthorizationCache } from "./cache.ts";
import { createContractValidation } from "./contract.ts";
import { KeyCodeGuard } from "./key-code-guard.ts";
import { createLocalKnowledge, type KnownToken } from "./local-knowledge.ts";
import { type AuthorizationPolicy, decide, decideOffline, isSettled } from "./token-rules.ts";

/** C01–C16: may this token charge? Decided locally where the rules allow it, else by the CSMS. */
export const authorization = declareBlock({
  name: "authorization",
  letter: "C",
  needs: ["customerData", "reservations"],
  provides: ["authorization"],
  views: { auth: authView },
  create,
});

function create(context: Given<"customerData" | "reservations">) {
  const { clock, core, csms, deviceModel, events, logger, model, customerData, reservations } = context;
  const cache = createAuthorizationCache(context);
  const lookUp = createLocalKnowledge(context, cache);
  const contract = createContractValidation(context);
  const keyCodes = new KeyCodeGuard(clock);

  const online = (): boolean => csms.connected && csms.registration === "Accepted";

  /** Not accepted by the CSMS; a station that was started without network has merely not been able to ask. */
  const isHeldByCsms = (): boolean =>
    csms.registration !== "Accepted" && (csms.connected || csms.registration !== "Unregistered");

  const policy = (): AuthorizationPolicy => ({
    isOnline: online(),
    mayAskCsms: online() && deviceModel.read(AuthCtrlr.DisableRemoteAuthorization) !== true,
    localAuthorizeOffline: deviceModel.read(AuthCtrlr.LocalAuthorizeOffline) === true,
    localPreAuthorize: deviceModel.read(AuthCtrlr.LocalPreAuthorize) === true,
    offlineTxForUnknownId: deviceModel.read(AuthCtrlr.OfflineTxForUnknownIdEnabled) === true,
    cacheDisablesPostAuthorize: deviceModel.read(AuthCacheCtrlr.DisablePostAuthorize) === true,
    listDisablesPostAuthorize: deviceModel.read(LocalAuthListCtrlr.DisablePostAuthorize) === true,
  });

  /**
   * C01.FR.03, C09.FR.07: a token of the group that charges here ends the authorization without being asked about.
   * EVerest's Auth compares the groups, of Accepted tokens only (C09.FR.03, FR.11).
   */
  const mayEndAuthorization = ({ info }: KnownToken, { evseIds }: AuthorizationQuery): boolean => {
    const { groupIdToken } = info;
    if (groupIdToken === undefined) return false;
    return model.evses.some(({ evseId, authorized, transaction }) => {
      const isHere = evseIds === undefined || evseIds.includes(evseId);
      if (!isHere || !authorized || transaction?.idToken === undefined) return false;
      const group = transaction.groupIdToken ?? lookUp(transaction.idToken)?.info.groupIdToken;
      return group !== undefined && isSameToken(group, groupIdToken);
    });
  };

  /** For nothing but the authorization of a token (C01.FR.04, C06.FR.03). Offline too when the connection was lost meanwhile. */
  const ask = async (request: AuthorizeRequest): Promise<AuthorizeResponse | "offline" | "unanswered"> => {
    const outcome = await csms.call("Authorize", request);
    if (outcome.kind === "response") return outcome.response;
    return outcome.kind === "offline" ? "offline" : "unanswered";
  };

  const learn = (idToken: IdTokenType, idTokenInfo: IdTokenInfoType): void =>
    remember("What the CSMS says of a token", () => cache.learn(idToken, idTokenInfo)); // C10.FR.04

  /** What cannot be stored does not keep anybody from charging. */
  const remember = (what: string, store: () => void): void => {
    try {
      store();
    } catch (error) {
      logger.error(`${what} could not be stored: ${(error as Error).message}`);
    }
  };

  const decideToken = async (query: AuthorizationQuery): Promise<AuthorizationDecision> => {
    const { idToken } = query;
    const now = policy();
    const known = lookUp(idToken);
    if (!now.isOnline) return decideOffline(known, now);
    if (known !== undefined && isSettled(known, now, () => mayEndAuthorization(known, query)))
      return { idTokenInfo: known.info, source: known.source };
    if (!now.mayAskCsms) return decide("Unknown", "local");
    const answer = await ask({ idToken }); // C01.FR.02, C06.FR.02, C08.FR.01, C09.FR.05
    if (answer === "offline") return decideOffline(lookUp(idToken), policy());
    if (answer === "unanswered") return decide("Unknown", "offline");
    const { idTokenInfo, certificateStatus } = answer;
    learn(idToken, idTokenInfo);
    return { idTokenInfo, ...(certificateStatus !== undefined && { certificateStatus }), source: "csms" };
  };

  /** One at a time, so that none is tried before it is known how wrong the one before it was. */
  const decideKeyCode = (query: AuthorizationQuery): Promise<AuthorizationDecision> =>
    keyCodes.inTurn(async () => {
      if (keyCodes.isClosed) return decide("NotAtThisTime", "local");
      const decision = await decideToken(query);
      if (decision.source !== "offline") keyCodes.note(decision.idTokenInfo.status === "Accepted");
      return decision;
    });

  /** For CustomerInformation by contract certificate (N09, N10): by each name that a CSMS that saw the chain may use. */
  const rememberCertificate = (
    { idToken, certificate }: AuthorizationQuery,
    { iso15118CertificateHashData = [] }: Partial<AuthorizeRequest> = {},
  ): void => {
    remember("The contract certificate of a token", () => {
      const own = certificate === undefined ? [] : leafHashes(certificate);
      // Hash data may lack the leaf, where it names no responder.
      const names = own.length > 0 ? own : iso15118CertificateHashData.slice(0, 1);
      if (names.length === 0) return;
      core.unitOfWork.runRelaxed(() => {
        for (const name of names) core.tokenAliases.noteCertificate(name, idToken);
      });
    });
  };

  const decideContractHere = async (query: AuthorizationQuery): Promise<AuthorizationDecision> => {
    const refusal = await contract.refusalOffline(query);
    if (refusal !== undefined) return refusal;
    const decision =
      online() || policy().localAuthorizeOffline
        ? await decideToken(query) // C07.FR.09–12
        : decide("Unknown", "offline");
    rememberCertificate(query);
    return { ...decision, certificateStatus: "Accepted" };
  };

  const decideContract = async (query: AuthorizationQuery): Promise<AuthorizationDecision> => {
    if (!contract.isEnabled(query)) return decide("Invalid", "local");
    if (!policy().mayAskCsms) return decideContractHere(query);
    const question = await contract.question(query);
    if ("refusal" in question) return question.refusal;
    const { request, defect } = question;
    const answer = await ask(request);
    if (answer === "offline") return decideContractHere(query);
    if (answer === "unanswered") return decide("Unknown", "offline");
    const decision = contract.judge(defect, answer);
    // What is said of a forged certificate says nothing of the owner of the eMAID.
    if (defect === undefined) {
      learn(query.idToken, decision.idTokenInfo);
      rememberCertificate(query, request);
    }
    return decision;
  };

  const authorize = async (query: AuthorizationQuery): Promise<AuthorizationDecision> => {
    const { idToken } = query;
    if (deviceModel.read(AuthCtrlr.Enabled) === false) return decide("Accepted", "local"); // C01.FR.01, C06.FR.01
    if (idToken.type === "NoAuthorization" || idToken.type === "Central") return decide("Accepted", "local"); // C02, C03.FR.01, C05.FR.01
    if (!v.is(IdTokenTypeSchema, idToken)) return decide("Invalid", "local");
    if (isHeldByCsms() && deviceModel.read(TxCtrlr.TxBeforeAcceptedEnabled) === false)
      return decide("NotAtThisTime", "local"); // B02.FR.03, B03.FR.01
    if (query.isPlugAndCharge === true || query.certificate !== undefined || query.certificateHashData !== undefined)
      return decideContract(query);
    return idToken.type === "KeyCode" ? decideKeyCode(query) : decideToken(query);
  };

  /** C01.FR.21: a token that is good elsewhere only is not good here. */
  const atPresentedEvses = (query: AuthorizationQuery, decision: AuthorizationDecision): AuthorizationDecision => {
    const evseIds = query.evseIds ?? model.evses.map(({ evseId }) => evseId);
    return decision.idTokenInfo.status !== "Accepted" || isAllowedAt(decision.idTokenInfo, evseIds)
      ? decision
      : { ...decision, idTokenInfo: { ...decision.idTokenInfo, status: "NotAtThisLocation" } };
  };

  /**
   * H03.FR.01–06: whoever is neither the reserver nor of the group does not charge where all EVSEs are kept for others.
   * EVerest's Auth says the same as long as it remembers its reservations.
   */
  const whereNotReserved = ({ idToken, evseIds }: AuthorizationQuery, decision: AuthorizationDecision) =>
    decision.idTokenInfo.status === "Accepted" &&
    reservations.isKeptForOther(evseIds, idToken, decision.idTokenInfo.groupIdToken)
      ? { ...decision, idTokenInfo: { ...decision.idTokenInfo, status: "NotAtThisTime" as const } }
      : decision;

  const authorizeSafely = async (query: AuthorizationQuery): Promise<AuthorizationDecision> => {
    try {
      return whereNotReserved(query, atPresentedEvses(query, await authorize(query)));
    } catch (error) {
      logger.error(`A token could not be authorized: ${(error as Error)?.stack ?? String(error)}`);
      return decide("Unknown", "local");
    }
  };

  const decideAndTell: AuthorizationService["authorize"] = async (query) => {
    const at = query.evseIds === undefined ? {} : { evseIds: query.evseIds };
    events.emit("tokenPresented", { ...at, idToken: query.idToken });
    const decision = await authorizeSafely(query);
    const { groupIdToken } = decision.idTokenInfo;
    events.emit("tokenDecided", {
      ...at,
      idToken: query.idToken,
      ...(groupIdToken !== undefined && { groupIdToken }),
      accepted: decision.idTokenInfo.status === "Accepted",
    });
    return decision;
  };

  customerData.register({
    name: "authorizationCache",
    find: ({ keys }) => keys.map((key) => core.authCache.getByKey(key)?.idTokenInfo).find((info) => info !== undefined),
    forget({ keys }) {
      for (const key of keys) core.authCache.remove(key);
    },
  });

  csms.handle("ClearCache", (): { response: ClearCacheResponse } => {
    if (deviceModel.read(AuthCacheCtrlr.Enabled) !== true) return { response: { status: "Rejected" } }; // C11.FR.04
    try {
      cache.clear(); // C11.FR.01
      return { response: { status: "Accepted" } }; // C11.FR.02, FR.03
    } catch (error) {
      logger.error(`The authorization cache could not be cleared: ${(error as Error).message}`);
      return { response: { status: "Rejected" } }; // C11.FR.05
    }
  });

  return {
    provides: { authorization: { authorize: decideAndTell, learn: cache.learn } },
    start: cache.start,
    stop: cache.stop,
  };
}
