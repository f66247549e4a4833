import { firstCharacters } from "../lib/characters.ts";
import type { AttributeType, Characteristics, Mutability } from "./definitions.ts";
import type { ComponentState, DeviceModel, VariableState } from "./device-model.ts";

/** One element of NotifyReport.reportData, in OCPP's shape. */
export interface ReportEntry {
  readonly component: {
    readonly name: string;
    readonly instance?: string;
    readonly evse?: { readonly id: number; readonly connectorId?: number };
  };
  readonly variable: { readonly name: string; readonly instance?: string };
  readonly variableAttribute: readonly {
    readonly type: AttributeType;
    readonly value?: string;
    readonly mutability: Mutability;
    readonly persistent: boolean;
    readonly constant: boolean;
  }[];
  readonly variableCharacteristics: Characteristics;
}

export type ReportBase = "ConfigurationInventory" | "FullInventory" | "SummaryInventory";
export type ComponentCriterion = "Active" | "Available" | "Enabled" | "Problem";

/** A component and perhaps a variable that GetReport asks for; what is left out stands for all (B08.FR.20–25). */
export interface ReportFilter {
  readonly component: {
    readonly name: string;
    readonly instance?: string;
    readonly evse?: { readonly id: number; readonly connectorId?: number };
  };
  readonly variable?: { readonly name: string; readonly instance?: string };
}

/** Availability of station, EVSEs and connectors, always part of the summary (B07.FR.09). */
const SUMMARY_COMPONENTS = new Set(["chargingstation", "evse", "connector"]);
const SUMMARY_VARIABLES = new Set(["availabilitystate", "available"]);
/** Conditions of any component that belong to the summary while they are true. */
const ABNORMAL_STATES = new Set(["problem", "fallback", "overload", "tripped"]);

function same(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase();
}

function isTrue(deviceModel: DeviceModel, variable: VariableState): boolean {
  return deviceModel.valueOf(variable, "Actual")?.toLowerCase() === "true";
}

function isInBase(deviceModel: DeviceModel, variable: VariableState, base: ReportBase): boolean {
  if (base === "FullInventory") return true; // B07.FR.08
  if (base === "ConfigurationInventory")
    return [...variable.attributes.values()].some(({ mutability }) => mutability !== "ReadOnly"); // B07.FR.07
  const name = variable.name.toLowerCase();
  return (
    (SUMMARY_COMPONENTS.has(variable.component.definition.name.toLowerCase()) && SUMMARY_VARIABLES.has(name)) ||
    (ABNORMAL_STATES.has(name) && isTrue(deviceModel, variable))
  );
}

function toEntry(deviceModel: DeviceModel, variable: VariableState, valueLimit: number): ReportEntry {
  const { name, instance, evseId, connectorId } = variable.component.definition;
  return {
    component: {
      name,
      ...(instance !== undefined && { instance }),
      ...(evseId !== undefined && { evse: { id: evseId, ...(connectorId !== undefined && { connectorId }) } }),
    },
    variable: { name: variable.name, ...(variable.instance !== undefined && { instance: variable.instance }) },
    // B07.FR.11: every attribute, an unset one as an empty text; only a WriteOnly one keeps its value (B07.FR.03, B08.FR.03).
    variableAttribute: [...variable.attributes.values()].map(({ type, mutability, persistent, constant }) => ({
      type,
      ...(mutability !== "WriteOnly" && {
        value: firstCharacters(deviceModel.valueOf(variable, type) ?? "", valueLimit),
      }),
      mutability,
      persistent,
      constant,
    })),
    variableCharacteristics: variable.characteristics, // B08.FR.12
  };
}

/** The entries of a base report, one at a time (B07). */
export function* baseReport(deviceModel: DeviceModel, base: ReportBase, valueLimit: number): Generator<ReportEntry> {
  for (const component of deviceModel.allComponents())
    for (const variable of component.variables.values())
      if (isInBase(deviceModel, variable, base)) yield toEntry(deviceModel, variable, valueLimit);
}

/**
 * What a criterion selects of a component (B08.FR.07–10): of one that has the variable only that variable, where it is
 * true (TC_B_16); all of one that has not, except for Problem.
 */
