import type { Peer } from "../everest/everest-module.ts";
import type {
  EvseManagerConnectorTypeEnum,
  ReservationReservationCheckStatus,
  ReservationReservationResult,
  ReservationReservationUpdateStatus,
} from "../everest/interfaces/index.ts";
import { isOcppInteger } from "../lib/integer.ts";
import type { ConnectorEnumType } from "../ocpp/v201/index.ts";
import type { ReservationOrder, ReservationPort, ReservationUpdate } from "../station/ports.ts";
import { known } from "./words.ts";

const RESULTS: ReadonlySet<string> = new Set<ReservationReservationResult>([
  "Accepted",
  "Faulted",
  "Occupied",
  "Rejected",
  "Unavailable",
]);
const UPDATES: ReadonlySet<string> = new Set<ReservationUpdate["status"]>([
  "Expired",
  "Removed",
  "Placed",
  "Cancelled",
  "Used",
]);
/** Connector types that EVerest writes in another way. */
const CONNECTOR_TYPES: Partial<Record<ConnectorEnumType, EvseManagerConnectorTypeEnum>> = {
  "s309-1P-16A": "s309_1P_16A",
  "s309-1P-32A": "s309_1P_32A",
  "s309-3P-16A": "s309_3P_16A",
  "s309-3P-32A": "s309_3P_32A",
  "sCEE-7-7": "sCEE_7_7",
};

/** What `exists_reservation` may say where the token may charge (BEHAVIOUR 8.1). */
const FREE_FOR_TOKEN: ReadonlySet<string> = new Set<ReservationReservationCheckStatus>([
  "NotReserved",
  "ReservedForToken",
  "ReservedForOtherTokenAndHasParentToken",
]);

/** What EVerest tells of a reservation; undefined for what nobody here knows. */
export function toReservationUpdate({
  reservation_id,
  reservation_status,
}: ReservationReservationUpdateStatus): ReservationUpdate | undefined {
  const status = known(UPDATES, reservation_status, undefined);
  return status === undefined || !isOcppInteger(reservation_id) ? undefined : { reservationId: reservation_id, status };
}

export function createReservationPort(reservation: Peer<"reservation"> | undefined): ReservationPort {
  const connected = (): Peer<"reservation"> => {
    if (reservation === undefined) throw new Error("no module for reservations is connected");
    return reservation;
  };
  const check = ({ evseId, idToken, groupIdToken }: Pick<ReservationOrder, "evseId" | "idToken" | "groupIdToken">) =>
    connected().call("exists_reservation", {
      request: {
        id_token: idToken.idToken,
        ...(evseId !== undefined && { evse_id: evseId }),
        ...(groupIdToken !== undefined && { group_id_token: groupIdToken.idToken }),
      },
    });
  return {
    available: reservation !== undefined,
    async reserveNow({ reservationId, expiryDateTime, idToken, groupIdToken, evseId, connectorType }) {
      const result = await connected().call("reserve_now", {
        request: {
          reservation_id: reservationId,
          // EVerest's modules read UTC with milliseconds and pass over any other offset (PROTOCOL 12.5).
          expiry_time: new Date(expiryDateTime).toISOString(),
          id_token: idToken.idToken,
          ...(evseId !== undefined && { evse_id: evseId }),
          ...(groupIdToken !== undefined && { parent_id_token: groupIdToken.idToken }),
          ...(connectorType !== undefined && {
            // All the others have the same name there.
            connector_type: CONNECTOR_TYPES[connectorType] ?? (connectorType as EvseManagerConnectorTypeEnum),
          }),
        },
      });
      return known(RESULTS, result, "Rejected");
    },
    cancelReservation: async (reservationId) =>
      connected().call("cancel_reservation", { reservation_id: reservationId }),
    isPlaced: async (order) => (await check(order)) === "ReservedForToken",
    isReservedForOther: async (evseId, idToken, groupIdToken) => {
      if (reservation === undefined) return false;
      const asked = {
        idToken,
        ...(evseId !== undefined && { evseId }),
        ...(groupIdToken !== undefined && { groupIdToken }),
      };
      // A word that nobody knows is taken for a reservation: rather refuse a start than give away what is kept for somebody.
      return !FREE_FOR_TOKEN.has(await check(asked));
    },
    isReserved: async (evseId) => {
      if (reservation === undefined) return false;
      // A token that nobody has: whatever is reserved is reserved for somebody else.
      return (await check({ evseId, idToken: { idToken: "", type: "Central" } })) !== "NotReserved";
    },
  };
}
