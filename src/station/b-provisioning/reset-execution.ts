import { OCPPCommCtrlr } from "../../device-model/variables.ts";
import { sleep } from "../../lib/clock.ts";
import type { Given } from "../block.ts";
import type { ResetIntention } from "./reset-intentions.ts";

/** How long a reset waits for the end of its transactions; the E block ends them itself after 10 s. */
const TRANSACTION_END_LIMIT_MILLISECONDS = 12_000;
/** How long it waits for the delivery of their last messages; who waited for idleness has more time (B12). */
const DELIVERY_LIMIT_MILLISECONDS = { Immediate: 5_000, OnIdle: 30_000 } as const;
const POLL_MILLISECONDS = 50;
const RETRY_WAIT_MILLISECONDS = 5_000;
/** A station that is still here so long after its reset was not reset. */
const SURVIVAL_MILLISECONDS = 60_000;

/** The steps of a reset, each of which ends early when the station stops. */
export interface ResetExecution {
  /** Ends the transactions (B12.FR.04, FR.08) and lets their messages go out (B12.FR.05). */
  prepare(reset: ResetIntention): Promise<void>;
  /** Resets the station; resolves when it has survived all attempts (ResetRetries). */
  resetStation(scheduled: boolean): Promise<void>;
  /**
   * Resets one EVSE, as far as it can be done from here: switched off and on again. What the CSMS had made Inoperative
   * comes back so, as after a restart of the station (B11.FR.02, B12.FR.06).
   */
  resetEvse(evseId: number): void;
}

/** In whose name EVSEs are kept from new drivers while a reset waits. */
export function resetHolder(evseId: number | undefined): string {
  return evseId === undefined ? "reset" : `reset of EVSE ${evseId}`;
}

export function createResetExecution(
  {
    clock,
    csms,
    deviceModel,
    hardware,
    logger,
    model,
    settings,
    evseHolds,
    transactions,
  }: Given<"evseHolds" | "transactions">,
  isStopped: () => boolean,
): ResetExecution {
  const hasTransaction = (evseId: number | undefined): boolean =>
    model.evses.some((evse) => (evseId === undefined || evse.evseId === evseId) && evse.transaction !== undefined);

  const waitUntil = async (condition: () => boolean, limitMilliseconds: number): Promise<void> => {
    const deadline = clock.monotonicMilliseconds() + limitMilliseconds;
    while (!isStopped() && !condition() && clock.monotonicMilliseconds() < deadline)
      await sleep(clock, POLL_MILLISECONDS);
  };

  const endTransactions = async ({ type, evseId }: ResetIntention): Promise<void> => {
    if (type !== "Immediate" || !hasTransaction(evseId)) return;
    await transactions.stop(evseId, "ImmediateReset");
    await waitUntil(() => !hasTransaction(evseId), TRANSACTION_END_LIMIT_MILLISECONDS);
  };

  return {
    async prepare(reset) {
      await endTransactions(reset);
      // What is not delivered by then stays in the durable queue and is sent after the reboot (B12.FR.05).
      await waitUntil(() => !csms.connected || csms.durableQueueLength === 0, DELIVERY_LIMIT_MILLISECONDS[reset.type]);
      await sleep(clock, settings.resetStopDelaySeconds * 1000);
      await endTransactions(reset); // One that began meanwhile.
    },
    async resetStation(scheduled) {
      const attempts = 1 + Math.max(0, deviceModel.read(OCPPCommCtrlr.ResetRetries) ?? 0);
      for (let attempt = 1; attempt <= attempts && !isStopped(); attempt++) {
        const survived = sleep(clock, SURVIVAL_MILLISECONDS).then(() => "it had no effect");
        const refused = hardware.system.reset(scheduled).then(
          () => survived,
          (error: Error) => sleep(clock, RETRY_WAIT_MILLISECONDS).then(() => error.message),
        );
        const defect = await Promise.race([survived, refused]);
        if (!isStopped()) logger.error(`Reset attempt ${attempt} of ${attempts}: ${defect}`);
      }
    },
    resetEvse(evseId) {
      evseHolds.hold(resetHolder(evseId), [evseId]);
      evseHolds.release(resetHolder(evseId));
    },
  };
}
