import { environmentName, optionName, PARAMETER_NAMES } from "../config/parameters.ts";

const parameterLines = PARAMETER_NAMES.map(
  (name) => `    --${optionName(name).padEnd(40)} ${environmentName(name)}`,
).join("\n");

export const HELP = `OCPP201: OCPP 2.0.1 station agent for EVerest

Usage:
  OCPP201 [run] --module <id> [options]     run as EVerest's module; the manager starts it like this
  OCPP201 simulate [--once] [--evses <n>]   show a whole charging session without charger, EVerest or CSMS
  OCPP201 check [--component-config <dir>]  look for defects in a component configuration
  OCPP201 --version | --help

Options of run (each also as --name=value):
    --module, -m <id>                          id of this module in EVerest's configuration (EV_MODULE)
    --prefix <path>                            EVerest's install prefix (EV_PREFIX)
    --log_config <file>                        EVerest's logging configuration (EV_LOG_CONF_FILE)
    --mqtt_everest_prefix <text>               topic prefix, default everest/ (EV_MQTT_EVEREST_PREFIX)
    --mqtt_external_prefix <text>              prefix of external topics (EV_MQTT_EXTERNAL_PREFIX)
    --mqtt_broker_host, --mqtt_broker_port     broker, default localhost:1883 (MQTT_SERVER_ADDRESS, MQTT_SERVER_PORT)
    --mqtt_broker_socket_path <path>           unix socket of the broker, instead of host and port
    --http <host:port>                         serve /health and /status there; off by default

Module parameters come from EVerest's configuration; these options and variables override them:
${parameterLines}
`;
