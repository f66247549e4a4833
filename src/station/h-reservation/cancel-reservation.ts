import type { CancelReservationResponse } from "../../ocpp/v201/index.ts";
import type { StationContext } from "../context.ts";
import type { Placement } from "./placement.ts";
import type { ReservationBook } from "./reservation-book.ts";

function refuse(reasonCode: string, additionalInfo: string): CancelReservationResponse {
  return { status: "Rejected", statusInfo: { reasonCode, additionalInfo } };
}

/** H02, errata 2.31: here and at the hardware side, also a reservation that only one of them knows. */
export class CancelReservation {
  private readonly cancelling = new Set<number>();

  constructor(
    private readonly context: StationContext,
    private readonly book: ReservationBook,
    private readonly placement: Placement,
  ) {}

  /** What the hardware side says of this reservation, and of the EVSEs meanwhile, is about one that is being cancelled. */
  isCancelling(reservationId?: number): boolean {
    return reservationId === undefined ? this.cancelling.size > 0 : this.cancelling.has(reservationId);
  }

  async cancel(reservationId: number): Promise<CancelReservationResponse> {
    const { core, hardware, logger } = this.context;
    if (!hardware.reservation.available) return refuse("NotFound", "nothing in this charger keeps reservations");
    this.cancelling.add(reservationId);
    try {
      const wasThere = await hardware.reservation.cancelReservation(reservationId);
      const isKnown = this.book.get(reservationId) !== undefined;
      if (!isKnown && !wasThere) return refuse("NotFound", "no such reservation"); // H02.FR.01
      core.unitOfWork.run(() => this.book.remove(reservationId)); // H02.FR.02
      return { status: "Accepted" };
    } catch (error) {
      logger.error(`Reservation ${reservationId} could not be cancelled: ${(error as Error).message}`);
      // It stays promised, whatever has become of it at the hardware side.
      const kept = this.book.get(reservationId);
      if (kept !== undefined) this.placement.ensure([kept]);
      return refuse("InternalError", "it could not be cancelled");
    } finally {
      this.cancelling.delete(reservationId);
    }
  }
}
