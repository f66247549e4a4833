import type { Clock, Timer } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import type { ToldOnce } from "../log/told-once.ts";
import type { CallSchedule } from "./call-schedule.ts";
import { OcppError } from "./errors.ts";
import { encodeCall, encodeError, encodeResult, type Frame, parseFrame } from "./frames.ts";
import type { Action, RequestOf, ResponseOf } from "./v201/index.ts";
import { isAction, readResponse, validateRequest, validateResponse } from "./validation.ts";

export type CallOutcome<A extends Action = Action> =
  | { readonly kind: "response"; readonly response: ResponseOf<A> }
  /** A CALLERROR, or an answer that violates its schema. */
  | { readonly kind: "error"; readonly code: string; readonly description: string }
  | { readonly kind: "timeout" }
  /** Not sent: newer messages about the same thing tell what has become of it. */
  | { readonly kind: "joined" }
  /** Not connected, connection lost while waiting, or not allowed before the registration. */
  | { readonly kind: "offline" };

export interface HandlerResult<A extends Action> {
  readonly response: ResponseOf<A>;
  /** Runs once the answer has been handed to the socket. */
  readonly afterResponse?: () => void;
}

/** Throw an OcppError for a CALLERROR; any other error becomes InternalError. */
export type CallHandler<A extends Action> = (request: RequestOf<A>) => HandlerResult<A> | Promise<HandlerResult<A>>;

/** How a handler stands to the handling of other CALLs; without a word only CALLs of its own action wait for its end. */
export interface Handling<A extends Action> {
  /** CALLs with the same name here are handled one after the other; undefined: with no regard to others of its kind. */
  readonly lane?: (request: RequestOf<A>) => string | undefined;
  /** It waits for the hardware side in the ordinary case: the CALLs behind it do not wait for it. */
  readonly beside?: boolean;
}

export interface RegisteredHandler {
  readonly handle: CallHandler<Action>;
  readonly handling: Handling<Action>;
}

/** A frame that went over the wire, for the message log. */
export interface WireMessage {
  readonly direction: "sent" | "received";
  readonly text: string;
  /** `Authorize`, `AuthorizeResponse`, `CALLERROR` or undefined when unreadable. */
  readonly name?: string;
  readonly messageId?: string;
}

/** A CALL of either side that has come to its end, for whoever measures. */
export interface EndedCall {
  /** Sent by the station, or received from the CSMS. */
  readonly direction: "sent" | "received";
  /** As it stood in the frame, so it may be anything; empty when it could not be read. */
  readonly action: string;
  /** `offline`: the connection was lost before the answer. */
  readonly outcome: "response" | "error" | "timeout" | "offline";
  /** Of the CALLERROR, with `error` only. */
  readonly code?: string;
  /** From the CALL to its answer. */
  readonly milliseconds: number;
}

export interface RpcOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly send: (text: string) => void;
  readonly schedule: CallSchedule;
  /** Told what the answers of the CSMS carry more than they should. */
  readonly oddities: ToldOnce;
  readonly handlerOf: (action: Action) => RegisteredHandler | undefined;
  readonly admission: (action: string) => OcppError | undefined;
  readonly onMessage: (message: WireMessage) => void;
  /** A frame that nobody can make sense of (security event InvalidMessages). */
  readonly onInvalidMessage: (description: string) => void;
  readonly onCallEnded: (call: EndedCall) => void;
}

interface OutstandingCall {
  readonly messageId: string;
  readonly action: Action;
  readonly settle: (outcome: CallOutcome) => void;
  readonly timer: Timer;
  readonly sentAt: number;
}

/** An acceptable CALL with its validated request, and how it stands to others. */
interface PreparedCall {
  readonly handle: () => ReturnType<CallHandler<Action>>;
  readonly lane: string | undefined;
  readonly beside: boolean;
}

/** The last resort below the CSMS's usual message timeout of 30 s; each question to a module has a smaller limit. */
const HANDLER_LIMIT_MILLISECONDS = 28_000;

/** The RPC rules of one websocket connection: one outstanding CALL of ours, incoming ones answered as scheduled. */
export class RpcSession {
  private outstanding: OutstandingCall | undefined;
  /** The last CALL of ours that was not answered in time, to tell whose a late answer is. */
  private timedOut: OutstandingCall | undefined;
  /** CALLs of the CSMS that have no answer yet, by message id, with what takes them back. */
  private readonly unanswered = new Map<string, () => boolean>();
  private closed = false;

  constructor(private readonly options: RpcOptions) {}

  get busy(): boolean {
    return this.outstanding !== undefined;
  }

