import mqtt, { type MqttClient } from "mqtt";
import { DEFAULT_RELEASE, type Release, TRAITS, type Traits } from "./release.ts";

/** Publications on their way at once; mosquitto silently loses what goes beyond its receive maximum of 20. */
const IN_FLIGHT_LIMIT = 16;

type Handler = (payload: unknown, topic: string) => void;

export interface RecordedCommand {
  readonly module: string;
  readonly implementation: string;
  readonly command: string;
  readonly args: Readonly<Record<string, unknown>>;
}

export type CommandAnswer = (args: Readonly<Record<string, unknown>>) => unknown;

interface Call {
  readonly id: string;
  readonly origin: string;
  readonly args: Record<string, unknown> | null;
}

/** EVerest's wire written down a second time, by hand, so that it can testify against the product's own. */
export class SimulatedBus {
  readonly recorded: RecordedCommand[] = [];
  private readonly handlers = new Map<string, Handler[]>();
  private readonly waiting = new Map<string, (retval: unknown) => void>();
  /** Topics on which results of own calls are awaited. */
  private readonly listening = new Set<string>();
  private callCount = 0;
  private inFlight = 0;
  private readonly turns: (() => void)[] = [];

  private constructor(
    private readonly client: MqttClient,
    private readonly prefix: string,
    readonly traits: Traits,
  ) {
    client.on("message", (topic, payload) => {
      const text = payload.toString();
      if (text !== "") for (const handler of this.handlers.get(topic) ?? []) handler(JSON.parse(text), topic);
    });
  }

  static async connect(
    broker: { host: string; port: number },
    release: Release = DEFAULT_RELEASE,
    prefix = "everest/",
  ): Promise<SimulatedBus> {
    const client = await mqtt.connectAsync({
      protocol: "mqtt",
      host: broker.host,
      port: broker.port,
      protocolVersion: 4,
      clean: true,
    });
    (client.stream as { setNoDelay?: (on: boolean) => void }).setNoDelay?.(true);
    return new SimulatedBus(client, prefix, TRAITS[release]);
  }

  /** Instead of whoever has listened there before. */
  async listen(topic: string, handler: Handler): Promise<void> {
    this.handlers.set(this.prefix + topic, [handler]);
    await this.client.subscribeAsync(this.prefix + topic, { qos: 2 });
  }

  /** For topics that several things of an implementation share. */
  private async listenToo(topic: string, handler: Handler): Promise<void> {
    this.handlers.set(this.prefix + topic, [...(this.handlers.get(this.prefix + topic) ?? []), handler]);
    await this.client.subscribeAsync(this.prefix + topic, { qos: 2 });
  }

  /** In an envelope, where the release has one. */
  send(topic: string, messageType: string, data: unknown, retain = false): Promise<void> {
    return this.sendRaw(topic, this.traits.words === undefined ? data : { msg_type: messageType, data }, retain);
  }

  /** What the manager tells about configuration and definitions. */
  sendConfiguration(topic: string, data: unknown, retain = false): Promise<void> {
    return this.send(topic, this.traits.words?.response ?? "", data, retain);
  }

  /** The content of what a module sends. */
  contentOf(payload: unknown): unknown {
    return this.traits.words === undefined ? payload : (payload as { data: unknown }).data;
  }

  async sendRaw(topic: string, payload: unknown, retain = false): Promise<void> {
    if (this.inFlight >= IN_FLIGHT_LIMIT) await new Promise<void>((resolve) => this.turns.push(resolve));
    else this.inFlight++;
    try {
      // A timer of the simulation may fire while everything is being taken down.
      if (!this.client.disconnecting)
        await this.client.publishAsync(this.prefix + topic, JSON.stringify(payload), { qos: 2, retain });
    } finally {
      const next = this.turns.shift();
      if (next === undefined) this.inFlight--;
      else next();
    }
  }

  async clear(topic: string): Promise<void> {
    await this.client.publishAsync(this.prefix + topic, "", { retain: true });
  }

