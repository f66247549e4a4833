import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { createServer } from "node:net";
import { expectConnected, expectTlsFailure, TlsScene } from "../support/tls-scene.ts";

let scene: TlsScene;
beforeAll(() => {
  scene = new TlsScene();
});
afterEach(() => scene.clean());
afterAll(() => scene.dispose());

describe("the version of TLS (A00.FR.313–317, FR.416–420)", () => {
  test.each(["-tls1", "-tls1_1"])("%s alone: refused, InvalidTLSVersion", async (version) => {
    const server = await scene.listenWithOpenSsl(scene.issue(), version, "-cipher", "ALL:@SECLEVEL=0");
    expectTlsFailure(await scene.attempt(server), "version", /no TLS version from 1\.2 on/, "InvalidTLSVersion");
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)("%s alone: connected", async (version) => {
    const server = await scene.listen(scene.issue(), { minVersion: version, maxVersion: version });
    expectConnected(await scene.attempt(server));
    expect(server.seen.protocol).toBe(version);
  });

  test("a server without TLS is no question of versions", async () => {
    const plain = createServer((socket) => {
      socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    });
    await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", () => resolve()));
    scene.onClean(() => plain.close());
    const outcome = await scene.attempt({ port: (plain.address() as { port: number }).port });
    expectTlsFailure(outcome, "other", /TLS handshake failed/);
  });
});

describe("cipher suites (A00.FR.318–323, FR.421–426)", () => {
  test.each([
    ["ec", "ECDHE-ECDSA-AES128-GCM-SHA256"],
    ["ec", "ECDHE-ECDSA-AES256-GCM-SHA384"],
    ["rsa", "ECDHE-RSA-AES128-GCM-SHA256"],
    ["rsa", "ECDHE-RSA-AES256-GCM-SHA384"],
    ["rsa", "AES128-GCM-SHA256"],
    ["rsa", "AES256-GCM-SHA384"],
  ] as const)("TLS 1.2 with an %s key and %s alone: connected", async (algorithm, ciphers) => {
    const server = await scene.listen(scene.issue(["localhost"], { algorithm }), { ciphers, maxVersion: "TLSv1.2" });
    expectConnected(await scene.attempt(server));
    expect(server.seen).toMatchObject({ cipher: ciphers, protocol: "TLSv1.2" });
  });

  test.each(["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"])("TLS 1.3 with %s alone", async (suite) => {
    const server = await scene.listenWithOpenSsl(scene.issue(), "-tls1_3", "-ciphersuites", suite);
    // OpenSSL's server knows no websockets: the handshake was fine when it comes to that.
    expect((await scene.attempt(server)).result).toMatchObject({ kind: "refused" });
  });

  test.each([
    ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"],
    ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA"],
    ["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
  ])("%s %s %s alone: refused, InvalidTLSCipherSuite", async (version, option, suite) => {
    const outcome = await scene.attempt(await scene.listenWithOpenSsl(scene.issue(), version, option, suite));
    expectTlsFailure(outcome, "cipher", /no cipher suite that is allowed/, "InvalidTLSCipherSuite");
  });

  test("SupportedCiphers12 narrows the choice, but never to something unsafe (A00.FR.320)", async () => {
    const server = await scene.listen(scene.issue(), {
      ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256",
      maxVersion: "TLSv1.2",
    });
    const other = { "InternalCtrlr.SupportedCiphers12": "ECDHE-ECDSA-AES256-GCM-SHA384" };
    const outcome = await scene.attempt(server, { variables: other });
    expectTlsFailure(outcome, "cipher", /no cipher suite/, "InvalidTLSCipherSuite");
    const weak = await scene.listenWithOpenSsl(scene.issue(), "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256");
    const unsafe = { "InternalCtrlr.SupportedCiphers12": "ECDHE-ECDSA-AES128-SHA256" };
    expectTlsFailure(await scene.attempt(weak, { variables: unsafe }), "cipher", /no cipher/, "InvalidTLSCipherSuite");
  });

  test("a suite of TLS 1.3 that SupportedCiphers13 does not name is given up", async () => {
    const variables = { "InternalCtrlr.SupportedCiphers13": "TLS_CHACHA20_POLY1305_SHA256" };
    const outcome = await scene.attempt(await scene.listen(scene.issue(), { minVersion: "TLSv1.3" }), { variables });
    expectTlsFailure(outcome, "cipher", /TLS_AES_\d+_GCM_SHA\d+ was agreed on/, "InvalidTLSCipherSuite");
  });
});
