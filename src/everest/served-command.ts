import * as v from "valibot";
import type { Logger } from "../log/logger.ts";
import type { MessageHandler } from "./channel.ts";
import { openCommand, sealResult } from "./envelope.ts";
import { describeTopic, isTopicLevel } from "./topics.ts";

/** What a command asks for is refused, for a reason that is worth a warning: a word that nobody knows, a text too long. */
export class Refusal extends Error {}

/** A command of an interface that this module provides. */
export interface ServedCommand {
  readonly topic: string;
  readonly moduleId: string;
  readonly schema: v.GenericSchema;
  readonly handler: (args: unknown, origin: string) => unknown;
  /** The command's regular negative result; the arguments may be anything. */
  readonly refuse: (args: unknown) => unknown;
  readonly publish: (topic: string, message: string) => void;
  readonly logger: Logger;
  /** Calls do not wait for each other; otherwise they are handled in their order, as by EVerest's own runtime. */
  readonly isBeside: boolean;
}

/**
 * Answers every call, with a regular result whatever happens: an error answer may end a caller in C++ (PROTOCOL 11.3).
 * Only who gives no name that could be answered gets none, and nothing is done for it.
 */
export function serveCommand(command: ServedCommand): MessageHandler {
  const { topic, moduleId, schema, handler, refuse, publish, logger, isBeside } = command;
  const serve = async (text: string): Promise<void> => {
    const call = openCommand(text);
    if (call === undefined) return logger.warn(`A message on ${topic} is dropped: no command in its envelope`);
    if (!isTopicLevel(call.origin))
      return logger.warn(`A command on ${topic} is dropped: ${describeTopic(call.origin)} is no name of a module`);
    const answer = (result: unknown): void =>
      publish(`${topic}/response/${call.origin}`, sealResult(call.id, moduleId, result));
    const args = v.safeParse(schema, call.args ?? {});
    if (!args.success) {
      logger.warn(`The arguments of ${topic} cannot be read: ${describeIssue(args.issues[0])}`);
      return answer(refuse(call.args));
    }
    try {
      answer(await handler(args.output, call.origin));
    } catch (error) {
      if (error instanceof Refusal) logger.warn(`${topic} is refused: ${error.message}`);
      else logger.error(`${topic} failed: ${(error as Error)?.stack ?? String(error)}`);
      answer(refuse(args.output));
    }
  };
  if (!isBeside) return serve;
  return (text) =>
    void serve(text).catch((error: Error) => logger.error(`${topic} could not be answered: ${error.message}`));
}

/** `path: what is wrong with it`. */
export function describeIssue(issue: v.BaseIssue<unknown>): string {
  const path = (issue.path ?? []).map(({ key }) => String(key)).join(".");
  return `${path === "" ? "" : `${path}: `}${issue.message}`;
}
