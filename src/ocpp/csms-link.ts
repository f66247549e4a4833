import type { Clock } from "../lib/clock.ts";
import { Emitter } from "../lib/events.ts";
import type { Random } from "../lib/random.ts";
import type { Logger } from "../log/logger.ts";
import { ToldOnce } from "../log/told-once.ts";
import type { MessageQueueRepository, QueuedMessage } from "../store/message-queue-repository.ts";
import type { UnitOfWork } from "../store/unit-of-work.ts";
import { CallSchedule } from "./call-schedule.ts";
import { Connection, type ConnectionProfile, type ConnectionStatus } from "./connection.ts";
import type { ConnectionFailure } from "./connection-failure.ts";
import { type DurableAction, type DurableListener, DurableOutbox } from "./durable-outbox.ts";
import type { OcppError } from "./errors.ts";
import type { LinkSettings } from "./link-settings.ts";
import { OfflineQueue } from "./offline-queue.ts";
import {
  type CallHandler,
  type CallOutcome,
  type EndedCall,
  type Handling,
  type RegisteredHandler,
  RpcSession,
  type WireMessage,
} from "./rpc.ts";
import type { Action, RequestOf } from "./v201/index.ts";
import { type CallOptions, type WaitingCall, WaitingCalls } from "./waiting-calls.ts";
import { type DroppedMessages, type WaitingMessages, waitingIn } from "./waiting-messages.ts";
import type { Transport, Validity } from "./websocket.ts";

export type { LinkSettings } from "./link-settings.ts";
export type { CallHandler, CallOutcome, EndedCall, HandlerResult, Handling, WireMessage } from "./rpc.ts";

export type Registration = "Unregistered" | "Accepted" | "Pending" | "Rejected";

export interface LinkEvents {
  connected: {
    readonly profile: ConnectionProfile;
    readonly offlineMilliseconds: number | undefined;
    readonly switchedProfile: boolean;
    /** Fingerprints (SHA-256) of the CSMS's certificate and of what it was verified with. */
    readonly serverChain: readonly string[];
    /** When these certificates are valid; undefined without TLS. */
    readonly serverValidity: Validity | undefined;
  };
  disconnected: { readonly reason: string };
  connectionFailed: { readonly profile: ConnectionProfile; readonly failure: ConnectionFailure };
  /** An entry of NetworkConfigurationPriority has used up its attempts. */
  profileFailed: { readonly profile: ConnectionProfile };
  /** Every entry of NetworkConfigurationPriority has used up its attempts (B10.FR.09). */
  allProfilesFailed: object;
  invalidMessage: { readonly description: string };
  message: WireMessage;
  callEnded: EndedCall;
  dropped: DroppedMessages;
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

/** So many durable messages in a row let one other message pass, lest a long backlog starves Heartbeat and status. */
const DURABLE_BURST = 5;
/** Messages that transaction events overtake: there may be many of them, e.g. of a fault that comes and goes. */
const GIVES_WAY: ReadonlySet<Action> = new Set<Action>(["NotifyEvent"]);

const isUrgent = ({ options }: WaitingCall): boolean => options.usefulMilliseconds !== undefined;

/** The station's line to the CSMS: durable and other messages out, CALLs in, connection kept up. */
export class CsmsLink {
  readonly events = new Emitter<LinkEvents>();
  admission: ((action: string) => OcppError | undefined) | undefined;

  private readonly connection: Connection;
  private readonly durable: DurableOutbox;
  private readonly offline: OfflineQueue;
  private readonly handlers = new Map<Action, RegisteredHandler>();
  private readonly schedule: CallSchedule;
  private readonly oddities: ToldOnce;
  private session: RpcSession | undefined;
  private currentRegistration: Registration = "Unregistered";
  private readonly waiting: WaitingCalls;
  /** Of two messages in a row at most one has overtaken the others. */
  private hasOvertaken = false;
  private nextOrdinal = 1;
  private durableBurst = 0;
  private disconnectedAt: number | undefined;
  private profileMessageTimeoutSeconds: number | undefined;

