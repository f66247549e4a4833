import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { type ConnectionOptions, type DetailedPeerCertificate, TLSSocket } from "node:tls";
import WebSocket from "ws-real";
import type { Clock, Timer } from "../lib/clock.ts";
import { type ConnectionFailure, classifyError, httpFailure, tlsFailure } from "./connection-failure.ts";

export const SUBPROTOCOL = "ocpp2.0.1";

/** What TLS needs; absent for `ws://`. Certificates and keys are PEM. */
export interface TlsSettings {
  /** The only authorities that are trusted. */
  readonly authorities: readonly string[];
  readonly revocationLists: readonly string[];
  readonly client?: { readonly certificate: string; readonly privateKey: string; readonly passphrase?: string };
  /** Offered for TLS 1.2, by their OpenSSL names. */
  readonly ciphers12: readonly string[];
  /** Those of TLS 1.3 cannot be chosen beforehand (BoringSSL); a connection with another one is given up. */
  readonly ciphers13: readonly string[];
  readonly checkServerName: (
    host: string,
    certificate: { subject: { CN?: string | string[] }; subjectaltname?: string },
  ) => Error | undefined;
  /** Resumes an earlier session, and is told the new one. */
  readonly session?: Buffer;
  readonly onSession?: (session: Buffer) => void;
}

export interface WebSocketSettings {
  readonly url: string;
  readonly basicAuthentication?: { readonly user: string; readonly password: string };
  readonly tls?: TlsSettings;
  readonly localAddress?: string;
  /** permessage-deflate; TLS itself never compresses (A00.FR.321, FR.424). */
  readonly compression: boolean;
  /** From the first packet to the open websocket, names and TLS included. */
  readonly handshakeTimeoutMilliseconds: number;
  readonly maximumFrameBytes: number;
  readonly pings: PingSettings;
}

/** Read anew for every ping. */
export interface PingSettings {
  /** 0 = no pings. */
  readonly intervalMilliseconds: () => number;
  readonly pongTimeoutMilliseconds: () => number;
  /** At most 125 bytes are sent. */
  readonly payload: () => string;
  /** Tells when the interval has changed, until unsubscribed. */
  readonly onIntervalChange: (listener: () => void) => () => void;
}

export interface WebSocketListener {
  opened(): void;
  message(text: string): void;
  /** Exactly once; `failure` when it never opened. */
  closed(reason: string, failure: ConnectionFailure | undefined): void;
}

export interface Validity {
  readonly from: Date;
  readonly until: Date;
}

export interface Transport {
  /** Fingerprints (SHA-256) of the server's certificates, from its own to the root it was verified with; empty without TLS. */
  readonly serverChain?: readonly string[];
  /** When all of them are valid; undefined without TLS. */
  readonly serverValidity?: Validity | undefined;
  send(text: string): void;
  close(code: number, reason: string): void;
}

/** How long a close handshake may take before the socket is cut. */
const CLOSE_LIMIT_MILLISECONDS = 1_000;
/** Bytes that a CSMS which does not read may leave in this process; then the link counts as dead. */
const UNSENT_LIMIT_BYTES = 4 * 1024 * 1024;
/** The kernel probes a silent peer too, for the case that pings are switched off. */
const KEEP_ALIVE_MILLISECONDS = 60_000;
/** Shorter messages only grow by compression. */
const COMPRESSION_THRESHOLD_BYTES = 256;
/** RFC 6455, 5.5. */
const PING_PAYLOAD_LIMIT_BYTES = 125;

/** Instead of an empty list the runtime takes the authorities that it was built with, and those of NODE_EXTRA_CA_CERTS. */
function trustNobody(): Error {
  const error = new Error("unable to find an issuer: no root certificate of a CSMS is installed");
  return Object.assign(error, { code: "UNABLE_TO_GET_ISSUER_CERT_LOCALLY" });
}

