import { describe, expect, test } from "bun:test";
import { environmentName, optionName, readParameters } from "../../../src/config/parameters.ts";
import { ActiveErrors } from "../../../src/everest/active-errors.ts";
import { readModuleArguments } from "../../../src/everest/command-line.ts";
import {
  openCommand,
  openEnvelope,
  openError,
  openResult,
  openVariable,
  sealResult,
  sealVariable,
} from "../../../src/everest/envelope.ts";
import { topicMatches } from "../../../src/everest/topics.ts";

describe("command line (PROTOCOL 3)", () => {
  const MANAGER =
    "--prefix /opt/everest --module ocpp --log_config /x.cfg --mqtt_everest_prefix everest/ --mqtt_external_prefix".split(
      " ",
    );

  test("as the manager starts a module, with an empty external prefix", () => {
    const args = readModuleArguments(
      [...MANAGER, "", "--mqtt_broker_host", "127.0.0.1", "--mqtt_broker_port", "18840"],
      {},
      new Set(),
    );
    expect(args).toMatchObject({
      moduleId: "ocpp",
      prefix: "/opt/everest",
      everestPrefix: "everest/",
      externalPrefix: "",
      broker: { host: "127.0.0.1", port: 18840 },
      unknown: [],
    });
  });

  test("--name=value, -m, a unix socket, unknown options", () => {
    const args = readModuleArguments(
      [
        "-m",
        "ocpp",
        "--mqtt_broker_socket_path=/run/sock",
        "--mqtt_everest_prefix=ev",
        "--new_option",
        "1",
        "--http=127.0.0.1:1",
      ],
      {},
      new Set(["http"]),
    );
    expect(args).toMatchObject({ broker: { socketPath: "/run/sock" }, everestPrefix: "ev/", unknown: ["new_option"] });
    expect(args.own.get("http")).toBe("127.0.0.1:1");
  });

  test("EV_ variables stand in, MQTT_SERVER_ variables win", () => {
    const args = readModuleArguments(
      ["--mqtt_broker_host", "a"],
      { EV_MODULE: "ocpp", MQTT_SERVER_ADDRESS: "b", MQTT_SERVER_PORT: "1999" },
      new Set(),
    );
    expect(args).toMatchObject({ moduleId: "ocpp", broker: { host: "b", port: 1999 } });
    expect(() => readModuleArguments([], {}, new Set())).toThrow("--module");
  });

  test("a manager of framework 0.18 hands over a file instead of answering questions: it is told that this is too old", () => {
    const options = ["--prefix", "/opt/everest", "--conf", "config.yaml", "--module", "ocpp"];
    expect(() => readModuleArguments(options, {}, new Set())).toThrow("framework 0.18 and older");
    expect(() => readModuleArguments([], { EV_MODULE: "ocpp", EV_CONF_FILE: "x" }, new Set())).toThrow("0.18");
  });
});

describe("options with bad values are told", () => {
  for (const [args, message] of [
    [["--module"], "--module needs a value"],
    [["--module", "ocpp", "--mqtt_broker_host", "--mqtt_broker_port", "1883"], "--mqtt_broker_host needs a value"],
    [["--module", "ocpp", "--mqtt_broker_port", "0x10"], '--mqtt_broker_port: "0x10" is not a port number'],
    [["--module", "ocpp", "--mqtt_broker_port", ""], '--mqtt_broker_port: "" is not a port number'],
    [["--module", "ocpp", "--mqtt_broker_port", "1e3"], '--mqtt_broker_port: "1e3" is not a port number'],
  ] as const)
    test(args.join(" "), () => expect(() => readModuleArguments(args, {}, new Set())).toThrow(message));
});

