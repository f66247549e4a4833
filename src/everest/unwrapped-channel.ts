import { parseJson } from "../lib/json-text.ts";
import type { Logger } from "../log/logger.ts";
import type { Channel, ChannelStatus, MessageHandler } from "./channel.ts";
import { openEnvelope, RESPONSE_TYPE } from "./envelope.ts";
import { OrderedHandlers } from "./ordered-handlers.ts";

const VARIABLE = /^(modules\/[^/]+\/impl\/[^/]+\/var)\/([^/]+)$/;
const COMMAND = /^(modules\/[^/]+\/impl\/[^/]+\/cmd)\/([^/]+)$/;
const RESULT = /^(modules\/[^/]+\/impl\/[^/]+\/cmd)\/([^/]+)\/response\/[^/]+$/;
const ERRORS = /^(modules\/[^/]+\/impl\/[^/]+\/error)\/#$/;

/** A topic of the older manager, and what a message on it is in the newer form; undefined: nothing for this subscriber. */
interface Route {
  readonly topic: string;
  readonly wrap: (payload: unknown) => string | undefined;
}

interface Packet {
  readonly topic: string;
  readonly payload: unknown;
}

export interface UnwrappedOptions {
  readonly everestPrefix: string;
  readonly moduleId: string;
  readonly logger: Logger;
}

function seal(type: string, data: unknown): string {
  return JSON.stringify({ msg_type: type, data });
}

function memberOf(payload: unknown, name: string): unknown {
  return typeof payload === "object" && payload !== null ? (payload as Record<string, unknown>)[name] : undefined;
}

/**
 * The bus up to framework 0.24 in the form of the newer ones: there messages have no envelope, and all variables, all
 * commands with their results, and all errors of an implementation share a topic each (PROTOCOL 17.2).
 */
export class UnwrappedChannel implements Channel {
  /** How the manager gave the configuration: without a configuration service it knows nothing but the own one. */
  configurationSource: "service" | "get_config" | undefined;
  private readonly ordered: OrderedHandlers;

  constructor(
    private readonly bus: Channel,
    private readonly options: UnwrappedOptions,
  ) {
    this.ordered = new OrderedHandlers(options.logger);
  }

  delivered(): Promise<void> {
    return this.bus.delivered();
  }

  get status(): ChannelStatus {
    return this.bus.status;
  }

  async subscribe(subscriptions: ReadonlyMap<string, MessageHandler>, qos: 0 | 2 = 2): Promise<void> {
    const { everestPrefix } = this.options;
    const outside = [...subscriptions].filter(([filter]) => !filter.startsWith(everestPrefix));
    const handlers = new Map<string, MessageHandler[]>();
    for (const [filter, handler] of subscriptions)
      for (const { topic, wrap } of this.routes(filter)) {
        const take: MessageHandler = (text, actual) => {
          const wrapped = wrap(parse(text));
          // By the newer topic: a slow command must not hold up the others that share its older one.
          if (wrapped !== undefined) this.ordered.handle(filter.includes("#") ? actual : filter, wrapped, handler);
        };
        handlers.set(topic, [...(handlers.get(topic) ?? []), take]);
      }
    const all = [...handlers].map(([topic, takers]): [string, MessageHandler] => [
      topic,
      (text, actual) => {
        for (const take of takers) void take(text, actual);
      },
    ]);
    await this.bus.subscribe(new Map([...outside, ...all]), qos);
  }

  publish(topic: string, text: string, qos: 0 | 2 = 2): boolean {
    const { everestPrefix } = this.options;
    if (!topic.startsWith(everestPrefix)) return this.bus.publish(topic, text, qos);
    return this.unwrap(topic.slice(everestPrefix.length), text)
      .map((packet) => this.bus.publish(packet.topic, JSON.stringify(packet.payload), qos))
      .every((isSent) => isSent);
  }

  stopListening(): void {
    this.bus.stopListening();
  }

  close(): Promise<void> {
    return this.bus.close();
  }

  private routes(filter: string): readonly Route[] {
    const { everestPrefix, moduleId } = this.options;
    if (!filter.startsWith(everestPrefix)) return [];
    const name = filter.slice(everestPrefix.length);
    const route = (topic: string, wrap: Route["wrap"]): Route => ({ topic: everestPrefix + topic, wrap });
    const [, variables = "", variable] = VARIABLE.exec(name) ?? [];
    if (variable !== undefined)
      return [
        route(variables, (payload) =>
          memberOf(payload, "name") === variable ? seal("Var", { data: memberOf(payload, "data") }) : undefined,
        ),
      ];
    const [, calls = "", command] = COMMAND.exec(name) ?? [];
    if (command !== undefined) return [route(calls, (payload) => wrapCall(payload, command))];
    const [, results = "", called] = RESULT.exec(name) ?? [];
    if (called !== undefined) return [route(results, (payload) => wrapResult(payload, called))];
    const [, errors] = ERRORS.exec(name) ?? [];
    if (errors !== undefined) return [route(errors, (payload) => seal("RaiseError", payload))];
    if (name === "ready") return [route(name, (payload) => seal("GlobalReady", payload))];
    if (name === `modules/${moduleId}/response`)
      return [
        route(name, (payload) => this.wrapConfiguration("service", payload)),
        route(`modules/${moduleId}/config`, (payload) => this.wrapConfiguration("get_config", payload)),
      ];
    return [];
  }

  private wrapConfiguration(source: "service" | "get_config", payload: unknown): string {
    this.configurationSource ??= source;
    const answer =
      source === "service"
        ? payload
        : { status: "Ok", status_info: "", type: "Get", response: { type: "Module", data: payload } };
    return seal(RESPONSE_TYPE.GetConfig, answer);
  }

  private unwrap(name: string, text: string): readonly Packet[] {
    const { everestPrefix, moduleId } = this.options;
    const data = openEnvelope(text)?.data;
    const packet = (topic: string, payload: unknown): readonly Packet[] => [{ topic: everestPrefix + topic, payload }];
    const [, variables = "", variable] = VARIABLE.exec(name) ?? [];
    if (variable !== undefined) return packet(variables, { name: variable, data: memberOf(data, "data") });
    const [, calls = "", command] = COMMAND.exec(name) ?? [];
    if (command !== undefined) return packet(calls, { name: command, type: "call", data });
    const [, results = "", called] = RESULT.exec(name) ?? [];
    if (called !== undefined) return packet(results, { name: called, type: "result", data: memberOf(data, "data") });
    // Which of the two ways there is cannot be seen before; nobody listens on the other's topic (PROTOCOL 17.3).
    if (name === "config/request" && this.configurationSource === undefined)
      return [...packet(name, data), ...packet(`modules/${moduleId}/get_config`, { type: "full" })];
    return packet(name, data);
  }
}

function wrapCall(payload: unknown, command: string): string | undefined {
  const isCall = memberOf(payload, "name") === command && memberOf(payload, "type") === "call";
  return isCall ? seal("Cmd", memberOf(payload, "data")) : undefined;
}

function wrapResult(payload: unknown, command: string): string | undefined {
  const isResult = memberOf(payload, "name") === command && memberOf(payload, "type") === "result";
  return isResult ? seal("CmdResult", { type: "result", data: memberOf(payload, "data") }) : undefined;
}

/** What is no JSON is nothing that any route takes. */
function parse(text: string): unknown {
  try {
    return parseJson(text);
  } catch {
    return undefined;
  }
}
