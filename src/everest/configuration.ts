import * as v from "valibot";
import { isTopicLevel } from "./topics.ts";

const Mapping = v.object({ evse: v.number(), connector: v.optional(v.nullable(v.number())) });
const ModuleMapping = v.nullable(
  v.object({
    module: v.optional(v.nullable(Mapping)),
    implementations: v.optional(v.nullable(v.record(v.string(), v.nullable(Mapping)))),
  }),
);
const Parameter = v.object({
  name: v.string(),
  value: v.unknown(),
  characteristics: v.optional(
    v.object({
      datatype: v.optional(v.string(), "string"),
      mutability: v.optional(v.string(), "ReadOnly"),
      unit: v.optional(v.nullable(v.string())),
    }),
    {},
  ),
});
/** Ids become parts of topics: one with a wildcard would listen to others as well. */
const Id = v.pipe(
  v.string(),
  v.check(isTopicLevel, "an id of a module or implementation cannot stand in an MQTT topic"),
);
const Fulfillment = v.object({ module_id: Id, implementation_id: Id });

const Connections = v.record(v.string(), v.array(Fulfillment));
const OWN_PARAMETERS = "!module";
const TypedModule = v.pipe(
  v.object({
    module_name: v.string(),
    module_id: v.optional(v.string()),
    configuration_parameters: v.record(v.string(), v.array(Parameter)),
    connections: Connections,
  }),
  v.transform(({ module_name, module_id, configuration_parameters, connections }) => ({
    id: module_id,
    name: module_name,
    parameters: (configuration_parameters[OWN_PARAMETERS] ?? []).map(({ name, value }) => [name, value] as const),
    connections,
  })),
);
const Values = v.nullish(v.record(v.string(), v.unknown()), {});
/** As in the YAML file: framework 0.20 (PROTOCOL 17.3). */
const UntypedModule = v.pipe(
  v.object({
    module: v.string(),
    config_module: Values,
    config_maps: v.nullish(v.record(v.string(), Values), {}),
    connections: v.nullish(Connections, {}),
  }),
  v.transform(({ module, config_module, config_maps, connections }) => ({
    id: undefined,
    name: module,
    parameters: Object.entries({ ...config_module, ...config_maps?.[OWN_PARAMETERS] }),
    connections: connections ?? {},
  })),
);
const Module = v.union([TypedModule, UntypedModule]);
type ConfiguredModule = v.InferOutput<typeof Module>;

/** The answer to the `Module` request (PROTOCOL 8.2, 17.3), as far as a module needs it. */
export const ModuleConfigurationSchema = v.object({
  /** Up to framework 0.21 by module id. */
  module_config: v.union([
    v.pipe(
      Module,
      v.transform((module): Readonly<Record<string, ConfiguredModule>> => ({ [module.id ?? ""]: module })),
    ),
    v.record(v.string(), Module),
  ]),
  mappings: v.optional(v.nullable(v.record(v.string(), ModuleMapping)), {}),
});

/** The answer to the `All` request: parameters by module and implementation. */
export const AllParametersSchema = v.record(v.string(), v.record(v.string(), v.array(Parameter)));
export const AllMappingsSchema = v.record(v.string(), ModuleMapping);

export const ConfigAnswerSchema = v.object({
  status: v.string(),
  status_info: v.optional(v.nullable(v.string()), ""),
  type: v.optional(v.nullable(v.string())),
  response: v.optional(v.unknown()),
});

export type EverestParameter = v.InferOutput<typeof Parameter>;
export type AllParameters = v.InferOutput<typeof AllParametersSchema>;
export type AllMappings = v.InferOutput<typeof AllMappingsSchema>;

/** Where something belongs in the station; undefined evse: nowhere in particular. */
export interface EvseMapping {
  readonly evse: number;
  readonly connector?: number;
}

export interface Connected {
  readonly moduleId: string;
  readonly implementationId: string;
  readonly mapping: EvseMapping | undefined;
}

export interface ModuleConfiguration {
  readonly moduleName: string;
  /** Module-level parameters by name. */
  readonly parameters: ReadonlyMap<string, unknown>;
  readonly connections: ReadonlyMap<string, readonly Connected[]>;
}

/** The mapping of the implementation counts, else that of its module (PROTOCOL 8.2). */
export function effectiveMapping(
  mapping: v.InferOutput<typeof ModuleMapping> | undefined,
  implementationId: string,
): EvseMapping | undefined {
  const found = mapping?.implementations?.[implementationId] ?? mapping?.module ?? undefined;
  if (found === undefined) return undefined;
  return { evse: found.evse, ...(typeof found.connector === "number" && { connector: found.connector }) };
}

/** @throws when the answer does not speak of the module. */
export function toModuleConfiguration(
  answer: v.InferOutput<typeof ModuleConfigurationSchema>,
  moduleId: string,
): ModuleConfiguration {
  const own = answer.module_config[moduleId];
  if (own === undefined) throw new Error(`the configuration is not that of "${moduleId}"`);
  return {
    moduleName: own.name,
    parameters: new Map(own.parameters),
    connections: new Map(
      Object.entries(own.connections).map(([requirement, fulfillments]) => [
        requirement,
        fulfillments.map(({ module_id, implementation_id }) => ({
          moduleId: module_id,
          implementationId: implementation_id,
          mapping: effectiveMapping(answer.mappings?.[module_id] ?? undefined, implementation_id),
        })),
      ]),
    ),
  };
}
