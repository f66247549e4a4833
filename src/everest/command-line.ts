/** How EVerest's manager starts a module (PROTOCOL 3): options first, `EV_*` variables where an option is absent. */
import { ExplainedError } from "../lib/explained-error.ts";
import { describeTopic, isTopicLevel, isTopicName } from "./topics.ts";

export interface BrokerAddress {
  readonly host: string;
  readonly port: number;
  /** Unix socket; wins over host and port. */
  readonly socketPath?: string;
}

/** Where a setting comes from. */
export type Origin = "flag" | "environment" | "EVerest" | "default";

export interface ModuleArguments {
  readonly moduleId: string;
  readonly prefix: string;
  readonly logConfigPath: string | undefined;
  /** With trailing slash, e.g. `everest/`. */
  readonly everestPrefix: string;
  readonly externalPrefix: string;
  readonly broker: BrokerAddress;
  /** Options that belong to the module itself, by name without dashes. */
  readonly own: ReadonlyMap<string, string>;
  readonly unknown: readonly string[];
  /** Where EVerest's own options come from, by name without dashes. */
  readonly origins: ReadonlyMap<string, Origin>;
}

/** A command line that cannot be understood; the message says what is expected. */
export class CommandLineError extends ExplainedError {}

const EVEREST_OPTIONS = new Set([
  "prefix",
  "module",
  "log_config",
  "mqtt_everest_prefix",
  "mqtt_external_prefix",
  "mqtt_broker_socket_path",
  "mqtt_broker_host",
  "mqtt_broker_port",
  "config",
  "dontvalidateschema",
]);
/** Options without a value. */
const FLAGS = new Set(["dontvalidateschema"]);

/** `--name value`, `--name=value`, `-m value`; the value may be empty. @throws CommandLineError */
export function readOptions(argv: readonly string[]): Map<string, string> {
  const options = new Map<string, string>();
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? "";
    if (!argument.startsWith("-")) continue;
    const [head = "", ...rest] = argument.split("=");
    const name = head === "-m" ? "module" : head.replace(/^--?/, "");
    if (rest.length > 0) options.set(name, rest.join("="));
    else if (FLAGS.has(name)) options.set(name, "true");
    else {
      const next = argv[index + 1];
      const hasValue = next !== undefined && !next.startsWith("--");
      if (!hasValue && EVEREST_OPTIONS.has(name)) throw new CommandLineError(`--${name} needs a value`);
      options.set(name, hasValue ? next : "true");
      if (hasValue) index++;
    }
  }
  return options;
}

/** The variable that stands in for an option that is absent. */
const VARIABLES = {
  module: "EV_MODULE",
  prefix: "EV_PREFIX",
  log_config: "EV_LOG_CONF_FILE",
  mqtt_everest_prefix: "EV_MQTT_EVEREST_PREFIX",
  mqtt_external_prefix: "EV_MQTT_EXTERNAL_PREFIX",
  mqtt_broker_socket_path: "EV_MQTT_BROKER_SOCKET_PATH",
  mqtt_broker_host: "EV_MQTT_BROKER_HOST",
  mqtt_broker_port: "EV_MQTT_BROKER_PORT",
} as const;
type EverestOption = keyof typeof VARIABLES;
/** Variables that count more than the option. */
const OVERRULING: Readonly<Partial<Record<EverestOption, string>>> = {
  mqtt_broker_host: "MQTT_SERVER_ADDRESS",
  mqtt_broker_port: "MQTT_SERVER_PORT",
};

function withSlash(prefix: string): string {
  return prefix === "" || prefix.endsWith("/") ? prefix : `${prefix}/`;
}

/** Ids and prefixes become parts of topics: one that MQTT does not allow would cost the connection at each message. */
function topicPrefix(option: string, prefix: string): string {
  if (prefix !== "" && !isTopicName(prefix))
    throw new CommandLineError(`--${option}: ${describeTopic(prefix)} cannot stand in an MQTT topic`);
  return prefix;
}

function portOf(text: string): number {
  const port = Number(text);
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535)
    throw new CommandLineError(`--mqtt_broker_port: "${text}" is not a port number`);
  return port;
}

/**
 * `fallback`: what a configuration file says, by option name.
 * @throws CommandLineError without a module id, or with an id, a prefix or a port that cannot be.
 */
export function readModuleArguments(
  argv: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
  ownOptions: ReadonlySet<string>,
  fallback: ReadonlyMap<string, string> = new Map(),
): ModuleArguments {
  const options = readOptions(argv);
  const overruling = (option: EverestOption): string | undefined => environment[OVERRULING[option] ?? ""];
  const given = (option: EverestOption): string | undefined =>
    overruling(option) ?? options.get(option) ?? environment[VARIABLES[option]];
  const value = (option: EverestOption): string | undefined => given(option) ?? fallback.get(option);
  const originOf = (option: EverestOption): Origin => {
    if (given(option) === undefined) return fallback.has(option) ? "EVerest" : "default";
    return overruling(option) === undefined && options.has(option) ? "flag" : "environment";
  };
  if (options.has("conf") || environment.EV_CONF_FILE !== undefined)
    throw new CommandLineError(
      "--conf (EV_CONF_FILE): EVerest of 2024 (framework 0.18 and older) is not served; with --config the module runs stand-alone",
    );
  const moduleId = value("module");
  if (moduleId === undefined || moduleId === "")
    throw new CommandLineError("the module id is missing: --module <id> (or EV_MODULE) is needed");
  if (!isTopicLevel(moduleId))
    throw new CommandLineError(`--module: ${describeTopic(moduleId)} cannot be the id of a module`);
  const givenHost = given("mqtt_broker_host");
  const socketPath =
    given("mqtt_broker_socket_path") ?? (givenHost === undefined ? fallback.get("mqtt_broker_socket_path") : undefined);
  const host = givenHost ?? fallback.get("mqtt_broker_host") ?? "localhost";
  const port = value("mqtt_broker_port") ?? "1883";
  const names = [...options.keys()];
  return {
    moduleId,
    prefix: value("prefix") ?? "/usr",
    logConfigPath: value("log_config"),
    everestPrefix: withSlash(topicPrefix("mqtt_everest_prefix", value("mqtt_everest_prefix") ?? "everest/")),
    externalPrefix: topicPrefix("mqtt_external_prefix", value("mqtt_external_prefix") ?? ""),
    broker: { host, port: portOf(port), ...(socketPath !== undefined && socketPath !== "" && { socketPath }) },
    own: new Map([...options].filter(([name]) => ownOptions.has(name))),
    origins: new Map((Object.keys(VARIABLES) as EverestOption[]).map((option) => [option, originOf(option)])),
    unknown: names.filter((name) => !EVEREST_OPTIONS.has(name) && !ownOptions.has(name)),
  };
}
