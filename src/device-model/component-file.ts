import { readFileSync } from "node:fs";
import * as v from "valibot";
import { type JsonPath, JsonSyntaxError, type LocatedJson, parseLocatedJson } from "../lib/located-json.ts";
import { ComponentMonitor, componentMonitorDefects, toMonitor } from "./component-monitors.ts";
import {
  ATTRIBUTE_TYPES,
  type ComponentDefinition,
  DATA_TYPES,
  type DataType,
  MUTABILITIES,
  type VariableDefinition,
  variableKey,
} from "./definitions.ts";
import { valueDefect } from "./value-rules.ts";

/** Far above the 2,500 characters that a report shows: a list of many network profiles is long. */
const MAXIMUM_VALUE_LENGTH = 65_536;

const Text = v.union([v.string(), v.boolean(), v.number()]);
const Optional = <Schema extends v.GenericSchema>(schema: Schema) => v.optional(v.nullable(schema));
const Name = v.pipe(v.string(), v.minLength(1), v.maxLength(50));
const Instance = Optional(v.pipe(v.string(), v.maxLength(50)));
const Identifier = v.pipe(v.number(), v.integer(), v.minValue(0));

const Attribute = v.object({
  type: v.optional(v.picklist(ATTRIBUTE_TYPES), "Actual"),
  mutability: v.optional(v.picklist(MUTABILITIES), "ReadOnly"),
  value: v.optional(v.unknown()),
  persistent: v.optional(v.boolean(), true),
  constant: v.optional(v.boolean(), false),
});
const CharacteristicsObject = v.object({
  dataType: v.picklist(DATA_TYPES),
  supportsMonitoring: v.optional(v.boolean(), false),
  unit: Optional(v.pipe(v.string(), v.maxLength(16))),
  minLimit: Optional(v.number()),
  maxLimit: Optional(v.number()),
  valuesList: Optional(v.pipe(v.string(), v.maxLength(1_000))),
});
const Property = v.object({
  variable_name: Name,
  instance: Instance,
  characteristics: CharacteristicsObject,
  attributes: v.pipe(v.array(Attribute), v.minLength(1)),
  default: Optional(Text),
  monitors: v.optional(v.array(ComponentMonitor), []),
});
type Property = v.InferOutput<typeof Property>;

const ComponentObject = v.object({
  name: Name,
  instance: Instance,
  evse_id: Optional(Identifier),
  connector_id: Optional(Identifier),
  properties: v.record(v.string(), Property),
});

/** Words of JSON schema that EVerest's files carry as remarks. */
const REMARKS = ["$schema", "$id", "description", "title", "type", "minimum", "maximum", "minLength", "maxLength"];
const FILE_KEYS = new Set([...Object.keys(ComponentObject.entries), "required", ...REMARKS]);
const PROPERTY_KEYS = new Set([...Object.keys(Property.entries), "source", ...REMARKS]);
const CHARACTERISTICS_KEYS = new Set(Object.keys(CharacteristicsObject.entries));
const ATTRIBUTE_KEYS = new Set(Object.keys(Attribute.entries));
const MONITOR_KEYS = new Set(Object.keys(ComponentMonitor.entries));

function asText(value: unknown, dataType: DataType): string {
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return dataType === "boolean" ? text.toLowerCase() : text;
}

function present<Key extends string, Value>(key: Key, value: Value | null | undefined): { [K in Key]?: Value } {
  return value === null || value === undefined ? {} : ({ [key]: value } as { [K in Key]: Value });
}

function toVariable(property: Property): VariableDefinition {
  const { dataType, supportsMonitoring, unit, minLimit, maxLimit, valuesList } = property.characteristics;
  return {
    name: property.variable_name,
    ...present("instance", property.instance),
    characteristics: {
      dataType,
      supportsMonitoring,
      ...present("unit", unit),
      ...present("minLimit", minLimit),
      ...present("maxLimit", maxLimit),
      ...present("valuesList", valuesList),
    },
    attributes: property.attributes.map(({ value, ...attribute }) => {
      // `default` stands in for a missing value of the Actual attribute only.
      const effective = value ?? (attribute.type === "Actual" ? property.default : undefined) ?? undefined;
      return { ...attribute, ...(effective !== undefined && { value: asText(effective, dataType) }) };
    }),
    ...(property.monitors.length > 0 && { monitors: property.monitors.map(toMonitor) }),
  };
}

