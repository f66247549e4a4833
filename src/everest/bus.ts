import type { Socket } from "node:net";
import mqtt, { type MqttClient } from "mqtt";
import type { Logger } from "../log/logger.ts";
import type { Channel, ChannelStatus, MessageHandler } from "./channel.ts";
import type { BrokerAddress } from "./command-line.ts";
import { OrderedHandlers } from "./ordered-handlers.ts";
import { describeTopic, isTopicFilter, isTopicName, topicMatches } from "./topics.ts";

/** QoS 2 publications on their way at once; mosquitto silently loses what goes beyond its receive maximum of 20. */
const IN_FLIGHT_LIMIT = 16;
/** Publications that wait for their turn, e.g. while the broker is away; the oldest is dropped beyond it. */
const BACKLOG_LIMIT = 10_000;
const BACKLOG_CHARACTERS_LIMIT = 32 * 1024 * 1024;
/** More than all variables of a station in one answer; whoever echoes what others send needs a limit. */
const PAYLOAD_LIMIT_BYTES = 4 * 1024 * 1024;
/** Header, packet id and properties of a publication, generously. */
const PACKET_OVERHEAD_BYTES = 32;
/** A publication with which the broker has hung up so often is given up. */
const HANG_UP_LIMIT = 2;
const KEEP_ALIVE_SECONDS = 20;
const CONNECT_TIMEOUT_MILLISECONDS = 10_000;

interface Publication {
  readonly topic: string;
  readonly text: string;
  readonly qos: 0 | 2;
  /** Number in the packet, once it has been sent. */
  messageId?: number;
  /** The broker has it (PUBREC) and only confirms the end of the exchange. */
  isTaken: boolean;
  /** How often the connection broke with this on its way. */
  hangUps: number;
}

/**
 * The MQTT connection of a module: messages of one topic are handled in order, those of different topics do not wait
 * for each other; publications are kept below the broker's receive maximum; a lost broker is reconnected. What was on
 * its way when the connection broke is sent once more, each by itself: so one packet that the broker hangs up at is
 * found, and given up.
 */
export class Bus implements Channel {
  private readonly exact = new Map<string, MessageHandler[]>();
  private readonly patterns: { readonly filter: string; readonly handler: MessageHandler }[] = [];
  private readonly backlog: Publication[] = [];
  private backlogCharacters = 0;
  private readonly inFlight = new Set<Publication>();
  private readonly whenDelivered: (() => void)[] = [];
  private maximumPacketBytes = Number.POSITIVE_INFINITY;
  private closing = false;
  private isListening = true;
  private readonly ordered: OrderedHandlers;
  private wasConnected = true;
  private losses = 0;
  private dropped = 0;

