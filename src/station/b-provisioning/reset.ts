import { EVSE } from "../../device-model/variables.ts";
import { every, type Timer } from "../../lib/clock.ts";
import type { ResetEnumType, ResetResponse } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given } from "../block.ts";
import { answerOr } from "../model/answer-or.ts";
import { createResetExecution, resetHolder } from "./reset-execution.ts";
import { type ResetIntention, ResetIntentions, waitingResets } from "./reset-intentions.ts";

/** Not everything that ends idleness announces itself (firmware, log upload, the word of EVerest's System). */
const CHECK_INTERVAL_MILLISECONDS = 5_000;

/** B11 and B12 with errata 2.14–2.16: reset of the station or of one EVSE, now or when idle. */
export const reset = declareBlock({
  name: "reset",
  letter: "B",
  needs: ["bootReason", "evseHolds", "idleness", "transactions"],
  provides: ["resets"],
  hears: {
    "station.transactionEnded": "follow-up",
    "station.evseChanged": "follow-up",
    "station.accepted": "follow-up",
  },
  views: { waiting: waitingResets },
  create,
});

function create(context: Given<"bootReason" | "evseHolds" | "idleness" | "transactions">) {
  const { clock, core, csms, deviceModel, hardware, logger, model, bootReason, evseHolds, idleness } = context;
  const intentions = new ResetIntentions(core, logger);
  const executing = new Set<number | undefined>();
  /** Events may come while other blocks are still starting. */
  let isRunning = false;
  let check: Timer | undefined;
  const execution = createResetExecution(context, () => !isRunning);

  const evsesOf = (evseId: number | undefined) =>
    model.evses.filter((evse) => evseId === undefined || evse.evseId === evseId);

  const isAllowed = (): Promise<boolean> =>
    answerOr(logger, "The system does not say whether it may be reset", hardware.system.isResetAllowed(), false);

  /** OnIdle lets transactions end as they would (B12.FR.03, FR.07): nobody may have come, and the system must agree. */
  const mayStillReset = async ({ type, evseId }: ResetIntention): Promise<boolean> =>
    type === "Immediate" || (idleness.isIdle(evseId) && (await isAllowed()) && idleness.isIdle(evseId));

  const carryOut = async (reset: ResetIntention): Promise<void> => {
    const { evseId } = reset;
    if (executing.has(evseId)) return;
    executing.add(evseId);
    try {
      await execution.prepare(reset);
      if (!isRunning || !(await mayStillReset(reset)) || !isRunning) return;
      if (evseId !== undefined)
        execution.resetEvse(evseId); // B11.FR.08
      else {
        intentions.remember({ ...reset, carriedOut: true });
        await execution.resetStation(reset.scheduled); // B11.FR.03
        // Promised while this one had no effect: carried out next.
        if (!isRunning || intentions.isDue(undefined)) return;
        logger.critical("The station could not be reset; its EVSEs serve again");
      }
      intentions.forget(evseId);
      evseHolds.release(resetHolder(evseId));
    } catch (error) {
      logger.error(`The reset could not be carried out: ${(error as Error).message}`);
    } finally {
      executing.delete(evseId);
    }
  };

  /**
   * While a reset waits, EVSEs that are free take no new driver, so that it is not put off for ever; a reserved one waits
   * for its own (B12). They are reported as they are (TC_B_41).
   */
  const holdFreeEvses = (evseId: number | undefined): void =>
    evseHolds.close(
      resetHolder(evseId),
      evsesOf(evseId)
        .filter((evse) => idleness.isIdle(evse.evseId))
        .map((evse) => evse.evseId),
    );

  const carryOutWhatIsDue = (): void => {
    if (!isRunning) return;
    for (const reset of intentions.all) {
      if (executing.has(reset.evseId)) continue;
      if (reset.type === "Immediate" || idleness.isIdle(reset.evseId)) void carryOut(reset);
      else holdFreeEvses(reset.evseId);
    }
  };

  const refuse = (reasonCode: string, additionalInfo: string): ResetResponse => ({
    status: "Rejected",
    statusInfo: { reasonCode, additionalInfo },
  });

  const obstacle = async (type: ResetEnumType, evseId: number | undefined): Promise<ResetResponse | undefined> => {
    if (evseId !== undefined) {
      if (model.evse(evseId) === undefined) return refuse("UnknownEvse", "no such EVSE");
      if (deviceModel.read(EVSE.AllowReset.at(evseId)) !== true)
        return refuse("UnsupportedRequest", "this EVSE cannot be reset by itself"); // B11.FR.09, FR.10, B12.FR.09
    }
    if (!(await isAllowed())) return refuse("NotEnabled", "a reset is not possible at this moment"); // B11.FR.06
    if (type === "Immediate" && idleness.isHinderedBy("firmware update"))
      return refuse("FwUpdateInProgress", "a firmware update is running"); // B12.FR.10
    return undefined;
  };

  csms.handle("Reset", async ({ type, evseId: givenEvseId }) => {
    const evseId = givenEvseId === 0 ? undefined : givenEvseId; // The station, as in ChangeAvailability.
    const refused = await obstacle(type, evseId);
    if (refused !== undefined) return { response: refused };
    const scheduled = type === "OnIdle" && !idleness.isIdle(evseId);
    intentions.remember({ type, ...(evseId !== undefined && { evseId }), scheduled, carriedOut: false });
    return {
      response: { status: scheduled ? "Scheduled" : "Accepted" }, // B11.FR.01, FR.07, B12.FR.01, FR.02
      afterResponse: carryOutWhatIsDue,
    };
  });

  /** After the restart (B11.FR.04): a reset that was carried out, or that the system did anyway, is over. */
  const settleIntentions = (): void => {
    const ofStation = intentions.all.find(({ evseId }) => evseId === undefined);
    if (ofStation?.carriedOut === true) bootReason.explain(ofStation.scheduled ? "ScheduledReset" : "RemoteReset");
    const reason = bootReason.read();
    // Whatever the system calls a reset that was carried out: another one would follow each boot.
    if (ofStation?.carriedOut === true || reason === "RemoteReset" || reason === "ScheduledReset")
      intentions.forget(undefined);
  };
  settleIntentions();

  return {
    provides: { resets: { isPending: (evseId: number | undefined) => intentions.concerns(evseId) } },
    hears: {
      "station.transactionEnded": carryOutWhatIsDue,
      "station.evseChanged": carryOutWhatIsDue,
      "station.accepted": carryOutWhatIsDue,
    },
    start() {
      isRunning = true;
      check = every(clock, CHECK_INTERVAL_MILLISECONDS, carryOutWhatIsDue);
    },
    stop() {
      isRunning = false;
      check?.cancel();
    },
  };
}