/** The options of `tls.connect`: TLS as the runtime has it, with nothing of our own in between (A00.FR.317, FR.420). */
export function tlsOptions(tls: TlsSettings): ConnectionOptions {
  return {
    minVersion: "TLSv1.2", // A00.FR.313, FR.416
    rejectUnauthorized: true, // A00.FR.308, FR.311, FR.411, FR.414
    ca: [...tls.authorities],
    allowPartialTrustChain: true, // an installed root may be one that its predecessor has signed (M05.FR.10)
    ciphers: tls.ciphers12.join(":"), // A00.FR.319, FR.422
    checkServerIdentity: tls.authorities.length === 0 ? trustNobody : tls.checkServerName, // A00.FR.309, FR.412
    ...(tls.revocationLists.length > 0 && { crl: [...tls.revocationLists] }),
    ...(tls.client !== undefined && {
      cert: tls.client.certificate, // A00.FR.401, FR.402
      key: tls.client.privateKey,
      ...(tls.client.passphrase !== undefined && { passphrase: tls.client.passphrase }),
    }),
    ...(tls.session !== undefined && { session: tls.session }),
  };
}

function clientOptions(settings: WebSocketSettings): WebSocket.ClientOptions {
  const { tls, basicAuthentication: basic } = settings;
  const credentials = basic && Buffer.from(`${basic.user}:${basic.password}`, "utf8").toString("base64");
  return {
    maxPayload: settings.maximumFrameBytes,
    perMessageDeflate: settings.compression && { threshold: COMPRESSION_THRESHOLD_BYTES },
    // A CALL behind an answer must find what the answer has changed (registration).
    allowSynchronousEvents: false,
    followRedirects: false,
    ...(settings.localAddress !== undefined && { localAddress: settings.localAddress }),
    ...(credentials !== undefined && { headers: { authorization: `Basic ${credentials}` } }), // A00.FR.202, FR.301
    ...(tls !== undefined && tlsOptions(tls)),
  } as unknown as WebSocket.ClientOptions;
}

/** What TLS has agreed on, where it is not allowed (A00.FR.314, FR.320, FR.417, FR.423). */
export function agreedDefect(socket: TLSSocket, tls: TlsSettings): ConnectionFailure | undefined {
  const version = socket.getProtocol();
  if (version !== "TLSv1.2" && version !== "TLSv1.3") return tlsFailure("version", `${version} was agreed on`);
  const { name } = socket.getCipher();
  const allowed = version === "TLSv1.3" ? tls.ciphers13 : tls.ciphers12;
  return allowed.includes(name) ? undefined : tlsFailure("cipher", `${name} was agreed on`);
}

/** Pings at the interval; `onDead` when a pong does not come in time. */
class LinkGuard {
  private timer: Timer | undefined;
  private unsubscribe = (): void => {};

  constructor(
    private readonly socket: WebSocket,
    private readonly clock: Clock,
    private readonly settings: PingSettings,
    private readonly onDead: () => void,
  ) {}

  start(): void {
    this.socket.on("pong", () => this.wait());
    this.unsubscribe = this.settings.onIntervalChange(() => this.wait());
    this.wait();
  }

  stop(): void {
    this.timer?.cancel();
    this.unsubscribe();
  }

  private wait(): void {
    this.timer?.cancel();
    const interval = this.settings.intervalMilliseconds();
    if (interval > 0) this.timer = this.clock.after(interval, () => this.ping());
  }

  private ping(): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.socket.ping(Buffer.from(this.settings.payload(), "utf8").subarray(0, PING_PAYLOAD_LIMIT_BYTES));
    this.timer = this.clock.after(this.settings.pongTimeoutMilliseconds(), this.onDead);
  }
}

/** The chain that the server has shown, its own certificate first. */
export function chainOf(socket: TLSSocket): readonly DetailedPeerCertificate[] {
  const chain: DetailedPeerCertificate[] = [];
  const isNew = ({ fingerprint256 }: DetailedPeerCertificate): boolean =>
    fingerprint256 !== undefined && !chain.some((known) => known.fingerprint256 === fingerprint256);
  let certificate: DetailedPeerCertificate | undefined = socket.getPeerCertificate(true);
  while (certificate !== undefined && isNew(certificate)) {
    chain.push(certificate);
    certificate = certificate.issuerCertificate;
  }
  return chain;
}

/** The time in which every certificate of a chain is valid. */
function validityOf(chain: readonly DetailedPeerCertificate[]): Validity | undefined {
  if (chain.length === 0) return undefined;
  return {
    from: new Date(Math.max(...chain.map(({ valid_from }) => Date.parse(valid_from)))),
    until: new Date(Math.min(...chain.map(({ valid_to }) => Date.parse(valid_to)))),
  };
}

