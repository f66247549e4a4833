import * as v from "valibot";
import type { Clock, Timer } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import type { Logger } from "../log/logger.ts";
import { openResult } from "./envelope.ts";
import type { InPart } from "./in-part.ts";
import { describeIssue } from "./served-command.ts";

/** A command that failed at the other side, could not be read, or got no answer in time (`CmdTimeout`). */
export class CommandError extends Error {
  constructor(
    readonly errorType: string,
    message: string,
  ) {
    super(message);
  }
}

/** How long an answer is waited for, and what the question is about, for the log. */
export interface Asked {
  readonly limitMilliseconds: number;
  readonly about: string;
}

export interface Question extends Asked {
  readonly topic: string;
  /** Of the result. */
  readonly schema: v.GenericSchema;
}

interface PendingQuestion extends Question {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: CommandError) => void;
  readonly timer: Timer;
}

/** Questions without an answer in time that are remembered, so that a late one can be told. */
const GIVEN_UP_LIMIT = 100;

export interface QuestionsOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly inPart: InPart;
}

/** The commands of other modules that wait for their results. */
export class Questions {
  private readonly pending = new Map<string, PendingQuestion>();
  /** Ids of questions that were given up, and when they were asked. */
  private readonly givenUp = new Map<string, number>();

  constructor(private readonly options: QuestionsOptions) {}

  /** `send` says whether the question is on its way. @throws CommandError */
  ask(question: Question, send: (id: string) => boolean): Promise<unknown> {
    const { clock, random } = this.options;
    const { about, topic, limitMilliseconds: limit } = question;
    const id = random.uuid();
    return new Promise((resolve, reject) => {
      const timer = clock.after(limit, () => {
        this.giveUp(id, clock.monotonicMilliseconds() - limit);
        reject(new CommandError("CmdTimeout", `${about}: ${topic} got no answer within ${limit / 1000} s`));
      });
      this.pending.set(id, { ...question, resolve, reject, timer });
      if (send(id)) return;
      this.pending.delete(id);
      timer.cancel();
      reject(new CommandError("NotSent", `${about}: the broker does not take what ${topic} is asked`));
    });
  }

  takeResult(topic: string, text: string): void {
    const result = openResult(text);
    if (result === undefined) return;
    const call = this.pending.get(result.id);
    if (call === undefined) return this.tellLate(result.id, topic);
    this.pending.delete(result.id);
    call.timer.cancel();
    if (result.error !== undefined) {
      const { __everest__error_type: type, __everest__error_msg: message } = result.error;
      return call.reject(
        new CommandError(type, `${call.about}: ${topic} failed (${type}): ${message || "no message"}`),
      );
    }
    const strict = v.safeParse(call.schema, result.retval);
    const parsed = strict.success ? strict : this.options.inPart.read(call.schema, result.retval, topic);
    if (parsed.success) return call.resolve(parsed.output);
    const why = describeIssue(parsed.issues[0]);
    call.reject(
      new CommandError("MessageParsingError", `${call.about}: the answer to ${topic} cannot be read: ${why}`),
    );
  }

  close(): void {
    for (const { timer } of this.pending.values()) timer.cancel();
  }

  private giveUp(id: string, askedAt: number): void {
    this.pending.delete(id);
    this.givenUp.set(id, askedAt);
    const [oldest] = this.givenUp.keys();
    if (this.givenUp.size > GIVEN_UP_LIMIT && oldest !== undefined) this.givenUp.delete(oldest);
  }

  private tellLate(id: string, topic: string): void {
    const askedAt = this.givenUp.get(id);
    if (askedAt === undefined || !this.givenUp.delete(id)) return;
    const seconds = (this.options.clock.monotonicMilliseconds() - askedAt) / 1000;
    this.options.logger.warn(`${topic} was answered after ${seconds.toFixed(1)} s, too late`);
  }
}
