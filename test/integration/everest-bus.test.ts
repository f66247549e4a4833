import { afterEach, expect, test } from "bun:test";
import mqtt from "mqtt";
import { Bus } from "../../src/everest/bus.ts";
import { type Logger, silentLogger } from "../../src/log/logger.ts";
import { Charger } from "../support/charger.ts";
import { startMosquitto } from "../support/mosquitto.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

test("200 publications at once pass mosquitto's default window, every one", async () => {
  const broker = await startMosquitto();
  cleanUps.push(() => broker.stop());
  const address = { host: "127.0.0.1", port: broker.port };
  const receiver = await Bus.connect(address, silentLogger);
  const sender = await Bus.connect(address, silentLogger);
  cleanUps.push(
    () => receiver.close(),
    () => sender.close(),
  );
  const received: number[] = [];
  const all = new Promise<void>((resolve) => {
    void receiver
      .subscribe(new Map([["burst", (text: string) => void (received.push(Number(text)) === 200 && resolve())]]))
      .then(() => {
        for (let number = 0; number < 200; number++) sender.publish("burst", String(number));
      });
  });
  await all;
  expect(received).toEqual(Array.from({ length: 200 }, (_, index) => index));
});

test("a slow handler of one topic keeps its order and does not hold up another", async () => {
  const broker = await startMosquitto();
  cleanUps.push(() => broker.stop());
  const bus = await Bus.connect({ host: "127.0.0.1", port: broker.port }, silentLogger);
  cleanUps.push(() => bus.close());
  const seen: string[] = [];
  let release = (): void => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const done = new Promise<void>((resolve) => {
    void bus
      .subscribe(
        new Map<string, (text: string) => void | Promise<void>>([
          [
            "slow",
            async (text) => {
              if (text === "1") await held;
              seen.push(`slow ${text}`);
              if (text === "2") resolve();
            },
          ],
          [
            "fast",
            (text) => {
              seen.push(`fast ${text}`);
              release();
            },
          ],
        ]),
      )
      .then(() => {
        bus.publish("slow", "1");
        bus.publish("slow", "2");
        bus.publish("fast", "1");
      });
  });
  await done;
  expect(seen).toEqual(["fast 1", "slow 1", "slow 2"]);
});

/** A bus with what it warns of, and what it hears on the topic `ok`. */
async function listeningBus(port: number) {
  const lines: string[] = [];
  const note = (line: string): void => void lines.push(line);
  const logger: Logger = { ...silentLogger, warn: note, error: note };
  const bus = await Bus.connect({ host: "127.0.0.1", port }, logger);
  cleanUps.push(() => bus.close());
  const heard: string[] = [];
  let wake = (): void => {};
  await bus.subscribe(
    new Map([
      [
        "ok",
        (text: string) => {
          heard.push(text.slice(0, 10));
          wake();
        },
      ],
    ]),
  );
  const hears = async (text: string): Promise<void> => {
    while (!heard.includes(text))
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
  };
  return { bus, lines, heard, hears };
}

test("what MQTT or the broker does not allow is dropped and told, and costs no connection", async () => {
  const broker = await startMosquitto("max_packet_size 5000");
  cleanUps.push(() => broker.stop());
  const { bus, lines, heard, hears } = await listeningBus(broker.port);
  for (const topic of ["a#", "a/+", "a\0", "a\n", "a\ud800", "", "a".repeat(65_536)]) bus.publish(topic, "never");
  bus.publish("ok", "too large".repeat(1_000));
  bus.publish("ok", "good");
  await hears("good");
  expect(heard).toEqual(["good"]);
  expect(lines.filter((line) => !line.includes(" is dropped: "))).toEqual([]);
  expect(lines).toHaveLength(8);
  await expect(bus.subscribe(new Map([["a\0", () => {}]]))).rejects.toThrow("no topic that can be subscribed");
});

test("incident: a publication at which the broker hangs up came again at each reconnect, for ever", async () => {
  const broker = await startMosquitto();
  cleanUps.push(() => broker.stop());
  const { bus, lines, heard, hears } = await listeningBus(broker.port);
  const tooDeep = "a/".repeat(300); // mosquitto's own limit: 200 levels
  bus.publish(tooDeep, "never");
  for (let number = 1; number <= 20; number++) bus.publish("ok", String(number));
  await hears("20");
  expect(heard).toEqual(Array.from({ length: 20 }, (_, index) => String(index + 1)));
  expect(lines.filter((line) => line.includes("is lost"))).toHaveLength(2);
  expect(lines.filter((line) => line.includes("is given up"))).toHaveLength(1);
}, 20_000);

