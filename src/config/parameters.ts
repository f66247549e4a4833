import { isAbsolute, join } from "node:path";
import * as v from "valibot";
import { ExplainedError } from "../lib/explained-error.ts";

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

/** The 13 parameters of the manifest with their defaults (BEHAVIOUR 2). */
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
});
export type ModuleParameters = v.InferOutput<typeof Parameters>;

export const PARAMETER_NAMES = Object.keys(Parameters.entries) as readonly (keyof ModuleParameters)[];

/** Paths that are relative to the module's share directory (BEHAVIOUR 2). */
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
): readonly { readonly name: string; readonly message: string }[] {
  const parsed = v.safeParse(Parameters, given);
  return (parsed.issues ?? []).map((issue) => ({ name: String(issue.path?.[0]?.key ?? ""), message: issue.message }));
}

/** Command line before environment before EVerest's configuration. @throws ConfigurationError */
export function readParameters(sources: ParameterSources): {
  readonly parameters: ModuleParameters;
  readonly warnings: readonly string[];
} {
  const given = Object.fromEntries(
    PARAMETER_NAMES.flatMap((name) => {
      const value =
        sources.options.get(optionName(name)) ??
        sources.environment[environmentName(name)] ??
        sources.delivered.get(name);
      return value === undefined || value === null ? [] : [[name, value]];
    }),
  );
  const parsed = v.safeParse(Parameters, given);
  if (!parsed.success) {
    const lines = parameterDefects(given).map(
      ({ name, message }) => `${name} (--${optionName(name)}, ${environmentName(name)}): ${message}`,
    );
    throw new ConfigurationError(`the module configuration is not usable: ${lines.join("; ")}`);
  }
  const parameters = { ...parsed.output };
  for (const name of RELATIVE_TO_SHARE)
    if (!isAbsolute(parameters[name])) parameters[name] = join(sources.shareDirectory, parameters[name]);
  const warnings = PERSISTENT.filter((name) => parameters[name].startsWith("/tmp/")).map(
    (name) => `${name} is ${parameters[name]}: what is below /tmp does not survive a reboot`,
  );
  if (parameters.RequestCompositeScheduleUnit !== "A" && parameters.RequestCompositeScheduleUnit !== "W") {
    warnings.push(
      `RequestCompositeScheduleUnit is "${parameters.RequestCompositeScheduleUnit}", A or W is expected: A is used`,
    );
    parameters.RequestCompositeScheduleUnit = "A";
  }
  return { parameters, warnings };
}
