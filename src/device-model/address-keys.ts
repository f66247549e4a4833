import { componentKey, variableKey } from "./definitions.ts";
import { type VariableAddress, VariableHandle } from "./variable-handle.ts";

interface AddressKeys {
  readonly component: string;
  readonly variable: string;
}

/** Handles never change and are read many times a second. */
const keysOfHandles = new WeakMap<VariableAddress, AddressKeys>();

/** The keys of a component and of its variable for what an address names. */
export function addressKeys(address: VariableAddress): AddressKeys {
  if (!(address instanceof VariableHandle)) return makeKeys(address);
  const known = keysOfHandles.get(address) ?? makeKeys(address);
  keysOfHandles.set(address, known);
  return known;
}

function makeKeys(address: VariableAddress): AddressKeys {
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

/** `VariableState.fullKey`. */
export function joinedKey(component: string, variable: string): string {
  return `${component}\n${variable}`;
}

/** One key for a variable, wherever its address or its state is at hand. */
export function variableStateKey(address: VariableAddress): string {
  const { component, variable } = addressKeys(address);
  return joinedKey(component, variable);
}
