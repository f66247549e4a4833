import type { Given } from "../block.ts";
import type { ConnectorModel, EvseModel } from "../model/station-model.ts";
import { keptEvses, leavesOthers, withoutEvse } from "./allocation.ts";
import type { HardwareFlags } from "./hardware-flags.ts";
import { meantConnectors, type Reservation } from "./reservation.ts";
import type { ReservationBook } from "./reservation-book.ts";

export type TargetStatus = "Free" | "Faulted" | "Unavailable" | "Occupied";

/** Which EVSEs the reservations need, and the status Reserved that follows from it. */
export class ReservedStatus {
  private kept: ReadonlySet<number> = new Set();
  private isApplying = false;
  private applyAgain = false;
  /** EVSEs that were held back and are not yet in use again: the hardware side takes its time to enable them. */
  private readonly held = new Set<number>();
  /** EVSEs that drivers have taken of whom the E block does not know yet. */
  readonly taken = new Set<number>();

  constructor(
    private readonly context: Given<"connectors" | "evseHolds">,
    private readonly book: ReservationBook,
    private readonly flags: HardwareFlags,
  ) {}

  /** Is the EVSE kept for reservations of ours, so that nobody else may charge there? */
  isKept(evseId: number): boolean {
    return this.kept.has(evseId);
  }

  meant(reservation: Pick<Reservation, "evseId" | "connectorType">): readonly EvseModel[] {
    return this.context.model.evses.filter((evse) => this.connectorsOf(reservation, evse.evseId).length > 0);
  }

  /** How the EVSE looks to a reservation that means it (H01.FR.11, FR.12, FR.14). */
  statusFor(reservation: Pick<Reservation, "evseId" | "connectorType">, evse: EvseModel): TargetStatus {
    const meant = this.connectorsOf(reservation, evse.evseId);
    const concerned = evse.connectors.filter(({ connectorId }) => meant.includes(connectorId));
    const usable = this.usableConnectors(evse);
    if (concerned.every(({ faulted }) => faulted)) return "Faulted";
    if (!concerned.some((connector) => usable.includes(connector))) return "Unavailable";
    return this.isInUse(evse) ? "Occupied" : "Free";
  }

  /** What a reset or an update keeps from drivers for a while can be used afterwards (B11.FR.05). */
  usableConnectors({ evseId, connectors }: EvseModel): readonly ConnectorModel[] {
    if (this.context.evseHolds.isHeld(evseId)) this.held.add(evseId);
    else if (connectors.every(({ unavailable }) => !unavailable)) this.held.delete(evseId);
    return connectors.filter(
      ({ connectorId, faulted, unavailable }) =>
        !faulted && (!unavailable || (this.held.has(evseId) && !this.isInoperative(evseId, connectorId))),
    );
  }

  private isInoperative(evseId: number, connectorId: number): boolean {
    const { availability } = this.context.core;
    const levels = [
      [0, 0],
      [evseId, 0],
      [evseId, connectorId],
    ] as const;
    return levels.some(([evse, connector]) => availability.get(evse, connector) === "Inoperative");
  }

  /** Indices of those reservations, the oldest first, for which no free EVSE is left. */
  unplaceable(reservations: readonly Pick<Reservation, "evseId" | "connectorType">[]): readonly number[] {
    return withoutEvse(this.needsOf(reservations));
  }

  /**
   * May this reservation of the book be used there, or would another one lose the EVSE that it needs (H01.FR.07, FR.09)?
   * One for a certain EVSE comes before the others, which may have another one, then the older one.
   */
  leavesOthers(reservation: Reservation, evseId: number): boolean {
    const isForAny = (one: Reservation): number => (one.evseId === undefined ? 1 : 0);
    const ordered = this.book.all.toSorted((one, other) => isForAny(one) - isForAny(other));
    return leavesOthers(this.needsOf(ordered), ordered.indexOf(reservation), evseId);
  }

  /** Brings all connectors to what holds now; the status is told where it has changed. */
  apply(): void {
    this.applyAgain = this.isApplying;
    if (this.isApplying) return;
    this.isApplying = true;
    try {
      do {
        this.applyAgain = false;
        this.kept = keptEvses(this.needsOf(this.book.all));
        for (const evse of this.context.model.evses) this.show(evse);
      } while (this.applyAgain);
    } finally {
      this.isApplying = false;
    }
  }

  private show(evse: EvseModel): void {
    const { evseId } = evse;
    const reserved = this.kept.has(evseId) || (this.flags.has(evseId) && !this.isTaken(evse));
    for (const { connectorId, reserved: before } of evse.connectors)
      if (before !== reserved)
        this.context.connectors.update(evseId, connectorId, (connector) => {
          connector.reserved = reserved;
        });
  }

  private needsOf(reservations: readonly Pick<Reservation, "evseId" | "connectorType">[]) {
    return reservations.map((reservation) =>
      this.meant(reservation).flatMap((evse) => (this.statusFor(reservation, evse) === "Free" ? [evse.evseId] : [])),
    );
  }

  private connectorsOf(reservation: Pick<Reservation, "evseId" | "connectorType">, evseId: number) {
    const described = this.context.hardware.evses.find((evse) => evse.evseId === evseId);
    return described === undefined ? [] : meantConnectors(reservation, described);
  }

  private isTaken(evse: EvseModel): boolean {
    return evse.authorized || this.taken.has(evse.evseId);
  }

  /** A cable alone does not end a reservation (G01.FR.09), but nobody reserves what is occupied (errata 2.30). */
  private isInUse(evse: EvseModel): boolean {
    const isOccupied = evse.connectors.some(({ occupied }) => occupied);
    const isReserved = evse.connectors.some(({ reserved }) => reserved);
    return this.isTaken(evse) || (isOccupied && !isReserved);
  }
}
