import { ChargingStation, Connector, EVSE, OCPPCommCtrlr } from "../../device-model/variables.ts";
import type { Timer } from "../../lib/clock.ts";
import type { ConnectorStatusEnumType, TriggerMessageRequest } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";
import type { ConnectorModel, EvseModel } from "../model/station-model.ts";
import { type EvseEvent, faultKey, type HardwareError } from "../ports.ts";
import { rejectTrigger, type TriggerPlan } from "../registries/triggers.ts";
import { applyToConnector, evseStatus, stationStatus } from "./status-rules.ts";

/** G01 and B04: connector status, its notification and its variables. */
export const connectorStatus = declareBlock({
  name: "connector-status",
  letter: "G",
  needs: ["statusViews", "triggers"],
  provides: ["connectors"],
  hears: {
    "hardware.evse": "status",
    "hardware.error": "status",
    "station.accepted": "status",
    "link.connected": "status",
  },
  create,
});

function create({ clock, csms, deviceModel, events, model, statusViews, triggers }: Given<"statusViews" | "triggers">) {
  /** Status that the CSMS was told last, by `evseId/connectorId`. */
  const reported = new Map<string, ConnectorStatusEnumType>();
  const settling = new Map<string, Timer>();
  /** Faults that make connectors unusable now, with the place that each was raised for. */
  const inoperative = new Map<string, Pick<HardwareError, "evseId" | "connectorId">>();
  const keyOf = (evseId: number, connectorId: number): string => `${evseId}/${connectorId}`;

  const notify = (evseId: number, connector: ConnectorModel, beforeAccepted = false): void => {
    const key = keyOf(evseId, connector.connectorId);
    const status = connector.status;
    reported.set(key, status);
    const request = {
      timestamp: clock.now().toISOString(),
      connectorStatus: status,
      evseId,
      connectorId: connector.connectorId,
    };
    void csms
      .call("StatusNotification", request, {
        beforeAccepted,
        // What the CSMS has asked for is sent; a status that comes and goes while the line is busy need not be.
        ...(!beforeAccepted && { subject: `status of ${key}` }),
      })
      .then((outcome) => {
        if (outcome.kind !== "response" && outcome.kind !== "joined" && reported.get(key) === status)
          reported.delete(key);
      });
  };

  const notifyWhere = (wanted: (evseId: number, connector: ConnectorModel) => boolean): void => {
    for (const evse of model.evses)
      for (const connector of evse.connectors) if (wanted(evse.evseId, connector)) notify(evse.evseId, connector);
  };

  /** Whatever changed the status: cable, reservation, fault or ChangeAvailability (G01.FR.07, G03.FR.04, G04.FR.05). */
  const notifyIfChanged = (evseId: number, connector: ConnectorModel): void => {
    if (!csms.connected || csms.registration !== "Accepted") return;
    if (reported.get(keyOf(evseId, connector.connectorId)) !== connector.status) notify(evseId, connector);
  };

  /** MinimumStatusDuration: a status is told only when it lasted that long. */
  const settle = (evseId: number, connector: ConnectorModel): void => {
    const key = keyOf(evseId, connector.connectorId);
    settling.get(key)?.cancel();
    settling.delete(key);
    const minimumSeconds = deviceModel.read(ChargingStation.MinimumStatusDuration) ?? 0;
    if (minimumSeconds <= 0) {
      notifyIfChanged(evseId, connector);
      return;
    }
    settling.set(
      key,
      clock.after(minimumSeconds * 1000, () => {
        settling.delete(key);
        notifyIfChanged(evseId, connector);
      }),
    );
  };

  /** Found out anew at each start, so not worth a write to the disk. */
  const publishVariables = (evse: EvseModel, connector: ConnectorModel): void => {
    deviceModel.write(
      Connector.AvailabilityState.at(evse.evseId, connector.connectorId),
      connector.status,
      "internal",
      true,
    );
    deviceModel.write(EVSE.AvailabilityState.at(evse.evseId), evseStatus(evse), "internal", true);
    deviceModel.write(ChargingStation.AvailabilityState, stationStatus(model.evses), "internal", true);
  };

  const update = (evseId: number, connectorId: number, change: (connector: ConnectorModel) => void): void => {
    const evse = model.evse(evseId);
    const connector = model.connector(evseId, connectorId);
    if (evse === undefined || connector === undefined) return;
    const before = connector.status;
    change(connector);
    if (connector.status === before) return;
    publishVariables(evse, connector);
    settle(evseId, connector);
    events.emit("evseChanged", { evseId });
  };

  /** A plugged-in cable concerns its own connector only (G01.FR.08). */
  const onEvseEvent = (event: EvseEvent): void =>
    update(event.evseId, event.connectorId, (connector) => applyToConnector(event, connector));

  /** An inoperative EVSE takes all its connectors with it, unless the hardware side names the one that is meant. */
  const isFaulted = (evseId: number, connectorId: number): boolean =>
    [...inoperative.values()].some(
      (place) => place.evseId === evseId && (place.connectorId ?? connectorId) === connectorId,
    );

  /** Faulted until the last fault is gone. */
  const onError = (error: HardwareError): void => {
    const { inoperative: isInoperative, evseId, connectorId, state } = error;
    if (!isInoperative || evseId === undefined) return;
    const key = faultKey(error);
    if (state === "raised") inoperative.set(key, { evseId, ...(connectorId !== undefined && { connectorId }) });
    else inoperative.delete(key);
    for (const connector of model.evse(evseId)?.connectors ?? [])
      update(evseId, connector.connectorId, (concerned) => {
        concerned.faulted = isFaulted(evseId, concerned.connectorId);
      });
  };

  /** B04: what is told after a reconnection depends on how long it took. */
  const onConnected = ({ offlineMilliseconds }: HeardEvents["link.connected"]): void => {
    if (csms.registration !== "Accepted") return;
    const thresholdSeconds = deviceModel.read(OCPPCommCtrlr.OfflineThreshold) ?? 0;
    const all = offlineMilliseconds !== undefined && offlineMilliseconds > thresholdSeconds * 1000; // B04.FR.01
    notifyWhere(
      (evseId, connector) => all || reported.get(keyOf(evseId, connector.connectorId)) !== connector.status, // B04.FR.02
    );
  };

  const planTrigger = ({ evse }: TriggerMessageRequest): TriggerPlan => {
    const connectorId = evse?.connectorId;
    if (evse === undefined || connectorId === undefined)
      return rejectTrigger("MissingParam", "the status of a connector must be asked with its EVSE and connector"); // F06.FR.12
    const connector = model.connector(evse.id, connectorId);
    if (connector === undefined) return rejectTrigger("UnknownConnectorId", "no such EVSE or connector");
    return () => notify(evse.id, connector, true);
  };
  triggers.register("StatusNotification", planTrigger);

  statusViews.register("evses", () =>
    model.evses.map(({ evseId, connectors, transaction }) => ({
      evseId,
      status: connectors.map((connector) => connector.status),
      ...(transaction !== undefined && { transactionId: transaction.transactionId }),
    })),
  );

  return {
    provides: { connectors: { update } },
    hears: {
      "hardware.evse": onEvseEvent,
      "hardware.error": onError,
      "station.accepted": () => notifyWhere(() => true), // B01.FR.05
      "link.connected": onConnected,
    },
    start() {
      for (const evse of model.evses) for (const connector of evse.connectors) publishVariables(evse, connector);
    },
    stop() {
      for (const timer of settling.values()) timer.cancel();
      settling.clear();
    },
  };
}
