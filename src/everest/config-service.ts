import * as v from "valibot";
import type { Clock } from "../lib/clock.ts";
import type { Bus } from "./bus.ts";
import { ConfigAnswerSchema } from "./configuration.ts";
import {
  type Dialect,
  openConfiguration,
  openEnvelope,
  openSetRequest,
  sealRequest,
  sealSetResponse,
} from "./envelope.ts";

const ANSWER_TIMEOUT_MILLISECONDS = 5_000;
/** So long a manager that was silent twice is not asked again. */
const SILENCE_MILLISECONDS = 10_000;
const SILENCE = "the manager's configuration service does not answer";
/** How long the first request waits for a hint about the manager's dialect before it is sent in the older one. */
const DIALECT_WAIT_MILLISECONDS = 150;

export type ConfigAnswer = v.InferOutput<typeof ConfigAnswerSchema>;

/** The manager's configuration service (PROTOCOL 9). Answers carry no id, so one request is outstanding at a time. */
export class ConfigService {
  private silentUntil = 0;
  private queue: Promise<unknown> = Promise.resolve();
  private waiting: ((answer: ConfigAnswer) => void) | undefined;
  private knownDialect: Dialect | undefined;
  private dialectFound: (() => void) | undefined;

  constructor(
    private readonly bus: Bus,
    private readonly clock: Clock,
    private readonly everestPrefix: string,
    private readonly moduleId: string,
  ) {}

  get dialect(): Dialect {
    return this.knownDialect ?? "GetConfig";
  }

  /** Subscriptions to be made before the first request. */
  subscriptions(onSettings: (settings: unknown) => void): Map<string, (text: string) => void> {
    const own = `${this.everestPrefix}modules/${this.moduleId}`;
    return new Map([
      [`${own}/response`, (text: string) => this.take(text)],
      [`${own}/config/set_request`, (text: string) => this.takeSetRequest(text, `${own}/config/set_response`)],
      [
        `${this.everestPrefix}settings`,
        (text: string) => {
          this.learnDialect(text);
          onSettings(openConfiguration(text));
        },
      ],
    ]);
  }

  /** The words of the retained `settings` message tell the dialect; a manager that cleared it gets the older one. */
  async detectDialect(): Promise<void> {
    if (this.knownDialect !== undefined) return;
    await new Promise<void>((resolve) => {
      this.dialectFound = resolve;
      this.clock.after(DIALECT_WAIT_MILLISECONDS, resolve);
    });
  }

  /** @throws when there is no answer after one repetition, or when it is refused or malformed. */
  get<Schema extends v.GenericSchema>(
    request: Readonly<Record<string, unknown>>,
    schema: Schema,
  ): Promise<v.InferOutput<Schema>> {
    return this.enqueue(async () => {
      const answer = await this.ask({ type: "Get", request });
      if (answer.status !== "Ok")
        throw new Error(`the configuration service answered ${answer.status}: ${answer.status_info}`);
      const parsed = v.safeParse(v.object({ data: schema }), answer.response);
      if (!parsed.success)
        throw new Error(`the configuration service's answer cannot be read: ${parsed.issues[0].message}`);
      return parsed.output.data as v.InferOutput<Schema>;
    });
  }

  /** Writes a parameter; the value travels as text. */
  set(
    identifier: Readonly<Record<string, string>>,
    value: string,
  ): Promise<"Accepted" | "Rejected" | "RebootRequired"> {
    return this.enqueue(async () => {
      const answer = await this.ask({ type: "Set", request: { identifier, value } });
      const parsed = v.safeParse(
        v.object({ status: v.picklist(["Accepted", "Rejected", "RebootRequired"]) }),
        answer.response,
      );
      return answer.status === "Ok" && parsed.success ? parsed.output.status : "Rejected";
    });
  }

  private enqueue<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.queue.then(work);
    this.queue = result.catch(() => undefined);
    return result;
  }

  private async ask(body: Readonly<Record<string, unknown>>): Promise<ConfigAnswer> {
    // Who asks for several parameters at once does not wait for each of them.
    if (this.clock.monotonicMilliseconds() < this.silentUntil) throw new Error(SILENCE);
    // The repetition tries the other dialect: an unknown word is not answered.
    for (const dialect of [this.dialect, this.knownDialect ?? "Configuration"] as const) {
      const answer = await this.askOnce(dialect, body);
      if (answer !== undefined) return answer;
    }
    this.silentUntil = this.clock.monotonicMilliseconds() + SILENCE_MILLISECONDS;
    throw new Error(SILENCE);
  }

  private askOnce(dialect: Dialect, body: Readonly<Record<string, unknown>>): Promise<ConfigAnswer | undefined> {
    return new Promise((resolve) => {
      const timer = this.clock.after(ANSWER_TIMEOUT_MILLISECONDS, () => {
        this.waiting = undefined;
        resolve(undefined);
      });
      this.waiting = (answer) => {
        timer.cancel();
        this.waiting = undefined;
        resolve(answer);
      };
      this.bus.publish(`${this.everestPrefix}config/request`, sealRequest(dialect, { ...body, origin: this.moduleId }));
    });
  }

  private take(text: string): void {
    this.learnDialect(text);
    const parsed = v.safeParse(ConfigAnswerSchema, openConfiguration(text));
    if (parsed.success) this.waiting?.(parsed.output);
  }

  /** Newer managers offer a changed parameter to the running module; ours are read at the start only (PROTOCOL 17.4). */
  private takeSetRequest(text: string, responseTopic: string): void {
    if (openSetRequest(text) === undefined) return;
    this.bus.publish(responseTopic, sealSetResponse("RebootRequired", "parameters are read at the start"));
  }

  private learnDialect(text: string): void {
    const type = openEnvelope(text)?.msg_type;
    if (type === "ConfigurationResponse") this.knownDialect = "Configuration";
    else if (type === "GetConfigResponse") this.knownDialect = "GetConfig";
    this.dialectFound?.();
  }
}
