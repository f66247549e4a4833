import { VariableHandle } from "../../device-model/variable-handle.ts";
import { MonitoringCtrlr } from "../../device-model/variables.ts";
import type { ComponentType } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given } from "../block.ts";
import { UntilStored } from "../model/until-stored.ts";
import { faultKey, type HardwareError } from "../ports.ts";
import type { StreamEvent } from "../services.ts";

/** OCPP's severity of a fault: how bad it is for the station (0 is worst). */
const SEVERITY: Record<HardwareError["severity"], number> = { High: 3, Medium: 5, Low: 7 };
const LEAST_SEVERE = 9;
/** Faults up to this severity are kept while offline when OfflineQueuingSeverity says nothing. */
const DEFAULT_OFFLINE_SEVERITY = 5;
/** Components that exist once for each connector; all others belong to an EVSE or to the station. */
const PARTS_OF_A_CONNECTOR: ReadonlySet<string> = new Set(["Connector", "ConnectorPlugRetentionLock"]);

function keyOf({ name, evse }: ComponentType, { variable }: HardwareError): string {
  return `${name}/${evse?.id}/${evse?.connectorId}/${variable}`;
}

/**
 * N07 for hard-wired notifications, G05: faults that the hardware side raises and clears. It is the hardware side, too,
 * that does not charge with a fault that forbids it (G05.FR.01); what becomes of a transaction comes as its events.
 */
export const faultEvents = declareBlock({
  name: "fault-events",
  letter: "G",
  needs: ["eventStream"],
  hears: { "hardware.error": "follow-up" },
  create,
});

function create({ clock, csms, deviceModel, eventStream, logger, model }: Given<"eventStream">) {
  /** Faults that are there now, by the variable that shows them. */
  const active = new Map<string, Set<string>>();
  const untilStored = new UntilStored(clock, logger);

  const componentOf = ({ component, evseId, connectorId }: HardwareError): ComponentType => {
    const evse = evseId === undefined ? undefined : model.evse(evseId);
    if (evse === undefined || evseId === undefined)
      return { name: component === "EVSE" ? "ChargingStation" : component };
    if (!PARTS_OF_A_CONNECTOR.has(component)) return { name: component, evse: { id: evseId } };
    const only = evse.connectors.length === 1 ? evse.connectors[0]?.connectorId : undefined;
    const concerned = connectorId ?? only;
    return { name: component, evse: { id: evseId, ...(concerned !== undefined && { connectorId: concerned }) } }; // G05.FR.02
  };

  /** The variable is true as long as one fault of its component lasts. */
  const showInDeviceModel = (component: ComponentType, error: HardwareError): void => {
    const { name, evse } = component;
    const key = keyOf(component, error);
    const faults = active.get(key) ?? new Set();
    active.set(key, faults);
    if (error.state === "raised") faults.add(faultKey(error));
    else faults.delete(faultKey(error));
    const handle = new VariableHandle(
      {
        component: name,
        variable: error.variable,
        ...(evse !== undefined && { evseId: evse.id }),
        ...(evse?.connectorId !== undefined && { connectorId: evse.connectorId }),
      },
      "boolean",
    );
    deviceModel.write(handle, faults.size > 0, "internal", true);
  };

  const eventData = (component: ComponentType, error: HardwareError): StreamEvent => {
    const raised = error.state === "raised";
    const techInfo = (error.description || error.message).slice(0, 500);
    const transactionId = error.evseId === undefined ? undefined : model.evse(error.evseId)?.transaction?.transactionId;
    return {
      timestamp: error.timestamp.toISOString(),
      trigger: "Alerting",
      actualValue: String(raised),
      cleared: !raised,
      techCode: (error.techCode ?? error.type).slice(0, 50),
      ...(techInfo !== "" && { techInfo }),
      ...(transactionId !== undefined && { transactionId }),
      eventNotificationType: "HardWiredNotification",
      component,
      variable: { name: error.variable },
    };
  };

  /** Until the station is accepted every fault waits; later, while offline, those that are severe enough. */
  const isKeptOffline = ({ severity }: HardwareError): boolean => {
    const limit = deviceModel.read(MonitoringCtrlr.OfflineQueuingSeverity) ?? DEFAULT_OFFLINE_SEVERITY;
    return csms.registration !== "Accepted" || SEVERITY[severity] <= limit;
  };

  /** SetMonitoringLevel: what is less severe is not told (N03). */
  const isTold = ({ severity }: HardwareError): boolean =>
    SEVERITY[severity] <= (deviceModel.read(MonitoringCtrlr.ActiveMonitoringLevel) ?? LEAST_SEVERE);

  const notify = (error: HardwareError): void => {
    const component = componentOf(error);
    showInDeviceModel(component, error);
    if (!isTold(error)) return;
    // A fault that comes and goes while the line is busy or down is told as it began and as it is.
    const subject = `${keyOf(component, error)}/${faultKey(error)}`;
    eventStream.tell([eventData(component, error)], { keptOffline: isKeptOffline(error), subject });
  };

  return {
    hears: {
      "hardware.error": (error: HardwareError) =>
        untilStored.take(`The fault ${error.type} (${error.state})`, () => notify(error)),
    },
    stop: () => untilStored.stop(),
  };
}
