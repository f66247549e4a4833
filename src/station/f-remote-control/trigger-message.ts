import { ISO15118Ctrlr } from "../../device-model/variables.ts";
import type { TriggerMessageRequest, TriggerMessageResponse } from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";

type Send = () => void;
/** What will be sent once the answer is out (F06.FR.04, FR.10), or the answer that says why nothing will. */
type Plan = Send | TriggerMessageResponse;

const NOT_IMPLEMENTED: TriggerMessageResponse = { status: "NotImplemented" }; // F06.FR.08

function rejected(reasonCode: string, additionalInfo: string): TriggerMessageResponse {
  return { status: "Rejected", statusInfo: { reasonCode, additionalInfo } };
}

/** F06: TriggerMessage, about how things are now (F06.FR.09). Where the EVSE does not matter it is not looked at (F06.FR.03). */
export function createTriggerMessageBlock(context: StationContext): Block {
  const { csms, deviceModel, model, services } = context;

  const planStatusNotification = ({ evse }: TriggerMessageRequest): Plan => {
    const connectorId = evse?.connectorId;
    if (evse === undefined || connectorId === undefined)
      return rejected("MissingParam", "the status of a connector must be asked with its EVSE and connector"); // F06.FR.12
    if (model.connector(evse.id, connectorId) === undefined)
      return rejected("UnknownConnectorId", "no such EVSE or connector");
    return () => services.sendStatusNotification?.(evse.id, connectorId);
  };

  /** Messages of one EVSE, or of all when none is named (F06.FR.11) or the station as a whole is. */
  const planForEvses = (
    { evse }: TriggerMessageRequest,
    senderFor: ((evseId: number | undefined) => Send | undefined) | undefined,
    nothing: TriggerMessageResponse,
  ): Plan => {
    const evseId = evse?.id === 0 ? undefined : evse?.id;
    if (evseId !== undefined && model.evse(evseId) === undefined) return rejected("UnknownEvse", "no such EVSE");
    return senderFor?.(evseId) ?? nothing;
  };

  /** Events leave in their order, and none before the station is accepted (B02.FR.02). */
  const planTransactionEvent = (request: TriggerMessageRequest): Plan =>
    csms.registration === "Accepted"
      ? planForEvses(request, services.triggerTransactionEvent, rejected("TxNotFound", "no transaction is running")) // F06.FR.07
      : rejected("CSNotAccepted", "no event leaves before the station is accepted");

  const planBootNotification = (): Plan =>
    csms.registration === "Accepted"
      ? rejected("InvalidMessageSeq", "the station is accepted already") // F06.FR.17
      : () => services.triggerBootNotification?.();

  const planV2gCertificate = (): Plan =>
    deviceModel.read(ISO15118Ctrlr.V2GCertificateInstallationEnabled) === true
      ? implemented(services.triggerSignCertificate, "V2GCertificate")
      : rejected("NotEnabled", "V2GCertificateInstallationEnabled is false");

  const plan = (request: TriggerMessageRequest): Plan => {
    switch (request.requestedMessage) {
      case "BootNotification":
        return planBootNotification();
      case "Heartbeat":
        return implemented(services.triggerHeartbeat);
      case "StatusNotification":
        return planStatusNotification(request);
      case "MeterValues":
        return planForEvses(request, services.triggerMeterValues, rejected("NotFound", "there is no measurement")); // F06.FR.06
      case "TransactionEvent":
        return planTransactionEvent(request);
      case "FirmwareStatusNotification":
        return implemented(services.triggerFirmwareStatus); // F06.FR.16
      case "LogStatusNotification":
        return implemented(services.triggerLogStatus); // F06.FR.14, FR.15
      case "SignChargingStationCertificate":
        return implemented(services.triggerSignCertificate, "ChargingStationCertificate");
      case "SignV2GCertificate":
        return planV2gCertificate();
      default:
        return NOT_IMPLEMENTED;
    }
  };

  csms.handle("TriggerMessage", (request) => {
    const planned = plan(request);
    if (typeof planned !== "function") return { response: planned };
    return { response: { status: "Accepted" }, afterResponse: planned }; // F06.FR.05
  });

  return { name: "trigger-message", start() {}, stop() {} };
}

function implemented<Arguments extends readonly unknown[]>(
  sender: ((...given: Arguments) => void) | undefined,
  ...given: Arguments
): Plan {
  return sender === undefined ? NOT_IMPLEMENTED : () => sender(...given);
}
