import { isDeepStrictEqual } from "node:util";
import type { Timer } from "../../../lib/clock.ts";
import type { ChargingNeedsType } from "../../../ocpp/v201/index.ts";
import { EV_PATIENCE_MILLISECONDS, TELLINGS } from "./needs-timing.ts";

/** Needs that the CSMS has not been told yet. */
export interface NewNeeds {
  readonly needs: ChargingNeedsType;
  readonly receivedAt: string;
  /** As in NeedsFacts. */
  sinceMilliseconds: number;
  isSaved: boolean;
}

/** What is known of the EV at one EVSE while the process runs. */
export class EvPlace {
  newest: NewNeeds | undefined;
  /** What the CSMS was told last; another object for each telling. */
  told: NewNeeds | undefined;
  tellings: readonly number[] = [];
  isAsking = false;
  recheck: Timer | undefined;
  /** The EV waits for an answer and the profile that follows it. */
  patience: Timer | undefined;
  speaksIso15118 = false;
  transactionSince: number | undefined;
  /** Why the EV goes on without a profile, as it was logged. */
  closedFor: string | undefined;
  /** `newest` will be stored. */
  saving: Timer | undefined;
  savedAt = Number.NEGATIVE_INFINITY;
  private renegotiatedAt: number | undefined;

  constructor(readonly evseId: number) {}

  noteTelling(newest: NewNeeds, now: number): void {
    this.newest = undefined;
    this.told = newest;
    this.tellings = [...this.tellings, now].slice(-TELLINGS);
    this.renegotiatedAt = undefined;
  }

  /** A CSMS that is silent while it is asked is not asked again so soon: meanwhile nothing else could be told. */
  noteSilence(now: number): void {
    this.tellings = Array.from({ length: TELLINGS }, () => now);
  }

  noteRenegotiation(now: number): void {
    this.renegotiatedAt = now;
  }

  /** K16.FR.09: does an EV repeat its needs because the CSMS has just sent a new profile? */
  isReplyToRenegotiation(needs: ChargingNeedsType, now: number): boolean {
    return (
      this.renegotiatedAt !== undefined &&
      now - this.renegotiatedAt < EV_PATIENCE_MILLISECONDS &&
      isDeepStrictEqual(needs, this.told?.needs)
    );
  }

  /** The EV lost patience, or got what it waited for. */
  endPatience(): void {
    this.patience?.cancel();
    this.patience = undefined;
  }

  stop(): void {
    this.endPatience();
    this.recheck?.cancel();
    this.saving?.cancel();
    this.saving = undefined;
  }

  /** The transaction is over. */
  forget(): void {
    this.stop();
    this.closedFor = undefined;
    this.savedAt = Number.NEGATIVE_INFINITY;
    this.newest = undefined;
    this.told = undefined;
    this.transactionSince = undefined;
    this.renegotiatedAt = undefined;
  }

  /** The EV has left. */
  leave(): void {
    this.forget();
    this.speaksIso15118 = false;
    this.tellings = [];
  }
}
