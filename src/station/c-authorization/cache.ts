import * as v from "valibot";
import { AuthCacheCtrlr } from "../../device-model/variables.ts";
import { every, type Timer } from "../../lib/clock.ts";
import type { IdTokenInfoType, IdTokenType } from "../../ocpp/v201/index.ts";
import { IdTokenInfoTypeSchema } from "../../ocpp/v201/index.ts";
import type { CachePolicy } from "../../store/auth-cache-repository.ts";
import { tokenHash } from "../../store/token-hash.ts";
import type { StationContext } from "../context.ts";

const HOUSEKEEPING_MILLISECONDS = 15 * 60 * 1000;
/** The cache's own bound where AuthCacheCtrlr.Storage names none. */
const DEFAULT_STORAGE_BYTES = 8 * 1024 * 1024;

/** The Authorization Cache: what the CSMS said last about each token, whatever the status (C10.FR.01). */
export function createAuthorizationCache(context: StationContext) {
  const { clock, core, deviceModel } = context;
  let housekeeping: Timer | undefined;

  const enabled = (): boolean => deviceModel.read(AuthCacheCtrlr.Enabled) === true; // C10.FR.11

  const storageLimit = (): number => {
    const variable = deviceModel.find(AuthCacheCtrlr.Storage);
    return (typeof variable === "string" ? undefined : variable.characteristics.maxLimit) ?? DEFAULT_STORAGE_BYTES;
  };

  const tellSize = (): void => deviceModel.write(AuthCacheCtrlr.Storage, core.authCache.sizeBytes(), "internal", true);

  const makeRoom = (): void => {
    const policy = (deviceModel.read(AuthCacheCtrlr.Policy) || "LRU") as CachePolicy;
    while (core.authCache.sizeBytes() > storageLimit() && core.authCache.evict(policy)); // C10.FR.07
  };

  return {
    find(idToken: IdTokenType): IdTokenInfoType | undefined {
      if (!enabled()) return undefined;
      const hash = tokenHash(idToken);
      const entry = core.authCache.get(hash);
      const parsed = v.safeParse(IdTokenInfoTypeSchema, entry?.idTokenInfo);
      if (entry === undefined || !parsed.success) return undefined;
      const now = clock.now();
      const lifeTimeSeconds = deviceModel.read(AuthCacheCtrlr.LifeTime);
      const expired =
        entry.expiresAt !== undefined
          ? entry.expiresAt < now // C10.FR.13
          : lifeTimeSeconds !== undefined && entry.updatedAt.getTime() + lifeTimeSeconds * 1000 < now.getTime(); // C10.FR.08, FR.10
      core.unitOfWork.run(() => (expired ? core.authCache.remove(hash) : core.authCache.touch(hash, now)));
      return expired ? undefined : parsed.output;
    },

    /** C10.FR.04, FR.05, C12.FR.06; never for tokens that are nobody's (C02.FR.03, C03.FR.02, C05.FR.02). */
    learn(idToken: IdTokenType, { personalMessage: _, ...info }: IdTokenInfoType): void {
      if (!enabled() || idToken.type === "Central" || idToken.type === "NoAuthorization") return;
      const expiresAt = info.cacheExpiryDateTime === undefined ? undefined : new Date(info.cacheExpiryDateTime);
      core.unitOfWork.run(() => {
        if (expiresAt !== undefined && expiresAt < clock.now())
          core.authCache.remove(tokenHash(idToken)); // errata C10.FR.10
        else core.authCache.put(tokenHash(idToken), info, clock.now(), expiresAt);
        makeRoom();
        core.unitOfWork.afterCommit(tellSize);
      });
    },

    clear(): void {
      core.unitOfWork.run(() => core.authCache.clear());
      tellSize();
    },

    start(): void {
      housekeeping = every(clock, HOUSEKEEPING_MILLISECONDS, () => {
        core.unitOfWork.run(() => core.authCache.prune(clock.now()));
        tellSize();
      });
      tellSize();
    },

    stop(): void {
      housekeeping?.cancel();
    },
  };
}
