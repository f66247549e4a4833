import { ToldOnce } from "../../../log/told-once.ts";
import type { ChargingProfileType } from "../../../ocpp/v201/index.ts";
import type { StationContext } from "../../context.ts";
import type { HardwareEvents } from "../../ports.ts";
import { isSmartChargingOn } from "../scene-builder.ts";
import { EvPlace } from "./ev-place.ts";
import { NeedsStore, type StoredNeeds } from "./needs-store.ts";
import { NeedsTeller } from "./needs-teller.ts";
import { EV_PATIENCE_MILLISECONDS } from "./needs-timing.ts";

/** K15–K17: what EVs need, told to the CSMS, and the profiles that it sends for them. */
export class ChargingNeeds {
  private readonly store: NeedsStore;
  private readonly once: ToldOnce;
  private readonly teller: NeedsTeller;
  private readonly places: ReadonlyMap<number, EvPlace>;

  constructor(private readonly context: StationContext) {
    const { core, logger, model } = context;
    this.store = new NeedsStore(core, logger);
    this.once = new ToldOnce(logger);
    this.teller = new NeedsTeller(context, this.store, this.once);
    this.places = new Map(model.evses.map(({ evseId }) => [evseId, new EvPlace(evseId)]));
  }

  get entries(): readonly StoredNeeds[] {
    return this.store.entries;
  }

  take({ evseId, needs }: HardwareEvents["chargingNeeds"]): void {
    const { clock, logger } = this.context;
    const place = this.places.get(evseId);
    if (place === undefined) return this.once.warn(`Charging needs of an EV at EVSE ${evseId}, which does not exist`);
    // There is no profile to be had for them (K01.FR.29).
    if (!isSmartChargingOn(this.context))
      return this.once.warn("Charging needs of EVs are not told: no smart charging");
    const now = clock.monotonicMilliseconds();
    if (place.isReplyToRenegotiation(needs, now))
      return logger.debug(`The EV at EVSE ${evseId} repeats its needs after a new profile; the CSMS knows them`); // K16.FR.09
    const sinceMilliseconds = place.newest?.sinceMilliseconds ?? now;
    place.newest = { needs, receivedAt: clock.now().toISOString(), sinceMilliseconds, isSaved: false };
    this.teller.begin(place);
  }

  /** What the EV speaks (ConnectedEV.ProtocolAgreed). */
  learnProtocol({ evseId, protocolAgreed }: HardwareEvents["evInfo"]): void {
    const place = this.places.get(evseId);
    if (place !== undefined && protocolAgreed !== undefined) place.speaksIso15118 = /15118/.test(protocolAgreed);
  }

  /** Something has changed that needs may have waited for. */
  lookAgain(): void {
    for (const place of this.places.values()) this.teller.attempt(place);
  }

  reconnected(): void {
    const now = this.context.clock.monotonicMilliseconds();
    for (const { newest } of this.places.values()) if (newest !== undefined) newest.sinceMilliseconds = now;
    this.lookAgain();
  }

  transactionStarted(evseId: number): void {
    const { clock, model } = this.context;
    const place = this.places.get(evseId);
    if (place === undefined) return;
    place.transactionSince = clock.monotonicMilliseconds();
    const early = this.store.of(evseId);
    const transactionId = model.evse(evseId)?.transaction?.transactionId;
    if (early !== undefined && early.transactionId === undefined && transactionId !== undefined)
      this.store.save({ ...early, transactionId });
    this.teller.attempt(place);
  }

  transactionEnded(evseId: number): void {
    const place = this.places.get(evseId);
    if (place !== undefined) this.teller.forget(place);
  }

  evseChanged(evseId: number): void {
    const [place, evse] = [this.places.get(evseId), this.context.model.evse(evseId)];
    if (place === undefined || evse === undefined || evse.evConnected || evse.transaction !== undefined) return;
    this.teller.forget(place);
    place.leave();
  }

  /** Is a profile for this transaction sent before the needs of its EV, which are about to come (K15.FR.17)? */
  isTooEarly(evseId: number, { chargingProfilePurpose, transactionId }: ChargingProfileType): boolean {
    const { clock, hardware, model } = this.context;
    const [place, evse] = [this.places.get(evseId), model.evse(evseId)];
    if (!hardware.vehicle.tellsChargingNeeds) return false;
    if (chargingProfilePurpose !== "TxProfile" || place?.transactionSince === undefined) return false;
    if (evse === undefined || evse.transaction?.transactionId !== transactionId) return false;
    const isNew = clock.monotonicMilliseconds() - place.transactionSince < EV_PATIENCE_MILLISECONDS;
    const { idToken, remoteStartId } = evse.transaction ?? {};
    const hasContract = idToken?.type === "eMAID" && remoteStartId === undefined;
    return isNew && (place.speaksIso15118 || hasContract) && !evse.chargingNeedsTold && !evse.energyFlows;
  }

  /** A profile of the CSMS is in force. */
  profileInstalled(evseId: number, { chargingProfilePurpose, chargingSchedule }: ChargingProfileType): void {
    const place = this.places.get(evseId);
    if (chargingProfilePurpose !== "TxProfile" || place?.told === undefined) return;
    if (place.patience === undefined) place.noteRenegotiation(this.context.clock.monotonicMilliseconds());
    else place.endPatience();
    const { length } = chargingSchedule;
    const several = length > 1 ? `; of its ${length} schedules the first holds` : "";
    this.once.warn(
      `EVerest cannot hand a charging profile on to an EV, nor tell what it chooses: profiles hold as limits${several}`,
    );
  }

  /** What an earlier run has left of transactions that go on. */
  restore(): void {
    const now = this.context.clock.monotonicMilliseconds();
    for (const { evseId, transactionId, needs, receivedAt, state } of this.store.entries) {
      const [place, evse] = [this.places.get(evseId), this.context.model.evse(evseId)];
      const running = evse?.transaction?.transactionId;
      if (place === undefined || evse === undefined || running === undefined || running !== transactionId) {
        this.store.remove(evseId);
        continue;
      }
      const known = { needs, receivedAt, sinceMilliseconds: now, isSaved: true };
      evse.chargingNeedsTold = state !== "Waiting";
      if (state === "Waiting") place.newest = known;
      else place.told = known;
    }
  }

  stop(): void {
    this.teller.stop();
    for (const place of this.places.values()) place.stop();
  }
}
