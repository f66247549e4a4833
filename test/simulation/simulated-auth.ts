import type { ReservationOrder } from "../../src/station/ports.ts";
import type { InProcessCharger } from "../support/in-process-charger.ts";
import type { SeededRandom } from "../support/seeded-random.ts";

type Token = { readonly idToken: string; readonly type: "ISO14443" };
interface Place {
  readonly evseId: number;
  sessionId: string | undefined;
  token: Token | undefined;
  isPlugged: boolean;
  isCharging: boolean;
}

/**
 * EVerest's Auth with its EVSEs, at its best and at its worst: it answers late or never, forgets its reservations when the
 * power is cut, and does not always say what has become of one.
 */
export class SimulatedAuth {
  readonly places: readonly Place[];
  readonly reservations = new Map<number, ReservationOrder>();
  /** From now on everything is answered at once. */
  isWell = false;

  constructor(
    private readonly charger: InProcessCharger,
    private readonly random: SeededRandom,
  ) {
    this.places = charger.model.evses.map(({ evseId }) => ({
      evseId,
      sessionId: undefined,
      token: undefined,
      isPlugged: false,
      isCharging: false,
    }));
    charger.hardwareAnswers = {
      reserveNow: (order) => this.later(15, () => this.reserve(order as ReservationOrder)),
      cancelReservation: (id) => this.later(10, () => this.end(id as number)),
      isPlaced: (order) => this.later(3, () => this.reservations.has((order as ReservationOrder).reservationId)),
      isReserved: (evseId) => this.later(3, () => this.reserverOf(evseId as number) !== undefined),
      isReservedForOther: (evseId, token) =>
        this.later(3, () => {
          const reserver = this.reserverOf(evseId as number);
          return reserver !== undefined && reserver !== (token as Token).idToken;
        }),
      stopTransaction: (evseId) => this.leave(this.at(evseId as number)),
    };
  }

  at(evseId: number): Place {
    return this.places[evseId - 1] as Place;
  }

  /** As behind the question limits: an answer in time, one that comes too late for the asker, or none. */
  private async later<Answer>(limitSeconds: number, act: () => Answer): Promise<Answer> {
    const { charger, random } = this;
    const dice = this.isWell ? 1 : random.next();
    const wait = (milliseconds: number) =>
      new Promise<void>((resolve) => charger.clock.after(milliseconds, () => resolve()));
    if (dice > 0.2) {
      await wait(random.below(50));
      return act();
    }
    await wait(limitSeconds * 1000);
    if (dice > 0.1) act();
    throw new Error(`no answer within ${limitSeconds} s`);
  }

  private reserverOf(evseId: number): string | undefined {
    return [...this.reservations.values()].find((order) => order.evseId === evseId)?.idToken.idToken;
  }

  private reserve(order: ReservationOrder): "Accepted" | "Occupied" | "Rejected" {
    const { random } = this;
    this.end(order.reservationId);
    if (!this.isWell && random.next() < 0.05) return "Rejected";
    const free = this.places.filter((place) => place.sessionId === undefined && !this.reserverOf(place.evseId));
    const isPossible =
      order.evseId === undefined
        ? free.length > [...this.reservations.values()].filter(({ evseId }) => evseId === undefined).length
        : free.some(({ evseId }) => evseId === order.evseId);
    if (!isPossible) return "Occupied";
    this.reservations.set(order.reservationId, order);
    if (order.evseId !== undefined) this.charger.event(order.evseId, { kind: "ReservationStarted" });
    this.update(order.reservationId, "Placed");
    return "Accepted";
  }

  private update(reservationId: number, status: "Placed" | "Used" | "Expired"): void {
    this.charger.hardwareEvents.emit("reservation", { reservationId, status });
  }

  private end(reservationId: number): boolean {
    const order = this.reservations.get(reservationId);
    this.reservations.delete(reservationId);
    if (order?.evseId !== undefined && this.random.next() < 0.7)
      this.charger.event(order.evseId, { kind: "ReservationEnded" });
    return order !== undefined;
  }

  expire(): void {
    for (const [id, { expiryDateTime }] of this.reservations)
      if (Date.parse(expiryDateTime) <= this.charger.clock.now().getTime() && this.end(id) && this.random.next() < 0.7)
        this.update(id, "Expired");
  }

  plugIn(place: Place): void {
    if (place.sessionId !== undefined && place.isPlugged) return;
    place.isPlugged = true;
    if (place.sessionId === undefined) {
      place.sessionId = this.random.uuid();
      this.emit(place, { kind: "SessionStarted", reason: "EVConnected" });
    } else this.begin(place);
  }

  /** A card that the station has accepted, or the token of a remote start. */
  authorize(place: Place, token: Token, remoteStartId?: number): void {
    const reserver = this.reserverOf(place.evseId);
    if (place.token !== undefined || (reserver !== undefined && reserver !== token.idToken)) return;
    const used = [...this.reservations.values()].find(
      ({ idToken, evseId }) => idToken.idToken === token.idToken && (evseId ?? place.evseId) === place.evseId,
    );
    if (used !== undefined) {
      this.end(used.reservationId);
      if (this.random.next() < 0.5) this.update(used.reservationId, "Used");
    }
    place.token = token;
    const presented = { idToken: token, remote: remoteStartId !== undefined, ...(remoteStartId && { remoteStartId }) };
    const named = used !== undefined && this.random.next() < 0.5 ? { reservationId: used.reservationId } : {};
    if (place.sessionId === undefined) {
      place.sessionId = this.random.uuid();
      this.emit(place, { kind: "SessionStarted", reason: "Authorized", token: presented, ...named });
    } else this.begin(place, named);
  }

  private begin(place: Place, named: { reservationId?: number } = {}): void {
    if (place.token === undefined) return;
    place.isCharging = true;
    this.emit(place, { kind: "TransactionStarted", token: { idToken: place.token, remote: false }, ...named });
  }

  leave(place: Place): boolean {
    const was = place.isCharging;
    if (was) this.emit(place, { kind: "TransactionFinished", stoppedReason: "Local" });
    else if (place.token !== undefined && !place.isPlugged) this.emit(place, { kind: "Deauthorized" });
    if (place.sessionId !== undefined) this.emit(place, { kind: "SessionFinished" });
    Object.assign(place, { sessionId: undefined, token: undefined, isPlugged: false, isCharging: false });
    return was;
  }

  /** The power is back: sessions are over, and the reservations may be forgotten. */
  losePower(): void {
    for (const place of this.places)
      Object.assign(place, { sessionId: undefined, token: undefined, isPlugged: false, isCharging: false });
    if (this.random.next() < 0.5) this.reservations.clear();
  }

  private emit(place: Place, event: Parameters<InProcessCharger["event"]>[1]): void {
    this.charger.event(place.evseId, { sessionId: place.sessionId ?? "", ...event });
  }
}
