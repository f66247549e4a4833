import * as v from "valibot";
import { isDateTime } from "../../lib/date-time.ts";
import { ConnectorEnumTypeSchema, type IdTokenType, IdTokenTypeSchema } from "../../ocpp/v201/index.ts";
import type { EvseDescription } from "../ports.ts";

/** A reservation that holds, as it is kept in the database. */
export const ReservationSchema = v.object({
  reservationId: v.number(),
  expiryDateTime: v.pipe(v.string(), v.check(isDateTime, "not a time")),
  idToken: IdTokenTypeSchema,
  groupIdToken: v.exactOptional(IdTokenTypeSchema),
  evseId: v.exactOptional(v.number()),
  connectorType: v.exactOptional(ConnectorEnumTypeSchema),
  /** RFC 3339: of two that cannot both be kept the older one stays. */
  placedAt: v.string(),
});
export type Reservation = v.InferOutput<typeof ReservationSchema>;

/** By the text alone, as EVerest's Auth compares: the reader may know another type than the CSMS. */
export function isSameText(one: IdTokenType | undefined, other: IdTokenType | undefined): boolean {
  return one !== undefined && one.idToken.toUpperCase() === other?.idToken.toUpperCase();
}

/** H03.FR.01–03 the token itself, H03.FR.04–06 or its group. */
export function isFor(reservation: Reservation, idToken: IdTokenType, groupIdToken?: IdTokenType): boolean {
  return isSameText(reservation.idToken, idToken) || isSameText(reservation.groupIdToken, groupIdToken);
}

/** EVerest writes `s309_1P_16A` and `sCEE_7_7` where OCPP writes hyphens; without a word the type is Unknown. */
function isOfType(connectorType: string | undefined, wanted: string): boolean {
  return (connectorType ?? "Unknown").replaceAll("_", "-") === wanted;
}

/** The connectors of an EVSE that a reservation may mean; none when it means other EVSEs. */
export function meantConnectors(
  { evseId, connectorType }: Pick<Reservation, "evseId" | "connectorType">,
  evse: EvseDescription,
): readonly number[] {
  if (evseId !== undefined && evseId !== evse.evseId) return [];
  return evse.connectors
    .filter((connector) => connectorType === undefined || isOfType(connector.connectorType, connectorType))
    .map(({ connectorId }) => connectorId);
}
