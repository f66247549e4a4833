import { afterEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer, type TlsOptions } from "node:tls";
import { linkSettings } from "../../src/agent/csms-connection.ts";
import { readComponentConfig } from "../../src/device-model/component-config.ts";
import { openDeviceModel } from "../../src/device-model/device-model.ts";
import { SecurityCtrlr } from "../../src/device-model/variables.ts";
import { SystemClock } from "../../src/lib/clock.ts";
import { silentLogger } from "../../src/log/logger.ts";
import type { ConnectionFailure } from "../../src/ocpp/websocket.ts";
import type { SecurityPort } from "../../src/station/ports.ts";
import { type Certificate, TestAuthority } from "../support/certificates.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

const directory = (): string => {
  const path = mkdtempSync(join(tmpdir(), "tls-"));
  cleanUps.push(() => rmSync(path, { recursive: true, force: true }));
  return path;
};

interface Seen {
  cipher?: string;
  protocol?: string;
  client?: string;
}

/** A TLS server that does no more of websocket than the handshake, and notes what TLS has agreed on. */
async function listen(
  { certificatePath, keyPath }: Certificate,
  options: TlsOptions = {},
): Promise<{ port: number; seen: Seen }> {
  const seen: Seen = {};
  const server = createServer(
    { ...options, cert: readFileSync(certificatePath), key: readFileSync(keyPath) },
    (socket) => {
      socket.on("error", () => {});
      socket.once("data", (data: Buffer) => {
        seen.cipher = socket.getCipher().name;
        seen.protocol = socket.getProtocol() ?? "";
        seen.client = String(socket.getPeerCertificate()?.subject?.CN ?? "");
        const key = /sec-websocket-key: (.+)\r\n/i.exec(data.toString())?.[1] ?? "";
        const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: ocpp2.0.1\r\n\r\n`,
        );
      });
    },
  );
  server.on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanUps.push(() => server.close());
  return { port: (server.address() as { port: number }).port, seen };
}

interface Attempt {
  readonly port: number;
  readonly rootPath: string;
  readonly securityProfile?: number;
  readonly client?: Certificate | undefined;
  readonly wildcards?: boolean;
}

/** One attempt with the settings that the product makes of its device model. */
async function connect({
  port,
  rootPath,
  securityProfile = 2,
  client,
  wildcards,
}: Attempt): Promise<"opened" | ConnectionFailure> {
  const { deviceModel } = openDeviceModel({
    path: join(directory(), "dm.db"),
    components: readComponentConfig(join(import.meta.dir, "../../component_config")),
    clock: new SystemClock(),
    logger: silentLogger,
  });
  cleanUps.push(() => deviceModel.close());
  if (wildcards !== undefined) deviceModel.write(SecurityCtrlr.AllowCSMSTLSWildcards, wildcards, "internal");
  const security = {
    verifyFile: async () => rootPath,
    verifyLocation: async () => undefined,
    leafCertificateFiles: async () => client,
  } as unknown as SecurityPort;
  const settings = linkSettings(deviceModel, () => security, new SystemClock(), 0);
  return new Promise((resolve) => {
    const attempt = settings.open(
      { slot: 1, url: `wss://localhost:${port}`, securityProfile, ocppInterface: "Wired0" },
      {
        opened: () => queueMicrotask(() => resolve("opened")),
        message: () => {},
        closed: (reason, failure) => resolve(failure ?? { kind: "network", text: reason }),
      },
    );
    attempt.then(
      (transport) => cleanUps.push(() => transport.close(1000, "test")),
      (error: Error) => resolve({ kind: "network", text: error.message }),
    );
  });
}

describe("security profile 2: the server's certificate (A00)", () => {
  test("valid: connected, with a cipher of the specification", async () => {
    const authority = new TestAuthority(directory(), "root");
    const { port, seen } = await listen(authority.issue("csms", ["localhost"]));
    expect(await connect({ port, rootPath: authority.rootPath })).toBe("opened");
    expect(["TLSv1.2", "TLSv1.3"]).toContain(seen.protocol ?? "");
  });

  test.each([
    ["ec", "ECDHE-ECDSA-AES128-GCM-SHA256"],
    ["ec", "ECDHE-ECDSA-AES256-GCM-SHA384"],
    ["rsa", "ECDHE-RSA-AES128-GCM-SHA256"],
    ["rsa", "AES256-GCM-SHA384"],
  ] as const)("TLS 1.2 with an %s key and %s alone (A00.FR.318)", async (algorithm, ciphers) => {
    const authority = new TestAuthority(directory(), "root");
    const { port, seen } = await listen(authority.issue("csms", ["localhost"], algorithm), {
      ciphers,
      maxVersion: "TLSv1.2",
    });
    expect(await connect({ port, rootPath: authority.rootPath })).toBe("opened");
    expect(seen).toMatchObject({ cipher: ciphers, protocol: "TLSv1.2" });
  });

  test("of an unknown authority, for another host, or self-signed: refused as a certificate that is not valid", async () => {
    const authority = new TestAuthority(directory(), "root");
    const other = new TestAuthority(directory(), "other");
    const foreign = await listen(other.issue("csms", ["localhost"]));
    expect(await connect({ port: foreign.port, rootPath: authority.rootPath })).toMatchObject({
      kind: "tls",
      reason: "certificate",
    });
    const wrongHost = await listen(authority.issue("wrong", ["csms.example"]));
    expect(await connect({ port: wrongHost.port, rootPath: authority.rootPath })).toMatchObject({
      kind: "tls",
      reason: "certificate",
    });
  });

  test("TLS 1.1 is not spoken (A00.FR.314)", async () => {
    const authority = new TestAuthority(directory(), "root");
    const { certificatePath, keyPath } = authority.issue("csms", ["localhost"]);
    const server = createServer({
      cert: readFileSync(certificatePath),
      key: readFileSync(keyPath),
      minVersion: "TLSv1",
      maxVersion: "TLSv1.1",
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    cleanUps.push(() => server.close());
    const { port } = server.address() as { port: number };
    expect(await connect({ port, rootPath: authority.rootPath })).not.toBe("opened");
  });
});

describe("security profile 3: the station's certificate", () => {
  test("is shown; without one there is no attempt", async () => {
    const authority = new TestAuthority(directory(), "root");
    const client = authority.issue("station", ["cp001"]);
    const { port, seen } = await listen(authority.issue("csms", ["localhost"]), {
      requestCert: true,
      rejectUnauthorized: true,
      ca: readFileSync(authority.rootPath),
    });
    expect(await connect({ port, rootPath: authority.rootPath, securityProfile: 3, client })).toBe("opened");
    expect(seen.client).toBe("cp001");
    expect(await connect({ port, rootPath: authority.rootPath, securityProfile: 3 })).toMatchObject({
      kind: "network",
      text: expect.stringContaining("client certificate"),
    });
  });
});
