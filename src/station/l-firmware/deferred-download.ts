import { InternalCtrlr } from "../../device-model/variables.ts";
import type { Timer } from "../../lib/clock.ts";
import type { UpdateFirmwareRequest } from "../../ocpp/v201/index.ts";
import type { StationContext } from "../context.ts";
import type { FirmwareUpdate } from "./firmware-update.ts";
import type { RunningTransactions } from "./running-transactions.ts";

/** How soon it is looked again whether the hardware side has spoken of the transactions of an earlier run. */
const RESUMING_MILLISECONDS = 5_000;

export interface DeferredDownload {
  /** Has a download to wait, as far as can be seen now? */
  mustWait(): boolean;
  /** Orders what has waited when nobody charges any more. */
  review(): void;
  stop(): void;
}

/** InternalCtrlr.DeferFirmwareDownloadDuringTransaction (CHANGES c.6): nothing is downloaded while somebody charges. */
export function createDeferredDownload(
  { clock, deviceModel, logger }: Pick<StationContext, "clock" | "deviceModel" | "logger">,
  parts: {
    readonly update: () => FirmwareUpdate | undefined;
    readonly transactions: RunningTransactions;
    /** Lets no new session begin until the update is over. */
    readonly hold: () => void;
    /** Asks the hardware side; resolves to whether it took the order. */
    readonly order: (request: UpdateFirmwareRequest) => Promise<boolean>;
    readonly onOrdered: (update: FirmwareUpdate, taken: boolean) => void;
  },
): DeferredDownload {
  let timer: Timer | undefined;
  /** The update that the hardware side is being asked for. */
  let asking: FirmwareUpdate | undefined;

  const ask = async (update: FirmwareUpdate, request: UpdateFirmwareRequest): Promise<void> => {
    asking = update;
    const taken = await parts.order(request);
    asking = undefined;
    // Meanwhile it may have been replaced.
    const current = parts.update();
    if (current?.deferred !== undefined && current.requestId === update.requestId) parts.onOrdered(current, taken);
  };

  function review(): void {
    timer?.cancel();
    const update = parts.update();
    if (update?.deferred === undefined || asking !== undefined) return;
    const running = parts.transactions.look();
    if (running === "unknown") {
      timer = clock.after(RESUMING_MILLISECONDS, review);
      return;
    }
    parts.hold();
    if (running === "some") return;
    ask(update, update.deferred).catch((error: Error) => logger.critical(`A deferred update: ${error.message}`));
  }

  return {
    mustWait: () =>
      deviceModel.read(InternalCtrlr.DeferFirmwareDownloadDuringTransaction) === true &&
      parts.transactions.look() !== "none",
    review,
    stop: () => timer?.cancel(),
  };
}
