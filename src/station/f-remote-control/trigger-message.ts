import { ISO15118Ctrlr } from "../../device-model/variables.ts";
import type { TriggerMessageRequest } from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";

/** What will be sent once the answer is out, or why nothing will. */
type Plan = (() => void) | "Rejected" | "NotImplemented";

/** F06: TriggerMessage. The answer always precedes the message that it announces (F06.FR.04). */
export function createTriggerMessageBlock(context: StationContext): Block {
  const { csms, deviceModel, model, services } = context;

  const planStatusNotification = ({ evse }: TriggerMessageRequest): Plan => {
    const connectorId = evse?.connectorId;
    if (evse === undefined || connectorId === undefined) return "Rejected"; // F06.FR.12
    if (model.connector(evse.id, connectorId) === undefined) return "Rejected";
    return () => services.sendStatusNotification?.(evse.id, connectorId);
  };

  const plan = (request: TriggerMessageRequest): Plan => {
    const evseId = request.evse?.id;
    switch (request.requestedMessage) {
      case "BootNotification":
        return csms.registration === "Accepted" ? "Rejected" : () => services.triggerBootNotification?.(); // F06.FR.17
      case "Heartbeat":
        return () => services.triggerHeartbeat?.();
      case "StatusNotification":
        return planStatusNotification(request);
      case "MeterValues":
        return services.triggerMeterValues?.(evseId) ?? "Rejected"; // F06.FR.06
      case "TransactionEvent":
        return services.triggerTransactionEvent?.(evseId) ?? "Rejected"; // F06.FR.07
      case "FirmwareStatusNotification":
        return implemented(services.triggerFirmwareStatus); // F06.FR.16
      case "LogStatusNotification":
        return implemented(services.triggerLogStatus); // F06.FR.14, FR.15
      case "SignChargingStationCertificate":
        return implemented(services.triggerSignCertificate, "ChargingStationCertificate");
      case "SignV2GCertificate":
        return deviceModel.read(ISO15118Ctrlr.V2GCertificateInstallationEnabled) === true
          ? implemented(services.triggerSignCertificate, "V2GCertificate")
          : "NotImplemented";
      default:
        return "NotImplemented"; // F06.FR.08
    }
  };

  csms.handle("TriggerMessage", (request) => {
    const evseId = request.evse?.id;
    const planned =
      evseId !== undefined && evseId !== 0 && model.evse(evseId) === undefined ? "Rejected" : plan(request);
    if (typeof planned === "string") return { response: { status: planned } };
    return { response: { status: "Accepted" }, afterResponse: planned };
  });

  return { name: "trigger-message", start() {}, stop() {} };
}

function implemented<Arguments extends readonly unknown[]>(
  sender: ((...given: Arguments) => void) | undefined,
  ...given: Arguments
): Plan {
  return sender === undefined ? "NotImplemented" : () => sender(...given);
}
