import type { HealthFacts } from "../web/health.ts";
import type { MeasuredStation } from "../web/metrics/source.ts";
import { durableLimit } from "./csms-connection.ts";
import type { ObservedStation } from "./observed-station.ts";

/** What `/health` is made of. */
export function healthFacts({ context, module }: ObservedStation): HealthFacts {
  const { csms, deviceModel, model } = context;
  return {
    isBrokerConnected: module.busStatus.isConnected,
    connection: csms.status,
    registration: csms.registration,
    queuedMessages: csms.durableQueueLength,
    queueLimit: durableLimit(deviceModel),
    faultedConnectors: model.evses.flatMap(({ evseId, connectors }) =>
      connectors.filter(({ faulted }) => faulted).map(({ connectorId }) => `${evseId}.${connectorId}`),
    ),
  };
}

/** What `/metrics` is made of. */
export function measuredStation({ context, module, stationEvents }: ObservedStation): MeasuredStation {
  const { csms, core, model } = context;
  return { csms, core, model, events: stationEvents, bus: () => module.busStatus };
}
