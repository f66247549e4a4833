import * as v from "valibot";
import type { StationContext } from "../context.ts";
import { type Reservation, ReservationSchema } from "./reservation.ts";

/** The reservations that hold, the oldest first: in memory, and in a table of their own. */
export class ReservationBook {
  private reservations: readonly Reservation[];

  constructor(private readonly core: StationContext["core"]) {
    this.reservations = core.reservations
      .all()
      .flatMap((stored) => {
        const parsed = v.safeParse(ReservationSchema, stored);
        return parsed.success ? [parsed.output] : [];
      })
      .sort((one, other) => one.placedAt.localeCompare(other.placedAt));
  }

  get all(): readonly Reservation[] {
    return this.reservations;
  }

  get(reservationId: number): Reservation | undefined {
    return this.reservations.find((one) => one.reservationId === reservationId);
  }

  /** To be called inside a unit of work; one with the same id is replaced (H01.FR.02). */
  put(reservation: Reservation): void {
    this.core.reservations.save(reservation.reservationId, reservation);
    this.core.unitOfWork.afterCommit(() => {
      this.forget(reservation.reservationId);
      this.reservations = [...this.reservations, reservation];
    });
  }

  /** To be called inside a unit of work. */
  remove(reservationId: number): void {
    this.core.reservations.remove(reservationId);
    this.core.unitOfWork.afterCommit(() => this.forget(reservationId));
  }

  /** In memory only. */
  forget(reservationId: number): void {
    this.reservations = this.reservations.filter((one) => one.reservationId !== reservationId);
  }
}