test("a publication that was on its way when the broker was restarted arrives, once", async () => {
  const broker = await startMosquitto();
  cleanUps.push(() => broker.stop());
  const { bus, heard, hears } = await listeningBus(broker.port);
  const restarted = broker.restart();
  bus.publish("ok", "meanwhile");
  await restarted;
  await hears("meanwhile");
  bus.publish("ok", "afterwards");
  await hears("afterwards");
  expect(heard).toEqual(["meanwhile", "afterwards"]);
}, 20_000);

test("all is delivered when the broker has it, not while there is none", async () => {
  const broker = await startMosquitto();
  cleanUps.push(() => broker.stop());
  const { bus, lines, hears } = await listeningBus(broker.port);
  await bus.delivered();
  const restarted = broker.restart();
  while (!lines.some((line) => line.includes("is lost"))) await Bun.sleep(1);
  bus.publish("ok", "meanwhile");
  let isDelivered = false;
  const delivered = bus.delivered().then(() => {
    isDelivered = true;
  });
  while (bus.status.waiting > 0) {
    expect(isDelivered).toBe(false);
    await Bun.sleep(5);
  }
  await restarted;
  await delivered;
  expect(bus.status.waiting).toBe(0);
  await hears("meanwhile");
}, 20_000);

test("incident: what waits for an absent broker was limited in number, not in size", async () => {
  const broker = await startMosquitto();
  const { bus, lines } = await listeningBus(broker.port);
  await broker.stop();
  while (!lines.some((line) => line.includes("is lost"))) await Bun.sleep(10);
  const text = "x".repeat(1024 * 1024);
  for (let number = 0; number < 40; number++) bus.publish("ok", text);
  expect(lines.filter((line) => line.includes("Too much waits for the MQTT broker"))).toHaveLength(8);
});

test("the end of a connection under load left `MQTT: write after end` in the log", async () => {
  const broker = await startMosquitto();
  cleanUps.push(() => broker.stop());
  const { bus, lines, hears } = await listeningBus(broker.port);
  const sender = await Bus.connect({ host: "127.0.0.1", port: broker.port }, silentLogger);
  cleanUps.push(() => sender.close());
  for (let number = 0; number < 500; number++) sender.publish("ok", String(number));
  await hears("50");
  await bus.close();
  bus.publish("ok", "too late");
  expect(lines).toEqual([]);
});

test("incident: one command with an origin that is no name cut the station off from EVerest for ever", async () => {
  const charger = await Charger.start();
  cleanUps.push(() => charger.stop());
  const client = await mqtt.connectAsync({ protocol: "mqtt", host: "127.0.0.1", port: charger.broker.port });
  cleanUps.push(() => client.endAsync());
  const topic = "everest/modules/ocpp/impl/ocpp_generic/cmd/get_variables";
  for (const origin of ["#", "a+", "a\0", "a\u0001", "\ud800", "a/b", "", "x".repeat(70_000)]) {
    const data = { id: "1", origin, args: { requests: [] } };
    await client.publishAsync(topic, JSON.stringify({ msg_type: "Cmd", data }), { qos: 2 });
  }
  expect(await charger.everest.presentToken({ value: "CARD", type: "ISO14443" })).toBe("Accepted");
  expect(charger.log).not.toContain("is lost; trying again");
  expect(charger.log.match(/is no name of a module/g)).toHaveLength(8);
});

test("incident: a token of 37 characters was asked of the CSMS, which cannot read it", async () => {
  const charger = await Charger.start();
  cleanUps.push(() => charger.stop());
  const calls = charger.csms.calls.length;
  const ask = (provided_token: object) =>
    charger.everest.bus.call("auth2", "ocpp", "auth_validator", "validate_token", { provided_token });
  const refused = { authorization_status: "Invalid", tariff_messages: [] };
  const long = { id_token: { value: "A".repeat(37), type: "ISO14443" }, authorization_type: "RFID" };
  expect(await ask(long)).toEqual(refused);
  expect(await ask({ id_token: { value: "A", type: "Broken" }, authorization_type: "RFID" })).toEqual(refused);
  expect(charger.csms.calls.slice(calls).filter(({ action }) => action === "Authorize")).toEqual([]);
  expect(charger.log).toContain("a token of 37 characters, OCPP has room for 36");
  const broken = { request: { operational_status: "Broken" } };
  expect(await charger.everest.bus.call("auth2", "ocpp", "ocpp_generic", "change_availability", broken)).toEqual({
    status: "Rejected",
  });
});

