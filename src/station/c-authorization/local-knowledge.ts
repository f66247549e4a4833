import * as v from "valibot";
import { LocalAuthListCtrlr } from "../../device-model/variables.ts";
import { type IdTokenInfoType, IdTokenInfoTypeSchema, type IdTokenType } from "../../ocpp/v201/index.ts";
import type { StationContext } from "../context.ts";
import type { AuthorizationCache } from "./cache.ts";

/** What the station itself knows about a token. */
export interface KnownToken {
  readonly info: IdTokenInfoType;
  readonly source: "local-list" | "cache";
  /** An entry of the list whose time has passed; its status says so. */
  readonly expiredInList: boolean;
}

/** Looks a token up in the Local Authorization List and, if it is not there, in the Authorization Cache (C13.FR.01, C14.FR.01). */
export function createLocalKnowledge(context: StationContext, cache: AuthorizationCache) {
  const { clock, core, deviceModel } = context;

  /** C13.FR.05, FR.06, C14.FR.04, FR.05: dates count only where the list supports them (C13.FR.02, FR.04, C14.FR.02). */
  const hasExpired = ({ cacheExpiryDateTime }: IdTokenInfoType): boolean =>
    cacheExpiryDateTime !== undefined &&
    deviceModel.read(LocalAuthListCtrlr.SupportsExpiryDateTime) === true &&
    Date.parse(cacheExpiryDateTime) < clock.now().getTime();

  const inList = (idToken: IdTokenType): KnownToken | undefined => {
    if (deviceModel.read(LocalAuthListCtrlr.Enabled) !== true) return undefined;
    const parsed = v.safeParse(IdTokenInfoTypeSchema, core.localList.get(idToken));
    if (!parsed.success) return undefined;
    const expired = parsed.output.status === "Accepted" && hasExpired(parsed.output);
    return {
      info: expired ? { ...parsed.output, status: "Expired" } : parsed.output,
      source: "local-list",
      expiredInList: expired,
    };
  };

  return (idToken: IdTokenType): KnownToken | undefined => {
    const listed = inList(idToken);
    if (listed !== undefined) return listed;
    const info = cache.find(idToken);
    return info === undefined ? undefined : { info, source: "cache", expiredInList: false };
  };
}
