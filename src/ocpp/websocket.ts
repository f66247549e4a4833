import { randomBytes } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import WebSocket from "ws-real";
import type { Clock, Timer } from "../lib/clock.ts";

export const SUBPROTOCOL = "ocpp2.0.1";

/** What TLS needs; absent for `ws://`. */
export interface TlsSettings {
  readonly ca?: readonly string[];
  readonly certificate?: string;
  readonly privateKey?: string;
  readonly passphrase?: string;
  readonly ciphers?: string;
  readonly checkServerName?: (
    host: string,
    certificate: { subject: { CN?: string | string[] }; subjectaltname?: string },
  ) => Error | undefined;
}

export interface WebSocketSettings {
  readonly url: string;
  readonly basicAuthentication?: { readonly user: string; readonly password: string };
  readonly tls?: TlsSettings;
  readonly localAddress?: string;
  readonly compression: boolean;
  readonly handshakeTimeoutMilliseconds: number;
  readonly maximumFrameBytes: number;
  /** 0 = no pings. Read anew for every ping. */
  readonly pingIntervalMilliseconds: () => number;
  readonly pongTimeoutMilliseconds: () => number;
}

/** Why a connection could not be made or ended. */
export type ConnectionFailure =
  | { readonly kind: "refused"; readonly httpStatus: number; readonly text: string }
  | { readonly kind: "subprotocol"; readonly text: string }
  | { readonly kind: "tls"; readonly reason: "certificate" | "version" | "cipher" | "other"; readonly text: string }
  | { readonly kind: "network"; readonly text: string };

export interface WebSocketListener {
  opened(): void;
  message(text: string): void;
  /** Exactly once; `failure` when it never opened. */
  closed(reason: string, failure: ConnectionFailure | undefined): void;
}

export interface Transport {
  send(text: string): void;
  close(code: number, reason: string): void;
}

/** How long a close handshake may take before the socket is cut. */
const CLOSE_LIMIT_MILLISECONDS = 1_000;

export function classifyError(error: Error & { code?: string }): ConnectionFailure {
  const code = error.code ?? "";
  const text = `${error.message}${code === "" ? "" : ` (${code})`}`;
  const all = `${code} ${error.message}`;
  if (/subprotocol/i.test(error.message)) return { kind: "subprotocol", text };
  if (/UNSUPPORTED_PROTOCOL|WRONG_VERSION|PROTOCOL_VERSION|no protocols available/i.test(all))
    return { kind: "tls", reason: "version", text };
  if (/NO_SHARED_CIPHER|HANDSHAKE_FAILURE|NO_CIPHER/i.test(all)) return { kind: "tls", reason: "cipher", text };
  if (/CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|ALTNAME|HOSTNAME|certificate/i.test(all))
    return { kind: "tls", reason: "certificate", text };
  if (/SSL|TLS/.test(all)) return { kind: "tls", reason: "other", text };
  return { kind: "network", text };
}

function clientOptions(settings: WebSocketSettings): WebSocket.ClientOptions {
  const { tls, basicAuthentication } = settings;
  return {
    handshakeTimeout: settings.handshakeTimeoutMilliseconds,
    maxPayload: settings.maximumFrameBytes,
    perMessageDeflate: settings.compression,
    // A CALL behind an answer must find what the answer has changed (registration).
    allowSynchronousEvents: false,
    followRedirects: false,
    ...(settings.localAddress !== undefined && { localAddress: settings.localAddress }),
    ...(basicAuthentication !== undefined && {
      headers: {
        authorization: `Basic ${Buffer.from(`${basicAuthentication.user}:${basicAuthentication.password}`).toString("base64")}`,
      },
    }),
    ...(tls !== undefined && {
      minVersion: "TLSv1.2",
      rejectUnauthorized: true,
      ...(tls.ca !== undefined && { ca: [...tls.ca] }),
      ...(tls.certificate !== undefined && { cert: tls.certificate }),
      ...(tls.privateKey !== undefined && { key: tls.privateKey }),
      ...(tls.passphrase !== undefined && { passphrase: tls.passphrase }),
      ...(tls.ciphers !== undefined && { ciphers: tls.ciphers }),
      ...(tls.checkServerName !== undefined && { checkServerIdentity: tls.checkServerName }),
    }),
  } as unknown as WebSocket.ClientOptions;
}

