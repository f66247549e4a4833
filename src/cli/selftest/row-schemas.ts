import * as v from "valibot";
import { MonitorRow } from "../../device-model/monitor-storage.ts";
import { ChargingProfileTypeSchema, MessageInfoTypeSchema, MeterValueTypeSchema } from "../../ocpp/v201/index.ts";
import { SessionSchema } from "../../station/e-transactions/session.ts";
import { ReservationSchema } from "../../station/h-reservation/reservation.ts";
import { jsonColumn } from "../../store/json-column.ts";
import { OcspRow } from "../../store/ocsp-repository.ts";
import { LibocppTransactionRow } from "../../store/transaction-repository.ts";

const Call = v.object({
  MESSAGE: jsonColumn(v.tuple([v.literal(2), v.string(), v.string(), v.record(v.string(), v.unknown())])),
});
const TokenInformation = v.object({ ID_TOKEN_INFO: jsonColumn(v.unknown()) });

/** What the station must be able to read of a row, so that nothing is lost; of other tables, that there is a row. */
export const ROW_SCHEMAS: Readonly<Record<string, v.GenericSchema>> = {
  TRANSACTION_QUEUE: Call,
  NORMAL_QUEUE: Call,
  TRANSACTIONS: LibocppTransactionRow,
  STATION_TRANSACTION: v.object({ STATE: jsonColumn(SessionSchema) }),
  STATION_METER_VALUE: v.object({ METER_VALUE: jsonColumn(MeterValueTypeSchema) }),
  CHARGING_PROFILES: v.object({ PROFILE: jsonColumn(ChargingProfileTypeSchema) }),
  STATION_RESERVATION: v.object({ RESERVATION: jsonColumn(ReservationSchema) }),
  STATION_DISPLAY_MESSAGE: v.object({ MESSAGE: jsonColumn(MessageInfoTypeSchema) }),
  STATION_STATE: v.object({ KEY: v.string(), VALUE: jsonColumn(v.unknown()) }),
  STATION_OCSP: OcspRow,
  AUTH_LIST: TokenInformation,
  AUTH_CACHE: TokenInformation,
  VARIABLE_MONITORING: MonitorRow,
};
