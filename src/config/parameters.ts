import { isAbsolute, join } from "node:path";
import * as v from "valibot";
import type { Origin } from "../everest/command-line.ts";
import { ExplainedError } from "../lib/explained-error.ts";
import { MANIFESTS, type Slot } from "./manifest.ts";

/** A configuration that cannot work; one message that names parameter and expectation. */
export class ConfigurationError extends ExplainedError {}

const Path = v.pipe(v.string(), v.minLength(1, "a path is expected"));
/** EVerest delivers typed values, command line and environment text. */
const Flag = v.union(
  [
    v.boolean(),
    v.pipe(
      v.picklist(["true", "false"]),
      v.transform((text) => text === "true"),
    ),
  ],
  "true or false is expected",
);
const Seconds = v.pipe(
  v.union([v.number(), v.pipe(v.string(), v.regex(/^\d+$/), v.transform(Number))], "a whole number is expected"),
  v.integer("a whole number is expected"),
  v.minValue(0, "a number of 0 or more is expected"),
);

/** The parameters of OCPP201 with their defaults (BEHAVIOUR 2, CHANGES c.7). */
const Parameters = v.object({
  MessageLogPath: v.optional(Path, "/tmp/everest_ocpp_logs"),
  CoreDatabasePath: v.optional(Path, "/tmp/ocpp201"),
  DeviceModelDatabasePath: v.optional(Path, "device_model_storage.db"),
  EverestDeviceModelDatabasePath: v.optional(Path, "everest_device_model_storage.db"),
  DeviceModelDatabaseMigrationPath: v.optional(Path, "device_model_migrations"),
  DeviceModelConfigPath: v.optional(Path, "component_config"),
  EnableExternalWebsocketControl: v.optional(Flag, false),
  MessageQueueResumeDelay: v.optional(Seconds, 0),
  CompositeScheduleIntervalS: v.optional(Seconds, 30),
  RequestCompositeScheduleDurationS: v.optional(Seconds, 600),
  RequestCompositeScheduleUnit: v.optional(v.string(), "A"),
  DelayOcppStart: v.optional(Seconds, 0),
  ResetStopDelay: v.optional(Seconds, 0),
  CustomMrecErrorMapPath: v.optional(v.string(), ""),
});
export type ModuleParameters = v.InferOutput<typeof Parameters>;

const MODES = ["Prefer1.6", "Prefer2", "Only1.6", "Only2"] as const;
const SERVED_MODES: ReadonlySet<string> = new Set(["Only2", "Prefer2"]);
const served = [...SERVED_MODES].join(" and ");
/** OCPPmulti's choice of a version; this program never speaks another one than it was told (CHANGES d.3). */
const Mode = v.pipe(
  v.picklist(MODES, ({ input }) => `"${input}" is no mode; served are ${served}`),
  v.check(
    (mode) => SERVED_MODES.has(mode),
    ({ input }) => `"${input}" is not served: there is no OCPP 1.6 here; served are ${served}`,
  ),
);
const PARAMETERS = {
  OCPP201: Parameters,
  OCPPmulti: v.object({ ...Parameters.entries, Mode: v.optional(Mode, "Only2") }),
} as const satisfies Readonly<Record<Slot, v.GenericSchema>>;
/** What the command line and the environment may say. */
export const SETTABLE_PARAMETERS = Object.keys(PARAMETERS.OCPPmulti.entries);
/** Parameters of OCPPmulti that mean something to versions of OCPP other than 2.0.1. */
const OF_OTHER_VERSIONS = Object.keys(MANIFESTS.OCPPmulti.config).filter((name) => !SETTABLE_PARAMETERS.includes(name));

export const PARAMETER_NAMES = Object.keys(Parameters.entries) as readonly (keyof ModuleParameters)[];

/** Paths that are relative to the module's share directory (BEHAVIOUR 2); OCPPmulti's CoreDatabasePath is, too. */
const RELATIVE_TO_SHARE = [
  "DeviceModelDatabasePath",
  "EverestDeviceModelDatabasePath",
  "DeviceModelDatabaseMigrationPath",
  "DeviceModelConfigPath",
] as const;
const PERSISTENT = ["CoreDatabasePath", "DeviceModelDatabasePath", "EverestDeviceModelDatabasePath"] as const;

/** `MessageLogPath` is `--message-log-path` on the command line and `OCPP201_MESSAGE_LOG_PATH` in the environment. */
export function optionName(parameter: string): string {
  return parameter
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replace(/([A-Z])([A-Z][a-z])/g, "$1-$2")
    .toLowerCase();
}