function selectedBy(
  deviceModel: DeviceModel,
  component: ComponentState,
  criterion: ComponentCriterion,
): readonly VariableState[] {
  const variables = [...component.variables.values()];
  const own = variables.filter(({ name }) => same(name, criterion));
  if (own.length > 0) return own.filter((variable) => isTrue(deviceModel, variable));
  return criterion === "Problem" ? [] : variables;
}

function matchesComponent({ definition }: ComponentState, filter: ReportFilter["component"]): boolean {
  return (
    same(definition.name, filter.name) &&
    (!filter.instance || same(definition.instance ?? "", filter.instance)) && // B08.FR.24, FR.25
    (filter.evse === undefined ||
      (definition.evseId === filter.evse.id &&
        (filter.evse.connectorId === undefined || definition.connectorId === filter.evse.connectorId))) // B08.FR.22, FR.23
  );
}

/** Is the variable one of those that a filter stands for (B08.FR.20–25, N02.FR.16–21)? */
export function isNamedBy(variable: VariableState, filter: ReportFilter): boolean {
  return (
    matchesComponent(variable.component, filter.component) &&
    (filter.variable === undefined ||
      (same(variable.name, filter.variable.name) &&
        (!filter.variable.instance || same(variable.instance ?? "", filter.variable.instance)))) // B08.FR.21
  );
}

/** `unnamed`: what stands for all where the filter names no variable (B08.FR.20). */
function matches(variable: VariableState, filter: ReportFilter, unnamed: ReadonlySet<VariableState>): boolean {
  return isNamedBy(variable, filter) && (filter.variable !== undefined || unnamed.has(variable));
}

/**
 * The entries of a custom report: criteria are alternatives, and limit the listed component-variables (B08.FR.05, FR.11).
 * A variable that is listed by its name is reported of every component that meets a criterion (TC_B_18).
 */
export function* customReport(
  deviceModel: DeviceModel,
  criteria: readonly ComponentCriterion[],
  filters: readonly ReportFilter[],
  valueLimit: number,
): Generator<ReportEntry> {
  for (const component of deviceModel.allComponents()) {
    const selected = new Set(
      criteria.length === 0
        ? component.variables.values()
        : criteria.flatMap((criterion) => selectedBy(deviceModel, component, criterion)), // B08.FR.13
    );
    if (selected.size === 0) continue;
    for (const variable of component.variables.values())
      if (filters.length === 0 ? selected.has(variable) : filters.some((filter) => matches(variable, filter, selected)))
        yield toEntry(deviceModel, variable, valueLimit);
  }
}

/** Bytes of a text within JSON, without its quotes. */
function jsonBytes(text: string): number {
  return /^[ !#-[\]-~]*$/.test(text) ? text.length : Buffer.byteLength(JSON.stringify(text)) - 2;
}

/** Names, brackets and numbers of an entry and of one of its attributes; rather too much than too little. */
const ENTRY_BYTES = 320;
const ATTRIBUTE_BYTES = 110;

/** At least as many bytes as an entry takes; found without making its JSON, which is large and made again for sending. */
function entryBytes({ component, variable, variableAttribute, variableCharacteristics }: ReportEntry): number {
  const texts = [
    component.name,
    component.instance,
    variable.name,
    variable.instance,
    variableCharacteristics.unit,
    variableCharacteristics.valuesList,
    ...variableAttribute.map(({ value }) => value),
  ];
  const ofTexts = texts.reduce((sum, text) => sum + (text === undefined ? 0 : jsonBytes(text)), 0);
  return ENTRY_BYTES + variableAttribute.length * ATTRIBUTE_BYTES + ofTexts;
}

/** Cuts a report into parts of at most `itemLimit` entries and `byteLimit` bytes (a single entry may have more); memory holds one part. */
export function* inParts(
  entries: Iterable<ReportEntry>,
  itemLimit: number,
  byteLimit: number,
): Generator<readonly ReportEntry[]> {
  let part: ReportEntry[] = [];
  let bytes = 0;
  for (const entry of entries) {
    const size = entryBytes(entry);
    if (part.length > 0 && (part.length >= itemLimit || bytes + size > byteLimit)) {
      yield part;
      part = [];
      bytes = 0;
    }
    part.push(entry);
    bytes += size;
  }
  if (part.length > 0) yield part;
}
