import { EVSE } from "../../device-model/variables.ts";
import { every, type Timer } from "../../lib/clock.ts";
import type { ResetEnumType, ResetResponse } from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";
import type { BootReason } from "../ports.ts";
import { createResetExecution, resetHolder } from "./reset-execution.ts";
import { type ResetIntention, ResetIntentions } from "./reset-intentions.ts";

/** Not everything that ends idleness announces itself (firmware, log upload, the word of EVerest's System). */
const CHECK_INTERVAL_MILLISECONDS = 5_000;

/** B11 and B12 with errata 2.14–2.16: reset of the station or of one EVSE, now or when idle. */
export function createResetBlock(context: StationContext): Block {
  const { clock, core, csms, deviceModel, events, hardware, logger, model, services, settings } = context;
  const intentions = new ResetIntentions(core, logger);
  const executing = new Set<number | undefined>();
  let stopped = false;
  let check: Timer | undefined;
  /** The reset that this start is the result of. */
  let resetBefore: "RemoteReset" | "ScheduledReset" | undefined;
  const unsubscribes: (() => void)[] = [];
  const execution = createResetExecution(context, () => stopped);

  const evsesOf = (evseId: number | undefined) =>
    model.evses.filter((evse) => evseId === undefined || evse.evseId === evseId);

  /**
   * Errata 2.14: no transaction, also none that an earlier run left, no reservation and no locked cable. EVerest locks it
   * while somebody is authorized or the relays are closed: an EV that is only plugged in does not matter (TC_B_21).
   */
  const isEvseIdle = (evseId: number | undefined): boolean =>
    evsesOf(evseId).every(
      (evse) =>
        !core.transactions.runsOn(evse.evseId) &&
        !evse.authorized &&
        !evse.energyFlows &&
        !evse.connectors.some(({ reserved }) => reserved),
    );

  const isIdle = (evseId: number | undefined): boolean =>
    isEvseIdle(evseId) &&
    (evseId !== undefined || !(services.isFirmwareUpdateActive?.() || services.isLogUploadActive?.()));

  const isAllowed = async (): Promise<boolean> => {
    const answer = await hardware.system.isResetAllowed().catch((error: Error) => error.message);
    if (typeof answer === "string") logger.error(`The system does not say whether it may be reset: ${answer}`);
    return answer === true;
  };

  /** OnIdle lets transactions end as they would (B12.FR.03, FR.07): nobody may have come, and the system must agree. */
  const mayStillReset = async ({ type, evseId }: ResetIntention): Promise<boolean> =>
    type === "Immediate" || (isIdle(evseId) && (await isAllowed()) && isIdle(evseId));

  const carryOut = async (reset: ResetIntention): Promise<void> => {
    const { evseId } = reset;
    if (executing.has(evseId)) return;
    executing.add(evseId);
    try {
      await execution.prepare(reset);
      if (stopped || !(await mayStillReset(reset)) || stopped) return;
      if (evseId !== undefined)
        execution.resetEvse(evseId); // B11.FR.08
      else {
        intentions.remember({ ...reset, carriedOut: true });
        await execution.resetStation(reset.scheduled); // B11.FR.03
        // Promised while this one had no effect: carried out next.
        if (stopped || intentions.isDue(undefined)) return;
        logger.critical("The station could not be reset; its EVSEs serve again");
      }
      intentions.forget(evseId);
      services.releaseUnavailable?.(resetHolder(evseId));
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
    services.holdClosed?.(
      resetHolder(evseId),
      evsesOf(evseId)
        .filter((evse) => isEvseIdle(evse.evseId))
        .map((evse) => evse.evseId),
    );

  const carryOutWhatIsDue = (): void => {
    for (const reset of intentions.all) {
      if (executing.has(reset.evseId)) continue;
      if (reset.type === "Immediate" || isIdle(reset.evseId)) void carryOut(reset);
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
    if (type === "Immediate" && services.isFirmwareUpdateActive?.())
      return refuse("FwUpdateInProgress", "a firmware update is running"); // B12.FR.10
    return undefined;
  };

  csms.handle("Reset", async ({ type, evseId: givenEvseId }) => {
    const evseId = givenEvseId === 0 ? undefined : givenEvseId; // The station, as in ChangeAvailability.
    const refused = await obstacle(type, evseId);
    if (refused !== undefined) return { response: refused };
    const scheduled = type === "OnIdle" && !isIdle(evseId);
    intentions.remember({ type, ...(evseId !== undefined && { evseId }), scheduled, carriedOut: false });
    return {
      response: { status: scheduled ? "Scheduled" : "Accepted" }, // B11.FR.01, FR.07, B12.FR.01, FR.02
      afterResponse: carryOutWhatIsDue,
    };
  });

  services.isResetPending = (evseId) => intentions.concerns(evseId);

  services.bootReason = (): BootReason => {
    const told = settings.bootReason;
    if (told !== "PowerUp" && told !== "Unknown") return told;
    return services.isBootOfNewFirmware?.() === true ? "FirmwareUpdate" : (resetBefore ?? told);
  };

  /** After the restart (B11.FR.04): a reset that was carried out, or that the system did anyway, is over. */
  const settleIntentions = (): void => {
    const ofStation = intentions.all.find(({ evseId }) => evseId === undefined);
    if (ofStation === undefined) return;
    if (ofStation.carriedOut) resetBefore = ofStation.scheduled ? "ScheduledReset" : "RemoteReset";
    const reason = services.bootReason?.();
    // Whatever the system calls a reset that was carried out: another one would follow each boot.
    if (ofStation.carriedOut || reason === "RemoteReset" || reason === "ScheduledReset") intentions.forget(undefined);
  };

  return {
    name: "reset",
    start() {
      settleIntentions();
      unsubscribes.push(
        events.on("transactionEnded", carryOutWhatIsDue),
        events.on("evseChanged", carryOutWhatIsDue),
        events.on("accepted", carryOutWhatIsDue),
      );
      check = every(clock, CHECK_INTERVAL_MILLISECONDS, carryOutWhatIsDue);
    },
    stop() {
      stopped = true;
      check?.cancel();
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
    },
  };
}
