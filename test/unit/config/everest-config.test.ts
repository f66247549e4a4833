import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { examineEverestConfiguration, readEverestConfiguration } from "../../../src/cli/everest-configuration.ts";
import { installedManifests } from "../../../src/config/installed-manifests.ts";
import { MANIFESTS, SLOTS, type Slot } from "../../../src/config/manifest.ts";
import { PARAMETER_NAMES, readParameters } from "../../../src/config/parameters.ts";
import { EverestYamlError } from "../../../src/everest/everest-yaml.ts";
import { everestYaml } from "../../support/everest-yaml.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "everest-yaml-"));
  path = join(directory, "config.yaml");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const defects = (text: string, moduleId?: string): readonly string[] => {
  writeFileSync(path, text);
  try {
    readEverestConfiguration(path, moduleId);
    return [];
  } catch (error) {
    if (!(error instanceof EverestYamlError)) throw error;
    return error.defects.map((defect) => defect.replaceAll(`${directory}/`, ""));
  }
};

test("parameters and connections are those of the file, mappings those of the peers", () => {
  writeFileSync(path, everestYaml());
  const { moduleId, configuration, options } = readEverestConfiguration(path, undefined);
  expect(moduleId).toBe("ocpp");
  expect(configuration.moduleName).toBe("OCPP201");
  expect([...configuration.parameters]).toEqual([["MessageQueueResumeDelay", 1]]);
  expect(configuration.connections.get("evse_manager")).toEqual([
    { moduleId: "evse_manager_1", implementationId: "evse", mapping: { evse: 1 } },
    { moduleId: "evse_manager_2", implementationId: "evse", mapping: { evse: 2 } },
  ]);
  expect([...options]).toEqual([
    ["mqtt_everest_prefix", "everest"],
    ["module", "ocpp"],
  ]);
});

test("the user's configuration is laid over it as a merge patch, and named where it is wrong", () => {
  mkdirSync(join(directory, "user-config"));
  const overlay = join(directory, "user-config/config.yaml");
  writeFileSync(
    overlay,
    "active_modules:\n  ocpp:\n    config_module:\n      MessageQueueResumeDelay: null\n      DelayOcppStart: 5\n",
  );
  writeFileSync(path, everestYaml());
  expect([...readEverestConfiguration(path, undefined).configuration.parameters]).toEqual([["DelayOcppStart", 5]]);
  writeFileSync(overlay, "active_modules:\n  ocpp:\n    config_module:\n      DelayOcppStart: soon\n");
  expect(defects(everestYaml())).toEqual([
    "user-config/config.yaml:4:7: active_modules.ocpp.config_module.DelayOcppStart: a value of type integer is expected",
  ]);
});

