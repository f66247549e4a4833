import type { IdTokenInfoType } from "../../ocpp/v201/index.ts";
import type { AuthorizationDecision } from "../model/authorization.ts";
import type { KnownToken } from "./local-knowledge.ts";

/** How things are at the moment of a decision: the connection and the settings that count. */
export interface AuthorizationPolicy {
  /** Accepted by the CSMS and connected. */
  readonly isOnline: boolean;
  readonly mayAskCsms: boolean;
  readonly localAuthorizeOffline: boolean;
  readonly localPreAuthorize: boolean;
  readonly offlineTxForUnknownId: boolean;
  readonly cacheDisablesPostAuthorize: boolean;
  readonly listDisablesPostAuthorize: boolean;
}

export function decide(
  status: IdTokenInfoType["status"],
  source: AuthorizationDecision["source"],
): AuthorizationDecision {
  return { idTokenInfo: { status }, source };
}

/** What is decided while nobody can be asked. */
export function decideOffline(known: KnownToken | undefined, policy: AuthorizationPolicy): AuthorizationDecision {
  if (known === undefined) return decide(policy.offlineTxForUnknownId ? "Accepted" : "Unknown", "offline"); // C13.FR.04, C15.FR.08; not cached: C15.FR.01
  // C13.FR.02, FR.03, FR.05, FR.06: who is known to be refused is not unknown.
  if (known.info.status !== "Accepted" || policy.localAuthorizeOffline)
    return { idTokenInfo: known.info, source: known.source };
  return policy.offlineTxForUnknownId
    ? { idTokenInfo: known.info, source: "offline" }
    : decide("NotAtThisTime", "offline");
}

function disablesPostAuthorize({ source, expiredInList }: KnownToken, policy: AuthorizationPolicy): boolean {
  return source === "cache" ? policy.cacheDisablesPostAuthorize : !expiredInList && policy.listDisablesPostAuthorize;
}

/** Online: does what the station knows settle it? `mayEndAuthorization`: for a token of the group that charges here. */
export function isSettled(known: KnownToken, policy: AuthorizationPolicy, mayEndAuthorization: () => boolean): boolean {
  if (!policy.mayAskCsms) return true;
  if (known.info.status === "Accepted") return policy.localPreAuthorize || mayEndAuthorization(); // C12.FR.04, C14.FR.02, FR.04, C16.FR.04, FR.05
  return disablesPostAuthorize(known, policy); // otherwise C01.FR.05, C10.FR.03, C12.FR.05, C14.FR.03, FR.05
}
