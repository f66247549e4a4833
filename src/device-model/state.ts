import type { AttributeType, Characteristics, ComponentDefinition, Mutability } from "./definitions.ts";
import type { MonitorDefinition } from "./monitor-rules.ts";
import type { DeviceModelStorage } from "./storage.ts";
import type { VariableAddress } from "./variable-handle.ts";

export interface AttributeState {
  readonly type: AttributeType;
  readonly mutability: Mutability;
  readonly persistent: boolean;
  readonly constant: boolean;
  value: string | undefined;
  source: string | undefined;
  readonly rowId: number;
}

export interface VariableState {
  readonly component: ComponentState;
  readonly name: string;
  readonly instance: string | undefined;
  characteristics: Characteristics;
  readonly attributes: ReadonlyMap<AttributeType, AttributeState>;
  readonly monitors: readonly MonitorDefinition[];
  readonly key: string;
  /** Of component and variable. */
  readonly fullKey: string;
}

export interface ComponentState {
  readonly definition: ComponentDefinition;
  readonly key: string;
  readonly variables: ReadonlyMap<string, VariableState>;
  readonly store: Store;
}

export interface Store {
  readonly storage: DeviceModelStorage;
  readonly writer: ExternalWriter | undefined;
}

export interface VariableChange {
  readonly variable: VariableState;
  readonly attributeType: AttributeType;
  readonly oldValue: string | undefined;
  readonly value: string;
  /** `csms`, `internal` or the name of another writer. */
  readonly source: string;
}

export type SetStatus =
  | "Accepted"
  | "Rejected"
  | "UnknownComponent"
  | "UnknownVariable"
  | "NotSupportedAttributeType"
  | "RebootRequired";

export interface SetResult {
  readonly status: SetStatus;
  /** Of the appendix; at most 20 characters. */
  readonly reasonCode?: string;
  readonly additionalInfo?: string;
}

export interface GetResult {
  readonly status: "Accepted" | "Rejected" | "UnknownComponent" | "UnknownVariable" | "NotSupportedAttributeType";
  readonly value?: string;
  readonly reasonCode?: string;
}

export interface SetRequest {
  readonly address: VariableAddress;
  readonly attributeType: AttributeType;
  readonly value: string;
}

/** A rule of a functional block about one variable: why a new value cannot be taken, or that it needs a reboot. */
export type SetRule = (value: string, source: string) => SetResult | undefined;

/** Writes a value where it lives outside the device model, e.g. in EVerest's configuration. */
export type ExternalWriter = (variable: VariableState, value: string) => Promise<SetResult>;