  private constructor(
    private readonly client: MqttClient,
    private readonly logger: Logger,
  ) {
    this.ordered = new OrderedHandlers(logger);
  }

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
    const client: MqttClient = mqtt.connect({
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
      // Of MQTT 5 only. Delivered here and not when the broker has released it, which is a round trip later: the session
      // is a clean one, so nothing comes twice.
      customHandleAcks: (topic, payload, { qos }, acknowledge) => {
        acknowledge(0);
        if (qos === 2) bus.deliver(topic, payload.toString("utf8"));
      },
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
      this.client.once("connect", (packet) => {
        this.learnLimits(packet);
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
    this.client.on("connect", (packet) => {
      noDelay();
      this.learnLimits(packet);
      this.logger.info(`Connected to the MQTT broker at ${name} again`);
      this.wasConnected = true;
      this.pump();
    });
    this.client.on("error", (error) => {
      // Answers to what came in while the connection ended; the end itself is told.
      if (this.closing || /write after end/.test(error.message)) return;
      this.logger.error(`MQTT: ${error.message || (error as { code?: string }).code}`);
    });
    this.client.on("close", () => {
      if (this.closing) return;
      this.logger.warn(`The connection to the MQTT broker at ${name} is lost; trying again`);
      // Each attempt that fails closes as well.
      if (this.wasConnected) this.losses++;
      this.wasConnected = false;
      this.takeBack();
    });
    this.client.on("packetsend", (packet) => {
      if (packet.cmd !== "publish" || packet.messageId === undefined) return;
      for (const publication of this.inFlight)
        if (publication.messageId === undefined && publication.topic === packet.topic) {
          publication.messageId = packet.messageId;
          return;
        }
    });
    this.client.on("packetreceive", (packet) => {
      if (packet.cmd !== "pubrec") return;
      for (const publication of this.inFlight)
        if (publication.messageId === packet.messageId) publication.isTaken = true;
    });
    this.client.on("message", (topic, payload, { qos }) => {
      const isDelivered = qos === 2 && this.client.options.protocolVersion === 5;
      if (!isDelivered) this.deliver(topic, payload.toString("utf8"));
    });
  }

  /**
   * Resolves when the broker has confirmed all of them; one packet for any number of filters.
   * @throws before anything is sent, when MQTT does not allow one of the filters.
   */
  async subscribe(subscriptions: ReadonlyMap<string, MessageHandler>, qos: 0 | 2 = 2): Promise<void> {
    if (subscriptions.size === 0) return;
    const unfit = [...subscriptions.keys()].find((filter) => !isTopicFilter(filter));
    if (unfit !== undefined) throw new Error(`${describeTopic(unfit)} is no topic that can be subscribed`);
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

  /** What MQTT or the broker does not allow is dropped and logged (false): sent, it would cost the connection. */
  publish(topic: string, text: string, qos: 0 | 2 = 2): boolean {
    const obstacle = this.obstacleTo(topic, text);
    if (obstacle !== undefined) {
      this.dropped++;
      this.logger.error(`A message for ${describeTopic(topic)} is dropped: ${obstacle}`);
      return false;
    }
    while (
      this.backlog.length >= BACKLOG_LIMIT ||
      (this.backlog.length > 0 && this.backlogCharacters + text.length > BACKLOG_CHARACTERS_LIMIT)
    ) {
      this.dropped++;
      this.logger.error(`Too much waits for the MQTT broker: a message for ${this.takeNext()?.topic} is dropped`);
    }
    this.backlog.push({ topic, text, qos, isTaken: false, hangUps: 0 });
    this.backlogCharacters += text.length;
    this.pump();
    return true;
  }

  async delivered(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.whenDelivered.push(resolve);
      this.pump();
    });
  }

  get status(): ChannelStatus {
    const { losses, dropped, backlog, inFlight } = this;
    return { isConnected: this.client.connected, waiting: backlog.length + inFlight.size, losses, dropped };
  }

  stopListening(): void {
    this.isListening = false;
  }

  async close(): Promise<void> {
    this.closing = true;
    await this.client.endAsync();
  }

  private learnLimits(packet: { readonly properties?: { readonly maximumPacketSize?: number } }): void {
    this.maximumPacketBytes = packet.properties?.maximumPacketSize ?? Number.POSITIVE_INFINITY;
  }

  private obstacleTo(topic: string, text: string): string | undefined {
    if (!isTopicName(topic)) return "MQTT does not allow this topic";
    const bytes = Buffer.byteLength(text);
    if (bytes > PAYLOAD_LIMIT_BYTES) return `${bytes} bytes are more than ${PAYLOAD_LIMIT_BYTES}`;
    if (bytes + Buffer.byteLength(topic) + PACKET_OVERHEAD_BYTES > this.maximumPacketBytes)
      return `${bytes} bytes are more than the broker takes (${this.maximumPacketBytes})`;
    return undefined;
  }

  private pump(): void {
    if (this.backlog.length + this.inFlight.size === 0) for (const tell of this.whenDelivered.splice(0)) tell();
    while (this.client.connected && !this.closing && this.inFlight.size < IN_FLIGHT_LIMIT) {
      const [next] = this.backlog;
      if (next === undefined) return;
      const isSuspect = next.hangUps > 0 || [...this.inFlight].some(({ hangUps }) => hangUps > 0);
      if (isSuspect && this.inFlight.size > 0) return;
      this.takeNext();
      this.send(next);
    }
  }

  private takeNext(): Publication | undefined {
    const next = this.backlog.shift();
    this.backlogCharacters -= next?.text.length ?? 0;
    return next;
  }

  private send(publication: Publication): void {
    this.inFlight.add(publication);
    this.client.publish(publication.topic, publication.text, { qos: publication.qos }, (error) => {
      // What has been taken back is no longer in flight.
      if (!this.inFlight.delete(publication)) return;
      if (error) {
        this.dropped++;
        this.logger.warn(`A message for ${publication.topic} was not delivered: ${error.message}`);
      }
      this.pump();
    });
  }

  /** After a break the bus sends again what the broker has not taken, not the client: that would do so for ever, all at once. */
  private takeBack(): void {
    const interrupted = [...this.inFlight].filter(({ isTaken, qos }) => !isTaken && qos > 0);
    const again: Publication[] = [];
    for (const publication of interrupted) {
      const { messageId, topic } = publication;
      this.inFlight.delete(publication);
      if (messageId !== undefined) {
        publication.hangUps++;
        this.client.removeOutgoingMessage(messageId);
        delete publication.messageId;
      }
      if (publication.hangUps < HANG_UP_LIMIT) {
        again.push(publication);
        continue;
      }
      this.dropped++;
      this.logger.error(`A message for ${topic} is given up: the broker hung up ${HANG_UP_LIMIT} times over it`);
    }
    this.backlog.unshift(...again);
    for (const { text } of again) this.backlogCharacters += text.length;
  }

  private deliver(topic: string, text: string): void {
    // Clearing of a retained topic.
    if (text === "" || !this.isListening) return;
    const handlers = [
      ...(this.exact.get(topic) ?? []),
      ...this.patterns.filter(({ filter }) => topicMatches(filter, topic)).map(({ handler }) => handler),
    ];
    for (const handler of handlers) this.ordered.handle(topic, text, handler);
  }
}