export function environmentName(parameter: string): string {
  return `OCPP201_${optionName(parameter).replaceAll("-", "_").toUpperCase()}`;
}

export interface ParameterSources {
  readonly slot: Slot;
  /** For messages. */
  readonly moduleId: string;
  /** What the manager delivered, by parameter name. */
  readonly delivered: ReadonlyMap<string, unknown>;
  /** Command line options by option name. */
  readonly options: ReadonlyMap<string, string>;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly shareDirectory: string;
}

/** What is wrong with given values, by parameter. */
export function parameterDefects(
  given: Readonly<Record<string, unknown>>,
  slot: Slot,
): readonly { readonly name: string; readonly message: string }[] {
  const parsed = v.safeParse(PARAMETERS[slot], given);
  return (parsed.issues ?? []).map((issue) => ({ name: String(issue.path?.[0]?.key ?? ""), message: issue.message }));
}

/** What a configuration that other modes share says about them is not an error. */
function warningsOf({ delivered, slot }: ParameterSources): readonly string[] {
  if (slot !== "OCPPmulti") return [];
  const { config } = MANIFESTS[slot];
  const isSet = (name: string): boolean => delivered.has(name) && delivered.get(name) !== config[name]?.default;
  const ignored = OF_OTHER_VERSIONS.filter(isSet);
  return [
    ...(delivered.get("Mode") === "Prefer2" ? ['Mode is "Prefer2": served as Only2, there is no OCPP 1.6 here'] : []),
    ...(ignored.length === 0 ? [] : [`${ignored.join(", ")}: without effect in OCPP 2.0.1`]),
  ];
}

function pathsOf(parameters: ModuleParameters, { slot, shareDirectory }: ParameterSources): ModuleParameters {
  const resolved = { ...parameters };
  const relative = slot === "OCPPmulti" ? [...RELATIVE_TO_SHARE, "CoreDatabasePath" as const] : RELATIVE_TO_SHARE;
  for (const name of relative) if (!isAbsolute(resolved[name])) resolved[name] = join(shareDirectory, resolved[name]);
  return resolved;
}

/** The manager delivers every parameter: a value as the manifest has it was left as it is. */
function originOf(name: string, { slot, options, environment, delivered }: ParameterSources): Origin {
  if (options.has(optionName(name))) return "flag";
  if (environment[environmentName(name)] !== undefined) return "environment";
  const value = delivered.get(name);
  const isDefault = value === undefined || value === null || value === MANIFESTS[slot].config[name]?.default;
  return isDefault ? "default" : "EVerest";
}

/** Command line before environment before EVerest's configuration. @throws ConfigurationError */
export function readParameters(sources: ParameterSources): {
  readonly parameters: ModuleParameters;
  readonly warnings: readonly string[];
  /** Where each parameter comes from, by name. */
  readonly origins: ReadonlyMap<string, Origin>;
} {
  const { slot, moduleId, options, environment, delivered } = sources;
  const given = Object.fromEntries(
    Object.keys(PARAMETERS[slot].entries).flatMap((name) => {
      const value = options.get(optionName(name)) ?? environment[environmentName(name)] ?? delivered.get(name);
      return value === undefined || value === null ? [] : [[name, value]];
    }),
  );
  const parsed = v.safeParse(PARAMETERS[slot], given);
  if (!parsed.success) {
    const lines = parameterDefects(given, slot).map(
      ({ name, message }) => `${name} (--${optionName(name)}, ${environmentName(name)}): ${message}`,
    );
    throw new ConfigurationError(`the configuration of the module ${moduleId} is not usable: ${lines.join("; ")}`);
  }
  const parameters = pathsOf(parsed.output, sources);
  const warnings = PERSISTENT.filter((name) => parameters[name].startsWith("/tmp/")).map(
    (name) => `${name} is ${parameters[name]}: what is below /tmp does not survive a reboot`,
  );
  if (parameters.RequestCompositeScheduleUnit !== "A" && parameters.RequestCompositeScheduleUnit !== "W") {
    warnings.push(
      `RequestCompositeScheduleUnit is "${parameters.RequestCompositeScheduleUnit}", A or W is expected: A is used`,
    );
    parameters.RequestCompositeScheduleUnit = "A";
  }
  const origins = new Map(Object.keys(parameters).map((name) => [name, originOf(name, sources)]));
  return { parameters, warnings: [...warnings, ...warningsOf(sources)], origins };
}
