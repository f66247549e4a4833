import type { Clock, Timer } from "../lib/clock.ts";
import { Emitter } from "../lib/events.ts";
import type { Random } from "../lib/random.ts";
import type { Logger } from "../log/logger.ts";
import type { MessageQueueRepository, QueuedMessage } from "../store/message-queue-repository.ts";
import type { UnitOfWork } from "../store/unit-of-work.ts";
import type { BackOffSettings } from "./back-off.ts";
import { Connection, type ConnectionProfile, type ConnectionStatus } from "./connection.ts";
import type { ConnectionFailure } from "./connection-failure.ts";
import type { OcppError } from "./errors.ts";
import { type CallHandler, type CallOutcome, RpcSession, type WireMessage } from "./rpc.ts";
import type { Action, RequestOf } from "./v201/index.ts";
import { isAction } from "./validation.ts";
import type { Transport, WebSocketListener } from "./websocket.ts";

export type { CallHandler, CallOutcome, HandlerResult, WireMessage } from "./rpc.ts";

/** Actions that are never lost: kept in the database until the CSMS has answered (E04, E12, A04, L01.FR.01, N01.FR.08). */
export type DurableAction =
  | "TransactionEvent"
  | "SecurityEventNotification"
  | "FirmwareStatusNotification"
  | "LogStatusNotification";

/** A CSMS that refuses one of these gets it again (E13); a refused status of a file transfer is history. */
const SENT_AGAIN_WHEN_REFUSED: ReadonlySet<string> = new Set<DurableAction>([
  "TransactionEvent",
  "SecurityEventNotification",
]);

/** What gives way when the durable queue is full, in this order. */
const GIVES_WAY: readonly DurableAction[] = [
  "LogStatusNotification",
  "SecurityEventNotification",
  "FirmwareStatusNotification",
];

export type Registration = "Unregistered" | "Accepted" | "Pending" | "Rejected";

export interface CallOptions {
  /** What the CSMS asked for, so that it may leave while the registration is Pending (B02.FR.02). */
  readonly beforeAccepted?: boolean;
  readonly timeoutMilliseconds?: number;
  /** Kept in the database while there is no connection, whatever QueueAllMessages says. */
  readonly queueWhenOffline?: boolean;
}

export interface LinkEvents {
  connected: {
    readonly profile: ConnectionProfile;
    readonly offlineMilliseconds: number | undefined;
    readonly switchedProfile: boolean;
    /** Fingerprints (SHA-256) of the CSMS's certificate and of what it was verified with. */
    readonly serverChain: readonly string[];
  };
  disconnected: { readonly reason: string };
  connectionFailed: { readonly profile: ConnectionProfile; readonly failure: ConnectionFailure };
  /** Every entry of NetworkConfigurationPriority has used up its attempts (B10.FR.09). */
  allProfilesFailed: object;
  invalidMessage: { readonly description: string };
  message: WireMessage;
}

/** Settings are functions, so that a changed variable takes effect at once. */
export interface LinkSettings {
  readonly profiles: () => readonly ConnectionProfile[];
  readonly lastConnected: () => ConnectionProfile | undefined;
  readonly attemptsPerProfile: () => number;
  readonly backOff: () => BackOffSettings;
  readonly open: (profile: ConnectionProfile, listener: WebSocketListener) => Promise<Transport>;
  readonly messageTimeoutSeconds: () => number;
  readonly messageAttempts: () => number;
  readonly messageAttemptIntervalSeconds: () => number;
  readonly queueAllMessages: () => boolean;
  readonly neverQueued: () => readonly string[];
  readonly durableLimit: () => number;
  readonly resumeDelaySeconds: number;
}

export interface LinkParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly unitOfWork: UnitOfWork;
  readonly durableQueue: MessageQueueRepository;
  readonly normalQueue: MessageQueueRepository;
  readonly settings: LinkSettings;
}

interface WaitingCall {
  readonly ordinal: number;
  readonly action: Action;
  readonly request: RequestOf<Action>;
  readonly options: CallOptions;
  readonly resolve: (outcome: CallOutcome) => void;
}

