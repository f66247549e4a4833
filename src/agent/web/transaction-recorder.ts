import type { Emitter } from "../../lib/events.ts";
import type { Logger } from "../../log/logger.ts";
import type { StationContext } from "../../station/context.ts";
import { transactionsView } from "../../station/e-transactions/transactions-view.ts";
import type { StationEvents } from "../../station/events.ts";
import type { HardwareEvents } from "../../station/ports.ts";
import type { CoreDatabase } from "../../store/core-database.ts";
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

/** When a transaction of an earlier run began. Whoever only shows it disturbs nobody: no error leaves here. */
function startOf(core: CoreDatabase, transactionId: string, logger: Logger): Date | undefined {
  try {
    const row = transactionsView(core.database).find((one) => one.transactionId === transactionId);
    return typeof row?.started === "string" ? new Date(row.started) : undefined;
  } catch (error) {
    logger.debug(`The page does not know when ${transactionId} began: ${(error as Error).message}`);
    return undefined;
  }
}

/** When the running transactions began, and with which register. */
export class TransactionRecorder {
  private readonly running = new Map<string, Running>();

  constructor(
    { clock, core, logger, model }: StationContext,
    stationEvents: Emitter<StationEvents>,
    hardwareEvents: Emitter<HardwareEvents>,
  ) {
    stationEvents.on("transactionStarted", ({ transactionId, evseId }) => {
      const reading = model.evse(evseId)?.reading;
      const wattHours = reading === undefined ? undefined : meterFacts(reading).wattHours;
      this.running.set(transactionId, { since: clock.now(), wattHours, isNew: true });
    });
    stationEvents.on("transactionResumed", ({ transactionId }) =>
      this.running.set(transactionId, {
        since: startOf(core, transactionId, logger),
        wattHours: undefined,
        isNew: false,
      }),
    );
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
