import mqtt, { type MqttClient } from "mqtt";

type Handler = (payload: unknown, topic: string) => void;

export interface RecordedCommand {
  readonly module: string;
  readonly implementation: string;
  readonly command: string;
  readonly args: Readonly<Record<string, unknown>>;
}

export type CommandAnswer = (args: Readonly<Record<string, unknown>>) => unknown;

/** EVerest's wire written down a second time, by hand, so that it can testify against the product's own. */
export class SimulatedBus {
  readonly recorded: RecordedCommand[] = [];
  private readonly handlers = new Map<string, Handler>();
  private readonly waiting = new Map<string, (retval: unknown) => void>();
  private callCount = 0;

  private constructor(
    private readonly client: MqttClient,
    private readonly prefix: string,
  ) {
    client.on("message", (topic, payload) => {
      const text = payload.toString();
      if (text !== "") this.handlers.get(topic)?.(JSON.parse(text), topic);
    });
  }

  static async connect(broker: { host: string; port: number }, prefix = "everest/"): Promise<SimulatedBus> {
    const client = await mqtt.connectAsync({
      protocol: "mqtt",
      host: broker.host,
      port: broker.port,
      protocolVersion: 4,
      clean: true,
    });
    (client.stream as { setNoDelay?: (on: boolean) => void }).setNoDelay?.(true);
    return new SimulatedBus(client, prefix);
  }

  async listen(topic: string, handler: Handler): Promise<void> {
    this.handlers.set(this.prefix + topic, handler);
    await this.client.subscribeAsync(this.prefix + topic, { qos: 2 });
  }

  async send(topic: string, messageType: string, data: unknown, retain = false): Promise<void> {
    // A timer of the simulation may fire while everything is being taken down.
    if (this.client.disconnecting) return;
    await this.client.publishAsync(this.prefix + topic, JSON.stringify({ msg_type: messageType, data }), {
      qos: 2,
      retain,
    });
  }

  async clear(topic: string): Promise<void> {
    await this.client.publishAsync(this.prefix + topic, "", { retain: true });
  }

  variable(module: string, implementation: string, name: string, value: unknown): Promise<void> {
    return this.send(`modules/${module}/impl/${implementation}/var/${name}`, "Var", { data: value });
  }

  /** Serves a command; every call is recorded, then answered with what `answer` returns. */
  serve(module: string, implementation: string, command: string, answer: CommandAnswer): Promise<void> {
    const topic = `modules/${module}/impl/${implementation}/cmd/${command}`;
    return this.listen(topic, (payload) => {
      const { data } = payload as { data: { id: string; origin: string; args: Record<string, unknown> | null } };
      const args = data.args ?? {};
      this.recorded.push({ module, implementation, command, args });
      void Promise.resolve(answer(args)).then((retval) =>
        this.send(`${topic}/response/${data.origin}`, "CmdResult", {
          type: "result",
          data: { id: data.id, retval: retval ?? null, origin: module },
        }),
      );
    });
  }

  /** Calls a command of the station as `origin` would. */
  async call(origin: string, module: string, implementation: string, command: string, args: unknown): Promise<unknown> {
    const topic = `modules/${module}/impl/${implementation}/cmd/${command}`;
    const id = `call-${++this.callCount}`;
    const responseTopic = `${topic}/response/${origin}`;
    if (!this.handlers.has(this.prefix + responseTopic))
      await this.listen(responseTopic, (payload) => {
        const { data } = (payload as { data: { data: { id: string; retval?: unknown } } }).data;
        this.waiting.get(data.id)?.(data.retval);
        this.waiting.delete(data.id);
      });
    const answered = new Promise<unknown>((resolve) => this.waiting.set(id, resolve));
    await this.send(topic, "Cmd", { id, args, origin });
    return answered;
  }

  async close(): Promise<void> {
    await this.client.endAsync();
  }
}
