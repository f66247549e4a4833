import type { Clock, Timer } from "../lib/clock.ts";
import type { Random } from "../lib/random.ts";
import type { Logger } from "../log/logger.ts";
import type { MessageQueueRepository, QueuedMessage } from "../store/message-queue-repository.ts";
import type { UnitOfWork } from "../store/unit-of-work.ts";
import type { CallOutcome, RpcSession } from "./rpc.ts";
import type { RequestOf } from "./v201/index.ts";
import { isAction } from "./validation.ts";
import type { DroppedMessages } from "./waiting-messages.ts";

/** Actions that are never lost: kept in the database until the CSMS has answered (E04, E12, A04, H04, L01.FR.01, N01.FR.08). */
export type DurableAction =
  | "TransactionEvent"
  | "SecurityEventNotification"
  | "FirmwareStatusNotification"
  | "LogStatusNotification"
  | "ReservationStatusUpdate";

export type DurableListener<A extends DurableAction = DurableAction> = (
  request: RequestOf<A>,
  outcome: CallOutcome<A>,
) => void;

/** A CSMS that refuses one of these gets it again (E13); a refused status of a file transfer is history. */
const SENT_AGAIN_WHEN_REFUSED: ReadonlySet<string> = new Set<DurableAction>([
  "TransactionEvent",
  "SecurityEventNotification",
]);

/** What gives way when the queue is full, in this order. */
const GIVES_WAY: readonly DurableAction[] = [
  "LogStatusNotification",
  "SecurityEventNotification",
  "FirmwareStatusNotification",
  "ReservationStatusUpdate",
];

/** So long the queue rests when an answer could not be stored. */
const UNSETTLED_WAIT_MILLISECONDS = 10_000;

export interface DurableOutboxOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly unitOfWork: UnitOfWork;
  readonly queue: MessageQueueRepository;
  readonly messageAttempts: () => number;
  readonly messageAttemptIntervalSeconds: () => number;
  readonly limit: () => number;
  /** Something may be sent again. */
  readonly wake: () => void;
  readonly onDropped: (dropped: DroppedMessages) => void;
}

/** The messages that are never lost: stored with the state that caused them, sent in order (transaction events first), gone with the answer. */
export class DurableOutbox {
  private readonly listeners = new Map<string, DurableListener>();
  /** When messages of this process were created, in the link's count; older ones come from an earlier run. */
  private readonly ordinals = new Map<string, number>();
  private inFlight: number | undefined;
  private heldUntil = 0;
  /** Messages other than transaction events rest until then. */
  private othersHeldUntil = 0;
  private timer: Timer | undefined;

  constructor(private readonly options: DurableOutboxOptions) {}

  /** The listener runs in the unit of work that takes the message out of the queue. */
  onResult<A extends DurableAction>(action: A, listener: DurableListener<A>): void {
    this.listeners.set(action, listener as unknown as DurableListener);
  }

  /** To be called inside a unit of work. */
  enqueue<A extends DurableAction>(action: A, request: RequestOf<A>, ordinal: number): string {
    const { queue, unitOfWork, random, clock } = this.options;
    const messageId = random.uuid();
    queue.append(messageId, action, request, clock.now());
    this.ordinals.set(messageId, ordinal);
    if (queue.length > this.options.limit()) this.makeRoom();
    unitOfWork.afterCommit(() => this.options.wake());
    return messageId;
  }

  /** E11.FR.07: to be called with a new connection: what waits was created without one, or lost its connection. */
  markOffline(): void {
    const { logger, queue, unitOfWork } = this.options;
    try {
      unitOfWork.run(() => queue.markTransactionEventsOffline());
    } catch (error) {
      logger.critical(`The waiting transaction events leave without being marked offline: ${(error as Error).message}`);
    }
  }

  /** Nothing is sent for so long; a longer wait that is running stays (E13.FR.03). */
  hold(milliseconds: number): void {
    this.heldUntil = Math.max(this.heldUntil, this.options.clock.monotonicMilliseconds() + milliseconds);
  }

  private holdOthers(milliseconds: number): void {
    this.othersHeldUntil = Math.max(this.othersHeldUntil, this.options.clock.monotonicMilliseconds() + milliseconds);
  }

  stop(): void {
    this.timer?.cancel();
  }

  /** The message whose turn it is; undefined while the queue is empty or held, `wake` follows then. */
  next(): QueuedMessage | undefined {
    const { clock, queue } = this.options;
    if (queue.length === 0) return undefined;
    const now = clock.monotonicMilliseconds();
    if (now < this.heldUntil) return this.wakeIn(this.heldUntil - now);
    // Whoever reports much else, e.g. security events, does not keep the CSMS from the transactions.
    const transactionEvent = queue.head("TransactionEvent");
    if (transactionEvent !== undefined) return transactionEvent;
    return now < this.othersHeldUntil ? this.wakeIn(this.othersHeldUntil - now) : queue.head();
  }

