import * as v from "valibot";
import type { Clock } from "../lib/clock.ts";
import type { Channel } from "./channel.ts";
import { ConfigAnswerSchema } from "./configuration.ts";
import { type Dialect, openConfiguration, openSetRequest, sealRequest, sealSetResponse } from "./envelope.ts";

const ANSWER_TIMEOUT_MILLISECONDS = 5_000;
/** As the modules of EVerest: one repetition. */
const ATTEMPTS = 2;
/** So long a manager that was silent twice is not asked again. */
const SILENCE_MILLISECONDS = 10_000;
const SILENCE = "the manager's configuration service does not answer";
export type ConfigAnswer = v.InferOutput<typeof ConfigAnswerSchema>;

/** The manager's configuration service (PROTOCOL 9). Answers carry no id, so one request is outstanding at a time. */
export class ConfigService {
  private silentUntil = 0;
  private queue: Promise<unknown> = Promise.resolve();
  private waiting: ((answer: ConfigAnswer) => void) | undefined;

  constructor(
    private readonly channel: Channel,
    private readonly clock: Clock,
    private readonly everestPrefix: string,
    private readonly moduleId: string,
    /** Known before anything is sent: an unknown word ends the manager (PROTOCOL 17.4). */
    readonly dialect: Dialect = "GetConfig",
  ) {}

  /** Subscriptions to be made before the first request. */
  subscriptions(): Map<string, (text: string) => void> {
    const own = `${this.everestPrefix}modules/${this.moduleId}`;
    return new Map([
      [`${own}/response`, (text: string) => this.take(text)],
      [`${own}/config/set_request`, (text: string) => this.takeSetRequest(text, `${own}/config/set_response`)],
    ]);
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
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const answer = await this.askOnce(body);
      if (answer !== undefined) return answer;
    }
    this.silentUntil = this.clock.monotonicMilliseconds() + SILENCE_MILLISECONDS;
    throw new Error(SILENCE);
  }

  private askOnce(body: Readonly<Record<string, unknown>>): Promise<ConfigAnswer | undefined> {
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
      const request = sealRequest(this.dialect, { ...body, origin: this.moduleId });
      this.channel.publish(`${this.everestPrefix}config/request`, request);
    });
  }

  private take(text: string): void {
    const parsed = v.safeParse(ConfigAnswerSchema, openConfiguration(text));
    if (parsed.success) this.waiting?.(parsed.output);
  }

  /** Newer managers offer a changed parameter to the running module; ours are read at the start only (PROTOCOL 17.4). */
  private takeSetRequest(text: string, responseTopic: string): void {
    if (openSetRequest(text) === undefined) return;
    this.channel.publish(responseTopic, sealSetResponse("RebootRequired", "parameters are read at the start"));
  }
}
