import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import type { Logger } from "../log/logger.ts";
import type { MessageQueueRepository } from "../store/message-queue-repository.ts";
import type { UnitOfWork } from "../store/unit-of-work.ts";
import { needlessBefore } from "./needless-messages.ts";
import type { RpcSession } from "./rpc.ts";
import { isAction } from "./validation.ts";
import type { CallOptions } from "./waiting-calls.ts";
import type { DroppedMessages } from "./waiting-messages.ts";

const LIMIT = 2_000;
/** So long after an answer that could not be stored the next message is sent at the latest. */
const UNFORGOTTEN_WAIT_MILLISECONDS = 10_000;

class QueueFullError extends Error {}

export interface OfflineQueueOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly unitOfWork: UnitOfWork;
  readonly queue: MessageQueueRepository;
  /** The next message may leave. */
  readonly wake: () => void;
  readonly onDropped: (dropped: DroppedMessages) => void;
}

/** Messages other than the durable ones that were created without a connection and are kept for the next one. */
export class OfflineQueue {
  /** Message ids that this process keeps, by subject. */
  private readonly ofSubject = new Map<string, readonly string[]>();

  constructor(private readonly options: OfflineQueueOptions) {}

  get isEmpty(): boolean {
    return this.options.queue.length === 0;
  }

  keep(action: string, request: unknown, options: Pick<CallOptions, "subject" | "givesWay">): void {
    const { subject, givesWay = false } = options;
    const { queue, unitOfWork, random, clock, logger } = this.options;
    const messageId = random.uuid();
    try {
      unitOfWork.run(() => {
        if (queue.length >= LIMIT && !this.makeRoom(givesWay)) throw new QueueFullError(`${LIMIT} messages are kept`);
        for (const needless of this.needlessBefore(subject)) queue.removeMessage(needless);
        queue.append(messageId, action, request, clock.now());
      });
      if (subject === undefined) return;
      const needless = this.needlessBefore(subject);
      const kept = (this.ofSubject.get(subject) ?? []).filter((id) => !needless.includes(id));
      this.ofSubject.set(subject, [...kept, messageId]);
    } catch (error) {
      logger.error(`${action} is lost, it cannot be kept until there is a connection: ${(error as Error).message}`);
      this.options.onDropped({ action, reason: error instanceof QueueFullError ? "full" : "notStored", count: 1 });
    }
  }

  /** Sends the oldest message; it goes with its answer, whatever that is. */
  send(session: RpcSession, timeoutMilliseconds: number): void {
    const { queue, random } = this.options;
    const message = queue.head();
    if (message === undefined) return;
    if (!isAction(message.action)) return this.forget(message);
    session.call(message.action, random.uuid(), message.payload as never, timeoutMilliseconds, (outcome) => {
      if (outcome.kind !== "offline") this.forget(message);
    });
  }

  private forget({ rowId, messageId, action }: { rowId: number; messageId: string; action: string }): void {
    const { clock, logger, queue, unitOfWork, wake } = this.options;
    try {
      unitOfWork.run(() => queue.remove(rowId));
      this.forgetSubject(messageId);
      queueMicrotask(wake);
    } catch (error) {
      logger.error(`${action} was answered and is sent again: ${(error as Error).message}`);
      clock.after(UNFORGOTTEN_WAIT_MILLISECONDS, wake);
    }
  }

  private needlessBefore(subject: string | undefined): readonly string[] {
    return subject === undefined ? [] : needlessBefore(this.ofSubject.get(subject) ?? []);
  }

  /** Events of monitors go first, periodic ones before all; nothing else is dropped for them. */
  private makeRoom(givesWay: boolean): boolean {
    const { logger, queue } = this.options;
    const dropped = queue.dropOldestMonitorEvents(LIMIT / 10);
    if (dropped > 0) {
      logger.warn(`The queue of other messages is full; ${dropped} messages of monitors are dropped`);
      this.tellDropped("NotifyEvent", dropped);
    } else if (!givesWay) this.dropOldest();
    return dropped > 0 || !givesWay;
  }

  private dropOldest(): void {
    const { logger, queue } = this.options;
    logger.warn("The queue of other messages is full; its oldest tenth is dropped");
    const dropped = Map.groupBy(queue.dropOldest(LIMIT / 10), (action) => action);
    for (const [action, { length }] of dropped) this.tellDropped(action, length);
    // Which of them are gone is not worth finding out.
    this.ofSubject.clear();
  }

  private tellDropped(action: string, count: number): void {
    this.options.unitOfWork.afterCommit(() => this.options.onDropped({ action, reason: "full", count }));
  }

  private forgetSubject(messageId: string): void {
    for (const [subject, ids] of this.ofSubject) {
      if (!ids.includes(messageId)) continue;
      const others = ids.filter((id) => id !== messageId);
      if (others.length === 0) this.ofSubject.delete(subject);
      else this.ofSubject.set(subject, others);
    }
  }
}
