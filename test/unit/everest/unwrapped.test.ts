import { expect, test } from "bun:test";
import type { Channel, MessageHandler } from "../../../src/everest/channel.ts";
import {
  openCommand,
  openError,
  openResult,
  openVariable,
  sealCommand,
  sealReady,
  sealRequest,
  sealResult,
  sealVariable,
} from "../../../src/everest/envelope.ts";
import { UnwrappedChannel } from "../../../src/everest/unwrapped-channel.ts";
import { silentLogger } from "../../../src/log/logger.ts";

/** The bus up to framework 0.24, as PROTOCOL 17.2 and 17.3 describe it. */
function rig() {
  const handlers = new Map<string, MessageHandler[]>();
  const published: [string, unknown][] = [];
  const bus: Channel = {
    subscribe: async (subscriptions: ReadonlyMap<string, MessageHandler>) => {
      for (const [topic, handler] of subscriptions) handlers.set(topic, [...(handlers.get(topic) ?? []), handler]);
    },
    publish: (topic, text) => published.push([topic, JSON.parse(text)]) > 0,
    delivered: async () => {},
    status: { isConnected: true, waiting: 0, losses: 0, dropped: 0 },
    stopListening: () => {},
    close: async () => {},
  };
  const channel = new UnwrappedChannel(bus, { everestPrefix: "everest/", moduleId: "ocpp", logger: silentLogger });
  const receive = async (topic: string, text: string) => {
    for (const handler of handlers.get(topic) ?? []) await handler(text, topic);
    await Promise.resolve();
  };
  return { channel, handlers, published, receive };
}
const EVSE = "everest/modules/evse/impl/evse";

test("variables of an implementation share a topic, and each goes to who has asked for it", async () => {
  const { channel, receive } = rig();
  const heard: unknown[] = [];
  for (const name of ["ready", "powermeter"])
    await channel.subscribe(
      new Map([[`${EVSE}/var/${name}`, (text: string) => void heard.push([name, openVariable(text)?.value])]]),
    );
  await receive(`${EVSE}/var`, '{"name":"ready","data":true}');
  await receive(`${EVSE}/var`, '{"name":"other","data":1}');
  await receive(`${EVSE}/var`, '{"name":"powermeter","data":{"timestamp":"t"}}');
  expect(heard).toEqual([
    ["ready", true],
    ["powermeter", { timestamp: "t" }],
  ]);
});

test("calls and results share a topic: a call is not taken for a result, nor one command for another", async () => {
  const { channel, receive } = rig();
  const calls: unknown[] = [];
  const results: unknown[] = [];
  await channel.subscribe(
    new Map<string, MessageHandler>([
      [`${EVSE}/cmd/get_evse`, (text) => void calls.push(openCommand(text))],
      [`${EVSE}/cmd/get_evse/response/ocpp`, (text) => void results.push(openResult(text))],
    ]),
  );
  await receive(`${EVSE}/cmd`, '{"name":"get_evse","type":"call","data":{"id":"1","args":null,"origin":"auth"}}');
  await receive(
    `${EVSE}/cmd`,
    '{"name":"get_evse","type":"result","data":{"id":"1","retval":{"id":1},"origin":"evse"}}',
  );
  await receive(`${EVSE}/cmd`, '{"name":"force_unlock","type":"call","data":{"id":"2","args":{},"origin":"auth"}}');
  for (const odd of ["", "x", "null", "7", "[]", '{"name":"get_evse"}']) await receive(`${EVSE}/cmd`, odd);
  expect(calls).toEqual([{ id: "1", args: null, origin: "auth" }]);
  expect(results).toMatchObject([{ id: "1", retval: { id: 1 } }]);
});

test("a slow command does not hold up the others that share its topic", async () => {
  const { channel, receive } = rig();
  const done: string[] = [];
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  await channel.subscribe(
    new Map<string, MessageHandler>([
      [`${EVSE}/cmd/slow`, () => held.then(() => void done.push("slow"))],
      [`${EVSE}/cmd/fast`, () => void done.push("fast")],
    ]),
  );
  for (const name of ["slow", "fast"])
    await receive(`${EVSE}/cmd`, JSON.stringify({ name, type: "call", data: { id: name, origin: "auth" } }));
  release();
  await held;
  await Promise.resolve();
  expect(done).toEqual(["fast", "slow"]);
});

test("errors come on one topic, raised and cleared by their state", async () => {
  const { channel, receive } = rig();
  const heard: unknown[] = [];
  const handler: MessageHandler = (text) => void heard.push(openError(text)?.state);
  await channel.subscribe(new Map([["everest/modules/+/impl/+/error/#", handler]]));
  const error = { type: "a/B", origin: { module_id: "m", implementation_id: "i" } };
  for (const state of ["Active", "ClearedByModule"])
    await receive("everest/modules/+/impl/+/error", JSON.stringify({ ...error, state }));
  expect(heard).toEqual(["Active", "ClearedByModule"]);
});

test("what is sent has no envelope", () => {
  const { channel, published } = rig();
  channel.publish("everest/modules/ocpp/impl/ocpp_generic/var/is_connected", sealVariable(true));
  channel.publish(`${EVSE}/cmd/get_evse`, sealCommand("1", "ocpp", null));
  channel.publish(
    "everest/modules/ocpp/impl/auth_validator/cmd/validate_token/response/auth",
    sealResult("2", "ocpp", 7),
  );
  channel.publish("everest/modules/ocpp/ready", sealReady());
  channel.publish("elsewhere/topic", '"as it is"');
  expect(published).toEqual([
    ["everest/modules/ocpp/impl/ocpp_generic/var", { name: "is_connected", data: true }],
    [`${EVSE}/cmd`, { name: "get_evse", type: "call", data: { id: "1", args: null, origin: "ocpp" } }],
    [
      "everest/modules/ocpp/impl/auth_validator/cmd",
      { name: "validate_token", type: "result", data: { id: "2", retval: 7, origin: "ocpp" } },
    ],
    ["everest/modules/ocpp/ready", true],
    ["elsewhere/topic", "as it is"],
  ]);
});

test("the configuration is asked for in both ways, until one of them has answered (PROTOCOL 17.3)", async () => {
  const { channel, published, receive } = rig();
  const answers: unknown[] = [];
  await channel.subscribe(
    new Map<string, MessageHandler>([
      ["everest/modules/ocpp/response", (text) => void answers.push(JSON.parse(text).data)],
    ]),
  );
  const request = sealRequest("GetConfig", { type: "Get", origin: "ocpp", request: { type: "Module" } });
  channel.publish("everest/config/request", request);
  expect(published).toEqual([
    ["everest/config/request", { type: "Get", origin: "ocpp", request: { type: "Module" } }],
    ["everest/modules/ocpp/get_config", { type: "full" }],
  ]);
  await receive("everest/modules/ocpp/config", '{"module_config":{}}');
  expect(answers).toMatchObject([{ status: "Ok", response: { type: "Module", data: { module_config: {} } } }]);
  expect(channel.configurationSource).toBe("get_config");
  published.splice(0);
  channel.publish("everest/config/request", request);
  expect(published).toHaveLength(1);
});
