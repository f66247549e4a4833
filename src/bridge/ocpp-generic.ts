import * as v from "valibot";
import type { DeviceModel } from "../device-model/device-model.ts";
import type { VariableAddress } from "../device-model/variable-handle.ts";
import type { CommandHandlers, CommandRefusals, EverestModule } from "../everest/everest-module.ts";
import {
  type OcppAttributeEnum,
  OcppAttributeEnumWords,
  type OcppComponentVariable,
  OcppComponentVariableSchema,
  OcppOperationalStatusEnumTypeWords,
} from "../everest/interfaces/index.ts";
import { Refusal } from "../everest/served-command.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import { parseTimestamp } from "./meter-reading.ts";
import type { RunningStation } from "./running-station.ts";
import { WatchedVariables } from "./watched-variables.ts";

/** Sources of values that mean something to the device model's file and that no module may claim. */
const OWN_SOURCES = new Set(["", "default"]);

/** As far as requests can be read that cannot be carried out; a caller counts on one result for each of its own. */
const RefusedRequests = v.object({ requests: v.array(v.object({ component_variable: OcppComponentVariableSchema })) });

function rejectEach(args: unknown): { status: "Rejected"; component_variable: OcppComponentVariable }[] {
  const parsed = v.safeParse(RefusedRequests, args);
  return parsed.success
    ? parsed.output.requests.map(({ component_variable }) => ({ status: "Rejected", component_variable }))
    : [];
}

/** What a result says of a request whose attribute nobody knows: its word is not for a caller in C++. */
const UNKNOWN_ATTRIBUTE = "NotSupportedAttributeType";

function isKnownAttribute({ attribute_type = "Actual" }: { readonly attribute_type?: OcppAttributeEnum }): boolean {
  return OcppAttributeEnumWords.has(attribute_type);
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

/** `ocpp_generic`: what other modules may ask of the station (BEHAVIOUR 17). */
export function provideOcppGeneric(
  module: EverestModule,
  clock: Clock,
  logger: Logger,
  deviceModel: DeviceModel,
  station: () => RunningStation | undefined,
): void {
  const watched = new WatchedVariables(module, clock, logger, deviceModel);
  const handlers: CommandHandlers<"ocpp"> = {
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
      requests.map((request) => {
        const { component_variable, attribute_type = "Actual" } = request;
        if (!isKnownAttribute(request)) return { status: UNKNOWN_ATTRIBUTE, component_variable };
        const result = station()?.deviceModel.get(toAddress(component_variable), attribute_type);
        return {
          status: result?.status ?? "Rejected",
          component_variable,
          attribute_type,
          ...(result?.status === "Accepted" && { value: result.value ?? "" }),
        };
      }),
    set_variables: async ({ requests, source }) => {
      const wanted = requests.filter(isKnownAttribute);
      const results = await station()?.deviceModel.set(
        wanted.map(({ component_variable, attribute_type = "Actual", value }) => ({
          address: toAddress(component_variable),
          attributeType: attribute_type,
          value,
        })),
        OWN_SOURCES.has(source) ? "EVEREST" : source,
        { mayWriteReadOnly: true },
      );
      return requests.map((request) => {
        const { component_variable, attribute_type = "Actual" } = request;
        if (!isKnownAttribute(request)) return { status: UNKNOWN_ATTRIBUTE, component_variable };
        return { status: results?.[wanted.indexOf(request)]?.status ?? "Rejected", component_variable, attribute_type };
      });
    },
    change_availability: ({ request }) => {
      const { operational_status, evse } = request;
      if (!OcppOperationalStatusEnumTypeWords.has(operational_status))
        throw new Refusal(`unknown operational status ${JSON.stringify(operational_status)}`);
      const status = station()?.services.availability.change({
        operative: operational_status === "Operative",
        ...(evse !== undefined && { evseId: evse.id }),
        ...(evse?.connector_id !== undefined && { connectorId: evse.connector_id }),
      });
      if (status !== "Rejected") return { status: status ?? "Rejected" };
      return { status, status_info: { reason_code: "InvalidInput", additional_info: "no such EVSE or connector" } };
    },
    monitor_variables: ({ component_variables }) => {
      for (const one of component_variables) watched.watch(one);
      return null;
    },
  };
  const refusals: CommandRefusals<"ocpp"> = {
    stop: () => false,
    restart: () => false,
    security_event: () => null,
    get_variables: rejectEach,
    set_variables: rejectEach,
    change_availability: () => ({ status: "Rejected" }),
    monitor_variables: () => null,
  };
  module.provide("ocpp_generic", "ocpp", handlers, refusals);
}
