import { readFileSync } from "node:fs";
import { type AddressInfo, connect, type Socket } from "node:net";
import { createServer, type Server } from "node:tls";
import type { Certificate } from "./certificates.ts";

/** Ends TLS in front of a CSMS that speaks none, and decides about the certificates that stations show. */
export class TlsFront {
  /** Fingerprints (SHA-256) of the client certificates that are let in; undefined: every one of the root. */
  admitted: readonly string[] | undefined;
  /** The one that was let in last. */
  shown: string | undefined;
  private target = 0;
  private readonly sockets = new Set<Socket>();

  private constructor(private readonly server: Server) {
    server.on("tlsClientError", () => {});
    server.on("secureConnection", (socket) => {
      const { fingerprint256 } = socket.getPeerCertificate();
      if (this.admitted?.includes(fingerprint256) === false) {
        socket.destroy();
        return;
      }
      this.shown = fingerprint256;
      this.join(socket, connect(this.target, "127.0.0.1"));
    });
  }

  static async start({ certificatePath, keyPath }: Certificate, rootPath: string): Promise<TlsFront> {
    const server = createServer({
      cert: readFileSync(certificatePath),
      key: readFileSync(keyPath),
      ca: readFileSync(rootPath),
      requestCert: true,
      rejectUnauthorized: true,
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new TlsFront(server);
  }

  get url(): string {
    return `wss://localhost:${(this.server.address() as AddressInfo).port}`;
  }

  /** Connections go to the CSMS at `url` from now on. */
  leadTo(url: string): void {
    this.target = Number(new URL(url).port);
  }

  stop(): void {
    for (const socket of this.sockets) socket.destroy();
    this.server.close();
  }

  private join(outside: Socket, inside: Socket): void {
    for (const [socket, other] of [
      [outside, inside],
      [inside, outside],
    ] as const) {
      this.sockets.add(socket);
      socket.on("data", (data) => other.write(data));
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        this.sockets.delete(socket);
        other.destroy();
      });
    }
  }
}
