import type { VariableAddress } from "../../device-model/variable-handle.ts";
import type { ComponentType, VariableType } from "../../ocpp/v201/index.ts";

/** Where the variable is that a message names. */
export function toAddress(component: ComponentType, variable: VariableType): VariableAddress {
  return {
    component: component.name,
    ...(component.instance !== undefined && { componentInstance: component.instance }),
    ...(component.evse !== undefined && { evseId: component.evse.id }),
    ...(component.evse?.connectorId !== undefined && { connectorId: component.evse.connectorId }),
    variable: variable.name,
    ...(variable.instance !== undefined && { instance: variable.instance }),
  };
}
