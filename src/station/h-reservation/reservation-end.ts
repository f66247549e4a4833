import type { StationContext } from "../context.ts";
import type { HardwareFlags } from "./hardware-flags.ts";
import type { Placement } from "./placement.ts";
import type { Reservation } from "./reservation.ts";
import type { ReservationBook } from "./reservation-book.ts";
import type { ReservedStatus } from "./reserved-status.ts";

/** Ids of reservations that are over: what the hardware side still says of them is no news. */
const REMEMBERED = 100;

/** How a reservation ends: told to the CSMS where it does not know, and to the hardware side where that does not. */
export interface ReservationEnd {
  /** H04.FR.01, H01.FR.16, FR.17. @throws when it cannot be stored: nothing has changed then. */
  tell(reservation: Reservation, reservationUpdateStatus: "Expired" | "Removed"): void;
  /** One that an earlier program has made: the CSMS knows it all the same. */
  tellUnknown(reservationId: number, reservationUpdateStatus: "Expired" | "Removed"): void;
  /** Used at one of these EVSEs, or cancelled: the CSMS hears of it in another way. */
  quietly(reservation: Reservation, usedAt?: readonly number[]): void;
  /** The hardware side gives up what it still keeps; never rejects. */
  release(reservationId: number): Promise<void>;
  wasKnown(reservationId: number): boolean;
}

export function createReservationEnd(
  { core, csms, hardware, logger }: StationContext,
  book: ReservationBook,
  flags: HardwareFlags,
  status: ReservedStatus,
  placement: () => Placement,
): ReservationEnd {
  const over: number[] = [];

  const follow = ({ reservationId, evseId }: Reservation, usedAt: readonly number[]): void => {
    over.push(reservationId);
    if (over.length > REMEMBERED) over.shift();
    placement().settle(reservationId);
    for (const freed of evseId === undefined ? usedAt : [evseId]) flags.set(freed, false); // H02.FR.03, H04.FR.02
    flags.doubtAfterEnd(); // H02.FR.05
    status.apply(); // H02.FR.04, FR.06, H04.FR.03
  };

  const release = async (reservationId: number): Promise<void> => {
    if (!hardware.reservation.available) return;
    try {
      await hardware.reservation.cancelReservation(reservationId);
    } catch (error) {
      logger.warn(`The hardware side may still keep reservation ${reservationId}: ${(error as Error).message}`);
    }
  };

  return {
    tell(reservation, reservationUpdateStatus) {
      const { reservationId } = reservation;
      core.unitOfWork.run(() => {
        book.remove(reservationId);
        csms.enqueue("ReservationStatusUpdate", { reservationId, reservationUpdateStatus });
      });
      logger.info(`Reservation ${reservationId} is over: ${reservationUpdateStatus}`);
      follow(reservation, []);
    },
    tellUnknown(reservationId, reservationUpdateStatus) {
      core.unitOfWork.run(() => csms.enqueue("ReservationStatusUpdate", { reservationId, reservationUpdateStatus }));
    },
    quietly(reservation, usedAt = []) {
      const { reservationId } = reservation;
      try {
        core.unitOfWork.run(() => book.remove(reservationId));
      } catch (error) {
        // Its driver is here, whatever the disk says.
        logger.error(`The end of reservation ${reservationId} could not be stored: ${(error as Error).message}`);
        book.forget(reservationId);
      }
      follow(reservation, usedAt);
    },
    release,
    wasKnown: (reservationId) => over.includes(reservationId),
  };
}