/** The paths of all keys below a component's object that mean nothing. */
function unknownKeys(content: v.InferInput<typeof ComponentObject>): readonly JsonPath[] {
  const unknown: JsonPath[] = [];
  const examine = (value: object, known: ReadonlySet<string>, ...path: JsonPath): void => {
    for (const key in value) if (!known.has(key)) unknown.push([...path, key]);
  };
  examine(content, FILE_KEYS);
  for (const label in content.properties) {
    const property = content.properties[label];
    if (property === undefined) continue;
    examine(property, PROPERTY_KEYS, "properties", label);
    examine(property.characteristics, CHARACTERISTICS_KEYS, "properties", label, "characteristics");
    property.attributes.forEach((one, index) => {
      examine(one, ATTRIBUTE_KEYS, "properties", label, "attributes", index);
    });
    property.monitors?.forEach((one, index) => {
      examine(one, MONITOR_KEYS, "properties", label, "monitors", index);
    });
  }
  return unknown;
}

/** Does a value of the file have the form of its data type? Limits and lists are the CSMS's concern (STORES 2.2). */
function formDefect({ characteristics }: VariableDefinition, value: string): string | undefined {
  const { dataType, supportsMonitoring } = characteristics;
  if (value.length > MAXIMUM_VALUE_LENGTH) return `longer than ${MAXIMUM_VALUE_LENGTH} characters`;
  if (value === "" || ["string", "OptionList", "SequenceList", "MemberList"].includes(dataType)) return undefined;
  return valueDefect(value, { dataType, supportsMonitoring })?.text;
}

/**
 * One file of the component configuration (COMPONENT-CONFIG 1) under examination. Every defect is told with the place
 * where it is: `path:line:column: key: message`.
 */
export class ComponentFile {
  private readonly labels = new Map<string, string>();
  private json: LocatedJson | undefined;

  constructor(
    readonly path: string,
    private readonly defects: string[],
  ) {}

  /** Undefined when the file is unusable; the reasons are among the defects then. */
  read(): ComponentDefinition | undefined {
    this.json = this.parse();
    if (this.json === undefined) return undefined;
    for (const path of this.json.duplicates) this.defect(path, "this key occurs twice in its object");
    const parsed = v.safeParse(ComponentObject, this.json.value);
    if (!parsed.success) {
      for (const { path, message } of parsed.issues)
        this.defect(
          (path ?? []).map(({ key }) => key as string | number),
          message,
        );
      return undefined;
    }
    for (const path of unknownKeys(this.json.value as v.InferInput<typeof ComponentObject>))
      this.defect(path, "unknown key");
    const { name, instance, evse_id, connector_id, properties } = parsed.output;
    if (typeof connector_id === "number" && typeof evse_id !== "number")
      this.defect(["connector_id"], "a connector needs the evse_id of its EVSE");
    const variables = Object.entries(properties).map(([label, property]) => this.check(label, property));
    return {
      name,
      ...present("instance", instance),
      ...present("evseId", evse_id),
      ...present("connectorId", connector_id),
      variables,
    };
  }

  /** @param variable `variableKey` of the variable that the defect is about; the component itself when it is left out. */
  defectOf(variable: string | undefined, message: string): void {
    const label = variable === undefined ? undefined : this.labels.get(variable);
    this.defect(label === undefined ? ["name"] : ["properties", label], message);
  }

  private parse(): LocatedJson | undefined {
    try {
      return parseLocatedJson(readFileSync(this.path, "utf8"));
    } catch (error) {
      const { line, column } = error instanceof JsonSyntaxError ? error.position : { line: 1, column: 1 };
      this.defects.push(`${this.path}:${line}:${column}: ${(error as Error).message}`);
      return undefined;
    }
  }

  private defect(path: JsonPath, message: string): void {
    const { line, column } = this.json?.locate(path) ?? { line: 1, column: 1 };
    const key = path.length > 0 ? `${path.join(".")}: ` : "";
    this.defects.push(`${this.path}:${line}:${column}: ${key}${message}`);
  }

  private check(label: string, property: Property): VariableDefinition {
    const path = ["properties", label];
    const variable = toVariable(property);
    const { minLimit, maxLimit } = variable.characteristics;
    const key = variableKey(variable);
    if (this.labels.has(key)) this.defect(path, `variable ${variable.name} is described twice`);
    this.labels.set(key, label);
    if (minLimit !== undefined && maxLimit !== undefined && minLimit > maxLimit)
      this.defect([...path, "characteristics", "minLimit"], "above maxLimit");
    if (variable.monitors !== undefined)
      for (const { index, key: wrong, message } of componentMonitorDefects(variable.monitors, variable.characteristics))
        this.defect([...path, "monitors", index, wrong], message);
    variable.attributes.forEach(({ type, value }, index) => {
      const attributePath = [...path, "attributes", index];
      if (variable.attributes.findIndex((other) => other.type === type) !== index)
        this.defect(attributePath, `the attribute ${type} is described twice`);
      const text = value === undefined ? undefined : formDefect(variable, value);
      const given = property.attributes[index]?.value ?? null;
      if (text !== undefined)
        this.defect(
          given === null ? [...path, "default"] : [...attributePath, "value"],
          `the value of ${variable.name} is ${text}`,
        );
    });
    return variable;
  }
}
