import { afterEach, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Channel, MessageHandler } from "../../../src/everest/channel.ts";
import { Definitions } from "../../../src/everest/definitions.ts";
import { detectGeneration } from "../../../src/everest/generation.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const directories: string[] = [];
afterEach(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});

/** A broker on which some retained messages lie; whatever is sent is a fault. */
function channelWith(retained: Readonly<Record<string, unknown>>): Channel {
  return {
    subscribe: async (subscriptions: ReadonlyMap<string, MessageHandler>) => {
      for (const [topic, handler] of subscriptions)
        if (topic in retained) void handler(JSON.stringify(retained[topic]), topic);
    },
    publish: (topic) => {
      throw new Error(`${topic} was published before the generation was known`);
    },
    delivered: async () => {},
    status: { isConnected: true, waiting: 0, losses: 0, dropped: 0 },
    stopListening: () => {},
    close: async () => {},
  };
}

function installed(files: Readonly<Record<string, string>>): string {
  const prefix = mkdtempSync(join(tmpdir(), "prefix-"));
  directories.push(prefix);
  for (const [file, content] of Object.entries(files)) {
    const path = join(prefix, "share/everest", file);
    mkdirSync(join(path, ".."), { recursive: true });
    writeFileSync(path, content);
  }
  return prefix;
}

async function detect(retained: Readonly<Record<string, unknown>>, prefix = "/nonexistent", mustBeKnown = true) {
  const clock = new FakeClock();
  const definitions = new Definitions("everest/", prefix, ["ocpp", "system", "evse_manager"]);
  let waited = true;
  const received = definitions.receive(channelWith(retained), clock);
  void received.then(() => {
    waited = false;
  });
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
  const seen = waited;
  await clock.advance(5_000);
  await received;
  return { waited: seen, definitions, ...detectGeneration(definitions, mustBeKnown) };
}

const enveloped = (word: string, contents: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(contents).map(([topic, data]) => [`everest/${topic}`, { msg_type: word, data }]));
const raw = (contents: Readonly<Record<string, unknown>>) =>
  Object.fromEntries(Object.entries(contents).map(([topic, data]) => [`everest/${topic}`, data]));

const SETTINGS = { data_dir: "/nonexistent/share/everest" };
const MAY = {
  interfaces: ["evse_manager", "ocpp", "system"],
  settings: SETTINGS,
  "interface_definitions/ocpp": { cmds: {}, vars: { is_connected: {} } },
  "interface_definitions/system": { cmds: { reset: {} }, vars: {} },
  "interface_definitions/evse_manager": { cmds: { get_evse: {} }, vars: {} },
};
const AUGUST = {
  ...MAY,
  "interface_definitions/ocpp": { cmds: {}, vars: { connection_status: {} } },
  "interface_definitions/system": { cmds: { configure_network: {} }, vars: {} },
  "interface_definitions/evse_manager": { cmds: { set_der_available: {} }, vars: {} },
};

describe("what the manager distributes tells the generation, without a wait and without a word of ours (CHANGES e)", () => {
  test("May 2026", async () => {
    const { features, waited } = await detect(enveloped("GetConfigResponse", MAY));
    expect(waited).toBe(false);
    expect(features).toEqual({
      envelope: "GetConfig",
      configurationService: true,
      enumsInArrays: "positions",
      isConnected: true,
      connectionStatus: false,
      configureNetwork: false,
    });
  });

  test("August 2026", async () => {
    const { features, waited } = await detect(enveloped("ConfigurationResponse", AUGUST));
    expect(waited).toBe(false);
    expect(features).toEqual({
      envelope: "Configuration",
      configurationService: true,
      enumsInArrays: "names",
      isConnected: false,
      connectionStatus: true,
      configureNetwork: true,
    });
  });

  test("July 2026: words of May, but enums as names", async () => {
    const july = { ...MAY, "interface_definitions/evse_manager": { cmds: { set_der_available: {} }, vars: {} } };
    expect((await detect(enveloped("GetConfigResponse", july))).features).toMatchObject({
      envelope: "GetConfig",
      enumsInArrays: "names",
    });
  });

  test("no envelope: up to framework 0.24", async () => {
    const { features, waited } = await detect(raw(MAY));
    expect(waited).toBe(false);
    expect(features).toMatchObject({ envelope: undefined, configurationService: false, isConnected: true });
  });

  test("both connection variables, where both are listed", async () => {
    const both = { ...AUGUST, "interface_definitions/ocpp": { vars: { is_connected: {}, connection_status: {} } } };
    expect((await detect(enveloped("ConfigurationResponse", both))).features).toMatchObject({
      isConnected: true,
      connectionStatus: true,
    });
  });

  test("a command that the generation does not have is known as such", async () => {
    const { definitions } = await detect(enveloped("GetConfigResponse", MAY));
    expect(definitions.offers("system", "cmds", "configure_network")).toBe(false);
    expect(definitions.offers("system", "cmds", "reset")).toBe(true);
    expect(definitions.offers("reservation", "cmds", "reserve_now")).toBeUndefined();
  });
});

describe("what cannot be served is told with word and topic", () => {
  test.each([
    [enveloped("SomethingNew", MAY), /unknown word "SomethingNew" on everest\/interfaces/],
    [
      { ...enveloped("GetConfigResponse", MAY), ...enveloped("Else", { settings: SETTINGS }) },
      /"Else" on everest\/settings/,
    ],
    [raw({ interfaces: { version: 9 } }), /unknown form on everest\/interfaces/],
    [raw({ ...MAY, module_provides: {} }), /framework 0.19 and older/],
  ])("case %#", async (retained, message) => {
    await expect(detect(retained)).rejects.toThrow(message);
  });
});

describe("nothing is distributed: stand-alone, or started late", () => {
  test("after 5 s the installed interface files decide", async () => {
    const august = installed({ "interfaces/ocpp.yaml": "vars:\n  connection_status: {type: object}\n" });
    const { features, waited } = await detect({}, august);
    expect(waited).toBe(true);
    expect(features).toMatchObject({ envelope: "Configuration", connectionStatus: true, isConnected: false });
    const may = installed({ "interfaces/ocpp.yaml": "vars:\n  is_connected: {type: boolean}\n" });
    expect((await detect({}, may)).features).toMatchObject({ envelope: "GetConfig", isConnected: true });
  });

  test("types of grid_support show that enums travel as names", async () => {
    const prefix = installed({
      "interfaces/ocpp.yaml": "vars:\n  is_connected: {type: boolean}\n",
      "types/grid_support.yaml": "types: {}\n",
    });
    expect((await detect({}, prefix)).features.enumsInArrays).toBe("names");
  });

  test("without any hint no manager is asked: a wrong word would end it", async () => {
    await expect(detect({})).rejects.toThrow(/generation of EVerest cannot be told.*everest\/interfaces/);
    expect((await detect({}, "/nonexistent", false)).features.envelope).toBe("GetConfig");
  });
});
