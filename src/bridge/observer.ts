import type { EverestModule } from "../everest/everest-module.ts";
import type {
  OcppConnectionStatus,
  OcppOcppTransactionEvent,
  OcppRegistrationStatus,
} from "../everest/interfaces/index.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import type { TransactionEventRequest } from "../ocpp/v201/index.ts";
import type { ConnectionReport, ObserverPort } from "../station/ports.ts";
import { toSessionCost } from "./session-cost.ts";
import { toMessageContent } from "./tokens.ts";

function toTransactionEvent(request: TransactionEventRequest, sessionId: string): OcppOcppTransactionEvent {
  const { evse, eventType, transactionInfo } = request;
  return {
    transaction_event: eventType,
    session_id: sessionId,
    transaction_id: transactionInfo.transactionId,
    ...(evse !== undefined && {
      evse: { id: evse.id, ...(evse.connectorId !== undefined && { connector_id: evse.connectorId }) },
    }),
  };
}

/** Empty texts are left out (CHANGES b.1). */
function toConnectionStatus(report: ConnectionReport): OcppConnectionStatus {
  const { connected, csmsUrl, identity = "", securityProfile, configurationSlot, ocppVersion } = report;
  return {
    connected,
    ...(csmsUrl !== "" && { csms_url: csmsUrl }),
    ...(identity !== "" && { identity }),
    security_profile: securityProfile,
    configuration_slot: configurationSlot,
    ocpp_interface: report.ocppInterface,
    ocpp_transport: report.ocppTransport,
    ...(ocppVersion !== undefined && { ocpp_version: ocppVersion }),
  };
}

/** The variables of `ocpp_generic` that tell other modules what the station does. */
export function createObserverPort(module: EverestModule, clock: Clock, logger: Logger): ObserverPort {
  const sessions = new Map<string, string>();
  let wasConnected = false;
  return {
    connection: (report) => {
      const { features } = module;
      // The older word says nothing of attempts: it is told when it changes.
      if (features.isConnected && report.connected !== wasConnected)
        module.publish("ocpp_generic", "ocpp", "is_connected", report.connected);
      wasConnected = report.connected;
      if (features.connectionStatus)
        module.publish("ocpp_generic", "ocpp", "connection_status", toConnectionStatus(report));
    },
    bootNotificationResponse: ({ status, currentTime, interval, reasonCode }) =>
      module.publish("ocpp_generic", "ocpp", "boot_notification_response", {
        status: status as OcppRegistrationStatus,
        current_time: new Date(currentTime).toISOString(),
        interval,
        ...(reasonCode !== undefined && { status_info: { reason_code: reasonCode } }),
      }),
    securityEvent: ({ type, techInfo, timestamp, critical }) => {
      logger.info(`Security event ${type}${techInfo === undefined ? "" : `: ${techInfo}`}`);
      module.publish("ocpp_generic", "ocpp", "security_event", {
        type,
        ...(techInfo !== undefined && { info: techInfo }),
        critical,
        timestamp: (timestamp ?? clock.now()).toISOString(),
      });
    },
    transactionEvent: (request, sessionId) => {
      sessions.set(request.transactionInfo.transactionId, sessionId);
      module.publish("ocpp_generic", "ocpp", "ocpp_transaction_event", toTransactionEvent(request, sessionId));
    },
    transactionEventResponse: (request, response) => {
      const { transactionId } = request.transactionInfo;
      const { totalCost, chargingPriority, updatedPersonalMessage } = response;
      module.publish("ocpp_generic", "ocpp", "ocpp_transaction_event_response", {
        original_transaction_event: toTransactionEvent(request, sessions.get(transactionId) ?? transactionId),
        ...(totalCost !== undefined && { total_cost: totalCost }),
        ...(chargingPriority !== undefined && { charging_priority: chargingPriority }),
        ...(updatedPersonalMessage !== undefined && { personal_message: toMessageContent(updatedPersonalMessage) }),
      });
      if (request.eventType === "Ended") sessions.delete(transactionId);
    },
    sessionCost: (cost) => {
      const told = toSessionCost(cost);
      if (told !== undefined) module.publish("session_cost", "session_cost", "session_cost", told);
      else logger.warn(`The cost of ${cost.transactionId} is not shown: EVerest has no room for so large an amount`);
    },
    tariffMessage: (transactionId, messages) =>
      module.publish("session_cost", "session_cost", "tariff_message", {
        ocpp_transaction_id: transactionId,
        identifier_id: transactionId,
        identifier_type: "TransactionId",
        messages: messages.map(toMessageContent),
      }),
    defaultPrice: (messages) =>
      module.publish("session_cost", "session_cost", "default_price", { messages: messages.map(toMessageContent) }),
  };
}
