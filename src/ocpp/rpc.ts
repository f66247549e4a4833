import type { Clock, Timer } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import { OcppError } from "./errors.ts";
import { encodeCall, encodeError, encodeResult, type Frame, parseFrame } from "./frames.ts";
import type { Action, RequestOf, ResponseOf } from "./v201/index.ts";
import { isAction, validateRequest, validateResponse } from "./validation.ts";

export type CallOutcome<A extends Action = Action> =
  | { readonly kind: "response"; readonly response: ResponseOf<A> }
  /** A CALLERROR, or an answer that violates its schema. */
  | { readonly kind: "error"; readonly code: string; readonly description: string }
  | { readonly kind: "timeout" }
  /** Not connected, connection lost while waiting, or not allowed before the registration. */
  | { readonly kind: "offline" };

export interface HandlerResult<A extends Action> {
  readonly response: ResponseOf<A>;
  /** Runs once the answer has been handed to the socket. */
  readonly afterResponse?: () => void;
}

/** Throw an OcppError for a CALLERROR; any other error becomes InternalError. */
export type CallHandler<A extends Action> = (request: RequestOf<A>) => HandlerResult<A> | Promise<HandlerResult<A>>;

/** A frame that went over the wire, for the message log. */
export interface WireMessage {
  readonly direction: "sent" | "received";
  readonly text: string;
  /** `Authorize`, `AuthorizeResponse`, `CALLERROR` or undefined when unreadable. */
  readonly name?: string;
  readonly messageId?: string;
}

export interface RpcOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly send: (text: string) => void;
  readonly handlerOf: (action: Action) => CallHandler<Action> | undefined;
  readonly admission: (action: string) => OcppError | undefined;
  readonly onMessage: (message: WireMessage) => void;
  /** A frame that nobody can make sense of (security event InvalidMessages). */
  readonly onInvalidMessage: (description: string) => void;
}

interface OutstandingCall {
  readonly messageId: string;
  readonly action: Action;
  readonly settle: (outcome: CallOutcome) => void;
  readonly timer: Timer;
}

/** CALLs of the CSMS that may wait for an answer at once; it should have one outstanding (part 4, 4.1.1). */
const INCOMING_LIMIT = 32;

/** The RPC rules of one websocket connection: one outstanding CALL of ours, incoming ones answered in order. */
export class RpcSession {
  private outstanding: OutstandingCall | undefined;
  private incoming: Promise<void> = Promise.resolve();
  private incomingCount = 0;
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
    const timer = this.options.clock.after(timeoutMilliseconds, () => this.finish({ kind: "timeout" }));
    this.outstanding = { messageId, action, timer, settle: settle as (outcome: CallOutcome) => void };
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
    call.settle(outcome);
  }

  private takeResult(messageId: string, payload: unknown): void {
    if (this.outstanding?.messageId !== messageId) {
      this.options.logger.warn(`An answer to the unknown or forgotten message ${messageId} is ignored`);
      return;
    }
    const { action } = this.outstanding;
    const result = validateResponse(action, payload);
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
    if (this.incomingCount >= INCOMING_LIMIT)
      return this.answerError(messageId, action, new OcppError("GenericError", "too many calls are waiting"));
    const prepared = this.prepare(action, payload);
    if (prepared instanceof OcppError && this.incomingCount === 0) return this.answerError(messageId, action, prepared);
    this.incomingCount++;
    this.incoming = this.incoming
      .then(() =>
        prepared instanceof OcppError
          ? this.answerError(messageId, action, prepared)
          : this.answer(messageId, action, prepared),
      )
      // The CALLs behind it are answered all the same.
      .catch((error: Error) => this.options.logger.error(`${action} was not answered: ${error.message}`))
      .finally(() => this.incomingCount--);
  }

  /** The handler of an acceptable CALL, bound to its validated request. */
  private prepare(action: string, payload: unknown): (() => ReturnType<CallHandler<Action>>) | OcppError {
    const refused = this.options.admission(action);
    if (refused !== undefined) return refused;
    if (!isAction(action)) return new OcppError("NotImplemented", `the action ${action.slice(0, 50)} is not known`);
    const handler = this.options.handlerOf(action);
    if (handler === undefined) return new OcppError("NotSupported", `${action} is not supported`);
    const request = validateRequest(action, payload);
    if (!request.ok) return new OcppError(request.code, request.description);
    return () => handler(request.value);
  }

  private async answer(
    messageId: string,
    action: string,
    handle: () => ReturnType<CallHandler<Action>>,
  ): Promise<void> {
    try {
      const { response, afterResponse } = await handle();
      const own = isAction(action) ? validateResponse(action, response) : undefined;
      if (own !== undefined && !own.ok) {
        this.options.logger.error(`The answer to ${action} violates its schema: ${own.description}`);
        return this.answerError(messageId, action, new OcppError("InternalError", "the answer could not be built"));
      }
      this.transmit(encodeResult(messageId, response), `${action}Response`, messageId);
      this.follow(action, afterResponse);
    } catch (error) {
      this.answerError(messageId, action, error);
    }
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

  private answerError(messageId: string, action: string, error: unknown): void {
    if (error instanceof OcppError) {
      this.options.logger.info(`${action.slice(0, 50)} is answered with CALLERROR ${error.message}`);
      this.transmit(encodeError(messageId, error), "CALLERROR", messageId);
      return;
    }
    this.options.logger.error(`${action} failed: ${(error as Error)?.stack ?? String(error)}`);
    this.transmit(
      encodeError(messageId, new OcppError("InternalError", `${action} could not be processed`)),
      "CALLERROR",
      messageId,
    );
  }
}