/** Pings at the interval and cuts a link whose pong does not come in time. */
class LinkGuard {
  private timer: Timer | undefined;

  constructor(
    private readonly socket: WebSocket,
    private readonly clock: Clock,
    private readonly settings: WebSocketSettings,
  ) {}

  start(): void {
    this.socket.on("pong", () => this.wait());
    this.wait();
  }

  stop(): void {
    this.timer?.cancel();
  }

  private wait(): void {
    this.timer?.cancel();
    const interval = this.settings.pingIntervalMilliseconds();
    // Switched off: look again later, the interval may be changed at run time.
    this.timer = this.clock.after(interval > 0 ? interval : 60_000, () => (interval > 0 ? this.ping() : this.wait()));
  }

  private ping(): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.socket.ping(randomBytes(4));
    this.timer = this.clock.after(this.settings.pongTimeoutMilliseconds(), () => {
      this.socket.emit("error", new Error("no pong in time: the link is dead"));
      this.socket.terminate();
    });
  }
}

/** Opens one websocket connection; everything that happens to it reaches `listener`. */
export function openWebSocket(settings: WebSocketSettings, clock: Clock, listener: WebSocketListener): Transport {
  let failure: ConnectionFailure | undefined;
  let opened = false;
  let ended = false;
  let lastError = "";
  const end = (reason: string): void => {
    if (ended) return;
    ended = true;
    guard?.stop();
    listener.closed(reason, opened ? undefined : (failure ?? { kind: "network", text: reason }));
  };

  let socket: WebSocket;
  let guard: LinkGuard | undefined;
  try {
    socket = new WebSocket(settings.url, [SUBPROTOCOL], clientOptions(settings));
  } catch (error) {
    failure = { kind: "network", text: (error as Error).message };
    queueMicrotask(() => end((error as Error).message));
    return { send: () => {}, close: () => {} };
  }
  guard = new LinkGuard(socket, clock, settings);

  socket.on("upgrade", (response: IncomingMessage) => {
    (response.socket as Socket).setNoDelay(true);
  });
  socket.on("unexpected-response", (request, response: IncomingMessage) => {
    failure = {
      kind: "refused",
      httpStatus: response.statusCode ?? 0,
      text: `HTTP ${response.statusCode ?? 0} ${response.statusMessage ?? ""}`.trim(),
    };
    response.resume();
    request.destroy();
    socket.terminate();
    end(failure.text);
  });
  socket.on("open", () => {
    if (socket.protocol !== SUBPROTOCOL) {
      failure = { kind: "subprotocol", text: `the CSMS chose "${socket.protocol}" instead of ${SUBPROTOCOL}` };
      socket.close(1002, "subprotocol");
      end(failure.text);
      return;
    }
    opened = true;
    guard?.start();
    listener.opened();
  });
  socket.on("message", (data: Buffer, isBinary: boolean) => {
    if (!isBinary && !ended) listener.message(data.toString("utf8"));
  });
  socket.on("error", (error: Error) => {
    lastError = error.message;
    if (!opened) failure ??= classifyError(error);
  });
  socket.on("close", (code: number, reason: Buffer) => {
    end(
      `code ${code}${reason.length > 0 ? ` ${reason.toString("utf8")}` : ""}${lastError === "" ? "" : `: ${lastError}`}`,
    );
  });

  return {
    send: (text) => {
      if (socket.readyState === WebSocket.OPEN) socket.send(text);
    },
    close: (code, reason) => {
      if (socket.readyState === WebSocket.CONNECTING) socket.terminate();
      else socket.close(code, reason);
      clock.after(CLOSE_LIMIT_MILLISECONDS, () => socket.terminate());
      end(`closed by the station: ${reason}`);
    },
  };
}