  private wakeIn(milliseconds: number): undefined {
    this.timer?.cancel();
    this.timer = this.options.clock.after(milliseconds, this.options.wake);
  }

  wasCreatedBefore({ messageId }: QueuedMessage, ordinal: number): boolean {
    return (this.ordinals.get(messageId) ?? 0) < ordinal;
  }

  send(session: RpcSession, message: QueuedMessage, timeoutMilliseconds: number): void {
    const { queue, random, unitOfWork, wake } = this.options;
    const { action } = message;
    if (!isAction(action)) {
      unitOfWork.run(() => queue.putAside(message.rowId, `unknown action ${action}`));
      return wake();
    }
    this.inFlight = message.rowId;
    session.call(action, random.uuid(), message.payload as never, timeoutMilliseconds, (outcome) => {
      this.inFlight = undefined;
      if (outcome.kind === "offline") return;
      try {
        if (outcome.kind === "response") this.settle(message, outcome);
        else this.retryOrDiscard(message, outcome);
      } catch (error) {
        this.holdUnsettled(message, error as Error);
      }
      queueMicrotask(wake);
    });
  }

  private settle(message: QueuedMessage, outcome: CallOutcome): void {
    const { queue, unitOfWork } = this.options;
    // Relaxed: after a power cut the message would be sent a second time, which the CSMS tells by its number.
    unitOfWork.runRelaxed(() => {
      queue.remove(message.rowId);
      this.listeners.get(message.action)?.(message.payload as never, outcome as never);
    });
    this.ordinals.delete(message.messageId);
  }

  /** What was answered cannot be stored (disk full): the queue waits, and the message is sent once more. */
  private holdUnsettled(message: QueuedMessage, error: Error): void {
    this.options.logger.critical(`The answer to ${describe(message)} cannot be stored: ${error.message}`);
    this.hold(UNSETTLED_WAIT_MILLISECONDS);
  }

  /** E13.FR.01, FR.02: again after MessageAttemptInterval times the transmissions so far, until MessageAttempts is used up. */
  private retryOrDiscard(message: QueuedMessage, outcome: CallOutcome): void {
    const { logger, queue, unitOfWork } = this.options;
    const attempts = message.attempts + 1;
    const name = describe(message);
    if (!SENT_AGAIN_WHEN_REFUSED.has(message.action)) {
      logger.warn(`${name} was not accepted (${outcome.kind})`);
      return this.settle(message, outcome);
    }
    if (attempts >= Math.max(1, this.options.messageAttempts())) {
      logger.error(`${name} is discarded after ${attempts} attempts (E13.FR.04)`);
      this.settle(message, outcome);
      return this.options.onDropped({ action: message.action, reason: "refused", count: 1 });
    }
    const waitSeconds = Math.max(0, this.options.messageAttemptIntervalSeconds()) * attempts; // E13.FR.03
    logger.warn(`${name} was not accepted (${outcome.kind}); sent again in ${waitSeconds} s`);
    unitOfWork.run(() => queue.setAttempts(message.rowId, attempts));
    if (message.action === "TransactionEvent") this.hold(waitSeconds * 1000);
    else this.holdOthers(waitSeconds * 1000);
  }

  /** When the queue is too long every other Updated goes (E04.FR.07, FR.08, E11.FR.04, E12.FR.04, J02.FR.12), then what tells less; never a Started or Ended. */
  private makeRoom(): void {
    const { limit, logger, queue } = this.options;
    for (const { messageId, transactionId, seqNo } of queue.dropEveryOtherUpdated(this.inFlight)) {
      this.ordinals.delete(messageId);
      logger.warn(`Storage is short: TransactionEvent Updated ${seqNo} of ${transactionId} is dropped (E04.FR.08)`);
      this.tellDropped("TransactionEvent", 1);
    }
    for (const action of GIVES_WAY) {
      const excess = queue.length - limit();
      if (excess <= 0 || this.inFlight !== undefined) return;
      const dropped = queue.dropOldestOf(action, excess);
      for (const messageId of dropped) this.ordinals.delete(messageId);
      if (dropped.length === 0) continue;
      logger.warn(`Storage is short: the ${dropped.length} oldest ${action}s are dropped`);
      this.tellDropped(action, dropped.length);
    }
  }

  private tellDropped(action: DurableAction, count: number): void {
    this.options.unitOfWork.afterCommit(() => this.options.onDropped({ action, reason: "full", count }));
  }
}

function describe({ action, payload, messageId }: QueuedMessage): string {
  if (action !== "TransactionEvent") return `${action} ${messageId}`;
  const { eventType, seqNo, transactionInfo } = payload as {
    eventType?: string;
    seqNo?: number;
    transactionInfo?: { transactionId?: string };
  };
  return `TransactionEvent ${eventType} ${seqNo} of ${transactionInfo?.transactionId}`;
}
