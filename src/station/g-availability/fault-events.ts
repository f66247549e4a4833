import * as v from "valibot";
import { MonitoringCtrlr } from "../../device-model/variables.ts";
import type { ComponentType, NotifyEventRequest } from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";
import type { HardwareError } from "../ports.ts";

const EVENT_ID_KEY = "events.nextId";
/** OCPP's severity of a fault: how bad it is for the station (0 is worst). */
const SEVERITY: Record<HardwareError["severity"], number> = { High: 3, Medium: 5, Low: 7 };
/** Faults up to this severity are kept while offline when OfflineQueuingSeverity says nothing. */
const DEFAULT_OFFLINE_SEVERITY = 5;

function componentOf({ evseId, connectorId, type }: HardwareError): ComponentType {
  if (evseId === undefined) return { name: "ChargingStation" };
  const evse = { id: evseId, ...(connectorId !== undefined && { connectorId }) };
  return type.startsWith("connector_lock/") ? { name: "ConnectorPlugRetentionLock", evse } : { name: "EVSE", evse }; // G05.FR.02
}

/** N07 for hard-wired notifications, G05: faults that the hardware side raises and clears. */
export function createFaultEventsBlock(context: StationContext): Block {
  const { clock, core, csms, deviceModel, hardwareEvents } = context;
  let unsubscribe: (() => void) | undefined;

  const nextEventId = (): number =>
    core.unitOfWork.run(() => {
      const id = core.keyValues.get(EVENT_ID_KEY, v.number()) ?? 0;
      core.keyValues.set(EVENT_ID_KEY, id >= 2_147_483_646 ? 0 : id + 1);
      return id;
    });

  const notify = (error: HardwareError): void => {
    const raised = error.state === "raised";
    const request: NotifyEventRequest = {
      generatedAt: clock.now().toISOString(),
      seqNo: 0,
      eventData: [
        {
          eventId: nextEventId(),
          timestamp: error.timestamp.toISOString(),
          trigger: "Alerting",
          actualValue: String(raised),
          cleared: !raised,
          techCode: (error.techCode ?? error.type).slice(0, 50),
          techInfo: (error.description || error.message).slice(0, 500),
          eventNotificationType: "HardWiredNotification",
          component: componentOf(error),
          variable: { name: "Problem" },
        },
      ],
    };
    const limit = deviceModel.read(MonitoringCtrlr.OfflineQueuingSeverity) ?? DEFAULT_OFFLINE_SEVERITY;
    // What happens while the station starts is told once it is accepted, however small.
    const starting = csms.connected && csms.registration !== "Accepted";
    void csms.call("NotifyEvent", request, { queueWhenOffline: starting || SEVERITY[error.severity] <= limit });
  };

  return {
    name: "fault-events",
    start() {
      unsubscribe = hardwareEvents.on("error", notify);
    },
    stop() {
      unsubscribe?.();
    },
  };
}
