import { VariableHandle } from "../../device-model/variable-handle.ts";
import { ChargingStation } from "../../device-model/variables.ts";
import type { Timer } from "../../lib/clock.ts";
import type { StationContext } from "../context.ts";
import type { EvseHolds } from "../registries/evse-holds.ts";
import { type FirmwareUpdate, installDelayMilliseconds, isReadyToInstall } from "./firmware-update.ts";
import type { RunningTransactions } from "./running-transactions.ts";

/** The specification's variable; the shipped component configuration knows it under a wrong instance. */
const AllowNewSessions = new VariableHandle(
  { component: "ChargingStation", variable: "AllowNewSessionsPendingFirmwareUpdate" },
  "boolean",
);
const HOLDER = "firmware";
/** The wall clock may be set while an installation waits for its time. */
const LONGEST_WAIT_MILLISECONDS = 60_000;
const RETRY_MILLISECONDS = 30_000;
/** How soon it is looked again whether the hardware side has spoken of the transactions of an earlier run. */
const RESUMING_MILLISECONDS = 5_000;

export interface InstallationGate {
  /** Looks whether the installation may begin now. */
  review(): void;
  /** Until the installation that goes on is over, no EVSE takes a driver (L01.FR.07, L02.FR.04). */
  holdAll(): void;
  /** A downloaded update that has not been allowed yet. */
  isClosed(): boolean;
  /** The update is over or replaced: its EVSEs serve again. */
  open(): void;
  stop(): void;
}

/** Keeps an installation, and the activation that follows it, until its time has come and nothing charges. */
export function createInstallationGate(
  { clock, deviceModel, hardware, logger }: StationContext,
  evseHolds: EvseHolds,
  parts: {
    readonly transactions: RunningTransactions;
    readonly update: () => FirmwareUpdate | undefined;
    readonly tellScheduled: (update: FirmwareUpdate) => void;
    readonly onAllowed: () => void;
  },
): InstallationGate {
  const { transactions } = parts;
  let allowed = false;
  let timer: Timer | undefined;

  const reviewAfter = (milliseconds: number): void => {
    timer?.cancel();
    timer = clock.after(Math.min(milliseconds, LONGEST_WAIT_MILLISECONDS), review);
  };

  const mayNewSessionsStart = (): boolean =>
    (deviceModel.read(AllowNewSessions) ??
      deviceModel.read(ChargingStation.AllowNewSessionsPendingFirmwareUpdate_BytesPerMessage)) === true;

  const hold = (): void => evseHolds.hold(HOLDER, transactions.idleEvses());

  const allow = (): void => {
    allowed = true;
    parts.onAllowed();
    hardware.system.allowFirmwareInstallation().catch((error: Error) => {
      allowed = false;
      logger.error(`The firmware installation could not be allowed: ${error.message}`);
      reviewAfter(RETRY_MILLISECONDS);
    });
  };

  function review(): void {
    const update = parts.update();
    if (update === undefined || !isReadyToInstall(update) || allowed) return;
    const running = transactions.look();
    if (running === "unknown") return reviewAfter(RESUMING_MILLISECONDS);
    const isBusy = running === "some";
    const delay = installDelayMilliseconds(update, clock.now());
    if ((isBusy || delay > 0) && update.state !== "InstallScheduled") parts.tellScheduled(update);
    if (update.servesMeanwhile === true) return;
    if (delay > 0) return reviewAfter(delay);
    if (isBusy && mayNewSessionsStart()) return;
    hold(); // L01.FR.07, L02.FR.04
    if (!isBusy) allow(); // L01.FR.05, FR.06, FR.33, L02.FR.02, FR.03, FR.22
  }

  return {
    review,
    holdAll() {
      if (parts.update()?.servesMeanwhile !== true) hold();
    },
    isClosed() {
      const update = parts.update();
      return update !== undefined && isReadyToInstall(update) && update.servesMeanwhile !== true && !allowed;
    },
    open() {
      allowed = false;
      timer?.cancel();
      evseHolds.release(HOLDER);
    },
    stop: () => timer?.cancel(),
  };
}
