import type { Timer } from "../../lib/clock.ts";
import type { StationContext } from "../context.ts";
import type { Reservation } from "./reservation.ts";
import type { ReservationBook } from "./reservation-book.ts";

const RETRY_MILLISECONDS = 20_000;
/** So often the hardware side may refuse what it was asked to keep: after a start it may not know its EVSEs yet. */
const REFUSALS = 3;

/**
 * Makes sure that the hardware side keeps what was promised to the CSMS, after a restart or when a reservation could not be
 * replaced: it is asked, and the reservation made again where it is gone. What is refused for good is lost.
 */
export class Placement {
  private readonly refusals = new Map<number, number>();
  private timer: Timer | undefined;
  private isRunning = false;

  constructor(
    private readonly context: StationContext,
    private readonly book: ReservationBook,
    private readonly onLost: (reservation: Reservation) => void,
  ) {}

  /** From now on these are looked after until they are placed. */
  ensure(reservations: readonly Reservation[]): void {
    for (const { reservationId } of reservations) this.refusals.set(reservationId, 0);
    void this.run();
  }

  /** Somebody else looks after it, or it is over. */
  settle(reservationId: number): void {
    this.refusals.delete(reservationId);
  }

  stop(): void {
    this.timer?.cancel();
    this.refusals.clear();
  }

  private async run(): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    this.timer?.cancel();
    for (const reservationId of [...this.refusals.keys()]) await this.place(reservationId);
    this.isRunning = false;
    if (this.refusals.size > 0) this.timer = this.context.clock.after(RETRY_MILLISECONDS, () => void this.run());
  }

  private async place(reservationId: number): Promise<void> {
    const { hardware, logger } = this.context;
    const reservation = this.book.get(reservationId);
    if (reservation === undefined) return this.settle(reservationId);
    try {
      if (await hardware.reservation.isPlaced(reservation)) return this.settle(reservationId);
      // It may have been used, cancelled or replaced meanwhile.
      if (this.book.get(reservationId) !== reservation || !this.refusals.has(reservationId)) return;
      const status = await hardware.reservation.reserveNow(reservation);
      if (this.book.get(reservationId) !== reservation) return this.takeBack(reservationId);
      if (status === "Accepted") {
        logger.info(`Reservation ${reservationId} is made again`);
        return this.settle(reservationId);
      }
      this.noteRefusal(reservation, status);
    } catch (error) {
      logger.warn(`Reservation ${reservationId} is asked for again: ${(error as Error).message}`);
    }
  }

  /** It ended while it was being made; a new one with its id may have been overwritten, and is looked after. */
  private async takeBack(reservationId: number): Promise<void> {
    if (this.book.get(reservationId) !== undefined) return void this.refusals.set(reservationId, 0);
    const { hardware, logger } = this.context;
    try {
      await hardware.reservation.cancelReservation(reservationId);
    } catch (error) {
      logger.warn(`Reservation ${reservationId} could not be taken back: ${(error as Error).message}`);
    }
  }

  private noteRefusal(reservation: Reservation, status: string): void {
    const { reservationId } = reservation;
    const count = this.refusals.get(reservationId);
    if (count === undefined) return;
    this.refusals.set(reservationId, count + 1);
    this.context.logger.warn(`Reservation ${reservationId} could not be made again: ${status}`);
    if (count + 1 < REFUSALS) return;
    this.settle(reservationId);
    this.onLost(reservation);
  }
}
