import type { IdTokenType } from "../../ocpp/v201/index.ts";
import type { StationContext } from "../context.ts";
import type { ReservationService } from "../services.ts";
import { isFor, type Reservation } from "./reservation.ts";
import type { ReservationBook } from "./reservation-book.ts";
import type { ReservationUse } from "./reservation-use.ts";
import type { ReservedStatus } from "./reserved-status.ts";
import type { ToldReservations } from "./told-reservations.ts";

/** What other blocks may ask of the reservations, and what makes one used. */
export function createReservationService(
  { model }: StationContext,
  book: ReservationBook,
  status: ReservedStatus,
  use: ReservationUse,
  told: ToldReservations,
): ReservationService {
  const evseIdsOf = (evseIds: readonly number[] | undefined): readonly number[] =>
    evseIds === undefined || evseIds.length === 0 ? model.evses.map(({ evseId }) => evseId) : evseIds;
  const mayBeUsed = (reservation: Reservation, evseId: number): boolean =>
    status.meant(reservation).some((evse) => evse.evseId === evseId) && status.leavesOthers(reservation, evseId);
  const mayCharge = (evseId: number, idToken: IdTokenType, groupIdToken?: IdTokenType): boolean =>
    !status.isKept(evseId) || book.all.some((one) => isFor(one, idToken, groupIdToken) && mayBeUsed(one, evseId));

  return {
    isKeptForOther: (evseIds, idToken, groupIdToken) =>
      evseIdsOf(evseIds).every((evseId) => !mayCharge(evseId, idToken, groupIdToken)),
    needsGroup: (evseId, idToken, groupIdToken) =>
      groupIdToken === undefined &&
      !mayCharge(evseId, idToken) &&
      book.all.some((one) => one.groupIdToken !== undefined && mayBeUsed(one, evseId)),
    use: (evseId, idToken, groupIdToken) => use.present(idToken, groupIdToken, [evseId]),
    usedBy: (idToken, evseId) => use.usedBy(idToken, evseId),
    wasToldWithOther: (reservationId, transactionId) => told.withOther(reservationId, transactionId),
    noteTold: (reservationId, transactionId) => told.note(reservationId, transactionId),
  };
}
