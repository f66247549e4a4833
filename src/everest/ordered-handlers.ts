import type { Logger } from "../log/logger.ts";
import type { MessageHandler } from "./channel.ts";

/** Runs the handlers of one topic one after the other; those of different topics do not wait for each other. */
export class OrderedHandlers {
  private readonly running = new Map<string, Promise<void>>();

  constructor(private readonly logger: Logger) {}

  /** At once when nothing of the topic is running, so that the usual case costs no turn. */
  handle(topic: string, text: string, handler: MessageHandler): void {
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
