import type { ConnectorStatusEnumType } from "../../ocpp/v201/index.ts";
import type { ConnectorModel, EvseModel } from "../model/station-model.ts";
import type { EvseEvent } from "../ports.ts";

const STATUS_PRIORITY: readonly ConnectorStatusEnumType[] = [
  "Available",
  "Reserved",
  "Occupied",
  "Unavailable",
  "Faulted",
];

/** What an event of the hardware side does to the flags of its connector (BEHAVIOUR 5.3). */
export function applyToConnector(event: EvseEvent, connector: ConnectorModel): void {
  switch (event.kind) {
    case "SessionStarted":
      if (event.reason === "EVConnected") connector.occupied = true; // G01.FR.03, E02.FR.05
      break;
    case "TransactionStarted":
      connector.occupied = true;
      break;
    default:
      break;
  }
}

/** The EVSE is as usable as its most usable connector, unless one is in use. */
export function evseStatus(evse: EvseModel): ConnectorStatusEnumType {
  const statuses = evse.connectors.map((connector) => connector.status);
  if (statuses.includes("Occupied")) return "Occupied";
  return STATUS_PRIORITY.find((status) => statuses.includes(status)) ?? "Available";
}

/** The station as a whole: Available as long as one of its connectors can be used. */
export function stationStatus(evses: readonly EvseModel[]): ConnectorStatusEnumType {
  const statuses = evses.flatMap((evse) => evse.connectors.map((connector) => connector.status));
  if (statuses.every((status) => status === "Faulted")) return "Faulted";
  return statuses.every((status) => status === "Faulted" || status === "Unavailable") ? "Unavailable" : "Available";
}
