import { afterAll, beforeAll, expect, test } from "bun:test";
import mqtt, { type MqttClient } from "mqtt";
import { Charger } from "../support/charger.ts";

const TOKEN = { id_token: { value: "04A1B2C3", type: "ISO14443" }, authorization_type: "RFID" };

/** Commands of `ocpp_generic` that take the connection down and up, and the topics that do so from outside EVerest. */
let charger: Charger;
let outside: MqttClient;
const connected: boolean[] = [];

beforeAll(async () => {
  charger = await Charger.start({ parameters: { EnableExternalWebsocketControl: true } });
  outside = await mqtt.connectAsync({ host: "127.0.0.1", port: charger.broker.port, protocolVersion: 4 });
  await charger.everest.bus.listen("modules/ocpp/impl/ocpp_generic/var/is_connected", (payload) =>
    connected.push((payload as { data: { data: boolean } }).data.data),
  );
}, 30_000);
afterAll(async () => {
  await outside.endAsync();
  await charger.stop();
});

const call = (command: string, args: object | null = null) =>
  charger.everest.bus.call("tester", "ocpp", "ocpp_generic", command, args);
const until = async (condition: () => boolean) => {
  for (let attempt = 0; attempt < 250 && !condition(); attempt++) await Bun.sleep(20);
  expect(condition()).toBe(true);
};
const boots = () => charger.csms.calls.filter(({ action }) => action === "BootNotification");
const control = (command: "connect" | "disconnect") =>
  outside.publishAsync(`everest_api/ocpp/cmd/${command}`, "any payload");

test("stop ends the communication, restart boots again as after a reset of the application", async () => {
  let closeCode = 0;
  charger.csms.events.on("disconnected", ({ code }) => {
    closeCode = code;
  });
  expect(await call("stop")).toBe(true);
  await until(() => connected.at(-1) === false);
  await until(() => closeCode === 1001);
  const from = charger.csms.calls.length;
  expect(await call("restart")).toBe(true);
  const { request } = await charger.csms.waitFor("BootNotification", undefined, 5_000, from);
  expect(request.reason).toBe("ApplicationReset");
  await until(() => connected.at(-1) === true);
});

test("the control topics take the websocket down and up; nothing is booted and nothing is lost", async () => {
  await until(() => charger.csms.connected);
  const bootCount = boots().length;
  const from = charger.csms.calls.length;
  await control("disconnect");
  await until(() => connected.at(-1) === false);
  const evse = charger.everest.evse(1);
  await evse.plugIn();
  await evse.authorize(TOKEN);
  await evse.startCharging();
  await control("connect");
  const { request } = await charger.csms.waitFor(
    "TransactionEvent",
    ({ eventType }) => eventType === "Started",
    5_000,
    from,
  );
  expect(request.offline).toBe(true);
  await until(() => connected.at(-1) === true);
  expect(boots()).toHaveLength(bootCount);
});

test("connect changes nothing while there is a connection", async () => {
  await until(() => charger.csms.connected);
  const changes = connected.length;
  await control("connect");
  await charger.csms.send("GetVariables", {
    getVariableData: [{ component: { name: "ClockCtrlr" }, variable: { name: "DateTime" } }],
  });
  expect(connected).toHaveLength(changes);
});

test("DelayOcppStart: what other modules ask for meanwhile is done at once, and a stop is told as done", async () => {
  const waiting = await Charger.start({ stopped: true, parameters: { DelayOcppStart: 600_000 } });
  try {
    waiting.spawn();
    await until(() => waiting.log.includes("EVerest is ready"));
    const ask = (command: string) => waiting.everest.bus.call("tester", "ocpp", "ocpp_generic", command, null);
    while ((await ask("stop")) !== true) await Bun.sleep(20);
    expect(waiting.csms.calls).toEqual([]);
    expect(await ask("restart")).toBe(true);
    const { request } = await waiting.csms.waitFor("BootNotification", undefined, 5_000, 0);
    expect(request.reason).toBe("ApplicationReset");
  } finally {
    await waiting.stop();
  }
}, 20_000);
