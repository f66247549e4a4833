import { ReservationCtrlr } from "../../device-model/variables.ts";
import type { ReserveNowRequest, ReserveNowResponse, ReserveNowStatusEnumType } from "../../ocpp/v201/index.ts";
import type { StationContext } from "../context.ts";
import { answerOr } from "../model/answer-or.ts";
import type { Placement } from "./placement.ts";
import type { Reservation } from "./reservation.ts";
import type { ReservationBook } from "./reservation-book.ts";
import type { ReservationEnd } from "./reservation-end.ts";
import type { ReservedStatus, TargetStatus } from "./reserved-status.ts";
import type { ToldReservations } from "./told-reservations.ts";

interface Parts {
  readonly book: ReservationBook;
  readonly status: ReservedStatus;
  readonly end: ReservationEnd;
  readonly placement: Placement;
  readonly told: ToldReservations;
}

function refuse(status: ReserveNowStatusEnumType, reasonCode: string, additionalInfo: string): ReserveNowResponse {
  return { status, statusInfo: { reasonCode, additionalInfo } };
}

/** H01: makes reservations. Those that are being made count as made for the ones behind them. */
export class ReserveNow {
  private readonly making = new Map<number, Reservation>();

  constructor(
    private readonly context: StationContext,
    private readonly parts: Parts,
  ) {}

  /** What the hardware side says of this reservation, and of the EVSEs meanwhile, is about one that is being made. */
  isMaking(reservationId?: number): boolean {
    return reservationId === undefined ? this.making.size > 0 : this.making.has(reservationId);
  }

  /** The answer is out, or there will be none. */
  async make(request: ReserveNowRequest): Promise<ReserveNowResponse> {
    const { clock } = this.context;
    const { id, expiryDateTime, idToken, groupIdToken, evseId, connectorType } = request;
    const reservation: Reservation = {
      reservationId: id,
      expiryDateTime,
      idToken,
      ...(groupIdToken !== undefined && { groupIdToken }),
      ...(evseId !== undefined && { evseId }),
      ...(connectorType !== undefined && { connectorType }),
      placedAt: clock.now().toISOString(),
    };
    const refusal = this.obstacle(reservation) ?? this.place(reservation);
    if (refusal !== undefined) return refusal;
    this.making.set(id, reservation);
    try {
      return await this.ask(reservation);
    } finally {
      this.making.delete(id);
    }
  }

  /** Why no reservation of this kind is made at all. */
  private obstacle(reservation: Reservation): ReserveNowResponse | undefined {
    const { reservationId, expiryDateTime, evseId, connectorType } = reservation;
    const { clock, deviceModel, hardware, model } = this.context;
    const isOn =
      deviceModel.read(ReservationCtrlr.Available) !== false && deviceModel.read(ReservationCtrlr.Enabled) !== false;
    if (!hardware.reservation.available)
      return refuse("Rejected", "NotEnabled", "nothing in this charger keeps reservations"); // H01.FR.01
    if (!isOn) return refuse("Rejected", "NotEnabled", "reservations are switched off"); // H01.FR.01
    if (evseId === undefined && deviceModel.read(ReservationCtrlr.NonEvseSpecific) !== true)
      return refuse("Rejected", "UnsupportedParam", "reservations are for a certain EVSE only"); // H01.FR.18, FR.19
    if (evseId !== undefined && model.evse(evseId) === undefined)
      return refuse("Rejected", "UnknownEvse", "no such EVSE");
    if (connectorType !== undefined && this.parts.status.meant(reservation).length === 0)
      return refuse("Rejected", "UnknownConnectorType", "no connector of this type");
    if (Date.parse(expiryDateTime) <= clock.now().getTime())
      return refuse("Rejected", "InvalidValue", "the reservation has expired already");
    if (this.making.has(reservationId))
      return refuse("Rejected", "DuplicateRequestId", "a reservation with this id is being made");
    return undefined;
  }

  /** H01.FR.03, FR.04, FR.06, FR.23 where an EVSE is left for it, beside what was promised before; else why not. */
  private place(reservation: Reservation): ReserveNowResponse | undefined {
    const { book, status } = this.parts;
    const seen = new Set(status.meant(reservation).map((evse) => status.statusFor(reservation, evse)));
    const others = [...book.all, ...this.making.values()].filter(
      ({ reservationId }) => reservationId !== reservation.reservationId, // H01.FR.02
    );
    if (seen.has("Free") && !status.unplaceable([...others, reservation]).includes(others.length)) return undefined;
    const only = (word: TargetStatus): boolean => [...seen].every((one) => one === word);
    if (only("Faulted")) return refuse("Faulted", "NotEnabled", "faulted"); // H01.FR.12
    if (!seen.has("Free") && !seen.has("Occupied")) return refuse("Unavailable", "NotEnabled", "unavailable"); // H01.FR.14
    return refuse("Occupied", "NotFound", "no EVSE is free"); // H01.FR.11
  }

  private async ask(reservation: Reservation): Promise<ReserveNowResponse> {
    const { hardware, logger } = this.context;
    const { reservationId } = reservation;
    const answer = await answerOr(
      logger,
      `Reservation ${reservationId} could not be made`,
      hardware.reservation.reserveNow(reservation),
      undefined,
    );
    if (answer === "Accepted") return this.keep(reservation);
    // It may be made after all; and what it was to replace is gone at the hardware side.
    if (answer === undefined) void this.parts.end.release(reservationId).then(() => this.restore(reservationId));
    else this.restore(reservationId);
    return answer === undefined
      ? refuse("Rejected", "InternalError", "the charger did not answer")
      : refuse(answer, "Unspecified", "the charger does not reserve it");
  }

  private keep(reservation: Reservation): ReserveNowResponse {
    const { book, end, told } = this.parts;
    try {
      this.context.core.unitOfWork.run(() => {
        book.put(reservation);
        told.forget(reservation.reservationId);
      });
    } catch (error) {
      void end.release(reservation.reservationId).then(() => this.restore(reservation.reservationId));
      throw error;
    }
    return { status: "Accepted" };
  }

  private restore(reservationId: number): void {
    const { book, placement } = this.parts;
    const replaced = book.get(reservationId);
    if (replaced !== undefined) placement.ensure([replaced]);
  }
}