test("1,000 malformed payloads on the module's topics neither stop the process nor change what it does", async () => {
  const charger = await Charger.start();
  cleanUps.push(() => charger.stop());
  const client = await mqtt.connectAsync({ protocol: "mqtt", host: "127.0.0.1", port: charger.broker.port });
  cleanUps.push(() => client.endAsync());
  const random = new SeededRandom(7);
  const topics = [
    "evse_manager_1/impl/evse/var/session_event",
    "evse_manager_1/impl/evse/var/powermeter",
    "evse_manager_2/impl/evse/error/evse_manager/Inoperative",
    "ocpp/impl/auth_validator/cmd/validate_token",
    "ocpp/impl/ocpp_generic/cmd/set_variables",
    "ocpp/response",
    "system/impl/main/var/firmware_update_status",
  ] as const;
  const payloads = [
    "",
    "{",
    "null",
    "[]",
    '{"msg_type":"Var"}',
    '{"msg_type":"Var","data":{"data":{"uuid":"u","timestamp":"2026-01-01T00:00:00Z"}}}',
    '{"msg_type":"Var","data":{"data":{"event":7,"uuid":null,"timestamp":[]}}}',
    '{"msg_type":"Var","data":{"data":{"timestamp":"x","energy_Wh_import":{}}}}',
    '{"msg_type":"Cmd","data":{"id":"1","origin":"auth","args":{"provided_token":7}}}',
    '{"msg_type":"Cmd","data":{"id":"1","origin":"auth","args":"text"}}',
    '{"msg_type":"RaiseError","data":{"type":1}}',
    '{"msg_type":"Nobody","data":{"data":true}}',
  ] as const;
  for (let index = 0; index < 1_000; index++)
    await client.publishAsync(`everest/modules/${random.pick(topics)}`, random.pick(payloads), { qos: 0 });
  const calls = charger.csms.calls.length;
  expect(await charger.everest.presentToken({ value: "CARD", type: "ISO14443" })).toBe("Accepted");
  expect(charger.isRunning).toBe(true);
  expect(charger.csms.calls.slice(calls).map(({ action }) => action)).toEqual(["Authorize"]);
});

test("a manager that offers a changed parameter hears that it needs a restart (PROTOCOL 17.4)", async () => {
  const charger = await Charger.start();
  cleanUps.push(() => charger.stop());
  const client = await mqtt.connectAsync({ protocol: "mqtt", host: "127.0.0.1", port: charger.broker.port });
  cleanUps.push(() => client.endAsync());
  await client.subscribeAsync("everest/modules/ocpp/config/set_response");
  const answered = new Promise<unknown>((resolve) =>
    client.once("message", (_topic, payload) => resolve(JSON.parse(payload.toString()))),
  );
  const data = { identifier: { configuration_parameter_name: "ResetStopDelay" }, value: "5" };
  const request = { msg_type: "ConfigurationRequest", data };
  await client.publishAsync("everest/modules/ocpp/config/set_request", JSON.stringify(request), { qos: 2 });
  expect(await answered).toMatchObject({
    msg_type: "ConfigurationResponse",
    data: { status: "Ok", type: "Set", response: { status: "RebootRequired" } },
  });
});

test("incident: a command whose arguments are no object was dropped, and its caller waited for 300 s", async () => {
  const charger = await Charger.start();
  cleanUps.push(() => charger.stop());
  const client = await mqtt.connectAsync({ protocol: "mqtt", host: "127.0.0.1", port: charger.broker.port });
  cleanUps.push(() => client.endAsync());
  const topic = "everest/modules/ocpp/impl/auth_validator/cmd/validate_token";
  await client.subscribeAsync(`${topic}/response/auth2`);
  const answered = new Promise<unknown>((resolve) =>
    client.once("message", (_topic, payload) => resolve(JSON.parse(payload.toString()))),
  );
  const data = { id: "1", origin: "auth2", args: "text" };
  await client.publishAsync(topic, JSON.stringify({ msg_type: "Cmd", data }), { qos: 2 });
  // The regular negative answer: an error answer may end a caller in C++ (PROTOCOL 11.3).
  const retval = { authorization_status: "Invalid", tariff_messages: [] };
  expect(await answered).toMatchObject({ msg_type: "CmdResult", data: { data: { id: "1", retval } } });
});
