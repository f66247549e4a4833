import type { Clock } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import type { Logger } from "../log/logger.ts";
import type { MessageQueueRepository } from "../store/message-queue-repository.ts";
import { isStorageError } from "../store/storage-error.ts";
import type { UnitOfWork } from "../store/unit-of-work.ts";
import { needlessBefore } from "./needless-messages.ts";
import type { RpcSession } from "./rpc.ts";
import { isAction } from "./validation.ts";
import type { CallOptions } from "./waiting-calls.ts";
import type { DroppedMessages } from "./waiting-messages.ts";

const LIMIT = 2_000;
/** So long after an answer that could not be stored the next message is sent at the latest. */
const UNFORGOTTEN_WAIT_MILLISECONDS = 10_000;

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

/** So soon what cannot be stored is tried again. */
const STORE_AGAIN_MILLISECONDS = 1_000;

interface Unstored {
  readonly messageId: string;
  readonly action: string;
  readonly request: unknown;
  readonly options: Pick<CallOptions, "subject" | "givesWay">;
  readonly createdAt: Date;
}

/** Messages other than the durable ones that were created without a connection and are kept for the next one. */
export class OfflineQueue {
  /** Message ids that this process keeps, by subject. */
  private readonly ofSubject = new Map<string, readonly string[]>();

  /** In order: what the database has refused (disk full), and what was created since. */
  private readonly unstored: Unstored[] = [];

  constructor(private readonly options: OfflineQueueOptions) {}

  get isEmpty(): boolean {
    return this.options.queue.length === 0 && this.unstored.length === 0;
  }

  /**
   * Within a unit of work the message is stored with what caused it, or neither is. Otherwise one that cannot be stored waits in
   * memory, and those that are created later wait behind it.
   */
  keep(action: string, request: unknown, options: Pick<CallOptions, "subject" | "givesWay">): void {
    const { clock, logger, random, unitOfWork } = this.options;
    const message = { messageId: random.uuid(), action, request, options, createdAt: clock.now() };
    try {
      if (this.unstored.length > 0 && !unitOfWork.isRunning) this.keepInMemory(message);
      else this.store(message);
    } catch (error) {
      // Whoever runs the unit of work hears of it, and decides anew.
      if (unitOfWork.isRunning) return;
      const { message: reason } = error as Error;
      if (!isStorageError(error)) return this.lose(action, "notStored", reason);
      logger.error(`${action} waits in memory, it cannot be stored: ${reason}`);
      this.keepInMemory(message);
    }
  }

  private keepInMemory(message: Unstored): void {
    if (this.unstored.length >= LIMIT) return this.lose(message.action, "notStored", `${LIMIT} wait to be stored`);
    this.unstored.push(message);
    if (this.unstored.length === 1) this.options.clock.after(STORE_AGAIN_MILLISECONDS, this.storeWaiting);
  }

  private lose(action: string, reason: DroppedMessages["reason"], why: string): void {
    this.options.logger.error(`${action} is lost, it cannot be kept until there is a connection: ${why}`);
    this.options.onDropped({ action, reason, count: 1 });
  }

  private readonly storeWaiting = (): void => {
    const { clock, wake } = this.options;
    for (let next = this.unstored[0]; next !== undefined; next = this.unstored[0]) {
      try {
        this.store(next);
      } catch (error) {
        if (isStorageError(error)) return void clock.after(STORE_AGAIN_MILLISECONDS, this.storeWaiting);
        this.lose(next.action, "notStored", (error as Error).message);
      }
      this.unstored.shift();
    }
    wake();
  };

  private store({ messageId, action, request, options, createdAt }: Unstored): void {
    const { queue, unitOfWork } = this.options;
    const { subject, givesWay = false } = options;
    const hasRoom = unitOfWork.run(() => {
      if (queue.length >= LIMIT && !this.makeRoom(givesWay)) return false;
      for (const needless of this.needlessBefore(subject)) queue.removeMessage(needless);
      queue.append(messageId, action, request, createdAt);
      return true;
    });
    if (!hasRoom) return this.lose(action, "full", `${LIMIT} messages are kept`);
    if (subject === undefined) return;
    const needless = this.needlessBefore(subject);
    const kept = (this.ofSubject.get(subject) ?? []).filter((id) => !needless.includes(id));
    this.ofSubject.set(subject, [...kept, messageId]);
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
