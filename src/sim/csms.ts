import { createServer as createHttpServer, type IncomingMessage } from "node:http";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { safeParse } from "valibot";
import WebSocket, { WebSocketServer } from "ws-real";
import { type Clock, SystemClock } from "../lib/clock.ts";
import { Emitter } from "../lib/events.ts";
import { type Random, SystemRandom } from "../lib/random.ts";
import { type Action, MESSAGE_SCHEMAS, type RequestOf, type ResponseOf } from "../ocpp/v201/index.ts";

export interface ReceivedCall {
  readonly action: Action;
  readonly request: Readonly<Record<string, unknown>>;
  readonly messageId: string;
}

export type SentAnswer =
  | { readonly kind: "response"; readonly response: unknown }
  | { readonly kind: "error"; readonly code: string; readonly description: string };

export interface CsmsOptions {
  readonly port?: number;
  readonly clock?: Clock;
  readonly random?: Random;
  /** Refused with 401 when the password differs. */
  readonly password?: string;
  /** `ca` is for certificates of stations, which are wanted where `requestCert` says so (security profile 3). */
  readonly tls?: {
    readonly key: string;
    readonly cert: string;
    readonly ca?: string;
    readonly requestCert?: boolean;
    readonly maxVersion?: "TLSv1.2" | "TLSv1.3";
  };
}

type Responder = (request: Readonly<Record<string, unknown>>) => unknown;

/** A CSMS that checks what it is sent against the schemas and against the rules of order, and answers by script. */
export class SimulatedCsms {
  readonly calls: ReceivedCall[] = [];
  /** Everything that the station did wrong. */
  readonly violations: string[] = [];
  readonly events = new Emitter<{
    call: ReceivedCall;
    connected: object;
    disconnected: { code: number };
    ping: { payload: string };
  }>();
  /** The request of the last handshake. */
  lastHandshake: { readonly url: string; readonly authorization: string | undefined } | undefined;
  /** HTTP status for the next handshakes; undefined: let them pass. */
  refuseWith: number | undefined;
  private readonly responders = new Map<Action, Responder>();
  private readonly waiting = new Map<string, (answer: SentAnswer) => void>();
  private readonly nextSequenceNumber = new Map<string, number>();
  private socket: WebSocket | undefined;
  private silent = false;
  private password: string | undefined;

  private constructor(
    private readonly server: ReturnType<typeof createHttpServer>,
    private readonly sockets: WebSocketServer,
    private readonly options: CsmsOptions,
    private readonly clock: Clock,
    private readonly random: Random,
  ) {
    this.password = options.password;
  }

