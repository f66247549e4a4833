import { afterEach, describe, expect, test } from "bun:test";
import { spawn } from "node:child_process";
import mqtt from "mqtt";
import { Charger, type ChargerOptions, EXECUTABLE } from "../support/charger.ts";
import { startMosquitto } from "../support/mosquitto.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const CARD = { value: "04A1B2C3", type: "ISO14443" };

async function start(options: ChargerOptions): Promise<Charger> {
  const charger = await Charger.start(options);
  cleanUps.push(() => charger.stop());
  return charger;
}

test.each(["2025-02", "2025-10", "2026-08"] as const)(
  "EVerest of %s: kill -9 in the middle of a session loses nothing, in whatever words it is told",
  async (release) => {
    const charger = await start({ release });
    const { csms, everest } = charger;
    await everest.evse(1).plugIn();
    expect(await everest.presentToken(CARD)).toBe("Accepted");
    await everest.evse(1).startCharging();
    const isCharging = ({ transactionInfo }: Readonly<Record<string, unknown>>) =>
      (transactionInfo as { chargingState?: string }).chargingState === "Charging";
    await csms.waitFor("TransactionEvent", isCharging);
    await charger.end("SIGKILL");
    await charger.startStation();
    await everest.presentToken(CARD);
    await everest.evse(1).unplug();
    await csms.waitFor("TransactionEvent", ({ eventType }) => eventType === "Ended");
    expect(charger.transactionEvents().filter(({ eventType }) => eventType === "Started")).toHaveLength(1);
    expect([...csms.violations, ...everest.violations]).toEqual([]);
  },
);

describe("a manager whose words nobody knows", () => {
  /** Retained definitions as they lie there, and what the station says and publishes. */
  async function run(retained: Readonly<Record<string, unknown>>) {
    const broker = await startMosquitto();
    cleanUps.push(() => broker.stop());
    const client = await mqtt.connectAsync({ host: "127.0.0.1", port: broker.port, protocolVersion: 4 });
    cleanUps.push(() => client.endAsync());
    for (const [topic, payload] of Object.entries(retained))
      await client.publishAsync(`everest/${topic}`, JSON.stringify(payload), { qos: 2, retain: true });
    const published: string[] = [];
    client.on("message", (topic, _payload, { retain }) => void (retain || published.push(topic)));
    await client.subscribeAsync("#", { qos: 2 });
    const options = ["--module", "ocpp", "--prefix", "/nonexistent", "--mqtt_broker_port", String(broker.port)];
    const station = spawn(EXECUTABLE, options, { stdio: ["ignore", "pipe", "pipe"] });
    let log = "";
    for (const stream of [station.stdout, station.stderr])
      stream.on("data", (data) => {
        log += String(data);
      });
    const code = await new Promise<number | null>((resolve) => station.once("exit", resolve));
    return { code, published, messages: log.trim().split("\n") };
  }

  test("one message names the word and the topic, the exit code is 1, nothing is published", async () => {
    const settings = { msg_type: "NewWordResponse", data: { data_dir: "/x" } };
    const { code, published, messages } = await run({
      settings,
      interfaces: { msg_type: "NewWordResponse", data: ["ocpp"] },
    });
    expect([code, published]).toEqual([1, []]);
    expect(messages).toHaveLength(1);
    expect(messages[0]).toContain('"NewWordResponse" on everest/interfaces');
  }, 20_000);

  test("nothing is distributed and nothing installed: no word is tried out on the manager", async () => {
    const { code, published, messages } = await run({});
    expect([code, published]).toEqual([1, []]);
    expect(messages.join()).toContain("the generation of EVerest cannot be told");
  }, 20_000);
});

describe("the slot of OCPPmulti", () => {
  test.each(["Only1.6", "Prefer1.6"])("Mode %s is refused before ready, with one message", async (mode) => {
    const charger = await start({ release: "2026-08", slot: "OCPPmulti", stopped: true, parameters: { Mode: mode } });
    let isReady = false;
    await charger.everest.bus.listen("modules/ocpp/ready", () => {
      isReady = true;
    });
    const station = charger.spawn();
    expect(await new Promise((resolve) => station.once("exit", resolve))).toBe(1);
    const critical = charger.log.split("\n").filter((line) => line.includes("CRIT"));
    expect(critical).toHaveLength(1);
    expect(critical[0]).toMatch(new RegExp(`module ocpp .*Mode .*"${mode}".*no OCPP 1.6.*Only2 and Prefer2`));
    expect(isReady).toBe(false);
  });

  test("charger_information and grid_support may be connected; they mean nothing here, and that is told once", async () => {
    const charger = await start({ release: "2026-08", slot: "OCPPmulti", parameters: { Mode: "Prefer2" } });
    expect(charger.log.match(/grid_support/g)).toHaveLength(1);
    expect(charger.log).toContain("Prefer2");
    expect(charger.log).toContain("ocpp:OCPPmulti");
  });
});

test("shutdown (graceful, August 2026): the station ends by itself with exit code 0, having told that it is offline", async () => {
  const charger = await start({ release: "2026-08" });
  const told: unknown[] = [];
  await charger.everest.bus.onVariable("ocpp", "ocpp_generic", "connection_status", (value) => told.push(value));
  const station = charger.spawned;
  const ended = new Promise<number | null>((resolve) => station?.once("exit", (code) => resolve(code)));
  await Promise.all([charger.everest.shutDown(), charger.everest.shutDown()]);
  expect(await ended).toBe(0);
  expect(told).toMatchObject([{ connected: false, ocpp_version: "2.0.1" }]);
});