  /** Sends a CALL; exactly one may be outstanding. The outcome is handed over synchronously with the answer. */
  call<A extends Action>(
    action: A,
    messageId: string,
    payload: RequestOf<A>,
    timeoutMilliseconds: number,
    settle: (outcome: CallOutcome<A>) => void,
  ): void {
    if (this.closed) return settle({ kind: "offline" });
    if (this.outstanding !== undefined) throw new Error("a CALL is outstanding");
    const own = validateRequest(action, payload);
    if (!own.ok) {
      // Our own mistake; sending it would only produce a CALLERROR.
      this.options.logger.error(`${action} is not sent, it violates its schema: ${own.description}`);
      return settle({ kind: "error", code: own.code, description: own.description });
    }
    const timer = this.options.clock.after(timeoutMilliseconds, () => {
      this.timedOut = this.outstanding;
      this.finish({ kind: "timeout" });
    });
    const sentAt = this.options.clock.monotonicMilliseconds();
    this.outstanding = { messageId, action, timer, sentAt, settle: settle as (outcome: CallOutcome) => void };
    this.transmit(encodeCall(messageId, action, payload), action, messageId);
  }

  receive(text: string): void {
    const frame = parseFrame(text);
    this.options.onMessage({ direction: "received", text, ...this.nameOf(frame) });
    switch (frame.kind) {
      case "call":
        return this.takeCall(frame.messageId, frame.action, frame.payload);
      case "result":
        return this.takeResult(frame.messageId, frame.payload);
      case "error":
        return this.takeError(frame.messageId, frame.code, frame.description);
      case "bad":
        this.options.onInvalidMessage(frame.description);
        this.answered("", frame.code, this.options.clock.monotonicMilliseconds());
        return this.transmit(
          encodeError(frame.messageId, new OcppError(frame.code, frame.description)),
          "CALLERROR",
          frame.messageId,
        );
      case "broken-answer":
        this.options.onInvalidMessage(frame.description);
        if (frame.messageId === this.outstanding?.messageId)
          this.finish({ kind: "error", code: "FormatViolation", description: frame.description });
        return;
    }
  }

  /** The connection is gone: what waits for an answer gets none. */
  close(): void {
    this.closed = true;
    this.finish({ kind: "offline" });
    // The CSMS does not learn of an answer any more: what has not begun is not done.
    const takenBack = [...this.unanswered.values()].filter((takeBack) => takeBack()).length;
    if (takenBack > 0) this.options.logger.info(`${takenBack} CALLs of the lost connection are not carried out`);
  }

  private nameOf(frame: Frame): { name?: string; messageId?: string } {
    if (frame.kind === "call") return { name: frame.action, messageId: frame.messageId };
    if (frame.kind === "bad") return {};
    const outstanding = this.outstanding?.messageId === frame.messageId ? this.outstanding : undefined;
    if (frame.kind === "result" && outstanding !== undefined)
      return { name: `${outstanding.action}Response`, messageId: frame.messageId };
    return { name: frame.kind === "error" ? "CALLERROR" : "CALLRESULT", messageId: frame.messageId };
  }

  private transmit(text: string, name: string, messageId: string): void {
    if (this.closed) return;
    this.options.onMessage({ direction: "sent", text, name, messageId });
    this.options.send(text);
  }

  private finish(outcome: CallOutcome): void {
    const call = this.outstanding;
    if (call === undefined) return;
    this.outstanding = undefined;
    call.timer.cancel();
    if (outcome.kind !== "joined")
      this.tellEnded({
        direction: "sent",
        action: call.action,
        outcome: outcome.kind,
        ...(outcome.kind === "error" && { code: outcome.code }),
        milliseconds: this.options.clock.monotonicMilliseconds() - call.sentAt,
      });
    call.settle(outcome);
  }

  /** Whoever measures does not disturb what is measured. */
  private tellEnded(call: EndedCall): void {
    try {
      this.options.onCallEnded(call);
    } catch (error) {
      this.options.logger.error(`The end of ${call.action} was not counted: ${(error as Error).message}`);
    }
  }

  /** A CALL of the CSMS has its answer: `code` of a CALLERROR. */
  private answered(action: string, code: string | undefined, receivedAt: number): void {
    this.tellEnded({
      direction: "received",
      action,
      ...(code === undefined ? { outcome: "response" } : { outcome: "error", code }),
      milliseconds: this.options.clock.monotonicMilliseconds() - receivedAt,
    });
  }

  private takeResult(messageId: string, payload: unknown): void {
    if (this.outstanding?.messageId !== messageId) {
      const late = this.timedOut?.messageId === messageId ? `${this.timedOut.action}, too late,` : "an unknown message";
      this.options.logger.warn(`An answer to ${late} is ignored (${messageId})`);
      return;
    }
    const { action } = this.outstanding;
    const result = readResponse(action, payload, (path, defect) =>
      this.options.oddities.warn(`The answer to ${action} is odd: ${path}: ${defect}`),
    );
    if (!result.ok) {
      this.options.logger.warn(`The answer to ${action} violates its schema: ${result.description}`);
      return this.finish({ kind: "error", code: result.code, description: result.description });
    }
    this.finish({ kind: "response", response: result.value });
  }

