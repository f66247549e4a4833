import type { Timer } from "../../lib/clock.ts";
import type { IdTokenType } from "../../ocpp/v201/index.ts";
import type { StationContext } from "../context.ts";
import type { StationEvents } from "../events.ts";
import type { EvseEvent } from "../ports.ts";

/** So long the hardware side has to act on a token that was taken; then the EVSE is free again. */
const CLAIM_MILLISECONDS = 10_000;
/** With these the hardware side has said what became of a token. */
const SETTLES: ReadonlySet<EvseEvent["kind"]> = new Set([
  "SessionStarted",
  "TransactionStarted",
  "Deauthorized",
  "TransactionFinished",
  "SessionFinished",
]);

/**
 * EVSEs for which a token is on its way: accepted for a remote start, or presented there and being decided. A second start
 * would be Accepted and then come to nothing (F01.FR.24, F02.FR.26).
 */
export interface StartClaims {
  claim(evseId: number, idToken: IdTokenType): void;
  isClaimed(evseId: number): boolean;
  takeEvent(event: EvseEvent): void;
  takePresented(token: StationEvents["tokenPresented"]): void;
  takeDecided(token: StationEvents["tokenDecided"]): void;
  stop(): void;
}

export function createStartClaims({ clock, model }: StationContext): StartClaims {
  const claims = new Map<number, { readonly idToken: IdTokenType; readonly limit: Timer }>();
  /** Tokens being decided, by EVSE. */
  const deciding = new Map<number, number>();

  const release = (evseId: number): void => {
    claims.get(evseId)?.limit.cancel();
    claims.delete(evseId);
  };

  const claim = (evseId: number, idToken: IdTokenType): void => {
    release(evseId);
    const limit = clock.after(CLAIM_MILLISECONDS, () => claims.delete(evseId));
    claims.set(evseId, { idToken, limit });
  };

  const isClaimedBy = (evseId: number, { idToken, type }: IdTokenType): boolean => {
    const claimant = claims.get(evseId)?.idToken;
    return claimant?.type === type && claimant.idToken.toUpperCase() === idToken.toUpperCase();
  };

  /** Where a token may charge at several EVSEs nobody knows yet which one it will be. */
  const onlyEvse = (evseIds: readonly number[] | undefined): number | undefined => {
    const possible = evseIds === undefined || evseIds.length === 0 ? model.evses.map(({ evseId }) => evseId) : evseIds;
    return possible.length === 1 ? possible[0] : undefined;
  };

  const count = (evseId: number, difference: number): void => {
    const next = (deciding.get(evseId) ?? 0) + difference;
    if (next > 0) deciding.set(evseId, next);
    else deciding.delete(evseId);
  };

  return {
    claim,
    isClaimed: (evseId) => claims.has(evseId) || deciding.has(evseId),
    takeEvent(event) {
      const isPlugIn = event.kind === "SessionStarted" && event.reason === "EVConnected";
      if (SETTLES.has(event.kind) && !isPlugIn) release(event.evseId);
    },
    takePresented({ evseIds }) {
      const evseId = onlyEvse(evseIds);
      if (evseId !== undefined) count(evseId, 1);
    },
    takeDecided({ idToken, evseIds, accepted }) {
      const evseId = onlyEvse(evseIds);
      if (evseId === undefined) return;
      count(evseId, -1);
      if (accepted) claim(evseId, idToken);
      else if (isClaimedBy(evseId, idToken)) release(evseId);
    },
    stop() {
      for (const evseId of [...claims.keys()]) release(evseId);
    },
  };
}