  static async start(options: CsmsOptions = {}): Promise<SimulatedCsms> {
    const server =
      options.tls === undefined
        ? createHttpServer()
        : (createTlsServer(options.tls) as unknown as ReturnType<typeof createHttpServer>);
    const sockets = new WebSocketServer({
      noServer: true,
      handleProtocols: (offered) => (offered.has("ocpp2.0.1") ? "ocpp2.0.1" : false),
    });
    const csms = new SimulatedCsms(
      server,
      sockets,
      options,
      options.clock ?? new SystemClock(),
      options.random ?? new SystemRandom(),
    );
    server.on("upgrade", (request, socket, head) => {
      const refusal = csms.refusal(request);
      if (refusal !== undefined) {
        socket.end(`HTTP/1.1 ${refusal} Refused\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
        return;
      }
      sockets.handleUpgrade(request, socket, head, (accepted) => csms.accept(accepted));
    });
    await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
    return csms;
  }

  get url(): string {
    const { port } = this.server.address() as AddressInfo;
    return `${this.options.tls === undefined ? "ws" : "wss"}://localhost:${port}`;
  }

  get connected(): boolean {
    return this.socket?.readyState === WebSocket.OPEN;
  }

  /** Answers an action from now on; return undefined to leave it unanswered. */
  on<A extends Action>(action: A, respond: (request: RequestOf<A>) => ResponseOf<A> | undefined): void {
    this.responders.set(action, respond as unknown as Responder);
  }

  /** The first call after `from` that fits; waits for it up to the limit. */
  async waitFor(
    action: Action,
    fits: (request: Readonly<Record<string, unknown>>) => boolean = () => true,
    limitMilliseconds = 10_000,
    from = 0,
  ): Promise<ReceivedCall> {
    const found = this.calls.slice(from).find((call) => call.action === action && fits(call.request));
    if (found !== undefined) return found;
    return new Promise((resolve, reject) => {
      const timer = this.clock.after(limitMilliseconds, () => {
        unsubscribe();
        const seen = this.calls
          .slice(from)
          .map((call) => call.action)
          .join(", ");
        reject(new Error(`no ${action} as expected within ${limitMilliseconds} ms; seen: ${seen}`));
      });
      const unsubscribe = this.events.on("call", (call) => {
        if (call.action !== action || !fits(call.request)) return;
        timer.cancel();
        unsubscribe();
        resolve(call);
      });
    });
  }

  /** Sends a CALL and resolves to its answer. */
  send<A extends Action>(action: A, request: RequestOf<A>): Promise<SentAnswer> {
    return this.sendRaw(action, request);
  }

  sendRaw(action: string, request: unknown): Promise<SentAnswer> {
    const messageId = this.random.uuid();
    return new Promise((resolve, reject) => {
      if (this.socket === undefined) return reject(new Error("the station is not connected"));
      this.waiting.set(messageId, resolve);
      this.socket.send(JSON.stringify([2, messageId, action, request]));
    });
  }

  sendText(text: string): void {
    this.socket?.send(text);
  }

  /** The password of the next handshakes. */
  expectPassword(password: string): void {
    this.password = password;
  }

  /** The same CALL in websocket fragments of one character each. */
  sendFragmented<A extends Action>(action: A, request: RequestOf<A>): Promise<SentAnswer> {
    const messageId = this.random.uuid();
    const text = JSON.stringify([2, messageId, action, request]);
    return new Promise((resolve) => {
      this.waiting.set(messageId, resolve);
      for (const [at, character] of [...text].entries()) this.socket?.send(character, { fin: at === text.length - 1 });
    });
  }

  close(code: number, reason: string): void {
    this.socket?.close(code, reason);
  }

  /** Cuts the connection without a close frame. */
  drop(): void {
    this.socket?.terminate();
  }

  /** Takes messages, but answers none. */
  stayOpenButSilent(silent: boolean): void {
    this.silent = silent;
  }

  async stop(): Promise<void> {
    for (const client of this.sockets.clients) client.terminate();
    await new Promise<void>((resolve) => this.server.close(() => resolve()));
  }

  private refusal(request: IncomingMessage): number | undefined {
    this.lastHandshake = { url: request.url ?? "", authorization: request.headers.authorization };
    if (this.refuseWith !== undefined) return this.refuseWith;
    if (this.password === undefined) return undefined;
    const given = Buffer.from((request.headers.authorization ?? "").replace(/^Basic /, ""), "base64").toString();
    return given.slice(given.indexOf(":") + 1) === this.password ? undefined : 401;
  }

  private accept(socket: WebSocket): void {
    this.socket = socket;
    socket.on("message", (data: Buffer) => this.take(socket, data.toString()));
    socket.on("ping", (payload: Buffer) => this.events.emit("ping", { payload: payload.toString() }));
    socket.on("close", (code) => this.events.emit("disconnected", { code }));
    this.events.emit("connected", {});
  }

  private take(socket: WebSocket, text: string): void {
    const frame = JSON.parse(text) as readonly [number, string, ...unknown[]];
    const [type, messageId] = frame;
    if (type === 2) this.takeCall(socket, messageId, frame[2] as Action, frame[3] as Readonly<Record<string, unknown>>);
    else if (type === 3) this.waiting.get(messageId)?.({ kind: "response", response: frame[2] });
    else this.waiting.get(messageId)?.({ kind: "error", code: String(frame[2]), description: String(frame[3]) });
  }

  private takeCall(
    socket: WebSocket,
    messageId: string,
    action: Action,
    request: Readonly<Record<string, unknown>>,
  ): void {
    const parsed = safeParse(MESSAGE_SCHEMAS[action].request, request);
    if (!parsed.success)
      this.violations.push(`${action} violates its schema: ${parsed.issues[0]?.message} ${JSON.stringify(request)}`);
    if (action === "TransactionEvent") this.checkSequence(request);
    const call = { action, request, messageId };
    this.calls.push(call);
    const response = this.silent
      ? undefined
      : (this.responders.get(action)?.(request) ??
        (this.responders.has(action) ? undefined : this.defaultResponse(action)));
    if (response !== undefined && socket.readyState === WebSocket.OPEN)
      socket.send(JSON.stringify([3, messageId, response]));
    this.events.emit("call", call);
  }

  private checkSequence(request: Readonly<Record<string, unknown>>): void {
    const { transactionId } = request.transactionInfo as { transactionId: string };
    const seqNo = request.seqNo as number;
    const expected = this.nextSequenceNumber.get(transactionId) ?? 0;
    // The last one may come again when its answer was lost.
    if (seqNo !== expected && seqNo !== expected - 1)
      this.violations.push(`transaction ${transactionId}: seqNo ${seqNo} instead of ${expected}`);
    this.nextSequenceNumber.set(transactionId, Math.max(expected, seqNo + 1));
  }

  private defaultResponse(action: Action): unknown {
    const now = this.clock.now().toISOString();
    switch (action) {
      case "BootNotification":
        return { currentTime: now, interval: 300, status: "Accepted" };
      case "Heartbeat":
        return { currentTime: now };
      case "Authorize":
        return { idTokenInfo: { status: "Accepted" } };
      case "DataTransfer":
      case "SignCertificate":
        return { status: "Accepted" };
      default:
        return {};
    }
  }
}