  constructor(private readonly parts: LinkParts) {
    const { clock, random, logger, settings, unitOfWork } = parts;
    this.waiting = new WaitingCalls(clock, logger, (dropped) => this.events.emit("dropped", dropped));
    this.schedule = new CallSchedule(clock);
    this.oddities = new ToldOnce(logger);
    this.durable = new DurableOutbox({
      clock,
      random,
      logger,
      unitOfWork,
      queue: parts.durableQueue,
      messageAttempts: settings.messageAttempts,
      messageAttemptIntervalSeconds: settings.messageAttemptIntervalSeconds,
      limit: settings.durableLimit,
      wake: () => this.pump(),
      onDropped: (dropped) => this.events.emit("dropped", dropped),
    });
    this.offline = new OfflineQueue({
      clock,
      random,
      logger,
      unitOfWork,
      queue: parts.normalQueue,
      wake: () => this.pump(),
      onDropped: (dropped) => this.events.emit("dropped", dropped),
    });
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
      onProfileFailed: (profile) => this.events.emit("profileFailed", { profile }),
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

  /** What waits in the database, and the number of those in memory that wait for their turn. */
  get waitingMessages(): {
    readonly durable: WaitingMessages;
    readonly normal: WaitingMessages;
    readonly memory: number;
  } {
    const { durableQueue, normalQueue } = this.parts;
    return { durable: waitingIn(durableQueue), normal: waitingIn(normalQueue), memory: this.waiting.length };
  }

  /** E14.FR.04: do events of this transaction, or of any, wait for delivery? */
  hasQueuedTransactionEvents(transactionId?: string): boolean {
    return this.parts.durableQueue.hasTransactionEvents(transactionId);
  }

  start(): void {
    this.connection.start();
  }

  stop(reason: string): void {
    this.durable.stop();
    this.connection.stop(reason);
  }

  reconnect(reason: string): void {
    this.connection.reconnect(reason);
  }

  /** The timeout that the active network profile asks for; undefined: the default one. */
  useMessageTimeout(seconds: number | undefined): void {
    this.profileMessageTimeoutSeconds = seconds;
  }

  handle<A extends Action>(action: A, handler: CallHandler<A>, handling: Handling<A> = {}): void {
    this.handlers.set(action, { handle: handler, handling } as unknown as RegisteredHandler);
  }

  /** The listener runs in the unit of work that takes the message out of the queue. */
  onDurableResult<A extends DurableAction>(action: A, listener: DurableListener<A>): void {
    this.durable.onResult(action, listener);
  }

  /** To be called inside a unit of work: the message is stored with the state that caused it, and sent in order. */
  enqueue<A extends DurableAction>(action: A, request: RequestOf<A>): string {
    return this.durable.enqueue(action, request, this.nextOrdinal++);
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
      this.waiting.add(call);
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
    const { settings } = this.parts;
    const wanted =
      call.options.queueWhenOffline === true ||
      (settings.queueAllMessages() &&
        call.options.usefulMilliseconds === undefined &&
        call.options.isAskedAgain !== true &&
        !settings.neverQueued().includes(call.action));
    if (wanted && call.action !== "BootNotification" && call.action !== "Heartbeat")
      this.offline.keep(call.action, call.request, call.options);
    call.resolve({ kind: "offline" });
  }

  private takeConnection(profile: ConnectionProfile, transport: Transport, switchedProfile: boolean): void {
    const { clock, logger, settings } = this.parts;
    this.durable.markOffline();
    const offlineMilliseconds =
      this.disconnectedAt === undefined ? undefined : clock.monotonicMilliseconds() - this.disconnectedAt;
    this.session = new RpcSession({
      clock,
      logger,
      send: (text) => transport.send(text),
      schedule: this.schedule,
      oddities: this.oddities,
      handlerOf: (action) => this.handlers.get(action),
      admission: (action) => this.admission?.(action),
      onMessage: (message) => this.events.emit("message", message),
      onInvalidMessage: (description) => this.events.emit("invalidMessage", { description }),
      onCallEnded: (call) => this.events.emit("callEnded", call),
    });
    logger.info(`Connected to ${profile.url} (slot ${profile.slot})`);
    // B10.FR.10: nobody may send anything before the BootNotification that the boot block sends now.
    if (switchedProfile) this.currentRegistration = "Unregistered";
    this.durable.hold(settings.resumeDelaySeconds * 1000);
    try {
      this.events.emit("connected", {
        profile,
        offlineMilliseconds,
        switchedProfile,
        serverChain: transport.serverChain ?? [],
        serverValidity: transport.serverValidity,
      });
    } finally {
      this.pump();
    }
  }

  private takeDisconnection(reason: string): void {
    const { clock, logger } = this.parts;
    const session = this.session;
    this.session = undefined;
    this.disconnectedAt = clock.monotonicMilliseconds();
    logger.warn(`Connection to the CSMS lost: ${reason}`);
    session?.close();
    this.giveUpWaiting();
    this.events.emit("disconnected", { reason });
  }

  private giveUpWaiting(): void {
    for (const call of this.waiting.takeAll((waiting) => !this.mayWait(waiting))) this.giveUp(call);
  }

  /** Sends what may be sent next, as long as no answer is outstanding. */
  private pump(): void {
    const { session } = this;
    if (session === undefined || session.busy) return;
    const urgent = this.hasOvertaken ? undefined : this.waiting.find((call) => isUrgent(call) && this.mayLeave(call));
    this.hasOvertaken = urgent !== undefined;
    if (urgent !== undefined) return this.sendNormal(session, urgent);
    const durable = this.registration === "Accepted" ? this.durable.next() : undefined;
    const isTransaction = durable?.action === "TransactionEvent" && this.durableBurst < DURABLE_BURST;
    const normal = this.waiting.find(
      (call) => this.mayLeave(call) && !this.waitsBehindStored(call) && !(isTransaction && GIVES_WAY.has(call.action)),
    );
    if (durable !== undefined && (normal === undefined || this.durableGoesFirst(durable, normal))) {
      this.durableBurst++;
      return this.durable.send(session, durable, this.timeoutMilliseconds());
    }
    this.durableBurst = 0;
    if (normal !== undefined) return this.sendNormal(session, normal);
    if (this.registration === "Accepted") this.offline.send(session, this.timeoutMilliseconds());
  }

  /** What is kept while offline never overtakes what was kept before, e.g. a cleared fault the raised one. */
  private waitsBehindStored(call: WaitingCall): boolean {
    return call.options.queueWhenOffline === true && !this.offline.isEmpty;
  }

  private durableGoesFirst(durable: QueuedMessage, normal: WaitingCall): boolean {
    if (this.durableBurst >= DURABLE_BURST) return false;
    return this.durable.wasCreatedBefore(durable, normal.ordinal);
  }

  private timeoutMilliseconds(): number {
    const seconds = this.profileMessageTimeoutSeconds ?? this.parts.settings.messageTimeoutSeconds();
    return Math.max(1, seconds) * 1000;
  }

  private sendNormal(session: RpcSession, call: WaitingCall): void {
    const usefulMilliseconds = this.waiting.take(call);
    session.call(
      call.action,
      this.parts.random.uuid(),
      call.request,
      usefulMilliseconds ?? this.timeoutMilliseconds(),
      (outcome) => {
        // The connection broke before the answer: what must not be lost is sent again.
        if (outcome.kind === "offline" && call.options.queueWhenOffline === true) return this.giveUp(call);
        call.resolve(outcome);
        // Whoever waited for the answer acts first (promises settle), then the next message leaves.
        queueMicrotask(() => this.pump());
      },
    );
  }
}
