import type { Timer } from "../../lib/clock.ts";
import type { StationContext } from "../context.ts";
import type { Reservation } from "./reservation.ts";
import type { ReservationBook } from "./reservation-book.ts";
import type { ReservationEnd } from "./reservation-end.ts";
import type { ReservedStatus } from "./reserved-status.ts";

/** The CSMS names the time of the end: looked at again at least so often, since the clock may be set. */
const LOOK_MILLISECONDS = 60_000;
/** What could not be stored is tried again then. */
const RETRY_MILLISECONDS = 10_000;

/** Sees that reservations end that expire, or that cannot be kept. */
export class ReservationWatch {
  /** By EVSE how many connectors can be used: with each that cannot a reservation may be lost. */
  private readonly usable = new Map<number, number>();
  private timer: Timer | undefined;

  constructor(
    private readonly context: StationContext,
    private readonly book: ReservationBook,
    private readonly status: ReservedStatus,
    private readonly end: ReservationEnd,
  ) {}

  /** H04.FR.01, also offline and over a restart: the message waits for the CSMS. */
  look(): void {
    const { clock } = this.context;
    const now = clock.now().getTime();
    const isOver = ({ expiryDateTime }: Reservation): boolean => Date.parse(expiryDateTime) <= now;
    for (const reservation of this.book.all) if (isOver(reservation)) this.tell(reservation, "Expired");
    for (const reservation of this.book.all) if (this.isLost(reservation)) this.tell(reservation, "Removed");
    this.timer?.cancel();
    if (this.book.all.length === 0) return;
    const next = Math.min(...this.book.all.map(({ expiryDateTime }) => Date.parse(expiryDateTime) - now));
    this.timer = clock.after(next > 0 ? Math.min(next, LOOK_MILLISECONDS) : RETRY_MILLISECONDS, () => this.look());
  }

  /** H01.FR.16, FR.17: what means only what is out of order, and the newest of those for which no EVSE is left. */
  followEvses(): void {
    const fewer = this.context.model.evses.filter((evse) => {
      const before = this.usable.get(evse.evseId) ?? evse.connectors.length;
      const now = this.status.usableConnectors(evse).length;
      this.usable.set(evse.evseId, now);
      return now < before;
    });
    if (fewer.length === 0) return;
    for (const reservation of this.book.all) if (this.isLost(reservation)) this.tell(reservation, "Removed");
    const left = this.book.all;
    for (const index of this.status.unplaceable(left)) this.remove(left[index]);
  }

  /** The hardware side cannot keep it, or has given its EVSE to somebody else. */
  remove(reservation: Reservation | undefined): void {
    if (reservation !== undefined) this.tell(reservation, "Removed");
  }

  stop(): void {
    this.timer?.cancel();
  }

  private tell(reservation: Reservation, word: "Expired" | "Removed"): void {
    try {
      this.end.tell(reservation, word);
      void this.end.release(reservation.reservationId);
    } catch (error) {
      const { reservationId } = reservation;
      this.context.logger.error(`The end of reservation ${reservationId} is not stored: ${(error as Error).message}`);
    }
  }

  private isLost(reservation: Reservation): boolean {
    const seen = this.status.meant(reservation).map((evse) => this.status.statusFor(reservation, evse));
    return seen.every((one) => one === "Faulted" || one === "Unavailable");
  }
}
