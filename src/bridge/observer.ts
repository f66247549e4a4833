import type { EverestModule } from "../everest/everest-module.ts";
import type { OcppOcppTransactionEvent, OcppRegistrationStatus } from "../everest/interfaces/index.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import type { TransactionEventRequest } from "../ocpp/v201/index.ts";
import type { ObserverPort } from "../station/ports.ts";
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

/** The variables of `ocpp_generic` that tell other modules what the station does. */
export function createObserverPort(module: EverestModule, clock: Clock, logger: Logger): ObserverPort {
  const sessions = new Map<string, string>();
  return {
    connected: (connected) => module.publish("ocpp_generic", "ocpp", "is_connected", connected),
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
  };
}
