import { componentKey, variableKey } from "./definitions.ts";
import type { VariableState } from "./state.ts";
import type { VariableAddress } from "./variable-handle.ts";

/** The keys of a component and of its variable for what an address names. */
export function addressKeys(address: VariableAddress): { component: string; variable: string } {
  return {
    component: componentKey({
      name: address.component,
      ...(address.componentInstance !== undefined && { instance: address.componentInstance }),
      ...(address.evseId !== undefined && { evseId: address.evseId }),
      ...(address.connectorId !== undefined && { connectorId: address.connectorId }),
    }),
    variable: variableKey({
      name: address.variable,
      ...(address.instance !== undefined && { instance: address.instance }),
    }),
  };
}

/** One key for a variable, wherever its address or its state is at hand. */
export function variableStateKey(address: VariableAddress): string {
  const { component, variable } = addressKeys(address);
  return `${component}\n${variable}`;
}

export function keyOfState(variable: VariableState): string {
  return `${variable.component.key}\n${variable.key}`;
}
