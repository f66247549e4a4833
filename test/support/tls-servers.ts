import { type ChildProcess, spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { createServer, type TlsOptions } from "node:tls";
import type { Certificate } from "./certificates.ts";

export interface TlsServer {
  readonly port: number;
  stop(): unknown;
}

/** What the server has seen of the last connection. */
export interface Seen {
  cipher?: string;
  protocol?: string;
  client?: string;
  serverName?: string;
  request?: string;
  resumed?: boolean;
}

/** A TLS server that does no more of websocket than the handshake, and notes what TLS has agreed on. */
export async function startTlsServer(
  { chainPath, keyPath }: Certificate,
  options: TlsOptions = {},
  host = "127.0.0.1",
): Promise<TlsServer & { readonly seen: Seen }> {
  const seen: Seen = {};
  const server = createServer({ ...options, cert: readFileSync(chainPath), key: readFileSync(keyPath) }, (socket) => {
    socket.on("error", () => {});
    socket.once("data", (data: Buffer) => {
      seen.cipher = socket.getCipher().name;
      seen.protocol = socket.getProtocol() ?? "";
      seen.client = String(socket.getPeerCertificate()?.subject?.CN ?? "");
      seen.serverName = String((socket as unknown as { servername?: string }).servername ?? "");
      seen.request = data.toString();
      seen.resumed = socket.isSessionReused();
      const key = /sec-websocket-key: (.+)\r\n/i.exec(seen.request)?.[1] ?? "";
      const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ocpp2.0.1\r\n\r\n`,
      );
    });
  });
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return { port: (server.address() as { port: number }).port, seen, stop: () => void server.close() };
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}

function stop(server: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (server.exitCode !== null || server.signalCode !== null) return resolve();
    server.once("exit", () => resolve());
    server.kill("SIGKILL");
  });
}

/**
 * OpenSSL's own server, for what Bun's cannot do (old versions, single TLS 1.3 suites, certificates that it refuses). Behind
 * TLS it speaks HTTP without websockets, so a handshake that succeeds ends as an HTTP refusal.
 */
export async function startOpenSslServer(
  { certificatePath, keyPath }: Certificate,
  port: number,
  ...options: readonly string[]
): Promise<TlsServer> {
  const files = ["-cert", certificatePath, "-key", keyPath];
  const server: ChildProcess = spawn("openssl", ["s_server", "-accept", String(port), "-www", ...files, ...options], {
    stdio: "ignore",
  });
  for (let attempt = 0; !(await answers(port)); attempt++) {
    if (attempt > 200) throw new Error("openssl s_server does not start");
    await Bun.sleep(25);
  }
  return { port, stop: () => stop(server) };
}