describe("module parameters (BEHAVIOUR 2)", () => {
  const read = (
    delivered: Record<string, unknown>,
    options: Record<string, string> = {},
    environment: Record<string, string> = {},
  ) =>
    readParameters({
      slot: "OCPP201",
      moduleId: "ocpp",
      delivered: new Map(Object.entries(delivered)),
      options: new Map(Object.entries(options)),
      environment,
      shareDirectory: "/share",
    });

  test("defaults, share-relative paths, warnings about /tmp", () => {
    const { parameters, warnings } = read({});
    expect(parameters).toMatchObject({
      DeviceModelDatabasePath: "/share/device_model_storage.db",
      DeviceModelConfigPath: "/share/component_config",
      CoreDatabasePath: "/tmp/ocpp201",
    });
    expect(warnings.join()).toContain("CoreDatabasePath");
  });

  test("command line before environment before EVerest", () => {
    expect(optionName("CompositeScheduleIntervalS")).toBe("composite-schedule-interval-s");
    expect(environmentName("MessageLogPath")).toBe("OCPP201_MESSAGE_LOG_PATH");
    const { parameters } = read(
      { ResetStopDelay: 1, DelayOcppStart: 1 },
      { "reset-stop-delay": "3" },
      { OCPP201_RESET_STOP_DELAY: "2", OCPP201_DELAY_OCPP_START: "2" },
    );
    expect([parameters.ResetStopDelay, parameters.DelayOcppStart]).toEqual([3, 2]);
  });

  test("one message names every parameter that cannot be used", () => {
    expect(() => read({ ResetStopDelay: -1, EnableExternalWebsocketControl: "maybe" })).toThrow(
      /EnableExternalWebsocketControl.*ResetStopDelay/,
    );
  });
});

describe("envelope (PROTOCOL 5)", () => {
  test("variables are doubly, results triply nested", () => {
    expect(JSON.parse(sealVariable(true))).toEqual({ msg_type: "Var", data: { data: true } });
    expect(JSON.parse(sealResult("1", "ocpp", undefined))).toEqual({
      msg_type: "CmdResult",
      data: { type: "result", data: { id: "1", retval: null, origin: "ocpp" } },
    });
  });

  test("what is malformed is nothing, and never an exception", () => {
    for (const text of [
      "",
      "x",
      "1",
      "null",
      "[]",
      "{}",
      '{"msg_type":1,"data":2}',
      '{"msg_type":"Cmd","data":{}}',
      '{"msg_type":"Var"}',
    ]) {
      expect(openEnvelope(text) === undefined || typeof openEnvelope(text) === "object").toBe(true);
      expect(openCommand(text)).toBeUndefined();
      expect(openResult(text)).toBeUndefined();
      expect(openError(text)).toBeUndefined();
    }
    expect(openVariable('{"msg_type":"Cmd","data":{"data":1}}')).toBeUndefined();
    expect(openVariable('{"msg_type":"Var","data":{"data":null}}')).toEqual({ value: null });
  });

  test("arguments may be null, {} or missing", () => {
    for (const args of ['"args":null,', '"args":{},', ""])
      expect(openCommand(`{"msg_type":"Cmd","data":{${args}"id":"1","origin":"auth"}}`)?.id).toBe("1");
  });
});

test("errors are passed on once, whatever the number of deliveries (PROTOCOL 12.4)", () => {
  const errors = new ActiveErrors();
  const error = {
    type: "a/B",
    sub_type: "",
    message: "",
    description: "",
    severity: "High",
    timestamp: "",
    origin: { module_id: "m", implementation_id: "i" },
  };
  const raised = { ...error, state: "Active" };
  const cleared = { ...error, state: "ClearedByModule" };
  expect([errors.take(raised), errors.take(raised)]).toEqual([raised, undefined]);
  expect([errors.take(cleared), errors.take(cleared)]).toEqual([cleared, undefined]);
});

test.each([
  ["a/+/c", "a/b/c", true],
  ["a/#", "a/b/c", true],
  ["a/+", "a/b/c", false],
  ["a/b", "a/b", true],
])("filter %s, topic %s: %p", (filter, topic, matches) => {
  expect(topicMatches(filter, topic)).toBe(matches);
});
