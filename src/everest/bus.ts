import type { Socket } from "node:net";
import mqtt, { type MqttClient } from "mqtt";
import type { Logger } from "../log/logger.ts";
import type { BrokerAddress } from "./command-line.ts";

export type MessageHandler = (text: string, topic: string) => void | Promise<void>;

/** QoS 2 publications on their way at once; mosquitto silently loses what goes beyond its receive maximum of 20. */
const IN_FLIGHT_LIMIT = 16;
/** Publications that wait for their turn, e.g. while the broker is away; the oldest is dropped beyond it. */
const BACKLOG_LIMIT = 10_000;
const KEEP_ALIVE_SECONDS = 20;
const CONNECT_TIMEOUT_MILLISECONDS = 10_000;

interface Publication {
  readonly topic: string;
  readonly text: string;
  readonly qos: 0 | 2;
}

/** Does a topic match a subscription filter with `+` and `#`? */
export function topicMatches(filter: string, topic: string): boolean {
  const wanted = filter.split("/");
  const levels = topic.split("/");
  for (const [index, level] of wanted.entries()) {
    if (level === "#") return true;
    if (levels[index] === undefined || (level !== "+" && level !== levels[index])) return false;
  }
  return wanted.length === levels.length;
}

/**
 * The MQTT connection of a module: messages of one topic are handled in order, those of different topics do not wait
 * for each other; publications are kept below the broker's receive maximum; a lost broker is reconnected.
 */
export class Bus {
  private readonly exact = new Map<string, MessageHandler[]>();
  private readonly patterns: { readonly filter: string; readonly handler: MessageHandler }[] = [];
  private readonly running = new Map<string, Promise<void>>();
  private readonly backlog: Publication[] = [];
  private inFlight = 0;

  private constructor(
    private readonly client: MqttClient,
    private readonly logger: Logger,
  ) {}

  /** @throws when the broker cannot be reached at start. */
  static async connect(address: BrokerAddress, logger: Logger): Promise<Bus> {
    try {
      return await Bus.open(address, logger, 5);
    } catch (error) {
      // Small brokers speak 3.1.1 only; nothing of version 5 is needed.
      if (!/protocol version/i.test((error as Error).message)) throw error;
      return Bus.open(address, logger, 4);
    }
  }

  private static async open(address: BrokerAddress, logger: Logger, protocolVersion: 4 | 5): Promise<Bus> {
    const client = mqtt.connect({
      ...(address.socketPath !== undefined
        ? { protocol: "mqtt" as const, unixSocket: true, path: address.socketPath }
        : { protocol: "mqtt" as const, host: address.host, port: address.port }),
      protocolVersion,
      clean: true,
      keepalive: KEEP_ALIVE_SECONDS,
      connectTimeout: CONNECT_TIMEOUT_MILLISECONDS,
      reconnectPeriod: 1_000,
      resubscribe: true,
      queueQoSZero: false,
      // 65,536 prepared buffers would cost more memory than they save time.
      writeCache: false,
      ...(protocolVersion === 5 && { properties: { receiveMaximum: 65_535 } }),
    });
    const bus = new Bus(client, logger);
    await bus.opened(address);
    return bus;
  }

  private opened(address: BrokerAddress): Promise<void> {
    const name = address.socketPath ?? `${address.host}:${address.port}`;
    return new Promise((resolve, reject) => {
      const refuse = (error: Error): void => {
        this.client.end(true);
        reject(new Error(`no MQTT broker at ${name}: ${error.message || (error as { code?: string }).code}`));
      };
      const refuseClosed = (): void => refuse(new Error("it closed the connection without an answer"));
      this.client.once("error", refuse);
      this.client.once("close", refuseClosed);
      this.client.once("connect", () => {
        this.client.off("error", refuse);
        this.client.off("close", refuseClosed);
        this.listen(name);
        resolve();
      });
    });
  }

  private listen(name: string): void {
    const noDelay = (): void => void (this.client.stream as Socket).setNoDelay?.(true);
    noDelay();
    this.client.on("connect", () => {
      noDelay();
      this.logger.info(`Connected to the MQTT broker at ${name} again`);
      this.pump();
    });
    this.client.on("error", (error) => this.logger.error(`MQTT: ${error.message}`));
    this.client.on("close", () => {
      if (!this.client.disconnecting)
        this.logger.warn(`The connection to the MQTT broker at ${name} is lost; trying again`);
    });
    this.client.on("message", (topic, payload) => this.deliver(topic, payload.toString("utf8")));
  }

  /** Resolves when the broker has confirmed all of them; one packet for any number of filters. */
  async subscribe(subscriptions: ReadonlyMap<string, MessageHandler>, qos: 0 | 2 = 2): Promise<void> {
    if (subscriptions.size === 0) return;
    for (const [filter, handler] of subscriptions) {
      if (/[+#]/.test(filter)) this.patterns.push({ filter, handler });
      else this.exact.set(filter, [...(this.exact.get(filter) ?? []), handler]);
    }
    await this.client.subscribeAsync([...subscriptions.keys()], { qos });
  }

  async unsubscribe(filter: string): Promise<void> {
    this.exact.delete(filter);
    await this.client.unsubscribeAsync(filter);
  }

  publish(topic: string, text: string, qos: 0 | 2 = 2): void {
    if (this.backlog.length >= BACKLOG_LIMIT) {
      const dropped = this.backlog.shift();
      this.logger.error(`Too much waits for the MQTT broker: a message for ${dropped?.topic} is dropped`);
    }
    this.backlog.push({ topic, text, qos });
    this.pump();
  }

  async close(): Promise<void> {
    await this.client.endAsync();
  }

  private pump(): void {
    while (this.client.connected && this.inFlight < IN_FLIGHT_LIMIT) {
      const next = this.backlog.shift();
      if (next === undefined) return;
      this.inFlight++;
      this.client.publish(next.topic, next.text, { qos: next.qos }, (error) => {
        this.inFlight--;
        if (error) this.logger.warn(`A message for ${next.topic} was not delivered: ${error.message}`);
        this.pump();
      });
    }
  }

  private deliver(topic: string, text: string): void {
    // Clearing of a retained topic.
    if (text === "") return;
    const handlers = [
      ...(this.exact.get(topic) ?? []),
      ...this.patterns.filter(({ filter }) => topicMatches(filter, topic)).map(({ handler }) => handler),
    ];
    for (const handler of handlers) this.handle(topic, text, handler);
  }

  /** In order within a topic: at once when nothing of it is running, so that the usual case costs no turn. */
  private handle(topic: string, text: string, handler: MessageHandler): void {
    const before = this.running.get(topic);
    const run = async (): Promise<void> => {
      try {
        await handler(text, topic);
      } catch (error) {
        this.logger.error(`A message on ${topic} could not be handled: ${(error as Error)?.stack ?? String(error)}`);
      }
    };
    const current = before === undefined ? run() : before.then(run);
    this.running.set(topic, current);
    void current.then(() => {
      if (this.running.get(topic) === current) this.running.delete(topic);
    });
  }
}
