import type { Emitter } from "../../lib/events.ts";
import type { StationContext } from "../../station/context.ts";
import { transactionsView } from "../../station/e-transactions/transactions-view.ts";
import type { StationEvents } from "../../station/events.ts";
import type { HardwareEvents } from "../../station/ports.ts";
import { meterFacts } from "./meter-recorder.ts";

interface Begin {
  readonly since: Date | undefined;
  /** The meter's register then; undefined when nobody knows any more. */
  readonly wattHours: number | undefined;
}

interface Running extends Begin {
  /** The first reading that comes counts as the one at the start. */
  readonly isNew: boolean;
}

const UNKNOWN: Begin = { since: undefined, wattHours: undefined };

/** When the running transactions began, and with which register. */
export class TransactionRecorder {
  private readonly running = new Map<string, Running>();

  constructor(
    { clock, core, model }: StationContext,
    stationEvents: Emitter<StationEvents>,
    hardwareEvents: Emitter<HardwareEvents>,
  ) {
    stationEvents.on("transactionStarted", ({ transactionId, evseId }) => {
      const reading = model.evse(evseId)?.reading;
      const wattHours = reading === undefined ? undefined : meterFacts(reading).wattHours;
      this.running.set(transactionId, { since: clock.now(), wattHours, isNew: true });
    });
    stationEvents.on("transactionResumed", ({ transactionId }) => {
      const row = transactionsView(core.database).find((one) => one.transactionId === transactionId);
      const since = typeof row?.started === "string" ? new Date(row.started) : undefined;
      this.running.set(transactionId, { since, wattHours: undefined, isNew: false });
    });
    stationEvents.on("transactionEnded", ({ transactionId }) => this.running.delete(transactionId));
    hardwareEvents.on("meter", ({ evseId, reading }) => {
      const transactionId = model.evse(evseId)?.transaction?.transactionId ?? "";
      const begin = this.running.get(transactionId);
      if (begin?.isNew === true && begin.wattHours === undefined)
        this.running.set(transactionId, { ...begin, wattHours: meterFacts(reading).wattHours });
    });
  }

  beginOf(transactionId: string): Begin {
    return this.running.get(transactionId) ?? UNKNOWN;
  }
}
