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

/** The answer to the `Module` request (PROTOCOL 8.2), as far as a module needs it. */
export const ModuleConfigurationSchema = v.object({
  module_config: v.object({
    module_name: v.string(),
    module_id: v.string(),
    configuration_parameters: v.record(v.string(), v.array(Parameter)),
    connections: v.record(v.string(), v.array(Fulfillment)),
  }),
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

export function toModuleConfiguration(answer: v.InferOutput<typeof ModuleConfigurationSchema>): ModuleConfiguration {
  const { module_name, configuration_parameters, connections } = answer.module_config;
  return {
    moduleName: module_name,
    parameters: new Map((configuration_parameters["!module"] ?? []).map(({ name, value }) => [name, value])),
    connections: new Map(
      Object.entries(connections).map(([requirement, fulfillments]) => [
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
