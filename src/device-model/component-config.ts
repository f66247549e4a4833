import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { isMap, isScalar, LineCounter, parseDocument } from "yaml";
import {
  ATTRIBUTE_TYPES,
  type ComponentDefinition,
  componentKey,
  DATA_TYPES,
  MUTABILITIES,
  type VariableDefinition,
  variableKey,
} from "./definitions.ts";
import { inconsistencies, missingVariables } from "./required-variables.ts";
import { valueDefect } from "./value-rules.ts";

/** Everything that is wrong with the component configuration, one line each: `file:line: message`. */
export class ComponentConfigError extends Error {
  constructor(readonly defects: readonly string[]) {
    super(`the component configuration is not usable:\n  ${defects.join("\n  ")}`);
  }
}

const Text = v.union([v.string(), v.boolean(), v.number()]);
const Optional = <Schema extends v.GenericSchema>(schema: Schema) => v.optional(v.nullable(schema));

const Property = v.object({
  variable_name: v.string(),
  instance: Optional(v.string()),
  characteristics: v.object({
    dataType: v.picklist(DATA_TYPES),
    supportsMonitoring: v.optional(v.boolean(), false),
    unit: Optional(v.string()),
    minLimit: Optional(v.number()),
    maxLimit: Optional(v.number()),
    valuesList: Optional(v.string()),
  }),
  attributes: v.pipe(
    v.array(
      v.object({
        type: v.optional(v.picklist(ATTRIBUTE_TYPES), "Actual"),
        mutability: v.optional(v.picklist(MUTABILITIES), "ReadOnly"),
        value: v.optional(v.unknown()),
      }),
    ),
    v.minLength(1),
  ),
  default: Optional(Text),
});

const ComponentFile = v.object({
  name: v.pipe(v.string(), v.minLength(1)),
  instance: Optional(v.string()),
  evse_id: Optional(v.number()),
  connector_id: Optional(v.number()),
  properties: v.record(v.string(), Property),
});

const KNOWN_KEYS = new Set([
  "name",
  "instance",
  "evse_id",
  "connector_id",
  "properties",
  "required",
  "$schema",
  "description",
  "type",
]);

