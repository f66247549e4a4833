import type { Database } from "bun:sqlite";
import * as v from "valibot";
import { mapRows, rowsOf, type ViewRow } from "../../store/database-view.ts";
import { jsonColumn } from "../../store/json-column.ts";
import { ReservationSchema } from "./reservation.ts";

const Row = v.object({ RESERVATION: jsonColumn(ReservationSchema) as v.GenericSchema<unknown, ReservationRow> });
type ReservationRow = v.InferOutput<typeof ReservationSchema>;

/** Reservations that hold; whose they are is not shown. */
export function reservationsView(database: Database): readonly ViewRow[] {
  return mapRows(rowsOf(database, "STATION_RESERVATION", "ID"), Row, ({ RESERVATION: reservation }) => ({
    id: reservation.reservationId,
    evse: reservation.evseId ?? null,
    connectorType: reservation.connectorType ?? null,
    forGroup: reservation.groupIdToken !== undefined,
    expires: reservation.expiryDateTime,
    placed: reservation.placedAt,
  }));
}
