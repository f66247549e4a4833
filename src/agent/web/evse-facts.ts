import * as v from "valibot";
import type { EvseModel } from "../../station/model/station-model.ts";
import type { EvseFacts, ScheduleFacts } from "../../web/source.ts";
import { maskToken } from "./message-recorder.ts";
import { meterFacts } from "./meter-recorder.ts";
import type { TransactionRecorder } from "./transaction-recorder.ts";

function transactionFacts(
  { transaction, reading }: EvseModel,
  transactions: TransactionRecorder,
): EvseFacts["transaction"] {
  if (transaction === undefined) return undefined;
  const { transactionId, idToken } = transaction;
  const begin = transactions.beginOf(transactionId);
  const wattHours = reading === undefined ? undefined : meterFacts(reading).wattHours;
  return {
    transactionId,
    since: begin.since,
    token:
      idToken === undefined || idToken.idToken === "" ? undefined : `${maskToken(idToken.idToken)} (${idToken.type})`,
    wattHours: wattHours === undefined || begin.wattHours === undefined ? undefined : wattHours - begin.wattHours,
  };
}

export function evseFacts(evse: EvseModel, transactions: TransactionRecorder): EvseFacts {
  const { evseId, connectors, evConnected, authorized, energyFlows, reading } = evse;
  return {
    evseId,
    connectors: connectors.map(({ connectorId, status }) => ({ connectorId, status })),
    evConnected,
    authorized,
    energyFlows,
    transaction: transactionFacts(evse, transactions),
    reading: reading === undefined ? undefined : meterFacts(reading),
  };
}

/** What the smart-charging block shows in `/status`. */
const ChargingView = v.object({
  schedules: v.array(
    v.object({
      evseId: v.number(),
      chargingRateUnit: v.string(),
      scheduleStart: v.string(),
      duration: v.number(),
      chargingSchedulePeriod: v.array(v.object({ startPeriod: v.number(), limit: v.number() })),
    }),
  ),
});

/** The composite schedules of a status view; none where no block shows any. */
export function scheduleFacts(view: unknown): readonly ScheduleFacts[] {
  const parsed = v.safeParse(ChargingView, view);
  if (!parsed.success) return [];
  return parsed.output.schedules.map(
    ({ evseId, chargingRateUnit, scheduleStart, duration, chargingSchedulePeriod }): ScheduleFacts => ({
      evseId,
      unit: chargingRateUnit,
      start: new Date(scheduleStart),
      durationSeconds: duration,
      periods: chargingSchedulePeriod.map(({ startPeriod, limit }) => ({ startSeconds: startPeriod, limit })),
    }),
  );
}
