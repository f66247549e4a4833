import { describe, expect, test } from "bun:test";
import { readParameters } from "../../../src/config/parameters.ts";
import { readModuleArguments } from "../../../src/everest/command-line.ts";

describe("the configuration page says where each setting comes from", () => {
  const originsOf = (
    delivered: Readonly<Record<string, unknown>>,
    options: Readonly<Record<string, string>> = {},
    environment: Readonly<Record<string, string>> = {},
  ) =>
    readParameters({
      slot: "OCPP201",
      moduleId: "ocpp",
      delivered: new Map(Object.entries(delivered)),
      options: new Map(Object.entries(options)),
      environment,
      shareDirectory: "/share",
    }).origins;

  test("a parameter: command line before environment before EVerest before default", () => {
    const delivered = { MessageQueueResumeDelay: 5 };
    const environment = { OCPP201_MESSAGE_QUEUE_RESUME_DELAY: "6" };
    const options = { "message-queue-resume-delay": "7" };
    expect(originsOf({}).get("MessageQueueResumeDelay")).toBe("default");
    expect(originsOf(delivered).get("MessageQueueResumeDelay")).toBe("EVerest");
    expect(originsOf(delivered, {}, environment).get("MessageQueueResumeDelay")).toBe("environment");
    expect(originsOf(delivered, options, environment).get("MessageQueueResumeDelay")).toBe("flag");
  });

  test("the manager delivers defaults as well: they are defaults all the same", () => {
    expect(originsOf({ MessageQueueResumeDelay: 0, MessageLogPath: "/var/log" }).get("MessageQueueResumeDelay")).toBe(
      "default",
    );
    expect(originsOf({ MessageLogPath: "/var/log" }).get("MessageLogPath")).toBe("EVerest");
  });

  test("EVerest's own options: MQTT_SERVER_ADDRESS counts more than the option, EV_PREFIX less", () => {
    const origins = readModuleArguments(
      ["--module", "ocpp", "--prefix", "/opt", "--mqtt_broker_host", "a"],
      { MQTT_SERVER_ADDRESS: "b", EV_PREFIX: "/usr", EV_MQTT_EVEREST_PREFIX: "ev/" },
      new Set(),
      new Map([["mqtt_broker_port", "1884"]]),
    ).origins;
    expect(Object.fromEntries(origins)).toMatchObject({
      module: "flag",
      prefix: "flag",
      mqtt_broker_host: "environment",
      mqtt_broker_port: "EVerest",
      mqtt_everest_prefix: "environment",
      mqtt_external_prefix: "default",
    });
  });
});
