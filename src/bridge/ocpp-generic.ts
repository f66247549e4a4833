import { type AttributeType, componentKey, variableKey } from "../device-model/definitions.ts";
import type { DeviceModel, VariableChange } from "../device-model/device-model.ts";
import type { VariableAddress } from "../device-model/variable-handle.ts";
import type { EverestModule } from "../everest/everest-module.ts";
import type { OcppComponentVariable } from "../everest/interfaces/index.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import { parseTimestamp } from "./meter-reading.ts";
import type { RunningStation } from "./running-station.ts";

/** Variables that other modules may watch; far more than a device model has. */
const MONITORS_LIMIT = 5_000;
/** Sources of values that mean something to the device model's file and that no module may claim. */
const OWN_SOURCES = new Set(["", "default"]);

function toAddress({ component, variable }: OcppComponentVariable): VariableAddress {
  return {
    component: component.name,
    ...(component.instance !== undefined && { componentInstance: component.instance }),
    ...(component.evse !== undefined && { evseId: component.evse.id }),
    ...(component.evse?.connector_id !== undefined && { connectorId: component.evse.connector_id }),
    variable: variable.name,
    ...(variable.instance !== undefined && { instance: variable.instance }),
  };
}

function keyOf({ component, variable }: OcppComponentVariable): string {
  const { name, instance, evse } = component;
  const ofComponent = componentKey({
    name,
    ...(instance !== undefined && { instance }),
    ...(evse !== undefined && { evseId: evse.id }),
    ...(evse?.connector_id !== undefined && { connectorId: evse.connector_id }),
  });
  return `${ofComponent}\n${variableKey(variable)}`;
}

/** Variables that other modules watch: each change of the Actual value is published as `event_data`. */
class VariableMonitors {
  private readonly watched = new Map<string, OcppComponentVariable>();
  private nextEventId = 0;

  constructor(
    private readonly module: EverestModule,
    private readonly clock: Clock,
    private readonly logger: Logger,
    deviceModel: DeviceModel,
  ) {
    deviceModel.onAnyChange((change) => this.publish(change));
  }

  /** Also what does not exist yet: the hardware side's variables come with the start. */
  watch(componentVariable: OcppComponentVariable): void {
    const key = keyOf(componentVariable);
    if (this.watched.size >= MONITORS_LIMIT && !this.watched.has(key))
      return this.logger.warn(`monitor_variables: ${MONITORS_LIMIT} variables are watched, no more are taken`);
    this.watched.set(key, componentVariable);
  }

  private publish({ variable, attributeType, value }: VariableChange): void {
    const watched = this.watched.get(`${variable.component.key}\n${variable.key}`);
    if (watched === undefined || attributeType !== "Actual") return;
    // A secret is not for the bus, though its change is.
    const isSecret = variable.attributes.get("Actual")?.mutability === "WriteOnly";
    this.module.publish("ocpp_generic", "ocpp", "event_data", {
      component_variable: watched,
      event_id: this.nextEventId++,
      timestamp: this.clock.now().toISOString(),
      trigger: "Delta",
      actual_value: isSecret ? "" : value,
      event_notification_type: "CustomMonitor",
    });
  }
}

/** `ocpp_generic`: what other modules may ask of the station (BEHAVIOUR 17). */
export function provideOcppGeneric(
  module: EverestModule,
  clock: Clock,
  logger: Logger,
  deviceModel: DeviceModel,
  station: () => RunningStation | undefined,
): void {
  const monitors = new VariableMonitors(module, clock, logger, deviceModel);
  module.provide("ocpp_generic", "ocpp", {
    stop: () => station()?.stop() ?? false,
    restart: () => station()?.restart() ?? false,
    security_event: ({ event }) => {
      station()?.securityEvent({
        type: event.type,
        ...(event.info !== undefined && { techInfo: event.info }),
        ...(event.critical !== undefined && { critical: event.critical }),
        ...(event.timestamp !== undefined && { timestamp: parseTimestamp(event.timestamp, clock.now()) }),
      });
      return null;
    },
    get_variables: ({ requests }) =>
      requests.map(({ component_variable, attribute_type = "Actual" }) => {
        const result = station()?.deviceModel.get(toAddress(component_variable), attribute_type as AttributeType);
        return {
          status: result?.status ?? "Rejected",
          component_variable,
          attribute_type,
          ...(result?.status === "Accepted" && { value: result.value ?? "" }),
        };
      }),
    set_variables: async ({ requests, source }) => {
      const results = await station()?.deviceModel.set(
        requests.map(({ component_variable, attribute_type = "Actual", value }) => ({
          address: toAddress(component_variable),
          attributeType: attribute_type as AttributeType,
          value,
        })),
        OWN_SOURCES.has(source) ? "EVEREST" : source,
        { mayWriteReadOnly: true },
      );
      return requests.map(({ component_variable, attribute_type = "Actual" }, index) => ({
        status: results?.[index]?.status ?? "Rejected",
        component_variable,
        attribute_type,
      }));
    },
    change_availability: ({ request }) => {
      const change = station()?.services.changeAvailability;
      const status = change?.({
        operative: request.operational_status === "Operative",
        ...(request.evse !== undefined && { evseId: request.evse.id }),
        ...(request.evse?.connector_id !== undefined && { connectorId: request.evse.connector_id }),
      });
      return { status: status ?? "Rejected" };
    },
    monitor_variables: ({ component_variables }) => {
      for (const one of component_variables) monitors.watch(one);
      return null;
    },
  });
}