type DurableListener = (request: RequestOf<DurableAction>, outcome: CallOutcome<DurableAction>) => void;

/** Calls that may wait in memory for their turn; the newest is refused beyond it. */
const WAITING_LIMIT = 1_000;
/** So many durable messages in a row let one other message pass, lest a long backlog starves Heartbeat and status. */
const DURABLE_BURST = 5;
/** So long the queue rests when an answer could not be stored. */
const UNSETTLED_WAIT_MILLISECONDS = 10_000;
const NORMAL_QUEUE_LIMIT = 2_000;

/** The station's line to the CSMS: durable and other messages out, CALLs in, connection kept up. */
export class CsmsLink {
  readonly events = new Emitter<LinkEvents>();
  admission: ((action: string) => OcppError | undefined) | undefined;

  private readonly connection: Connection;
  private readonly handlers = new Map<Action, CallHandler<Action>>();
  private readonly durableListeners = new Map<string, DurableListener>();
  private session: RpcSession | undefined;
  private currentRegistration: Registration = "Unregistered";
  private waiting: WaitingCall[] = [];
  private nextOrdinal = 1;
  /** Ordinal of the oldest durable message that this process created; older ones come from an earlier run. */
  private readonly durableOrdinals = new Map<string, number>();
  private durableBurst = 0;
  private durableInFlight: number | undefined;
  private durableHeldUntil = 0;
  private durableTimer: Timer | undefined;
  private disconnectedAt: number | undefined;
  private profileMessageTimeoutSeconds: number | undefined;

  constructor(private readonly parts: LinkParts) {
    const { clock, random, logger, settings } = parts;
    this.connection = new Connection({
      clock,
      random,
      logger,
      profiles: settings.profiles,
      lastConnected: settings.lastConnected,
      attemptsPerProfile: settings.attemptsPerProfile,
      backOff: settings.backOff,
      open: settings.open,
      onConnected: (profile, transport, switched) => this.takeConnection(profile, transport, switched),
      onDisconnected: (reason) => this.takeDisconnection(reason),
      onMessage: (text) => this.session?.receive(text),
      onFailure: (profile, failure) => this.events.emit("connectionFailed", { profile, failure }),
      onAllFailed: () => this.events.emit("allProfilesFailed", {}),
    });
  }

  get connected(): boolean {
    return this.session !== undefined;
  }

  get status(): ConnectionStatus {
    return this.connection.status;
  }

  get registration(): Registration {
    return this.currentRegistration;
  }

  /** Set by the boot block; only Accepted lets the queues flow (B01.FR.08, B02.FR.02, B03.FR.02). */
  set registration(registration: Registration) {
    this.currentRegistration = registration;
    if (registration === "Rejected") this.giveUpWaiting();
    else this.parts.clock.after(0, () => this.pump());
  }

  get durableQueueLength(): number {
    return this.parts.durableQueue.length;
  }

  /** E14.FR.04: do events of this transaction, or of any, wait for delivery? */
  hasQueuedTransactionEvents(transactionId?: string): boolean {
    return this.parts.durableQueue.hasTransactionEvents(transactionId);
  }

  start(): void {
    if (!this.connection.start()) return;
    // What an earlier run could not deliver was created before this connection (E11.FR.07).
    this.parts.unitOfWork.run(() => this.parts.durableQueue.markTransactionEventsOffline());
  }

  stop(reason: string): void {
    this.durableTimer?.cancel();
    this.connection.stop(reason);
  }

  reconnect(reason: string): void {
    this.connection.reconnect(reason);
  }

  /** The timeout that the active network profile asks for; undefined: the default one. */
  useMessageTimeout(seconds: number | undefined): void {
    this.profileMessageTimeoutSeconds = seconds;
  }

  handle<A extends Action>(action: A, handler: CallHandler<A>): void {
    this.handlers.set(action, handler as unknown as CallHandler<Action>);
  }