  variable(module: string, implementation: string, name: string, value: unknown): Promise<void> {
    const topic = `modules/${module}/impl/${implementation}/var`;
    return this.traits.words === undefined
      ? this.sendRaw(topic, { name, data: value })
      : this.send(`${topic}/${name}`, "Var", { data: value });
  }

  onVariable(module: string, implementation: string, name: string, handler: (value: unknown) => void): Promise<void> {
    const topic = `modules/${module}/impl/${implementation}/var`;
    if (this.traits.words !== undefined)
      return this.listen(`${topic}/${name}`, (payload) => handler((payload as { data: { data: unknown } }).data.data));
    return this.listenToo(topic, (payload) => {
      const { name: told, data } = payload as { name: string; data: unknown };
      if (told === name) handler(data);
    });
  }

  error(module: string, implementation: string, type: string, error: Readonly<Record<string, unknown>>): Promise<void> {
    const topic = `modules/${module}/impl/${implementation}/error`;
    const messageType = error.state === "Active" ? "RaiseError" : "ClearError";
    return this.send(this.traits.words === undefined ? topic : `${topic}/${type}`, messageType, error);
  }

  /** Serves a command; every call is recorded, then answered with what `answer` returns. */
  serve(module: string, implementation: string, command: string, answer: CommandAnswer): Promise<void> {
    return this.onCall(module, implementation, command, ({ id, origin, args: given }) => {
      const args = given ?? {};
      this.recorded.push({ module, implementation, command, args });
      void Promise.resolve(answer(args)).then((retval) =>
        this.sendResult(module, implementation, command, origin, { id, retval: retval ?? null, origin: module }),
      );
    });
  }

  /** Calls a command of the station as `origin` would. */
  async call(origin: string, module: string, implementation: string, command: string, args: unknown): Promise<unknown> {
    const id = `call-${++this.callCount}`;
    await this.listenToResults(origin, module, implementation, command);
    const answered = new Promise<unknown>((resolve) => this.waiting.set(id, resolve));
    const topic = `modules/${module}/impl/${implementation}/cmd`;
    if (this.traits.words === undefined)
      await this.sendRaw(topic, { name: command, type: "call", data: { id, args, origin } });
    else await this.send(`${topic}/${command}`, "Cmd", { id, args, origin });
    return answered;
  }

  async close(): Promise<void> {
    await this.client.endAsync();
  }

  private onCall(module: string, implementation: string, command: string, take: (call: Call) => void): Promise<void> {
    const topic = `modules/${module}/impl/${implementation}/cmd`;
    if (this.traits.words !== undefined)
      return this.listen(`${topic}/${command}`, (payload) => take((payload as { data: Call }).data));
    return this.listenToo(topic, (payload) => {
      const { name, type, data } = payload as { name: string; type: string; data: Call };
      if (name === command && type === "call") take(data);
    });
  }

  private sendResult(
    module: string,
    implementation: string,
    command: string,
    origin: string,
    data: unknown,
  ): Promise<void> {
    const topic = `modules/${module}/impl/${implementation}/cmd`;
    if (this.traits.words === undefined) return this.sendRaw(topic, { name: command, type: "result", data });
    return this.send(`${topic}/${command}/response/${origin}`, "CmdResult", { type: "result", data });
  }

  private async listenToResults(
    origin: string,
    module: string,
    implementation: string,
    command: string,
  ): Promise<void> {
    const isShared = this.traits.words === undefined;
    const topic = `modules/${module}/impl/${implementation}/cmd${isShared ? "" : `/${command}/response/${origin}`}`;
    if (this.listening.has(topic)) return;
    this.listening.add(topic);
    await this.listenToo(topic, (payload) => {
      const { type, data } = (isShared ? payload : (payload as { data: unknown }).data) as {
        type: string;
        data: { id: string; retval?: unknown };
      };
      if (type !== "result") return;
      this.waiting.get(data.id)?.(data.retval);
      this.waiting.delete(data.id);
    });
  }
}
