import type { Timer } from "../../lib/clock.ts";
import type { IdTokenType } from "../../ocpp/v201/index.ts";
import type { StationContext } from "../context.ts";
import type { StationEvents } from "../events.ts";
import type { EvseEvent } from "../ports.ts";
import { isFor, isSameText, meantConnectors, type Reservation } from "./reservation.ts";
import type { ReservationBook } from "./reservation-book.ts";
import type { ReservationEnd } from "./reservation-end.ts";
import type { ReservedStatus } from "./reserved-status.ts";

/** So long the hardware side has to begin something with a token that has used a reservation. */
const TAKEN_MILLISECONDS = 10_000;
/** So many used reservations are remembered for the transactions that follow. */
const REMEMBERED = 20;
const ENDS_USE: ReadonlySet<EvseEvent["kind"]> = new Set(["Deauthorized", "TransactionFinished", "SessionFinished"]);

type EvseIds = readonly number[] | undefined;
interface Use {
  readonly reservation: Reservation;
  readonly idToken: IdTokenType;
  /** Where its driver is, once that is known. */
  evseId: number | undefined;
}

/** H03: the moment its card or remote start comes a reservation is used, whatever becomes of the driver. */
export class ReservationUse {
  private uses: Use[] = [];
  /** Tokens that the CSMS may be asked about just now. */
  private undecided: readonly IdTokenType[] = [];
  private readonly timers = new Map<number, Timer>();

  constructor(
    private readonly context: StationContext,
    private readonly book: ReservationBook,
    private readonly status: ReservedStatus,
    private readonly end: ReservationEnd,
  ) {}

  /** A card is presented; what comes of it is decided next. */
  presented({ idToken, evseIds }: StationEvents["tokenPresented"]): void {
    this.undecided = [...this.undecided, idToken];
    this.present(idToken, undefined, evseIds);
  }

  /** H03.FR.01–03, FR.09: a card is presented, or a remote start accepted. */
  present(idToken: IdTokenType, groupIdToken: IdTokenType | undefined, evseIds: EvseIds): void {
    const evseId = this.only(evseIds);
    const own = this.uses.filter((use) => isSameText(use.idToken, idToken));
    // The token of the remote start that has just used one, or the card once more.
    if (evseId !== undefined && this.status.taken.has(evseId) && own.some((use) => use.evseId === evseId)) return;
    this.uses = this.uses.filter((use) => !own.includes(use) || use.evseId !== undefined);
    this.use(idToken, groupIdToken, evseIds);
  }

  /**
   * H03.FR.04–08: the group is known now, from list, cache or CSMS. A refused card has used its reservation, too, but the
   * hardware side does not count that.
   */
  decided({ idToken, groupIdToken, evseIds, accepted }: StationEvents["tokenDecided"]): void {
    const index = this.undecided.findIndex((one) => isSameText(one, idToken));
    this.undecided = this.undecided.filter((_, other) => other !== index);
    const use = this.find(idToken, evseIds);
    if (use === undefined) {
      if (accepted) this.use(idToken, groupIdToken, evseIds);
      return;
    }
    if (accepted) {
      // Only now the hardware side begins.
      if (use.evseId !== undefined && this.status.taken.has(use.evseId)) this.take(use.evseId);
      return;
    }
    this.uses = this.uses.filter((one) => one !== use);
    if (use.evseId !== undefined) this.leave(use.evseId);
    const { reservationId } = use.reservation;
    if (this.book.get(reservationId) === undefined) void this.end.release(reservationId);
  }

  /** Somebody is authorized at this EVSE; the hardware side may know with which reservation. */
  begin(evseId: number, reservationId: number | undefined, token: IdTokenType | undefined, group?: IdTokenType): void {
    const named = reservationId === undefined ? undefined : this.book.get(reservationId);
    const use = token === undefined ? undefined : this.find(token, [evseId]);
    // Whoever was here before the reservation was made has not come for it.
    const isKnown = this.context.model.evse(evseId)?.authorized === true;
    if (use !== undefined) use.evseId = evseId;
    if (named !== undefined) this.note(named, token ?? named.idToken, [evseId]);
    else if (use === undefined && token !== undefined && !isKnown) {
      // It is used, even if the hardware side should have let its driver in where another one is kept for.
      const reservation = this.ranked(token, group, [evseId])[0];
      if (reservation !== undefined) this.note(reservation, token, [evseId]);
    }
    this.take(evseId);
  }