  /** The listener runs in the unit of work that takes the message out of the queue. */
  onDurableResult<A extends DurableAction>(
    action: A,
    listener: (request: RequestOf<A>, outcome: CallOutcome<A>) => void,
  ): void {
    this.durableListeners.set(action, listener as unknown as DurableListener);
  }

  /** To be called inside a unit of work: the message is stored with the state that caused it, and sent in order. */
  enqueue<A extends DurableAction>(action: A, request: RequestOf<A>): string {
    const { durableQueue, unitOfWork, random, clock } = this.parts;
    const messageId = random.uuid();
    durableQueue.append(messageId, action, request, clock.now());
    this.durableOrdinals.set(messageId, this.nextOrdinal++);
    if (durableQueue.length > this.parts.settings.durableLimit()) this.makeRoom();
    unitOfWork.afterCommit(() => this.pump());
    return messageId;
  }

  /** Never rejects. While there is no connection the message is kept or given up as the options say. */
  call<A extends Action>(action: A, request: RequestOf<A>, options: CallOptions = {}): Promise<CallOutcome<A>> {
    return new Promise((resolve) => {
      const call: WaitingCall = {
        ordinal: this.nextOrdinal++,
        action,
        request,
        options,
        resolve: resolve as (outcome: CallOutcome) => void,
      };
      if (!this.mayWait(call)) return this.giveUp(call);
      if (this.waiting.length >= WAITING_LIMIT) {
        this.parts.logger.error(`${action} is dropped: ${WAITING_LIMIT} messages are waiting`);
        return call.resolve({ kind: "offline" });
      }
      this.waiting.push(call);
      this.pump();
    });
  }

  /** Will the call be allowed to leave over this connection, now or after the answer to BootNotification? */
  private mayWait({ action, options }: WaitingCall): boolean {
    if (!this.connected) return false;
    if (action === "BootNotification" || this.registration === "Accepted") return true;
    return options.beforeAccepted === true && this.registration !== "Rejected";
  }

  private mayLeave({ action, options }: WaitingCall): boolean {
    if (action === "BootNotification" || this.registration === "Accepted") return true;
    return options.beforeAccepted === true && this.registration === "Pending";
  }

  /** Offline: into the database where the rules want it, otherwise the caller is told. */
  private giveUp(call: WaitingCall): void {
    const { settings, normalQueue, unitOfWork, random, clock, logger } = this.parts;
    const wanted =
      call.options.queueWhenOffline === true ||
      (settings.queueAllMessages() && !settings.neverQueued().includes(call.action));
    if (wanted && call.action !== "BootNotification" && call.action !== "Heartbeat") {
      unitOfWork.run(() => {
        if (normalQueue.length >= NORMAL_QUEUE_LIMIT) {
          logger.warn(`The queue of other messages is full; its oldest tenth is dropped`);
          normalQueue.dropOldest(NORMAL_QUEUE_LIMIT / 10);
        }
        normalQueue.append(random.uuid(), call.action, call.request, clock.now());
      });
    }
    call.resolve({ kind: "offline" });
  }

  /** When the queue is too long every other Updated goes (E04.FR.07, FR.08), then what tells less; never a Started or Ended. */
  private makeRoom(): void {
    const { durableQueue, logger, settings } = this.parts;
    for (const { messageId, transactionId, seqNo } of durableQueue.dropEveryOtherUpdated(this.durableInFlight)) {
      this.durableOrdinals.delete(messageId);
      logger.warn(`Storage is short: TransactionEvent Updated ${seqNo} of ${transactionId} is dropped (E04.FR.08)`);
    }
    for (const action of GIVES_WAY) {
      const excess = durableQueue.length - settings.durableLimit();
      if (excess <= 0 || this.durableInFlight !== undefined) return;
      const dropped = durableQueue.dropOldestOf(action, excess);
      if (dropped > 0) logger.warn(`Storage is short: the ${dropped} oldest ${action}s are dropped`);
    }
  }

