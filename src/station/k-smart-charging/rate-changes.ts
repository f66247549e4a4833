import { SmartChargingCtrlr } from "../../device-model/variables.ts";
import type { StationContext } from "../context.ts";
import type { ChargingLimits } from "../ports.ts";
import type { TransactionService } from "../services.ts";
import type { Cause } from "./distribution.ts";

/** Change from `before` to `after` in percent; from nothing to something it is beyond any measure. */
export function changePercent(before: number, after: number): number {
  if (before === after) return 0;
  return before === 0 ? Number.POSITIVE_INFINITY : (Math.abs(after - before) / before) * 100;
}

export function isSignificant({ deviceModel }: StationContext, before: number, after: number): boolean {
  return changePercent(before, after) > (deviceModel.read(SmartChargingCtrlr.LimitChangeSignificance) ?? 0);
}

/**
 * Tells the CSMS when the rate of a running transaction changes by more than LimitChangeSignificance (K11.FR.04, K13.FR.03,
 * SC.02, SC.03). What a schedule does by itself as time goes on is no news to it, nor is what it has negotiated with an EV by
 * ISO 15118 (errata 6.2.80).
 */
export function createRateChanges(
  context: StationContext,
  transactions: Pick<TransactionService, "noteTrigger">,
): (limits: readonly ChargingLimits[], cause: Cause) => void {
  const { clock, model } = context;
  /** What the CSMS has last been told of, or knows anyhow, by transaction. */
  const known = new Map<string, { readonly unit: string; readonly limit: number }>();

  const tell = (evseId: number, transactionId: string): void => {
    // The answer to what has changed the rate goes first.
    clock.after(0, () => {
      if (model.evse(evseId)?.transaction?.transactionId === transactionId)
        transactions.noteTrigger(evseId, "ChargingRateChanged");
    });
  };

  return (limits, cause) => {
    const running = new Set(model.evses.flatMap(({ transaction }) => transaction?.transactionId ?? []));
    for (const transactionId of known.keys()) if (!running.has(transactionId)) known.delete(transactionId);
    for (const { evseId, unit, periods } of limits) {
      const evse = model.evse(evseId);
      const transactionId = evse?.transaction?.transactionId;
      const limit = periods[0]?.limit;
      if (transactionId === undefined || limit === undefined) continue;
      const before = known.get(transactionId);
      const isNews = cause === "change" || (cause === "csms" && evse?.chargingNeedsTold !== true);
      const hasChanged = before?.unit === unit && isNews && before.limit !== limit;
      if (hasChanged && !isSignificant(context, before.limit, limit)) continue;
      known.set(transactionId, { unit, limit });
      if (hasChanged) tell(evseId, transactionId);
    }
  };
}
