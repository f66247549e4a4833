import mqtt from "mqtt";
import { ACTIONS, type Action, MESSAGE_SCHEMAS } from "../../src/ocpp/v201/index.ts";
import { Charger } from "../support/charger.ts";
import { mutate, mutatedFrame, mutatedPayload, randomValue } from "../support/mutations.ts";
import { SeededRandom } from "../support/seeded-random.ts";
import { demandCleanLog, memoryMegabytes, testimonyOf, until } from "./executable.ts";
import type { RunningPart, SoakPart } from "./part.ts";

/** Carried out they would end the process, or lead the station to another CSMS. */
const LEFT_OUT: ReadonlySet<Action> = new Set(["Reset", "SetNetworkProfile"]);
const CALLABLE = ACTIONS.filter((action) => !LEFT_OUT.has(action)) as unknown as readonly [Action, ...Action[]];
const TOKEN = { id_token: { value: "04A1B2C3", type: "ISO14443" }, authorization_type: "RFID" };
const FRAMES_PER_UNIT = 200;
const PAYLOADS_PER_UNIT = 100;
const MEMORY_GROWTH_LIMIT_MEGABYTES = 150;

abstract class HostileRun implements RunningPart {
  protected highest = 0;
  private readonly before: number;
  private readonly pid: number;

  constructor(
    protected readonly charger: Charger,
    protected readonly seed: number,
  ) {
    this.before = memoryMegabytes(charger);
    this.pid = charger.pid;
  }

  protected abstract send(random: SeededRandom): Promise<void>;

  async step(unit: number): Promise<void> {
    const { charger } = this;
    await this.send(new SeededRandom(this.seed * 1_000_003 + unit));
    await this.demandAlive();
    demandCleanLog(charger);
    charger.log = "";
    charger.csms.calls.length = 0;
    this.highest = Math.max(this.highest, memoryMegabytes(charger));
    const grown = this.highest - this.before;
    if (grown > MEMORY_GROWTH_LIMIT_MEGABYTES)
      throw new Error(`the station's memory has grown by ${grown.toFixed(0)} MB`);
  }

  /** An answer shows that it has gone on behind all that it was sent; a connection may have been cut meanwhile. */
  private async demandAlive(): Promise<void> {
    const { charger } = this;
    await until("the station answers", async () => {
      if (!charger.isRunning || charger.pid !== this.pid)
        throw new Error(`the station has ended: ${charger.log.slice(-500)}`);
      if (!charger.csms.connected) return false;
      const answer = await Promise.race([
        charger.csms.send("GetLocalListVersion", {}).catch(() => {}),
        Bun.sleep(10_000),
      ]);
      return (answer as { kind?: string } | undefined)?.kind === "response";
    });
  }

  testimony(): string {
    return testimonyOf(this.charger);
  }

  async finish() {
    await this.charger.stop();
    return { "RSS before, MB": this.before.toFixed(0), "RSS at most, MB": this.highest.toFixed(0) };
  }
}

class FrameRun extends HostileRun {
  private sent = 0;

  protected async send(random: SeededRandom): Promise<void> {
    for (let count = 0; count < FRAMES_PER_UNIT; count++) {
      this.charger.csms.sendText(this.frame(random, `soak-${this.sent++}`));
      if (count % 20 === 0) await Bun.sleep(0);
    }
  }

  private frame(random: SeededRandom, messageId: string): string {
    const action = random.pick(CALLABLE);
    const schema = MESSAGE_SCHEMAS[action].request;
    const dice = random.next();
    if (dice < 0.3) return mutatedFrame([2, messageId, action, randomValue(schema as never, random)], random);
    if (dice < 0.4)
      return mutatedFrame([3, messageId, randomValue(MESSAGE_SCHEMAS[action].response as never, random)], random);
    return JSON.stringify([2, messageId, action, mutatedPayload(schema, random)]);
  }
}

/** What EVerest's modules have said: real payloads to be mutated, by topic. */
export class HeardOnBus {
  readonly messages: { readonly topic: string; readonly payload: unknown }[] = [];

  private constructor(readonly client: mqtt.MqttClient) {}

  static async of({ broker, everest }: Charger): Promise<HeardOnBus> {
    const client = await mqtt.connectAsync(`mqtt://127.0.0.1:${broker.port}`, { protocolVersion: 5 });
    const heard = new HeardOnBus(client);
    client.on("message", (topic, payload) => heard.take(topic, payload.toString()));
    await client.subscribeAsync("everest/#", { qos: 1 });
    for (const evse of everest.evses) {
      await evse.plugIn();
      await evse.authorize(TOKEN);
      await evse.startCharging();
      await evse.pause("EV");
      await evse.unplug();
    }
    await until("something is heard on the bus", () => heard.messages.length > 20);
    await client.unsubscribeAsync("everest/#");
    return heard;
  }

  /** Shutdowns and what the manager distributes would end the process, as they should. */
  private take(topic: string, text: string): void {
    if (/shutdown|config|ready/i.test(topic) || text === "") return;
    try {
      this.messages.push({ topic, payload: JSON.parse(text) });
    } catch {
      // No JSON: nothing to begin with.
    }
  }
}

class PayloadRun extends HostileRun {
  constructor(
    charger: Charger,
    seed: number,
    private readonly heard: HeardOnBus,
  ) {
    super(charger, seed);
  }

  protected async send(random: SeededRandom): Promise<void> {
    const { client, messages } = this.heard;
    const sent: Promise<unknown>[] = [];
    for (let count = 0; count < PAYLOADS_PER_UNIT; count++) {
      const { topic, payload } = messages[random.below(messages.length)] ?? { topic: "everest/none", payload: {} };
      const text = JSON.stringify(mutate(payload, random)) ?? "";
      const dice = random.next();
      const mutated = dice < 0.1 ? text.slice(0, random.below(text.length + 1)) : dice < 0.12 ? "\0\xff\xfe" : text;
      sent.push(client.publishAsync(topic, mutated, { qos: 0 }));
    }
    await Promise.all(sent);
    // The broker hands them over one after the other; the question to the station goes another way.
    await Bun.sleep(10);
  }

  override async finish() {
    await this.heard.client.endAsync(true);
    return super.finish();
  }
}

export const frames: SoakPart = {
  name: "frames",
  title: "Mutated frames from the CSMS to the executable",
  unit: `times ${FRAMES_PER_UNIT} frames`,
  units: 1_000_000 / FRAMES_PER_UNIT,
  start: async (seed) => new FrameRun(await Charger.start(), seed),
};

export const payloads: SoakPart = {
  name: "payloads",
  title: "Mutated MQTT payloads on the topics of EVerest's modules to the executable",
  unit: `times ${PAYLOADS_PER_UNIT} payloads`,
  units: 200_000 / PAYLOADS_PER_UNIT,
  start: async (seed) => {
    const charger = await Charger.start({ optionalModules: true });
    return new PayloadRun(charger, seed, await HeardOnBus.of(charger));
  },
};