  /** The hardware side says so; its session follows. */
  useById(reservationId: number): void {
    const reservation = this.book.get(reservationId);
    if (reservation !== undefined) this.note(reservation, reservation.idToken, undefined);
  }

  /** H01.FR.15: the reservation with which this token came to this EVSE. */
  usedBy(idToken: IdTokenType, evseId: number): number | undefined {
    return this.uses.findLast((use) => use.evseId === evseId && isSameText(use.idToken, idToken))?.reservation
      .reservationId;
  }

  follow({ kind, evseId }: EvseEvent): void {
    if (!ENDS_USE.has(kind)) return;
    this.uses = this.uses.filter((use) => use.evseId !== evseId);
    this.leave(evseId);
  }

  /** The E block knows of the driver now. */
  settle(evseId: number): void {
    if (this.context.model.evse(evseId)?.authorized === true) this.leave(evseId);
  }

  stop(): void {
    for (const timer of this.timers.values()) timer.cancel();
    this.timers.clear();
  }

  private take(evseId: number): void {
    this.timers.get(evseId)?.cancel();
    this.status.taken.add(evseId);
    const giveUp = (): void => {
      const isUndecided = ({ idToken }: Use): boolean => this.undecided.some((one) => isSameText(one, idToken));
      if (this.uses.some((use) => use.evseId === evseId && isUndecided(use))) return this.take(evseId);
      this.uses = this.uses.filter((use) => use.evseId !== evseId);
      this.leave(evseId);
    };
    this.timers.set(evseId, this.context.clock.after(TAKEN_MILLISECONDS, giveUp));
    this.status.apply();
  }

  private leave(evseId: number): void {
    this.timers.get(evseId)?.cancel();
    this.timers.delete(evseId);
    if (this.status.taken.delete(evseId)) this.status.apply();
  }

  private use(idToken: IdTokenType, groupIdToken: IdTokenType | undefined, evseIds: EvseIds): void {
    const reservation = this.ranked(idToken, groupIdToken, evseIds).find((one) =>
      this.covered(one, evseIds).some((evseId) => this.status.leavesOthers(one, evseId)),
    );
    if (reservation !== undefined) this.note(reservation, idToken, evseIds);
  }

  private note(reservation: Reservation, idToken: IdTokenType, evseIds: EvseIds): void {
    const evseId = evseIds === undefined ? undefined : this.only(evseIds);
    this.uses = [...this.uses.slice(1 - REMEMBERED), { reservation, idToken, evseId }];
    this.context.logger.info(`Reservation ${reservation.reservationId} is used`);
    if (evseId !== undefined) this.status.taken.add(evseId);
    this.end.quietly(reservation, this.covered(reservation, evseIds)); // H03.FR.10
    if (evseId !== undefined) this.take(evseId);
  }

  private find(idToken: IdTokenType, evseIds: EvseIds): Use | undefined {
    return this.uses.findLast(
      (use) =>
        isSameText(use.idToken, idToken) &&
        (use.evseId === undefined
          ? this.covered(use.reservation, evseIds).length > 0
          : evseIds === undefined || evseIds.length === 0 || evseIds.includes(use.evseId)),
    );
  }

  /** Those of a certain EVSE first, then of a connector type, then the oldest. */
  private ranked(idToken: IdTokenType, group: IdTokenType | undefined, evseIds: EvseIds): readonly Reservation[] {
    const rank = ({ evseId, connectorType }: Reservation): number =>
      evseId !== undefined ? 0 : connectorType !== undefined ? 1 : 2;
    return this.book.all
      .filter((one) => isFor(one, idToken, group) && this.covered(one, evseIds).length > 0)
      .toSorted((one, other) => rank(one) - rank(other));
  }

  /** Those of the EVSEs, of all when none is named, that the reservation may be used at. */
  private covered(reservation: Reservation, evseIds: EvseIds): readonly number[] {
    return this.context.hardware.evses
      .filter((evse) => evseIds === undefined || evseIds.length === 0 || evseIds.includes(evse.evseId))
      .filter((evse) => meantConnectors(reservation, evse).length > 0)
      .map(({ evseId }) => evseId);
  }

  private only(evseIds: EvseIds): number | undefined {
    const possible =
      evseIds === undefined || evseIds.length === 0 ? this.context.model.evses.map(({ evseId }) => evseId) : evseIds;
    return possible.length === 1 ? possible[0] : undefined;
  }
}
