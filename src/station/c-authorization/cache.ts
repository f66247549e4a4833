import * as v from "valibot";
import { AuthCacheCtrlr } from "../../device-model/variables.ts";
import { every, type Timer } from "../../lib/clock.ts";
import type { IdTokenInfoType, IdTokenType } from "../../ocpp/v201/index.ts";
import { IdTokenInfoTypeSchema } from "../../ocpp/v201/index.ts";
import type { CachedToken, CachePolicy } from "../../store/auth-cache-repository.ts";
import type { StationContext } from "../context.ts";

const HOUSEKEEPING_MILLISECONDS = 15 * 60 * 1000;
/** The cache's own bound where AuthCacheCtrlr.Storage names none. */
const DEFAULT_STORAGE_BYTES = 8 * 1024 * 1024;
/** Such a part of the entries goes at once, since ordering them all takes long in a large cache. */
const EVICTED_PART = 1 / 32;

export interface AuthorizationCache {
  /** What the CSMS said last about a token, unless that is too old. */
  find(idToken: IdTokenType): IdTokenInfoType | undefined;
  learn(idToken: IdTokenType, info: IdTokenInfoType): void;
  clear(): void;
  start(): void;
  stop(): void;
}

/** The Authorization Cache: what the CSMS said last about each token, whatever the status (C10.FR.01), on disk (C10.FR.02). */
export function createAuthorizationCache(context: StationContext): AuthorizationCache {
  const { clock, core, deviceModel, logger } = context;
  let housekeeping: Timer | undefined;

  const enabled = (): boolean => deviceModel.read(AuthCacheCtrlr.Enabled) === true; // C10.FR.11

  const storageLimit = (): number => {
    const variable = deviceModel.find(AuthCacheCtrlr.Storage);
    return (typeof variable === "string" ? undefined : variable.characteristics.maxLimit) ?? DEFAULT_STORAGE_BYTES;
  };

  const tellSize = (): void => deviceModel.write(AuthCacheCtrlr.Storage, core.authCache.sizeBytes, "internal", true);

  const isExpired = ({ expiresAt, updatedAt }: CachedToken): boolean => {
    const now = clock.now().getTime();
    if (expiresAt !== undefined) return expiresAt.getTime() < now; // C10.FR.13
    const lifeTimeSeconds = deviceModel.read(AuthCacheCtrlr.LifeTime);
    return lifeTimeSeconds !== undefined && updatedAt.getTime() + lifeTimeSeconds * 1000 < now; // C10.FR.08, FR.10
  };

  /** C10.FR.07: a new entry always finds room, even where the policy would give it up first. */
  const makeRoom = (newKey: string): void => {
    const limit = storageLimit();
    if (core.authCache.sizeBytes > limit) {
      const policy = (deviceModel.read(AuthCacheCtrlr.Policy) || "LRU") as CachePolicy;
      const part = Math.max(1, Math.floor(core.authCache.entries * EVICTED_PART));
      while (
        core.authCache.sizeBytes > limit &&
        core.unitOfWork.runRelaxed(() => core.authCache.evict(policy, part, newKey))
      );
    }
    tellSize();
  };

  const prune = (): void => {
    try {
      core.unitOfWork.runRelaxed(() => core.authCache.prune(clock.now(), deviceModel.read(AuthCacheCtrlr.LifeTime)));
      tellSize();
    } catch (error) {
      logger.warn(`The authorization cache could not be tidied: ${(error as Error).message}`);
    }
  };

  return {
    find(idToken) {
      if (!enabled()) return undefined;
      const entry = core.authCache.get(idToken);
      const parsed = v.safeParse(IdTokenInfoTypeSchema, entry?.idTokenInfo);
      if (entry === undefined || !parsed.success) return undefined;
      const expired = isExpired(entry);
      try {
        // Relaxed: the driver does not wait for the disk.
        core.unitOfWork.runRelaxed(() =>
          expired ? core.authCache.remove(entry.key) : core.authCache.touch(entry.key, clock.now()),
        );
        if (expired) tellSize();
      } catch (error) {
        logger.warn(`The use of a cached token could not be noted: ${(error as Error).message}`);
      }
      return expired ? undefined : parsed.output;
    },

    /**
     * C10.FR.04, FR.05, C12.FR.06, also key codes (C04.FR.03), under hashes (C10.FR.12); never for tokens that are nobody's (C02.FR.03, C03.FR.02, C05.FR.02), and without
     * texts about tariffs, which would be out of date (C10.FR.09).
     */
    learn(idToken, { personalMessage: _, customData: __, ...info }) {
      if (!enabled() || idToken.type === "Central" || idToken.type === "NoAuthorization") return;
      const expiresAt = info.cacheExpiryDateTime === undefined ? undefined : new Date(info.cacheExpiryDateTime);
      core.unitOfWork.run(() => {
        if (expiresAt !== undefined && expiresAt < clock.now()) {
          const known = core.authCache.get(idToken);
          if (known !== undefined) core.authCache.remove(known.key); // C10.FR.10: such a date keeps a token out
          core.unitOfWork.afterCommit(tellSize);
        } else {
          const key = core.authCache.put(idToken, info, clock.now(), expiresAt);
          core.unitOfWork.afterCommit(() => makeRoom(key));
        }
      });
    },

    clear() {
      core.unitOfWork.run(() => core.authCache.clear());
      tellSize();
    },

    start() {
      housekeeping = every(clock, HOUSEKEEPING_MILLISECONDS, prune);
      tellSize();
    },

    stop() {
      housekeeping?.cancel();
    },
  };
}
