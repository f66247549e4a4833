/** The device model as data: what components and variables there are, apart from where they come from. */
import type { MonitorDefinition } from "./monitor-rules.ts";

export type AttributeType = "Actual" | "Target" | "MinSet" | "MaxSet";
export type Mutability = "ReadOnly" | "WriteOnly" | "ReadWrite";
export type DataType =
  | "string"
  | "decimal"
  | "integer"
  | "dateTime"
  | "boolean"
  | "OptionList"
  | "SequenceList"
  | "MemberList";

export const ATTRIBUTE_TYPES: readonly AttributeType[] = ["Actual", "Target", "MinSet", "MaxSet"];
export const MUTABILITIES: readonly Mutability[] = ["ReadOnly", "WriteOnly", "ReadWrite"];
export const DATA_TYPES: readonly DataType[] = [
  "string",
  "decimal",
  "integer",
  "dateTime",
  "boolean",
  "OptionList",
  "SequenceList",
  "MemberList",
];

export interface Characteristics {
  readonly dataType: DataType;
  readonly unit?: string;
  readonly minLimit?: number;
  readonly maxLimit?: number;
  readonly valuesList?: string;
  readonly supportsMonitoring: boolean;
}

export interface AttributeDefinition {
  readonly type: AttributeType;
  readonly mutability: Mutability;
  /** As text; absent when the source names no value. */
  readonly value?: string;
  /** False: a value that was set is gone after a restart; true where it is left out. */
  readonly persistent?: boolean;
  /** True: nobody changes the value while the station runs; false where it is left out. */
  readonly constant?: boolean;
}

export interface VariableDefinition {
  readonly name: string;
  readonly instance?: string;
  readonly characteristics: Characteristics;
  readonly attributes: readonly AttributeDefinition[];
  /** What the maker watches by himself; none where it is left out. */
  readonly monitors?: readonly MonitorDefinition[];
}

export interface ComponentDefinition {
  readonly name: string;
  readonly instance?: string;
  readonly evseId?: number;
  readonly connectorId?: number;
  readonly variables: readonly VariableDefinition[];
}

type ComponentAddress = Pick<ComponentDefinition, "name" | "instance" | "evseId" | "connectorId">;

/** Names are compared without regard to case; an empty instance is none. */
export function componentKey({ name, instance, evseId, connectorId }: ComponentAddress): string {
  return `${name}|${instance ?? ""}|${evseId ?? ""}|${connectorId ?? ""}`.toLowerCase();
}

export function variableKey({ name, instance }: Pick<VariableDefinition, "name" | "instance">): string {
  return `${name}|${instance ?? ""}`.toLowerCase();
}
