import type { Clock, Timer } from "../../lib/clock.ts";
import type { CommandAnswer, SimulatedBus } from "./bus.ts";
import type { SimulatedEvse } from "./simulated-evse.ts";

interface Request {
  readonly reservation_id: number;
  readonly id_token: string;
  readonly expiry_time: string;
  readonly parent_id_token?: string;
  readonly evse_id?: number;
}

interface Check {
  readonly evse_id?: number;
  readonly id_token: string;
  readonly group_id_token?: string;
}

interface Placed {
  readonly request: Request;
  readonly expiry: Timer;
}

const MODULE = "reservation";

/** The part of EVerest's Auth that keeps reservations (BEHAVIOUR 11); of connector types it knows just one. */
export class SimulatedReservations {
  private readonly placed = new Map<number, Placed>();
  /** EVSEs that were told to be reserved. */
  private readonly told = new Set<number>();

  constructor(
    private readonly bus: SimulatedBus,
    private readonly evses: readonly SimulatedEvse[],
    private readonly clock: Clock,
  ) {}

  /** `answerOf` may replace the answer to a command, e.g. `reservation.reserve_now`. */
  async serve(answerOf: (command: string) => CommandAnswer | undefined): Promise<void> {
    const answers: Readonly<Record<string, CommandAnswer>> = {
      reserve_now: ({ request }) => this.reserve(request as Request),
      cancel_reservation: ({ reservation_id }) => this.end(Number(reservation_id)),
      exists_reservation: ({ request }) => this.check(request as Check),
    };
    for (const [command, answer] of Object.entries(answers))
      await this.bus.serve(MODULE, "main", command, (args) => (answerOf(`${MODULE}.${command}`) ?? answer)(args));
  }

  private async reserve(request: Request): Promise<"Accepted" | "Occupied"> {
    await this.end(request.reservation_id);
    const free = this.evses.filter((evse) => evse.isFree && this.reserverOf(evse.evseId) === undefined);
    const isPossible =
      request.evse_id === undefined
        ? free.length > this.ofNoEvse.length
        : free.some(({ evseId }) => evseId === request.evse_id);
    if (!isPossible) return "Occupied";
    const limit = Math.max(0, Date.parse(request.expiry_time) - this.clock.now().getTime());
    const expiry = this.clock.after(Math.min(limit, 2_000_000_000), () => void this.expire(request.reservation_id));
    this.placed.set(request.reservation_id, { request, expiry });
    await this.tell();
    await this.update(request.reservation_id, "Placed");
    return "Accepted";
  }

  /** Resolves to whether there was one. */
  private async end(reservationId: number): Promise<boolean> {
    this.placed.get(reservationId)?.expiry.cancel();
    const wasThere = this.placed.delete(reservationId);
    await this.tell();
    return wasThere;
  }

  private check({ evse_id, id_token, group_id_token }: Check): string {
    const found = [...this.placed.values()].filter(({ request }) =>
      evse_id === undefined || this.told.has(evse_id) ? (request.evse_id ?? evse_id) === evse_id : false,
    );
    if (found.length === 0) return "NotReserved";
    if (found.some(({ request }) => this.matches(request, id_token, group_id_token))) return "ReservedForToken";
    return group_id_token === undefined && found.some(({ request }) => request.parent_id_token !== undefined)
      ? "ReservedForOtherTokenAndHasParentToken"
      : "ReservedForOtherToken";
  }

  /** A token wants to charge: undefined when the EVSE is kept for others, else the reservation that it uses, if any. */
  async use(evseId: number, token: string, group?: string): Promise<{ readonly reservationId?: number } | undefined> {
    const own = [...this.placed.values()].find(
      ({ request }) => (request.evse_id ?? evseId) === evseId && this.matches(request, token, group),
    );
    if (own === undefined) return this.told.has(evseId) ? undefined : {};
    const reservationId = own.request.reservation_id;
    own.expiry.cancel();
    this.placed.delete(reservationId);
    // EvseManager says nothing of a reservation that was used; the others may not need their EVSEs any more.
    this.told.delete(evseId);
    await this.tell();
    await this.update(reservationId, "Used");
    return { reservationId };
  }

  /** EVerest has been restarted and does not remember. */
  forget(): void {
    for (const { expiry } of this.placed.values()) expiry.cancel();
    this.placed.clear();
    this.told.clear();
  }

  private get ofNoEvse(): readonly Placed[] {
    return [...this.placed.values()].filter(({ request }) => request.evse_id === undefined);
  }

  private reserverOf(evseId: number): Placed | undefined {
    return [...this.placed.values()].find(({ request }) => request.evse_id === evseId);
  }

  private matches(request: Request, token: string, group: string | undefined): boolean {
    return request.id_token === token || (group !== undefined && request.parent_id_token === group);
  }

  private async expire(reservationId: number): Promise<void> {
    await this.end(reservationId);
    await this.update(reservationId, "Expired");
  }

  /** Each certain EVSE, and all free ones once there are as many other reservations. */
  private async tell(): Promise<void> {
    const free = this.evses.filter((evse) => evse.isFree && this.reserverOf(evse.evseId) === undefined);
    const areAllNeeded = free.length <= this.ofNoEvse.length && this.ofNoEvse.length > 0;
    for (const evse of this.evses) {
      const { evseId } = evse;
      const isReserved = this.reserverOf(evseId) !== undefined || (areAllNeeded && free.includes(evse));
      if (isReserved === this.told.has(evseId)) continue;
      if (isReserved) this.told.add(evseId);
      else this.told.delete(evseId);
      await this.bus.variable(evse.module, "evse", "session_event", {
        uuid: "",
        timestamp: "",
        event: isReserved ? "ReservationStart" : "ReservationEnd",
      });
    }
  }

  private update(reservation_id: number, reservation_status: string): Promise<void> {
    return this.bus.variable(MODULE, "main", "reservation_update", { reservation_id, reservation_status });
  }
}