  private takeConnection(profile: ConnectionProfile, transport: Transport, switchedProfile: boolean): void {
    const { clock, logger, settings } = this.parts;
    const offlineMilliseconds =
      this.disconnectedAt === undefined ? undefined : clock.monotonicMilliseconds() - this.disconnectedAt;
    this.session = new RpcSession({
      clock,
      logger,
      send: (text) => transport.send(text),
      handlerOf: (action) => this.handlers.get(action),
      admission: (action) => this.admission?.(action),
      onMessage: (message) => this.events.emit("message", message),
      onInvalidMessage: (description) => this.events.emit("invalidMessage", { description }),
    });
    logger.info(`Connected to ${profile.url} (slot ${profile.slot})`);
    // B10.FR.10: nobody may send anything before the BootNotification that the boot block sends now.
    if (switchedProfile) this.currentRegistration = "Unregistered";
    this.durableHeldUntil = clock.monotonicMilliseconds() + settings.resumeDelaySeconds * 1000;
    this.events.emit("connected", {
      profile,
      offlineMilliseconds,
      switchedProfile,
      serverChain: transport.serverChain ?? [],
    });
    this.pump();
  }

  private takeDisconnection(reason: string): void {
    const { clock, logger, durableQueue, unitOfWork } = this.parts;
    const session = this.session;
    this.session = undefined;
    this.disconnectedAt = clock.monotonicMilliseconds();
    logger.warn(`Connection to the CSMS lost: ${reason}`);
    session?.close();
    unitOfWork.run(() => durableQueue.markTransactionEventsOffline()); // E11.FR.07
    this.giveUpWaiting();
    this.events.emit("disconnected", { reason });
  }

  private giveUpWaiting(): void {
    const lost = this.waiting.filter((call) => !this.mayWait(call));
    this.waiting = this.waiting.filter((call) => this.mayWait(call));
    for (const call of lost) this.giveUp(call);
  }

  /** Sends what may be sent next, as long as no answer is outstanding. */
  private pump(): void {
    const { session } = this;
    if (session === undefined || session.busy) return;
    const normal = this.waiting.find((call) => this.mayLeave(call) && !this.waitsBehindStored(call));
    const durable = this.nextDurable();
    if (durable !== undefined && (normal === undefined || this.durableGoesFirst(durable, normal))) {
      this.durableBurst++;
      return this.sendDurable(session, durable);
    }
    this.durableBurst = 0;
    if (normal !== undefined) return this.sendNormal(session, normal);
    this.sendStored(session);
  }

  /** What is kept while offline never overtakes what was kept before, e.g. a cleared fault the raised one. */
  private waitsBehindStored(call: WaitingCall): boolean {
    return call.options.queueWhenOffline === true && this.parts.normalQueue.length > 0;
  }

  private durableGoesFirst(durable: QueuedMessage, normal: WaitingCall): boolean {
    if (this.durableBurst >= DURABLE_BURST) return false;
    return (this.durableOrdinals.get(durable.messageId) ?? 0) < normal.ordinal;
  }

  private nextDurable(): QueuedMessage | undefined {
    if (this.registration !== "Accepted" || this.parts.durableQueue.length === 0) return undefined;
    const wait = this.durableHeldUntil - this.parts.clock.monotonicMilliseconds();
    if (wait <= 0) return this.parts.durableQueue.head();
    this.durableTimer?.cancel();
    this.durableTimer = this.parts.clock.after(wait, () => this.pump());
    return undefined;
  }

  private timeoutMilliseconds(options: CallOptions = {}): number {
    const seconds = this.profileMessageTimeoutSeconds ?? this.parts.settings.messageTimeoutSeconds();
    return options.timeoutMilliseconds ?? Math.max(1, seconds) * 1000;
  }

  private sendNormal(session: RpcSession, call: WaitingCall): void {
    this.waiting.splice(this.waiting.indexOf(call), 1);
    session.call(
      call.action,
      this.parts.random.uuid(),
      call.request,
      this.timeoutMilliseconds(call.options),
      (outcome) => {
        // The connection broke before the answer: what must not be lost is sent again.
        if (outcome.kind === "offline" && call.options.queueWhenOffline === true) return this.giveUp(call);
        call.resolve(outcome);
        // Whoever waited for the answer acts first (promises settle), then the next message leaves.
        queueMicrotask(() => this.pump());
      },
    );
  }

