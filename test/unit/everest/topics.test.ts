import { describe, expect, test } from "bun:test";
import * as v from "valibot";
import { CommandLineError, readModuleArguments } from "../../../src/everest/command-line.ts";
import { ModuleConfigurationSchema } from "../../../src/everest/configuration.ts";
import { isTopicFilter, isTopicLevel, isTopicName } from "../../../src/everest/topics.ts";

const UNFIT = ["", "a#", "a+", "a\0", "a\n", "a\u009f", "a\ud800", "a\ufffe", "a".repeat(65_536)];

describe("what MQTT allows in topics", () => {
  test.each(UNFIT)("%j is no topic and no id", (text) => {
    expect([isTopicName(text), isTopicLevel(text)]).toEqual([false, false]);
  });

  test("ids of modules are one level, whatever their language", () => {
    expect(["auth", "evse_manager_1", "Lädesäule ☕", "🔌"].map(isTopicLevel)).toEqual([true, true, true, true]);
    expect([isTopicName("a/b"), isTopicLevel("a/b")]).toEqual([true, false]);
    expect(isTopicName("ä".repeat(32_767))).toBe(true);
    expect(isTopicName("ä".repeat(32_768))).toBe(false);
  });

  test("wildcards stand for whole levels", () => {
    expect(["a/+/b", "+/a", "#", "a/#", "a//b", "+"].map(isTopicFilter)).toEqual(Array(6).fill(true));
    expect(["a+/b", "a/#/b", "a#", "##", "a\0/#", ""].map(isTopicFilter)).toEqual(Array(6).fill(false));
  });
});

describe("ids and prefixes that cannot stand in a topic are told at the start", () => {
  const read =
    (...options: string[]) =>
    () =>
      readModuleArguments(options, {}, new Set());

  test.each([
    ["--module", "a/b"],
    ["--module", "oc#pp"],
    ["--mqtt_everest_prefix", "ever+st/"],
    ["--mqtt_external_prefix", "x\0"],
  ])("%s %j", (option, value) => {
    const module = option === "--module" ? [] : ["--module", "ocpp"];
    expect(read(...module, option, value)).toThrow(CommandLineError);
  });

  test("a connection to a module whose id is a wildcard would have listened to all modules", () => {
    const configuration = (module_id: string) => ({
      module_config: {
        module_name: "OCPP201",
        module_id: "ocpp",
        configuration_parameters: {},
        connections: { auth: [{ module_id, implementation_id: "main" }] },
      },
    });
    expect(v.is(ModuleConfigurationSchema, configuration("auth"))).toBe(true);
    for (const id of ["+", "#", "a/b", ""]) expect(v.is(ModuleConfigurationSchema, configuration(id))).toBe(false);
  });
});