/** One websocket from the first packet to its end; tells its listener of the end exactly once. */
class WebSocketConnection implements Transport {
  serverChain: readonly string[] = [];
  serverValidity: Validity | undefined;
  private readonly guard: LinkGuard;
  private readonly handshakeTimer: Timer;
  private failure: ConnectionFailure | undefined;
  private opened = false;
  private ended = false;
  private lastError = "";

  constructor(
    private readonly socket: WebSocket,
    private readonly settings: WebSocketSettings,
    private readonly clock: Clock,
    private readonly listener: WebSocketListener,
  ) {
    this.guard = new LinkGuard(socket, clock, settings.pings, () => this.cut("no pong in time: the link is dead"));
    this.handshakeTimer = clock.after(settings.handshakeTimeoutMilliseconds, () =>
      this.cut(`the CSMS did not answer within ${settings.handshakeTimeoutMilliseconds / 1000} s`),
    );
    socket.on("upgrade", (response: IncomingMessage) => this.takeUpgrade(response.socket));
    socket.on("unexpected-response", (_request, response: IncomingMessage) => {
      response.resume();
      this.giveUp(httpFailure(response.statusCode ?? 0));
    });
    socket.on("open", () => this.takeOpen());
    // A binary frame is no OCPP-J, but whoever sends one is told by the answer what is wrong with its content, if anything.
    socket.on("message", (data: Buffer) => {
      if (!this.ended) listener.message(data.toString("utf8"));
    });
    socket.on("error", (error: Error) => {
      this.lastError ||= error.message;
      if (!this.opened) this.failure ??= classifyError(error);
    });
    socket.on("close", (code: number, reason: Buffer) => {
      const text = reason.length > 0 ? ` ${reason.toString("utf8")}` : "";
      this.end(`code ${code}${text}${this.lastError === "" ? "" : `: ${this.lastError}`}`);
    });
  }

  send(text: string): void {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    this.socket.send(text);
    // Not at once: the sender is in the middle of its own work.
    if (this.socket.bufferedAmount > UNSENT_LIMIT_BYTES)
      queueMicrotask(() => this.cut("the CSMS takes no more data: the link is dead"));
  }

  close(code: number, reason: string): void {
    if (this.socket.readyState === WebSocket.CONNECTING) this.socket.terminate();
    else this.socket.close(code, reason);
    this.clock.after(CLOSE_LIMIT_MILLISECONDS, () => this.socket.terminate());
    this.end(`closed by the station: ${reason}`);
  }

  private takeUpgrade(socket: Socket): void {
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MILLISECONDS);
    const { tls } = this.settings;
    if (tls === undefined || !(socket instanceof TLSSocket)) return;
    const defect = agreedDefect(socket, tls);
    if (defect !== undefined) return this.giveUp(defect);
    const chain = chainOf(socket);
    this.serverChain = chain.map(({ fingerprint256 }) => fingerprint256);
    this.serverValidity = validityOf(chain);
    // TLS 1.3 brings its tickets only after the handshake; those of 1.2 are here already.
    const session = socket.getSession();
    if (session !== undefined) tls.onSession?.(session);
  }

  private takeOpen(): void {
    const { protocol } = this.socket;
    if (protocol !== SUBPROTOCOL)
      return this.giveUp({
        kind: "subprotocol",
        text: `the CSMS chose "${protocol}" instead of ${SUBPROTOCOL}`,
      });
    this.handshakeTimer.cancel();
    this.opened = true;
    this.guard.start();
    this.listener.opened();
  }

  /** The attempt has failed for a reason of its own. */
  private giveUp(failure: ConnectionFailure): void {
    this.failure ??= failure;
    this.socket.terminate();
    this.end(failure.text);
  }

  private cut(reason: string): void {
    this.lastError = reason;
    this.socket.terminate();
    this.end(reason);
  }

  private end(reason: string): void {
    if (this.ended) return;
    this.ended = true;
    this.guard.stop();
    this.handshakeTimer.cancel();
    this.listener.closed(reason, this.opened ? undefined : (this.failure ?? { kind: "network", text: reason }));
  }
}

/**
 * Opens one websocket connection; everything that happens to it reaches `listener`, never before this returns.
 * @throws when the settings themselves cannot be used.
 */
export function openWebSocket(settings: WebSocketSettings, clock: Clock, listener: WebSocketListener): Transport {
  const socket = new WebSocket(settings.url, [SUBPROTOCOL], clientOptions(settings));
  return new WebSocketConnection(socket, settings, clock, listener);
}