  /** What QueueAllMessages kept while offline. */
  private sendStored(session: RpcSession): void {
    const { normalQueue, random } = this.parts;
    if (this.registration !== "Accepted" || normalQueue.length === 0) return;
    const message = normalQueue.head();
    if (message === undefined) return;
    const forget = (): void => {
      this.parts.unitOfWork.run(() => normalQueue.remove(message.rowId));
      queueMicrotask(() => this.pump());
    };
    if (!isAction(message.action)) return forget();
    session.call(message.action, random.uuid(), message.payload as never, this.timeoutMilliseconds(), (outcome) => {
      if (outcome.kind !== "offline") forget();
    });
  }

  private sendDurable(session: RpcSession, message: QueuedMessage): void {
    const { action } = message;
    if (!isAction(action)) {
      this.parts.unitOfWork.run(() => this.parts.durableQueue.putAside(message.rowId, `unknown action ${action}`));
      return this.pump();
    }
    this.durableInFlight = message.rowId;
    session.call(action, this.parts.random.uuid(), message.payload as never, this.timeoutMilliseconds(), (outcome) => {
      this.durableInFlight = undefined;
      if (outcome.kind === "offline") return;
      try {
        if (outcome.kind === "response") this.settleDurable(message, outcome);
        else this.retryOrDiscard(message, outcome);
      } catch (error) {
        this.holdUnsettled(message, error as Error);
      }
      queueMicrotask(() => this.pump());
    });
  }

  private settleDurable(message: QueuedMessage, outcome: CallOutcome): void {
    const { durableQueue, unitOfWork } = this.parts;
    // Relaxed: after a power cut the message would be sent a second time, which the CSMS tells by its number.
    unitOfWork.runRelaxed(() => {
      durableQueue.remove(message.rowId);
      this.durableListeners.get(message.action)?.(message.payload as never, outcome as never);
    });
    this.durableOrdinals.delete(message.messageId);
  }

  /** What was answered cannot be stored (disk full): the queue waits, and the message is sent once more. */
  private holdUnsettled(message: QueuedMessage, error: Error): void {
    const { clock, durableQueue, logger } = this.parts;
    logger.critical(`The answer to ${describeDurable(message)} cannot be stored: ${error.message}`);
    durableQueue.recount();
    this.durableHeldUntil = clock.monotonicMilliseconds() + UNSETTLED_WAIT_MILLISECONDS;
  }

  /** E13: again after MessageAttemptInterval times the transmissions so far, until MessageAttempts is used up. */
  private retryOrDiscard(message: QueuedMessage, outcome: CallOutcome): void {
    const { clock, durableQueue, logger, settings, unitOfWork } = this.parts;
    const attempts = message.attempts + 1;
    const name = describeDurable(message);
    if (!SENT_AGAIN_WHEN_REFUSED.has(message.action)) {
      logger.warn(`${name} was not accepted (${outcome.kind})`);
      return this.settleDurable(message, outcome);
    }
    if (attempts >= Math.max(1, settings.messageAttempts())) {
      logger.error(`${name} is discarded after ${attempts} attempts (E13.FR.04)`);
      return this.settleDurable(message, outcome);
    }
    const waitSeconds = settings.messageAttemptIntervalSeconds() * attempts; // E13.FR.03
    logger.warn(`${name} was not accepted (${outcome.kind}); sent again in ${waitSeconds} s`);
    unitOfWork.run(() => durableQueue.setAttempts(message.rowId, attempts));
    this.durableHeldUntil = clock.monotonicMilliseconds() + waitSeconds * 1000;
  }
}

function describeDurable({ action, payload, messageId }: QueuedMessage): string {
  if (action !== "TransactionEvent") return `${action} ${messageId}`;
  const { eventType, seqNo, transactionInfo } = payload as {
    eventType?: string;
    seqNo?: number;
    transactionInfo?: { transactionId?: string };
  };
  return `TransactionEvent ${eventType} ${seqNo} of ${transactionInfo?.transactionId}`;
}
