import type { AttributeType } from "../device-model/definitions.ts";
import type { DeviceModel } from "../device-model/device-model.ts";
import type { VariableAddress } from "../device-model/variable-handle.ts";
import type { EverestModule } from "../everest/everest-module.ts";
import type { AuthorizationValidationResult, OcppComponentVariable } from "../everest/interfaces/index.ts";
import type { Clock } from "../lib/clock.ts";
import type { CsmsLink } from "../ocpp/csms-link.ts";
import type { StationServices } from "../station/context.ts";
import { transferToCsms } from "./data-transfer.ts";
import { parseTimestamp } from "./meter-reading.ts";
import { toAuthorizationQuery, toValidationResult } from "./tokens.ts";

/** The running station as the provided interfaces need it; undefined before it has been started. */
export interface RunningStation {
  readonly deviceModel: DeviceModel;
  readonly csms: CsmsLink;
  readonly services: Partial<StationServices>;
  stop(): boolean;
  restart(): boolean;
  securityEvent(event: { type: string; techInfo?: string; critical?: boolean; timestamp?: Date }): void;
}

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

function provideOcppGeneric(module: EverestModule, clock: Clock, station: () => RunningStation | undefined): void {
  const monitored = new Set<string>();
  let nextEventId = 0;
  const monitor = (deviceModel: DeviceModel, componentVariable: OcppComponentVariable): void => {
    const variable = deviceModel.find(toAddress(componentVariable));
    const key = JSON.stringify(toAddress(componentVariable)).toLowerCase();
    if (typeof variable === "string" || monitored.has(key)) return;
    monitored.add(key);
    deviceModel.onAnyChange((change) => {
      if (change.variable !== variable || change.attributeType !== "Actual") return;
      module.publish("ocpp_generic", "ocpp", "event_data", {
        component_variable: componentVariable,
        event_id: nextEventId++,
        timestamp: clock.now().toISOString(),
        trigger: "Delta",
        actual_value: change.value,
        event_notification_type: "CustomMonitor",
      });
    });
  };

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
    get_variables: ({ requests }) => {
      const deviceModel = station()?.deviceModel;
      return requests.map(({ component_variable, attribute_type }) => {
        const result = deviceModel?.get(toAddress(component_variable), (attribute_type ?? "Actual") as AttributeType);
        return {
          status: result?.status ?? "Rejected",
          component_variable,
          attribute_type: attribute_type ?? "Actual",
          ...(result?.status === "Accepted" && { value: result.value ?? "" }),
        };
      });
    },
    set_variables: async ({ requests, source }) => {
      const results = await station()?.deviceModel.set(
        requests.map(({ component_variable, attribute_type, value }) => ({
          address: toAddress(component_variable),
          attributeType: (attribute_type ?? "Actual") as AttributeType,
          value,
        })),
        source,
        { mayWriteReadOnly: true },
      );
      return requests.map(({ component_variable, attribute_type }, index) => ({
        status: results?.[index]?.status ?? "Rejected",
        component_variable,
        attribute_type: attribute_type ?? "Actual",
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
      const deviceModel = station()?.deviceModel;
      if (deviceModel !== undefined) for (const one of component_variables) monitor(deviceModel, one);
      return null;
    },
  });
}

/** The commands of the provided interfaces; every one has a regular answer before the station runs (BEHAVIOUR 3.1). */
export function provideInterfaces(
  module: EverestModule,
  clock: Clock,
  station: () => RunningStation | undefined,
): void {
  module.provide("auth_validator", "auth_token_validator", {
    validate_token: async ({ provided_token }): Promise<AuthorizationValidationResult> => {
      const decision = await station()?.services.authorize?.(toAuthorizationQuery(provided_token));
      if (decision === undefined) return { authorization_status: "Unknown", tariff_messages: [] };
      const result = toValidationResult(decision);
      if (result.tariff_messages.length > 0)
        module.publish("session_cost", "session_cost", "tariff_message", {
          identifier_id: provided_token.id_token.value,
          identifier_type: "IdToken",
          messages: result.tariff_messages,
        });
      return result;
    },
  });
  module.provide("auth_provider", "auth_token_provider", {});
  module.provide("session_cost", "session_cost", {});
  module.provide("data_transfer", "ocpp_data_transfer", {
    data_transfer: ({ request }) => transferToCsms(station()?.csms, request),
  });
  provideOcppGeneric(module, clock, station);
}
