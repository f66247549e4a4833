import * as v from "valibot";
import { EVSE, OCPPCommCtrlr } from "../../device-model/variables.ts";
import { sleep, type Timer } from "../../lib/clock.ts";
import type { ResetEnumType, ResetResponse } from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";

/** The reset that was promised to the CSMS; kept until the hardware side has done it. */
const ResetIntention = v.object({
  type: v.picklist(["Immediate", "OnIdle"]),
  evseId: v.optional(v.number()),
});
type ResetIntention = v.InferOutput<typeof ResetIntention>;

const INTENTION_KEY = "reset.intention";
const HOLDER = "reset";

/** How long an immediate reset waits for its transactions to end and for their last messages to be delivered. */
const TRANSACTION_END_LIMIT_MILLISECONDS = 10_000;
const DELIVERY_LIMIT_MILLISECONDS = 5_000;
const POLL_MILLISECONDS = 50;
const RETRY_WAIT_MILLISECONDS = 5_000;
/** A station that is still here so long after its reset was not reset: its EVSEs serve again. */
const SURVIVAL_MILLISECONDS = 60_000;

/** B11 and B12 with errata 2.14: reset of the station or of one EVSE, now or when idle. */
export function createResetBlock(context: StationContext): Block {
  const { clock, core, csms, deviceModel, events, hardware, logger, model, settings } = context;
  let intention: ResetIntention | undefined;
  let executing = false;
  let stopped = false;
  let idleCheck: Timer | undefined;
  let survival: Timer | undefined;
  const unsubscribes: (() => void)[] = [];

  const evsesOf = (evseId: number | undefined) =>
    model.evses.filter((evse) => evseId === undefined || evse.evseId === evseId);

  const hasTransaction = (evseId: number | undefined): boolean =>
    evsesOf(evseId).some((evse) => evse.transaction !== undefined);

  /** Errata 2.14: firmware update, log upload, a reservation and a connected cable keep a station from being idle. */
  const isIdle = (evseId: number | undefined): boolean => {
    if (hasTransaction(evseId)) return false;
    if (evsesOf(evseId).some((evse) => evse.connectors.some(({ reserved }) => reserved))) return false;
    if (evseId !== undefined) return true;
    return (
      !(context.services.isFirmwareUpdateActive?.() ?? false) && !(context.services.isLogUploadActive?.() ?? false)
    );
  };

  const remember = (next: ResetIntention | undefined): void => {
    core.unitOfWork.run(() => core.keyValues.set(INTENTION_KEY, next ?? null));
    intention = next;
  };

  const waitUntil = async (condition: () => boolean, limitMilliseconds: number): Promise<void> => {
    const deadline = clock.monotonicMilliseconds() + limitMilliseconds;
    while (!condition() && clock.monotonicMilliseconds() < deadline && !stopped) await sleep(clock, POLL_MILLISECONDS);
  };

  const resetStation = async (scheduled: boolean): Promise<void> => {
    const attempts = 1 + (deviceModel.read(OCPPCommCtrlr.ResetRetries) ?? 0);
    for (let attempt = 1; attempt <= attempts && !stopped; attempt++) {
      try {
        await hardware.system.reset(scheduled);
        survival = clock.after(SURVIVAL_MILLISECONDS, () => context.services.releaseUnavailable?.(HOLDER));
        return;
      } catch (error) {
        logger.error(`Reset attempt ${attempt} of ${attempts} failed: ${(error as Error).message}`);
        await sleep(clock, RETRY_WAIT_MILLISECONDS);
      }
    }
  };

  /** An EVSE is reset by switching its connectors off and on again. */
  const resetEvse = (evseId: number): void => {
    context.services.holdUnavailable?.(HOLDER, [evseId]);
    context.services.releaseUnavailable?.(HOLDER);
  };

  const execute = async (reset: ResetIntention, scheduled: boolean): Promise<void> => {
    if (executing) return;
    executing = true;
    if (hasTransaction(reset.evseId)) {
      await context.services.stopTransactions?.(reset.evseId, "ImmediateReset"); // B12.FR.04, FR.08
      await waitUntil(() => !hasTransaction(reset.evseId), TRANSACTION_END_LIMIT_MILLISECONDS);
    }
    // B12.FR.05: what is not delivered by then stays in the durable queue and is sent after the reboot.
    await waitUntil(() => !csms.connected || csms.durableQueueLength === 0, DELIVERY_LIMIT_MILLISECONDS);
    await sleep(clock, settings.resetStopDelaySeconds * 1000);
    remember(undefined);
    executing = false;
    if (stopped) return;
    if (reset.evseId === undefined) await resetStation(scheduled);
    else resetEvse(reset.evseId);
  };

  const executeWhenIdle = (): void => {
    if (intention?.type !== "OnIdle" || executing) return;
    if (isIdle(intention.evseId)) void execute(intention, true);
    else holdIdleEvses(intention.evseId);
  };

  /** While a reset waits, idle EVSEs take no new driver. */
  const holdIdleEvses = (evseId: number | undefined): void => {
    const idle = evsesOf(evseId).filter((evse) => evse.sessionId === undefined);
    context.services.holdUnavailable?.(
      HOLDER,
      idle.map((evse) => evse.evseId),
    );
  };

  const refuse = (reasonCode: string, additionalInfo: string): ResetResponse => ({
    status: "Rejected",
    statusInfo: { reasonCode, additionalInfo },
  });

  const obstacle = async (type: ResetEnumType, evseId: number | undefined): Promise<ResetResponse | undefined> => {
    if (evseId !== undefined) {
      if (model.evse(evseId) === undefined) return refuse("UnknownEvse", "no such EVSE");
      if (deviceModel.read(EVSE.AllowReset.at(evseId)) !== true)
        return refuse("UnsupportedRequest", "this EVSE cannot be reset by itself"); // B11.FR.09, B12.FR.09
    }
    const allowed = await hardware.system.isResetAllowed().catch(() => false);
    if (!allowed) return refuse("NotEnabled", "a reset is not possible at this moment"); // B11.FR.06
    if (type === "Immediate" && (context.services.isFirmwareUpdateActive?.() ?? false))
      return refuse("FwUpdateInProgress", "a firmware update is running"); // B12.FR.10
    return undefined;
  };

  csms.handle("Reset", async ({ type, evseId }) => {
    const refused = await obstacle(type, evseId);
    if (refused !== undefined) return { response: refused };
    const reset: ResetIntention = { type, ...(evseId !== undefined && { evseId }) };
    remember(reset);
    if (type === "OnIdle" && !isIdle(evseId)) {
      return { response: { status: "Scheduled" }, afterResponse: executeWhenIdle }; // B12.FR.01
    }
    return { response: { status: "Accepted" }, afterResponse: () => void execute(reset, false) }; // B11.FR.03, B12.FR.02
  });

  context.services.isResetPending = (evseId) =>
    intention !== undefined && (intention.evseId === undefined || intention.evseId === evseId);

  return {
    name: "reset",
    start() {
      const found = core.keyValues.get(INTENTION_KEY, v.nullable(ResetIntention)) ?? undefined;
      const done = settings.bootReason === "RemoteReset" || settings.bootReason === "ScheduledReset";
      if (found !== undefined && done) remember(undefined);
      else intention = found;
      unsubscribes.push(
        events.on("transactionEnded", executeWhenIdle),
        events.on("evseChanged", executeWhenIdle),
        events.on("accepted", () => {
          if (intention?.type === "Immediate") void execute(intention, false);
          else executeWhenIdle();
        }),
      );
      // Firmware and log activity end without an event of an EVSE.
      const poll = (): void => {
        executeWhenIdle();
        idleCheck = clock.after(RETRY_WAIT_MILLISECONDS, poll);
      };
      idleCheck = clock.after(RETRY_WAIT_MILLISECONDS, poll);
    },
    stop() {
      stopped = true;
      idleCheck?.cancel();
      survival?.cancel();
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
    },
  };
}
