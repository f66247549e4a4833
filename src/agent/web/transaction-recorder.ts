import type { Emitter } from "../../lib/events.ts";
import type { StationContext } from "../../station/context.ts";
import { transactionsView } from "../../station/e-transactions/transactions-view.ts";
import type { StationEvents } from "../../station/events.ts";
import { meterFacts } from "./meter-recorder.ts";

interface Begin {
  readonly since: Date | undefined;
  /** The meter's register then; undefined when nobody knows any more. */
  readonly wattHours: number | undefined;
}

/** When the running transactions began, and with which register. */
export class TransactionRecorder {
  private readonly begins = new Map<string, Begin>();

  constructor({ clock, core, model }: StationContext, stationEvents: Emitter<StationEvents>) {
    stationEvents.on("transactionStarted", ({ transactionId, evseId }) => {
      const reading = model.evse(evseId)?.reading;
      const wattHours = reading === undefined ? undefined : meterFacts(reading).wattHours;
      this.begins.set(transactionId, { since: clock.now(), wattHours });
    });
    stationEvents.on("transactionResumed", ({ transactionId }) => {
      const row = transactionsView(core.database).find((one) => one.transactionId === transactionId);
      const since = typeof row?.started === "string" ? new Date(row.started) : undefined;
      this.begins.set(transactionId, { since, wattHours: undefined });
    });
    stationEvents.on("transactionEnded", ({ transactionId }) => this.begins.delete(transactionId));
  }

  beginOf(transactionId: string): Begin {
    return this.begins.get(transactionId) ?? { since: undefined, wattHours: undefined };
  }
}