describe("every defect is named with file, line, column and key", () => {
  test("form: all at once", () => {
    expect(
      defects(
        everestYaml(
          `    standalone: maybe
    config_modul: {}
    connections:
      system: [{module_id: system}]
      auth: main
`,
          "  mqtt_broker_port: 70000\n",
        ).concat("aktive_modules: {}\n"),
      ),
    ).toEqual([
      "config.yaml:24:1: aktive_modules: unknown key",
      expect.stringMatching(/^config\.yaml:3:3: settings\.mqtt_broker_port: /) as unknown as string,
      "config.yaml:19:5: active_modules.ocpp.standalone: true or false is expected",
      "config.yaml:22:16: active_modules.ocpp.connections.system.0.implementation_id: is missing",
      "config.yaml:23:7: active_modules.ocpp.connections.auth: a list of connections is expected",
      "config.yaml:20:5: active_modules.ocpp.config_modul: unknown key",
    ]);
  });

  test("meaning: all at once", () => {
    expect(
      defects(
        everestYaml(
          `    config_module:
      MessageLogPath: 5
      MesageLogPath: /var/log
      CoreDatabasePath: ""
      MessageQueueResumeDelay: 1.5
      EnableExternalWebsocketControl: "true"
      ResetStopDelay: -1
    connections:
      evse_manager:
        - {module_id: evse_manager_1, implementation_id: evse}
        - {module_id: evse_manager_1, implementation_id: evse}
      system:
        - {module_id: system, implementation_id: main}
        - {module_id: system, implementation_id: other}
      security: [{module_id: nobody, implementation_id: main}]
      evse_energy_sink: [{module_id: sink, implementation_id: external_limits}]
      display: [{module_id: auth, implementation_id: main}]
`,
          "  mqtt_broker_host: here\n  mqtt_broker_socket_path: /run/mqtt\n  mqtt_external_prefix: everest/\n",
        ),
      ),
    ).toEqual(
      [
        "4:3: settings.mqtt_broker_socket_path: host and socket path exclude each other",
        "5:3: settings.mqtt_external_prefix: it must differ from the prefix of EVerest",
        "22:7: active_modules.ocpp.config_module.MessageLogPath: a value of type string is expected",
        "23:7: active_modules.ocpp.config_module.MesageLogPath: there is no such parameter",
        "25:7: active_modules.ocpp.config_module.MessageQueueResumeDelay: a value of type integer is expected",
        "26:7: active_modules.ocpp.config_module.EnableExternalWebsocketControl: a value of type boolean is expected",
        "24:7: active_modules.ocpp.config_module.CoreDatabasePath: a path is expected",
        "27:7: active_modules.ocpp.config_module.ResetStopDelay: a number of 0 or more is expected",
        "32:7: active_modules.ocpp.connections.system: at most 1 connections are possible, there are 2",
        "28:5: active_modules.ocpp.connections.auth: 1 connection is needed, there are 0",
        "31:11: active_modules.ocpp.connections.evse_manager.1: evse_manager_1/evse is connected twice",
        "35:18: active_modules.ocpp.connections.security.0.module_id: there is no module nobody",
        "36:26: active_modules.ocpp.connections.evse_energy_sink.0: the module sink needs a mapping with an EVSE (0 for the whole station)",
        "37:7: active_modules.ocpp.connections.display: there is no such requirement",
      ].map((line) =>
        line.startsWith("35:18")
          ? expect.stringMatching(
              /^config\.yaml:35:\d+: active_modules\.ocpp\.connections\.security\.0\.module_id: there is no module nobody$/,
            )
          : `config.yaml:${line}`,
      ) as string[],
    );
  });

  for (const [what, text, expected] of [
    ["no YAML", "active_modules: {a: [}\n", /^config\.yaml:1:\d+: /],
    ["a repeated key", `${everestYaml()}settings: {}\n`, /^config\.yaml:\d+:1: Map keys must be unique$/],
    ["an empty file", "", /^config\.yaml:1:1: .*expected/i],
    ["no modules", "settings: {}\n", /^config\.yaml:1:1: active_modules: is missing$/],
    ["no module of ours", everestYaml().replace("OCPP201", "OCPP"), /there is no module of type OCPP201 or OCPPmulti$/],
    [
      "several of ours",
      everestYaml().replace("Auth}", "OCPP201}"),
      /auth, ocpp are of type OCPP201 or OCPPmulti: choose one$/,
    ],
    [
      "a module id that is none",
      everestYaml().replace("  sink:", "  1sink:"),
      /^config\.yaml:\d+:3: active_modules\.1sink: /,
    ],
    ["aliases without end", billionLaughs(), /^config\.yaml:1:1: /],
  ] as const)
    test(what, () => {
      const found = defects(text);
      expect(found.length).toBeGreaterThan(0);
      expect(found[0]).toMatch(expected);
    });

  test("no such file, no such module", () => {
    expect(() => readEverestConfiguration(join(directory, "none.yaml"), undefined)).toThrow("ENOENT");
    expect(defects(everestYaml(), "auth")).toEqual([
      "config.yaml:14:3: active_modules.auth: there is no module auth of type OCPP201 or OCPPmulti",
    ]);
  });
});

test("connections are checked against the manifests of the installation, where there is one", () => {
  const modules = join(directory, "libexec/everest/modules");
  const install = (name: string, provides: string) => {
    mkdirSync(join(modules, name), { recursive: true });
    writeFileSync(join(modules, name, "manifest.yaml"), `provides: ${provides}\n`);
  };
  install("EvseManager", "{evse: {interface: evse_manager}}");
  install("System", "{main: {interface: kvs}}");
  install("EvseSecurity", "{other: {interface: evse_security}}");
  writeFileSync(path, everestYaml());
  const { defects: found } = examineEverestConfiguration(path, undefined, () => installedManifests(directory));
  expect(found.map((defect) => defect.replace(/^.*?connections\./, ""))).toEqual([
    "system.0: the interface system is needed, main of System is kvs",
    "security.0.implementation_id: EvseSecurity has no implementation main",
  ]);
  // Stand-alone its peers may come from anywhere.
  expect(readEverestConfiguration(path, undefined).moduleId).toBe("ocpp");
});

