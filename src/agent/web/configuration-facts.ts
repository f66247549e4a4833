import { environmentName, optionName } from "../../config/parameters.ts";
import type { ConfigurationFacts } from "../../web/source.ts";
import type { ObservedStation } from "../observed-station.ts";

/** What counts for this run, and where it comes from. */
export function configurationFacts(observed: ObservedStation): readonly ConfigurationFacts[] {
  const { arguments: args, parameters, origins } = observed;
  const { host, port, socketPath } = args.broker;
  const own = Object.entries(parameters).map(([name, value]) => ({
    name,
    value: String(value),
    origin: origins.get(name) ?? "default",
    settable: `--${optionName(name)}, ${environmentName(name)}`,
  }));
  const ofEverest = (option: string, value: string, variables: string): ConfigurationFacts => ({
    name: option,
    value,
    origin: args.origins.get(option) ?? "default",
    settable: `--${option}, ${variables}`,
  });
  return [
    ...own,
    ofEverest("module", args.moduleId, "EV_MODULE"),
    ofEverest("prefix", args.prefix, "EV_PREFIX"),
    socketPath === undefined
      ? ofEverest("mqtt_broker_host", `${host}:${port}`, "MQTT_SERVER_ADDRESS")
      : ofEverest("mqtt_broker_socket_path", socketPath, "EV_MQTT_BROKER_SOCKET_PATH"),
    ofEverest("mqtt_everest_prefix", args.everestPrefix, "EV_MQTT_EVEREST_PREFIX"),
    ofEverest("mqtt_external_prefix", args.externalPrefix, "EV_MQTT_EXTERNAL_PREFIX"),
    ofEverest("log_config", args.logConfigPath ?? "", "EV_LOG_CONF_FILE"),
  ];
}
