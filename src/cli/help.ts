import { MANIFESTS } from "../config/manifest.ts";
import { environmentName, optionName, PARAMETER_NAMES } from "../config/parameters.ts";

const parameterLines = PARAMETER_NAMES.map((name) => {
  const { default: value, type } = MANIFESTS.OCPP201.config[name] ?? { default: "", type: "string" };
  const option = `--${optionName(name)} <${type === "string" ? "text" : type === "boolean" ? "true|false" : "number"}>`;
  return `  ${option.padEnd(55)} default ${value}\n  ${"".padEnd(55)} or ${environmentName(name)}`;
}).join("\n");

export const HELP = `OCPP201 connects an EVerest charger to a charging station management system (CSMS) by OCPP 2.0.1.
It replaces EVerest's modules OCPP201 and OCPPmulti (its modes Only2 and Prefer2): usually EVerest's manager starts it,
with the options below.

Usage:
  OCPP201 --module <id> [options]              as a module, started by EVerest's manager
  OCPP201 run --config <everest.yaml> [options]
                                               by hand: parameters and connections from the file, no manager needed
  OCPP201 check [--config <everest.yaml>] [--component-config <directory>]
                                               look for defects in configurations, without starting anything
  OCPP201 inspect <what> [text] [--json]       show what is stored, of a running station as well
  OCPP201 selftest --data <directory> [--config <everest.yaml>]
                                               try this program on copies of the databases, before it replaces another one
  OCPP201 doctor --config <everest.yaml> [--json]
                                               go the way to the CSMS step by step, and say what to do where it ends
  OCPP201 simulate [--once] [--evses <number>] [--everest <release>] [--plug-and-charge]
                                               show a whole charging session, with cards or by Plug and Charge
                                               (ISO 15118); needs no charger, EVerest or CSMS
                                               (releases of EVerest: 2025-02, 2025-10, 2026-05, 2026-08)
  OCPP201 --version | --help

Examples:
  OCPP201 simulate --once
  OCPP201 check --config /etc/everest/config.yaml
  OCPP201 run --config /etc/everest/config.yaml --http 127.0.0.1:8080
  OCPP201 run --config /etc/everest/config.yaml --http 0.0.0.0:8080 --http-token-file /etc/everest/http-token
  OCPP201 inspect queue --config /etc/everest/config.yaml
  OCPP201 inspect variables HeartbeatInterval --device-model-database-path /var/lib/ocpp/device_model.db --json

Options of a run (--name value or --name=value; a variable in brackets does the same):
  --module, -m <id>                 id of this module in EVerest's configuration (EV_MODULE); with --config only
                                    needed when there are several modules of the types OCPP201 and OCPPmulti
  --config <file>                   only behind run: EVerest's configuration; user-config/<file> beside it is laid over it
  --prefix <path>                   where EVerest is installed (EV_PREFIX), default /usr
  --log_config <file>               EVerest's logging configuration (EV_LOG_CONF_FILE): the least severity is taken from it
  --mqtt_broker_host <host>         broker, default localhost (MQTT_SERVER_ADDRESS)
  --mqtt_broker_port <port>         default 1883 (MQTT_SERVER_PORT)
  --mqtt_broker_socket_path <path>  unix socket of the broker, instead of host and port
  --mqtt_everest_prefix <text>      topic prefix of EVerest, default everest/ (EV_MQTT_EVEREST_PREFIX)
  --mqtt_external_prefix <text>     topic prefix of external topics, default none (EV_MQTT_EXTERNAL_PREFIX)
  --http <host:port>                serve a web page for technicians there, and /health and /status as JSON; off by default. On a
                                    loopback address reading is free; on any other everything needs a token (OCPP201_HTTP)
  --http-token-file <file>          the token: 16 to 256 characters on one line, only for this account to read (chmod 600;
                                    OCPP201_HTTP_TOKEN_FILE). It can be in the variable OCPP201_HTTP_TOKEN itself, but
                                    never in an option, which ps shows. Programs send it as "Authorization: Bearer <token>",
                                    browsers ask for it

Module parameters. They come from EVerest's configuration; an option or a variable wins over it. Relative paths of the
device model are looked for in <prefix>/share/everest/modules/OCPP201:
${parameterLines}

check. Every defect of all files at once, one line each: file:line:column: key: message. Ends with 0 when there is none,
else with 1. Without --component-config the directory that the EVerest configuration names is checked.
  --config <file>, --module <id>, --component-config <directory>
  --prefix <path>    connections are compared with the manifests of the modules that are installed there

inspect. Reads the databases and changes nothing; passwords are not shown, tokens are stored as hashes only.
  variables      the device model: component, variable, attribute, who set it, value
  queue          messages that wait for the CSMS, in the order in which they will leave, and those that were put aside
  monitors       monitors of variables
  transactions   transactions that run
  profiles       charging profiles
  schedule       the limits that follow from them, as a plot and a table: --evse <number> (0, the station, if it is not
                 given), --hours <number> (24), --unit A|W (A)
  display        messages of the CSMS for the charger's display
  auth           local authorization list and authorization cache
  [text]                                  only rows that contain it
  --json                                  an array of objects instead of a table
  --config <file>, --module, --prefix     where the databases are: as EVerest's configuration says
  --data <directory>                      all three are in one directory, under the names that they have by default
  --core-database-path <directory>, --device-model-database-path <file>, --everest-device-model-database-path <file>
                                          or named one by one

selftest. Would this program go on with what the station has, and lose nothing? It migrates copies, reads every row, checks the
configurations, prints a report as JSON and its defects on standard error; exit code 1 if there is one. Changes nothing; the
station may run meanwhile.
  --data <directory>                      cp.db, device_model_storage.db and everest_device_model_storage.db lie there
  --config, --module, --prefix, --…-path  as behind inspect
  --work <directory>                      where the copies are made for as long as it takes (TMPDIR, /tmp)

doctor. For each network profile that a start would use: settings, name, TCP, TLS with the certificates of the CSMS and their
dates, websocket, subprotocol. No OCPP message is sent. May be called while the station runs: nothing is changed, and while it
is connected no second connection is made. Ends with 0 when every profile leads to its CSMS, 1 when none does, 2 when some do.
  --config <file>, --module, --prefix     as for a run; databases named one by one and the broker's options, too
  --slot <number>                         only this network profile
  --roots <file or directory>             root certificates of the CSMS, where EVerest (evse_security) cannot be asked
  --timeout <seconds>                     for each step (30)
  --handshake                             open a websocket although the running station may lose its connection by that
  --json                                  a report for programs

Exit codes: 0 as asked or ended by a signal, 1 for a failure, which is told on standard error or in the log.
`;
