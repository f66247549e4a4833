import type { ToldOnce } from "../../../log/told-once.ts";
import type { CallOutcome } from "../../../ocpp/csms-link.ts";
import type { StationContext } from "../../context.ts";
import type { EvPlace, NewNeeds } from "./ev-place.ts";
import type { NeedsStore, StoredNeeds } from "./needs-store.ts";
import { decideNeeds, EV_PATIENCE_MILLISECONDS, type NeedsFacts, SAVE_INTERVAL_MILLISECONDS } from "./needs-timing.ts";

type Outcome = CallOutcome<"NotifyEVChargingNeeds">;
const OFFLINE = "there is no connection to the CSMS";

/** Tells the newest needs of each EV to the CSMS, stored before they are told, and notes what it answers. */
export class NeedsTeller {
  private isStopped = false;

  constructor(
    private readonly context: Pick<StationContext, "clock" | "csms" | "logger" | "model">,
    private readonly store: NeedsStore,
    private readonly once: ToldOnce,
  ) {}

  /** The EV waits for an answer to its newest needs, for so long as ISO 15118 lets it. */
  begin(place: EvPlace): void {
    place.endPatience();
    place.patience = this.context.clock.after(EV_PATIENCE_MILLISECONDS, () =>
      this.close(place, "no profile has come in time"),
    );
    if (!this.context.csms.connected) this.close(place, OFFLINE); // K15.FR.15, K17.FR.15
    this.attempt(place);
    this.keepNewest(place);
  }

  /** Tells the newest needs if it is time, and otherwise looks again when it may be. */
  attempt(place: EvPlace): void {
    const { newest, evseId } = place;
    place.recheck?.cancel();
    if (newest === undefined || place.isAsking) return;
    const decision = decideNeeds(this.factsOf(place, newest));
    switch (decision.kind) {
      case "tell":
        return this.tell(place, newest);
      case "wait":
        if (decision.isFlood)
          this.once.warn(`The EV at EVSE ${evseId} renegotiates so often that not all of it is told`);
        place.recheck = this.context.clock.after(decision.milliseconds, () => this.attempt(place));
        return;
      case "drop":
        this.forget(place);
        return this.once.warn(`Charging needs of an EV at EVSE ${evseId} are not told: ${decision.reason}`);
      case "keep":
    }
  }

  /** The transaction is over, or there was none. */
  forget(place: EvPlace): void {
    const evse = this.context.model.evse(place.evseId);
    if (evse !== undefined) evse.chargingNeedsTold = false;
    place.forget();
    this.store.remove(place.evseId);
  }

  stop(): void {
    this.isStopped = true;
  }

  private factsOf({ evseId, tellings }: EvPlace, { sinceMilliseconds }: NewNeeds): NeedsFacts {
    const { clock, csms, model } = this.context;
    const evse = model.evse(evseId);
    const transactionId = evse?.transaction?.transactionId;
    return {
      nowMilliseconds: clock.monotonicMilliseconds(),
      sinceMilliseconds,
      tellings,
      evConnected: evse?.evConnected === true,
      authorized: evse?.authorized === true,
      hasTransaction: transactionId !== undefined,
      eventsWait: transactionId !== undefined && csms.hasQueuedTransactionEvents(transactionId),
      canLeave: csms.connected && csms.registration === "Accepted",
    };
  }

  private tell(place: EvPlace, newest: NewNeeds): void {
    const { clock, csms, logger, model } = this.context;
    const { evseId } = place;
    const evse = model.evse(evseId);
    if (!newest.isSaved) this.keep(place, newest, "Waiting");
    if (evse !== undefined) evse.chargingNeedsTold = true;
    place.noteTelling(newest, clock.monotonicMilliseconds());
    place.isAsking = true;
    // K15.FR.01, K17.FR.01
    csms
      .call("NotifyEVChargingNeeds", { evseId, chargingNeeds: newest.needs }, { isAskedAgain: true })
      .then((outcome) => {
        place.isAsking = false;
        // An answer that comes after the end is for the next run, which asks again.
        if (this.isStopped) return;
        this.settle(place, newest, outcome);
        this.attempt(place);
      })
      .catch((error: Error) => logger.error(`Charging needs of EVSE ${evseId} cannot be followed: ${error.message}`));
  }

  private settle(place: EvPlace, told: NewNeeds, outcome: Outcome): void {
    if (place.told !== told)
      return this.context.logger.info(
        `The answer to the needs of an EV at EVSE ${place.evseId} came after it was over`,
      );
    if (outcome.kind === "offline" || outcome.kind === "joined") {
      // Nobody knows whether they have arrived: again when there is a connection, if nothing newer has come.
      place.newest ??= told;
      return this.close(place, OFFLINE);
    }
    if (outcome.kind === "timeout") place.noteSilence(this.context.clock.monotonicMilliseconds());
    const state = outcome.kind === "response" ? outcome.response.status : "Unanswered";
    if (place.newest === undefined) this.keep(place, told, state);
    if (state === "Accepted") place.closedFor = undefined;
    else this.close(place, state === "Unanswered" ? "the CSMS has not answered" : `the CSMS has answered ${state}`);
  }

  /** What the EV does meanwhile is EVerest's: it offers what the EVSE may give, which our limits cap (K15.FR.15, K17.FR.15). */
  private close(place: EvPlace, why: string): void {
    place.endPatience();
    if (place.closedFor === why) return;
    place.closedFor = why;
    this.context.logger.info(
      `The EV at EVSE ${place.evseId} charges within the composite schedule of the EVSE: ${why}; a profile that comes now is a renegotiation`,
    );
  }

  private keep(place: EvPlace, one: NewNeeds, state: StoredNeeds["state"]): void {
    const { clock, model } = this.context;
    const { evseId } = place;
    const transactionId = model.evse(evseId)?.transaction?.transactionId;
    const bound = transactionId !== undefined && { transactionId };
    this.store.save({ evseId, ...bound, receivedAt: one.receivedAt, needs: one.needs, state }, state !== "Waiting");
    if (state !== "Waiting") return;
    one.isSaved = true;
    place.savedAt = clock.monotonicMilliseconds();
  }

  /** Now, and of an EV that renegotiates without end the newest from time to time. */
  private keepNewest(place: EvPlace): void {
    const { clock } = this.context;
    const { newest, savedAt } = place;
    if (newest === undefined || newest.isSaved || place.saving !== undefined) return;
    const wait = savedAt + SAVE_INTERVAL_MILLISECONDS - clock.monotonicMilliseconds();
    if (wait <= 0) return this.keep(place, newest, "Waiting");
    place.saving = clock.after(wait, () => {
      place.saving = undefined;
      if (place.newest?.isSaved === false) this.keep(place, place.newest, "Waiting");
    });
  }
}