const read = (slot: Slot, delivered: Record<string, unknown> = {}) =>
  readParameters({
    slot,
    moduleId: "ocpp",
    delivered: new Map(Object.entries(delivered)),
    options: new Map(),
    environment: {},
    shareDirectory: "/",
  });

test.each(SLOTS)("the parameters of %s have the names and defaults of its manifest", (slot) => {
  const { config } = MANIFESTS[slot];
  expect(Object.keys(config)).toEqual(expect.arrayContaining([...PARAMETER_NAMES]));
  expect(Object.keys(config).length).toBe(slot === "OCPP201" ? 14 : 22);
  const { parameters } = read(slot);
  for (const name of PARAMETER_NAMES)
    expect([config[name]?.default, `/${config[name]?.default}`]).toContain(parameters[name]);
});

describe("the slot of OCPPmulti (CHANGES d)", () => {
  test("every path is relative to the shared data of OCPP201, that of the core database too", () => {
    expect(read("OCPPmulti", { CoreDatabasePath: "core" }).parameters.CoreDatabasePath).toBe("/core");
    expect(read("OCPP201", { CoreDatabasePath: "core" }).parameters.CoreDatabasePath).toBe("core");
  });

  test("Only2 and Prefer2 are served, the latter with a notice", () => {
    const notices = (mode: string) =>
      read("OCPPmulti", { Mode: mode }).warnings.filter((text) => text.includes("Mode"));
    expect(notices("Only2")).toEqual([]);
    expect(notices("Prefer2")).toHaveLength(1);
  });

  test.each(["Only1.6", "Prefer1.6"])(
    "%s is refused with a message that names module, parameter, value and choice",
    (mode) => {
      expect(() => read("OCPPmulti", { Mode: mode })).toThrow(
        new RegExp(
          `module ocpp .*Mode .*"${mode}" is not served: there is no OCPP 1.6 here; served are Only2 and Prefer2`,
        ),
      );
    },
  );

  test("a Mode that is no word is told", () => {
    expect(() => read("OCPPmulti", { Mode: "Only3" })).toThrow(
      /Mode .*"Only3" is no mode; served are Only2 and Prefer2/,
    );
  });

  test("parameters of OCPP 1.6 are silent at their defaults and told once otherwise", () => {
    const defaults = Object.fromEntries(
      Object.entries(MANIFESTS.OCPPmulti.config).map(([name, { default: value }]) => [name, value]),
    );
    const about = (delivered: Record<string, unknown>) =>
      read("OCPPmulti", delivered).warnings.filter((text) => text.includes("without effect"));
    expect(about(defaults)).toEqual([]);
    expect(about({ ...defaults, EnableLegacyConfigMigration: true, Ocpp16NetworkConfigSlot: 2 })).toEqual([
      "EnableLegacyConfigMigration, Ocpp16NetworkConfigSlot: without effect in OCPP 2.0.1",
    ]);
  });

  test("an EVerest configuration with it is checked by its own manifest", () => {
    const text = everestYaml("    config_module: {Mode: Only1.6, GridSupportHeartbeatS: 5}\n").replace(
      "module: OCPP201",
      "module: OCPPmulti",
    );
    writeFileSync(path, text);
    const { defects: found } = examineEverestConfiguration(path, undefined);
    expect(found.join("\n")).toContain('Mode: "Only1.6" is not served');
    expect(found.join("\n")).not.toContain("GridSupportHeartbeatS");
  });
});

function billionLaughs(): string {
  const lines = ["a0: &a0 [x, x]"];
  for (let index = 1; index < 20; index++)
    lines.push(`a${index}: &a${index} [*a${index - 1}, *a${index - 1}, *a${index - 1}]`);
  return `${lines.join("\n")}\nactive_modules: *a19\n`;
}