  private takeError(messageId: string, code: string, description: string): void {
    if (this.outstanding?.messageId !== messageId) {
      this.options.logger.warn(`A CALLERROR ${code} for the unknown message ${messageId} is ignored: ${description}`);
      return;
    }
    this.options.logger.warn(`The CSMS answered ${this.outstanding.action} with CALLERROR ${code}: ${description}`);
    this.finish({ kind: "error", code, description });
  }

  private takeCall(messageId: string, action: string, payload: unknown): void {
    const receivedAt = this.options.clock.monotonicMilliseconds();
    const refuse = (error: OcppError): void => this.answerError(messageId, action, error, receivedAt);
    // Part 4, 4.2.3: not carried out twice. After the answer an id counts as new.
    if (this.unanswered.has(messageId))
      return refuse(new OcppError("RpcFrameworkError", "a CALL with this message id is being handled"));
    if (this.options.schedule.isFull) return refuse(new OcppError("GenericError", "too many calls are waiting"));
    const prepared = this.prepare(action, payload);
    // It changes nothing, so it need not wait for those before it.
    if (prepared instanceof OcppError) return refuse(prepared);
    const { lane, beside, handle } = prepared;
    this.unanswered.set(messageId, () => false);
    const takeBack = this.options.schedule.add({
      lane,
      beside,
      run: () =>
        this.answer(messageId, action, handle, receivedAt)
          // The CALLs behind it are answered all the same.
          .catch((error: Error) => this.options.logger.error(`${action} was not answered: ${error.message}`))
          .finally(() => this.unanswered.delete(messageId)),
    });
    this.unanswered.set(messageId, takeBack);
  }

  private prepare(action: string, payload: unknown): PreparedCall | OcppError {
    const refused = this.options.admission(action);
    if (refused !== undefined) return refused;
    if (!isAction(action)) return new OcppError("NotImplemented", `the action ${action.slice(0, 50)} is not known`);
    const registered = this.options.handlerOf(action);
    if (registered === undefined) return new OcppError("NotSupported", `${action} is not supported`);
    const request = validateRequest(action, payload);
    if (!request.ok) return new OcppError(request.code, request.description);
    const { lane, beside = false } = registered.handling;
    return {
      handle: () => registered.handle(request.value),
      lane: lane === undefined ? action : lane(request.value),
      beside,
    };
  }

  private async answer(
    messageId: string,
    action: string,
    handle: PreparedCall["handle"],
    receivedAt: number,
  ): Promise<void> {
    try {
      const result = await this.inTime(messageId, action, handle);
      const { response, afterResponse } = result;
      const own = isAction(action) ? validateResponse(action, response) : undefined;
      if (own !== undefined && !own.ok) {
        this.options.logger.error(`The answer to ${action} violates its schema: ${own.description}`);
        const error = new OcppError("InternalError", "the answer could not be built");
        return this.answerError(messageId, action, error, receivedAt);
      }
      this.transmit(encodeResult(messageId, response), `${action}Response`, messageId);
      this.answered(action, undefined, receivedAt);
      this.follow(action, afterResponse);
    } catch (error) {
      this.answerError(messageId, action, error, receivedAt);
    }
  }

  /** What a handler decides after its limit is carried out, although the CSMS was told otherwise; the log tells it. */
  private inTime(messageId: string, action: string, handle: PreparedCall["handle"]): Promise<HandlerResult<Action>> {
    return new Promise((resolve, reject) => {
      let isLate = false;
      const timer = this.options.clock.after(HANDLER_LIMIT_MILLISECONDS, () => {
        isLate = true;
        this.options.logger.error(`${action} ${messageId} is not decided within ${HANDLER_LIMIT_MILLISECONDS} ms`);
        reject(new OcppError("InternalError", `${action} took too long`));
      });
      new Promise<HandlerResult<Action>>((decide) => decide(handle()))
        .then(
          (result) => {
            if (!isLate) return resolve(result);
            this.options.logger.warn(`${action} ${messageId} was decided too late for its answer`);
            this.follow(action, result.afterResponse);
          },
          (error: unknown) => {
            if (!isLate) return reject(error);
            this.options.logger.warn(`${action} ${messageId} failed after its limit: ${String(error)}`);
          },
        )
        .finally(() => timer.cancel());
    });
  }

  private follow(action: string, afterResponse: (() => void) | undefined): void {
    try {
      afterResponse?.();
    } catch (error) {
      this.options.logger.error(
        `What follows the answer to ${action} failed: ${(error as Error)?.stack ?? String(error)}`,
      );
    }
  }

  private answerError(messageId: string, action: string, thrown: unknown, receivedAt: number): void {
    const isOurs = thrown instanceof OcppError;
    const error = isOurs ? thrown : new OcppError("InternalError", `${action} could not be processed`);
    if (isOurs) this.options.logger.info(`${action.slice(0, 50)} is answered with CALLERROR ${error.message}`);
    else this.options.logger.error(`${action} failed: ${(thrown as Error)?.stack ?? String(thrown)}`);
    this.transmit(encodeError(messageId, error), "CALLERROR", messageId);
    this.answered(action, error.code, receivedAt);
  }
}