function asText(value: unknown): string {
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

function present<Key extends string, Value>(key: Key, value: Value | null | undefined): { [K in Key]?: Value } {
  return value === null || value === undefined ? {} : ({ [key]: value } as { [K in Key]: Value });
}

function toVariable(property: v.InferOutput<typeof Property>): VariableDefinition {
  const { characteristics } = property;
  return {
    name: property.variable_name,
    ...present("instance", property.instance),
    characteristics: {
      dataType: characteristics.dataType,
      supportsMonitoring: characteristics.supportsMonitoring,
      ...present("unit", characteristics.unit),
      ...present("minLimit", characteristics.minLimit),
      ...present("maxLimit", characteristics.maxLimit),
      ...present("valuesList", characteristics.valuesList),
    },
    attributes: property.attributes.map(({ type, mutability, value }) => {
      // `default` stands in for a missing value of the Actual attribute only.
      const effective = value ?? (type === "Actual" ? property.default : undefined) ?? undefined;
      return { type, mutability, ...(effective !== undefined && { value: asText(effective) }) };
    }),
  };
}

/** One file under examination: collects defects with the line where they are. */
class ConfigFile {
  private readonly text: string;

  constructor(
    private readonly path: string,
    private readonly defects: string[],
  ) {
    this.text = readFileSync(path, "utf8");
  }

  /** Undefined when it is not JSON; the reasons are among the defects then. */
  private parse(): unknown {
    try {
      return JSON.parse(this.text);
    } catch (error) {
      const lines = new LineCounter();
      const { errors } = parseDocument(this.text, { lineCounter: lines });
      for (const { linePos, message } of errors)
        this.defects.push(`${this.path}:${linePos?.[0].line ?? 1}: ${message.split("\n")[0]}`);
      if (errors.length === 0) this.defects.push(`${this.path}:1: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** JSON is a subset of YAML, whose parser knows positions; it is slow, so it runs only for a defect. */
  private lineOf(keys: readonly (string | number)[]): number {
    const lines = new LineCounter();
    const node = parseDocument(this.text, { lineCounter: lines }).getIn(keys, true);
    const range = (isScalar(node) || isMap(node)) && node.range ? node.range[0] : 0;
    return lines.linePos(range).line || 1;
  }

  private defect(keys: readonly (string | number)[], message: string): void {
    this.defects.push(`${this.path}:${this.lineOf(keys)}: ${keys.join(".")}${keys.length > 0 ? ": " : ""}${message}`);
  }

  /** Undefined when the file is unusable, or describes no variables. */
  read(): ComponentDefinition | undefined {
    const content = this.parse();
    if (content === undefined) return undefined;
    const parsed = v.safeParse(ComponentFile, content);
    if (!parsed.success) {
      for (const issue of parsed.issues)
        this.defect(
          (issue.path ?? []).map((item) => item.key as string | number),
          `${issue.message}`,
        );
      return undefined;
    }
    for (const key of Object.keys(content as object)) if (!KNOWN_KEYS.has(key)) this.defect([key], "unknown key");
    const { name, instance, evse_id, connector_id, properties } = parsed.output;
    this.checkValues(properties);
    return {
      name,
      ...present("instance", instance),
      ...present("evseId", evse_id),
      ...present("connectorId", connector_id),
      variables: Object.values(properties).map(toVariable),
    };
  }

  private checkValues(properties: Readonly<Record<string, v.InferOutput<typeof Property>>>): void {
    const seen = new Set<string>();
    for (const [label, property] of Object.entries(properties)) {
      const variable = toVariable(property);
      const key = variableKey(variable);
      if (seen.has(key)) this.defect(["properties", label], `variable ${variable.name} is described twice`);
      seen.add(key);
      for (const { value } of variable.attributes) {
        if (
          value === undefined ||
          value === "" ||
          ["string", "OptionList", "SequenceList", "MemberList"].includes(variable.characteristics.dataType)
        )
          continue;
        const checked = variable.characteristics.dataType === "boolean" ? value.toLowerCase() : value;
        const { dataType, supportsMonitoring } = variable.characteristics;
        const defect = valueDefect(checked, { dataType, supportsMonitoring });
        if (defect !== undefined) this.defect(["properties", label], `the value of ${variable.name} is ${defect.text}`);
      }
    }
  }
}

function readDirectory(directory: string, defects: string[]): Map<string, ComponentDefinition> {
  const components = new Map<string, ComponentDefinition>();
  for (const file of readdirSync(directory)
    .filter((name) => name.endsWith(".json"))
    .sort()) {
    const path = join(directory, file);
    const component = new ConfigFile(path, defects).read();
    if (component === undefined) continue;
    const key = componentKey(component);
    if (components.has(key))
      defects.push(`${path}:1: component ${component.name} is described twice in this directory`);
    else components.set(key, component);
  }
  return components;
}

/**
 * Reads `<directory>/standardized/*.json` and `<directory>/custom/*.json`; a component in `custom` replaces the whole
 * component in `standardized`. @throws ComponentConfigError with every defect found.
 */
export function readComponentConfig(directory: string): readonly ComponentDefinition[] {
  const defects: string[] = [];
  const standardized = join(directory, "standardized");
  if (!existsSync(standardized)) throw new ComponentConfigError([`${standardized}: the directory does not exist`]);
  const components = readDirectory(standardized, defects);
  const custom = join(directory, "custom");
  if (existsSync(custom)) for (const [key, component] of readDirectory(custom, defects)) components.set(key, component);
  const all = [...components.values()];
  if (defects.length === 0)
    defects.push(...[...missingVariables(all), ...inconsistencies(all)].map((defect) => `${directory}: ${defect}`));
  if (defects.length > 0) throw new ComponentConfigError(defects);
  return all;
}
