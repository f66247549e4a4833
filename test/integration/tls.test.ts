import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect, type TlsOptions } from "node:tls";
import { readTlsSettings } from "../../src/agent/tls-settings.ts";
import { type ConnectionFailure, classifyError } from "../../src/ocpp/connection-failure.ts";
import { tlsOptions } from "../../src/ocpp/websocket.ts";
import { SimulatedCsms } from "../../src/sim/csms.ts";
import { type Certificate, type LeafOptions, TestAuthority } from "../support/certificates.ts";
import { InProcessCharger } from "../support/in-process-charger.ts";
import { freePort } from "../support/mosquitto.ts";
import { startOpenSslServer, startTlsServer, type TlsServer } from "../support/tls-servers.ts";

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

let directory: string;
let root: TestAuthority;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "tls-"));
  root = new TestAuthority(directory, "root");
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

let leafs = 0;
const issue = (names: readonly string[] = ["localhost"], options: LeafOptions = {}, authority = root): Certificate =>
  authority.issue(`leaf${++leafs}`, names, options);
const days = (count: number): Date => new Date(Date.now() + count * 24 * 3_600_000);

async function listen(certificate: Certificate, options: TlsOptions = {}, host?: string) {
  const server = await startTlsServer(certificate, options, host);
  cleanUps.push(() => server.stop());
  return server;
}

async function listenWithOpenSsl(certificate: Certificate, ...options: readonly string[]) {
  const server = await startOpenSslServer(certificate, await freePort(), ...options);
  cleanUps.push(() => server.stop());
  return server;
}

interface Attempt {
  readonly host?: string;
  readonly rootPath?: string;
  readonly securityProfile?: 2 | 3;
  readonly client?: (Certificate & { readonly password?: string }) | undefined;
  readonly variables?: Readonly<Record<string, string>>;
}

interface Outcome {
  readonly result: "connected" | ConnectionFailure;
  readonly log: string;
  readonly securityEvents: readonly string[];
}

/** A station that makes its attempt through real sockets, with the settings that the product makes of its device model. */
async function start({ port }: TlsServer, attempt: Attempt): Promise<{ charger: InProcessCharger; outcome: Outcome }> {
  const { host = "localhost", rootPath = root.rootPath, securityProfile = 2, client, variables } = attempt;
  const charger = new InProcessCharger(1, {
    "InternalCtrlr.NetworkConnectionProfiles": JSON.stringify([
      { configurationSlot: 1, connectionData: { ocppCsmsUrl: `wss://${host}:${port}`, securityProfile } },
    ]),
    "InternalCtrlr.UseSslDefaultVerifyPaths": "false",
    "OCPPCommCtrlr.WebSocketPingInterval": "0",
    ...variables,
  });
  cleanUps.push(() => charger.dispose());
  charger.usesNetwork = true;
  charger.hardwareAnswers = {
    verifyLocation: () => rootPath,
    leafCertificateFiles: () =>
      client && {
        certificatePath: client.chainPath,
        keyPath: client.keyPath,
        ...(client.password !== undefined && { password: client.password }),
      },
  };
  await charger.start();
  const result = await nextOutcome(charger);
  return { charger, outcome: { result, log: charger.log.join("\n"), securityEvents: securityEvents(charger) } };
}

/** What the running attempt comes to. */
function nextOutcome(charger: InProcessCharger): Promise<Outcome["result"]> {
  if (charger.csms.connected) return Promise.resolve("connected");
  const failed = charger.csms.status.lastFailure;
  if (failed !== undefined) return Promise.resolve(failed.failure);
  return new Promise((resolve) => {
    charger.csms.events.on("connected", () => queueMicrotask(() => resolve("connected")));
    charger.csms.events.on("connectionFailed", ({ failure }) => queueMicrotask(() => resolve(failure)));
  });
}

async function untilDisconnected(charger: InProcessCharger): Promise<void> {
  if (!charger.csms.connected) return;
  await new Promise<void>((resolve) => charger.csms.events.on("disconnected", () => resolve()));
}

function securityEvents(charger: InProcessCharger): readonly string[] {
  return charger.hardwareCalls
    .filter(({ name }) => name === "securityEvent")
    .map(({ args }) => (args[0] as { type: string }).type)
    .filter((type) => type !== "StartupOfTheDevice");
}

const attempt = async (server: TlsServer, how: Attempt = {}): Promise<Outcome> => (await start(server, how)).outcome;

function expectConnected({ result, securityEvents: events }: Outcome): void {
  expect(result).toBe("connected");
  expect(events).toEqual([]);
}

/** Refused for this reason: in the outcome, in the log and as the security event that the specification wants. */
function expectTlsFailure(outcome: Outcome, reason: string, logged: string | RegExp, securityEvent?: string): void {
  expect(outcome.result).toMatchObject({ kind: "tls", reason });
  expect(outcome.log).toMatch(logged);
  expect(outcome.securityEvents).toEqual(securityEvent === undefined ? [] : [securityEvent]);
}

describe("the certificate of the CSMS (A00.FR.308–311, FR.411–414)", () => {
  test("valid: connected, with the host's name told to the server (SNI)", async () => {
    const server = await listen(issue());
    expectConnected(await attempt(server));
    expect(server.seen.serverName).toBe("localhost");
  });

  const invalid: readonly (readonly [string, () => Certificate, RegExp])[] = [
    ["expired", () => issue(["localhost"], { notBefore: days(-9), notAfter: days(-1) }), /not valid: .*expired/],
    ["not yet valid", () => issue(["localhost"], { notBefore: days(1) }), /not yet valid/],
    ["of another authority", () => issue(["localhost"], {}, new TestAuthority(directory, "other")), /unable to/i],
    ["for another host", () => issue(["csms.example"]), /localhost/],
    ["for another host by its common name", () => issue(["csms.example"], { commonNameOnly: true }), /localhost/],
    [
      "for clients only (extended key usage)",
      () => issue(["localhost"], { extensions: ["extendedKeyUsage=clientAuth"] }),
      /purpose/,
    ],
    [
      "signed by a leaf that is no authority",
      () => {
        const leaf = new TestAuthority(directory, "no-authority", root);
        root.issue("no-authority", ["no-authority"], { extensions: ["basicConstraints=critical,CA:FALSE"] });
        return leaf.issue("below-leaf", ["localhost"]);
      },
      /not valid/,
    ],
  ];
  test.each(invalid)("%s: refused, logged, InvalidCsmsCertificate", async (_name, certificate, logged) => {
    expectTlsFailure(await attempt(await listen(certificate())), "certificate", logged, "InvalidCsmsCertificate");
  });

  test("self-signed: refused", async () => {
    const lonely = new TestAuthority(directory, "lonely");
    const selfSigned = {
      certificatePath: lonely.rootPath,
      chainPath: lonely.rootPath,
      keyPath: join(directory, "lonely.key"),
    };
    const outcome = await attempt(await listen(selfSigned));
    expectTlsFailure(outcome, "certificate", /self.signed/i, "InvalidCsmsCertificate");
  });

  test("whose key may not sign (key usage): refused", async () => {
    const certificate = issue(["localhost"], { extensions: ["keyUsage=critical,keyCertSign"] });
    const outcome = await attempt(await listenWithOpenSsl(certificate, "-tls1_3"));
    expectTlsFailure(outcome, "certificate", /KEY_USAGE/, "InvalidCsmsCertificate");
  });

  test("below an intermediate that the server leaves out: refused; that it sends along: connected", async () => {
    const certificate = issue(["localhost"], {}, new TestAuthority(directory, "intermediate", root));
    const incomplete = { ...certificate, chainPath: certificate.certificatePath };
    const outcome = await attempt(await listen(incomplete));
    expectTlsFailure(outcome, "certificate", /unable to/i, "InvalidCsmsCertificate");
    expectConnected(await attempt(await listen(certificate)));
  });

  test("named by its common name alone, as A00.FR.511 wants it: connected, also by address", async () => {
    expectConnected(await attempt(await listen(issue(["localhost"], { commonNameOnly: true }))));
    const ofAddress = await listen(issue(["127.0.0.1"], { commonNameOnly: true }));
    expectConnected(await attempt(ofAddress, { host: "127.0.0.1" }));
    expectConnected(await attempt(await listen(issue(["127.0.0.1"])), { host: "127.0.0.1" }));
  });

  test("without any trusted root nothing is valid", async () => {
    const empty = join(directory, "empty.pem");
    writeFileSync(empty, "");
    const refused = await attempt(await listen(issue()), { rootPath: empty });
    expectTlsFailure(refused, "certificate", /unable to/i, "InvalidCsmsCertificate");
  });

  test("the roots are PEM and may lie in a directory with hash links and other files (A00.FR.507)", async () => {
    const store = mkdtempSync(join(directory, "store-"));
    symlinkSync(root.rootPath, join(store, "0a1b2c3d.0"));
    writeFileSync(join(store, "root.pem"), readFileSync(root.rootPath));
    writeFileSync(join(store, "notes.txt"), "no certificate");
    writeFileSync(
      join(store, "broken.pem"),
      "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n",
    );
    expectConnected(await attempt(await listen(issue()), { rootPath: store }));
  });

  test("a CSMS that never gets a valid certificate is one event, not one for each attempt (A00.FR.316)", async () => {
    const server = await listen(issue(["csms.example"]));
    const { charger } = await start(server, {});
    for (let again = 0; again < 3; again++) {
      const failed = new Promise<void>((resolve) => charger.csms.events.on("connectionFailed", () => resolve()));
      await charger.clock.advance(60_000);
      await failed;
    }
    expect(securityEvents(charger)).toEqual(["InvalidCsmsCertificate"]);
    expect(charger.attempts.length).toBeGreaterThanOrEqual(4);
  });
});

test("TC_A_05: after each invalid certificate the next valid connection brings InvalidCsmsCertificate", async () => {
  const port = await freePort();
  const serve = async ({ chainPath, keyPath }: Certificate): Promise<SimulatedCsms> =>
    SimulatedCsms.start({ port, tls: { cert: readFileSync(chainPath, "utf8"), key: readFileSync(keyPath, "utf8") } });
  const valid = issue();
  let csms = await serve(valid);
  cleanUps.push(() => csms.stop());
  const { charger } = await start({ port, stop: () => {} }, {});
  const told = async (): Promise<void> => {
    const { request } = await csms.waitFor(
      "SecurityEventNotification",
      ({ type }) => type === "InvalidCsmsCertificate",
    );
    expect(request).toMatchObject({ type: "InvalidCsmsCertificate" });
  };
  for (const wrong of [
    issue(["localhost"], { notBefore: days(-9), notAfter: days(-1) }),
    issue(["localhost"], { notBefore: days(1) }),
    issue(["localhost"], {}, new TestAuthority(directory, "unknown")),
    issue(["csms.example"]),
  ]) {
    const failed = new Promise<void>((resolve) => charger.csms.events.on("connectionFailed", () => resolve()));
    await csms.stop();
    csms = await serve(wrong);
    await untilDisconnected(charger);
    await charger.clock.advance(3_000);
    await failed;
    await csms.stop();
    csms = await serve(valid);
    const connected = new Promise<void>((resolve) => charger.csms.events.on("connected", () => resolve()));
    await charger.clock.advance(6_000);
    await connected;
    await charger.clock.advance(1_000);
    await told();
  }
});

describe("names with a wildcard", () => {
  /** TLS alone, with the product's settings: a host of this name cannot be resolved in a test. */
  async function handshake(names: readonly string[], variables: Readonly<Record<string, string>>): Promise<string> {
    const server = await listen(issue(names));
    const charger = await new InProcessCharger(1, variables).start();
    cleanUps.push(() => charger.dispose());
    charger.hardwareAnswers = { verifyLocation: () => root.rootPath };
    const { deviceModel, logger, hardware } = charger.context;
    const settings = tlsOptions(await readTlsSettings(deviceModel, hardware.security, undefined, logger));
    return new Promise((resolve) => {
      const socket = connect({ ...settings, host: "127.0.0.1", port: server.port, servername: "one.csms.example" });
      socket.once("error", (error) => resolve(classifyError(error).text));
      socket.once("secureConnect", () => {
        socket.destroy();
        resolve("connected");
      });
    });
  }
  const allowed = { "SecurityCtrlr.AllowCSMSTLSWildcards": "true" };

  test.each([
    ["not allowed unless configured", {}, "only by a wildcard"],
    ["SecurityCtrlr.AllowCSMSTLSWildcards", allowed, "connected"],
    [
      "InternalCtrlr.VerifyCsmsAllowWildcards where a configuration has only that",
      { "SecurityCtrlr.AllowCSMSTLSWildcards": "", "InternalCtrlr.VerifyCsmsAllowWildcards": "true" },
      "connected",
    ],
    [
      "the former wins over the latter",
      { "SecurityCtrlr.AllowCSMSTLSWildcards": "false", "InternalCtrlr.VerifyCsmsAllowWildcards": "true" },
      "only by a wildcard",
    ],
    [
      "no name is checked with VerifyCsmsCommonName false",
      { "InternalCtrlr.VerifyCsmsCommonName": "false" },
      "connected",
    ],
  ] as const)("%s", async (_name, variables, expected) => {
    expect(await handshake(["*.csms.example"], variables)).toContain(expected);
  });

  test("a wildcard covers one label, of its own domain", async () => {
    expect(await handshake(["*.other.example"], allowed)).toContain("the certificate of the CSMS is not valid");
    expect(await handshake(["*.example"], allowed)).toContain("the certificate of the CSMS is not valid");
    expect(await handshake(["*.csms.example", "one.csms.example"], {})).toBe("connected");
  });
});

describe("revocation of the CSMS's certificate", () => {
  test("a revocation list beside the roots is heeded; without one nothing is known", async () => {
    const certificate = issue();
    const server = await listen(certificate);
    expectConnected(await attempt(server));
    const bundle = join(directory, "bundle-with-list.pem");
    writeFileSync(bundle, readFileSync(root.rootPath, "utf8") + root.revocationList());
    expectConnected(await attempt(server, { rootPath: bundle }));
    writeFileSync(bundle, readFileSync(root.rootPath, "utf8") + root.revoke(certificate));
    const outcome = await attempt(server, { rootPath: bundle });
    expectTlsFailure(outcome, "certificate", /revoked/, "InvalidCsmsCertificate");
  });
});

describe("the version of TLS (A00.FR.313–317, FR.416–420)", () => {
  test.each(["-tls1", "-tls1_1"])("%s alone: refused, InvalidTLSVersion", async (version) => {
    const server = await listenWithOpenSsl(issue(), version, "-cipher", "ALL:@SECLEVEL=0");
    expectTlsFailure(await attempt(server), "version", /no TLS version from 1\.2 on/, "InvalidTLSVersion");
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)("%s alone: connected", async (version) => {
    const server = await listen(issue(), { minVersion: version, maxVersion: version });
    expectConnected(await attempt(server));
    expect(server.seen.protocol).toBe(version);
  });

  test("a server without TLS is no question of versions", async () => {
    const plain = createServer((socket) => {
      socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    });
    await new Promise<void>((resolve) => plain.listen(0, "127.0.0.1", () => resolve()));
    cleanUps.push(() => plain.close());
    const outcome = await attempt({ port: (plain.address() as { port: number }).port, stop: () => {} });
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
    const server = await listen(issue(["localhost"], { algorithm }), { ciphers, maxVersion: "TLSv1.2" });
    expectConnected(await attempt(server));
    expect(server.seen).toMatchObject({ cipher: ciphers, protocol: "TLSv1.2" });
  });

  test.each(["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384"])("TLS 1.3 with %s alone", async (suite) => {
    const server = await listenWithOpenSsl(issue(), "-tls1_3", "-ciphersuites", suite);
    // OpenSSL's server knows no websockets: the handshake was fine when it comes to that.
    expect((await attempt(server)).result).toMatchObject({ kind: "refused" });
  });

  test.each([
    ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256"],
    ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA"],
    ["-tls1_3", "-ciphersuites", "TLS_AES_128_CCM_SHA256"],
  ])("%s %s %s alone: refused, InvalidTLSCipherSuite", async (version, option, suite) => {
    const outcome = await attempt(await listenWithOpenSsl(issue(), version, option, suite));
    expectTlsFailure(outcome, "cipher", /no cipher suite that is allowed/, "InvalidTLSCipherSuite");
  });

  test("SupportedCiphers12 narrows the choice, but never to something unsafe (A00.FR.320)", async () => {
    const server = await listen(issue(), { ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256", maxVersion: "TLSv1.2" });
    const other = { "InternalCtrlr.SupportedCiphers12": "ECDHE-ECDSA-AES256-GCM-SHA384" };
    const outcome = await attempt(server, { variables: other });
    expectTlsFailure(outcome, "cipher", /no cipher suite/, "InvalidTLSCipherSuite");
    const weak = await listenWithOpenSsl(issue(), "-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA256");
    const unsafe = { "InternalCtrlr.SupportedCiphers12": "ECDHE-ECDSA-AES128-SHA256" };
    expectTlsFailure(await attempt(weak, { variables: unsafe }), "cipher", /no cipher/, "InvalidTLSCipherSuite");
  });

  test("a suite of TLS 1.3 that SupportedCiphers13 does not name is given up", async () => {
    const variables = { "InternalCtrlr.SupportedCiphers13": "TLS_CHACHA20_POLY1305_SHA256" };
    const outcome = await attempt(await listen(issue(), { minVersion: "TLSv1.3" }), { variables });
    expectTlsFailure(outcome, "cipher", /TLS_AES_\d+_GCM_SHA\d+ was agreed on/, "InvalidTLSCipherSuite");
  });
});

describe("security profile 2: basic authentication inside TLS (A00.FR.301–304)", () => {
  test("user and identity are the same, the password is UTF-8", async () => {
    const server = await listen(issue());
    const password = "pässwörd-of-this-station";
    expectConnected(
      await attempt(server, {
        variables: { "SecurityCtrlr.Identity": "DE*ABC 1", "SecurityCtrlr.BasicAuthPassword": password },
      }),
    );
    expect(server.seen.request).toMatch(/^GET \/DE\*ABC%201 HTTP/);
    const credentials = /authorization: Basic (.+)\r\n/i.exec(server.seen.request ?? "")?.[1] ?? "";
    expect(Buffer.from(credentials, "base64").toString("utf8")).toBe(`DE*ABC 1:${password}`);
  });

  test("an identity with a colon cannot be told from the password: no attempt (A00.FR.204, FR.303)", async () => {
    const {
      result,
      log,
      securityEvents: events,
    } = await attempt(await listen(issue()), {
      variables: { "SecurityCtrlr.Identity": "cp:001" },
    });
    expect(result).toMatchObject({ kind: "configuration" });
    expect(log).toContain("contains a colon");
    expect(events).toEqual([]);
  });
});

describe("security profile 3: the certificate of the station (A00.FR.401, FR.402)", () => {
  const strict = (): TlsOptions => ({
    requestCert: true,
    rejectUnauthorized: true,
    ca: readFileSync(root.rootPath),
  });
  const station = (options: LeafOptions = {}, authority = root) =>
    issue(["cp001"], { commonNameOnly: true, ...options }, authority);

  test.each(["TLSv1.2", "TLSv1.3"] as const)("is shown with %s, and no password is sent", async (version) => {
    const server = await listen(issue(), { ...strict(), minVersion: version, maxVersion: version });
    expectConnected(await attempt(server, { securityProfile: 3, client: station() }));
    expect(server.seen.client).toBe("cp001");
    expect(server.seen.request).not.toMatch(/authorization/i);
  });

  test("is shown with its chain", async () => {
    const server = await listen(issue(), strict());
    const client = station({}, new TestAuthority(directory, "station-authority", root));
    expectConnected(await attempt(server, { securityProfile: 3, client }));
  });

  test("with an RSA key as well", async () => {
    const server = await listen(issue(), strict());
    expectConnected(await attempt(server, { securityProfile: 3, client: station({ algorithm: "rsa" }) }));
  });

  test("with a key under a password; a wrong one is named and nothing is tried", async () => {
    const server = await listen(issue(), strict());
    const client = { ...station({ password: "key-secret" }), password: "key-secret" };
    expectConnected(await attempt(server, { securityProfile: 3, client }));
    const wrong = await attempt(server, { securityProfile: 3, client: { ...client, password: "other-secret" } });
    expect(wrong.result).toMatchObject({ kind: "configuration" });
    expect(wrong.log).toContain("key cannot be used");
    expect(wrong.log).not.toContain("secret");
  });

  test("none at all: no attempt, and the log says why", async () => {
    const {
      result,
      log,
      securityEvents: events,
    } = await attempt(await listen(issue(), strict()), {
      securityProfile: 3,
    });
    expect(result).toMatchObject({ kind: "configuration" });
    expect(log).toContain("needs a client certificate; none is installed");
    expect(events).toEqual([]);
  });

  test("none, but the server of profile 2 asks for one (TLS 1.3)", async () => {
    const outcome = await attempt(await listen(issue(), { ...strict(), minVersion: "TLSv1.3" }));
    expectTlsFailure(outcome, "stationCertificate", /does not accept the certificate/, "FailedToAuthenticateAtCsms");
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)("of another authority: the CSMS refuses it (%s)", async (version) => {
    const server = await listenWithOpenSsl(
      issue(),
      ...["-Verify", "1", "-verify_return_error", "-CAfile", root.rootPath],
      version === "TLSv1.2" ? "-tls1_2" : "-tls1_3",
    );
    const client = station({}, new TestAuthority(directory, `foreign-${version}`));
    const outcome = await attempt(server, { securityProfile: 3, client });
    expectTlsFailure(outcome, "stationCertificate", /UNKNOWN_CA/, "FailedToAuthenticateAtCsms");
  });

  test("expired: still tried, the CSMS decides (A00.FR.429, FR.430)", async () => {
    const client = station({ notBefore: days(-9), notAfter: days(-1) });
    const lenient = await listen(issue(), { ...strict(), rejectUnauthorized: false });
    expectConnected(await attempt(lenient, { securityProfile: 3, client }));
    const strictly = ["-Verify", "1", "-verify_return_error", "-CAfile", root.rootPath];
    const outcome = await attempt(await listenWithOpenSsl(issue(), ...strictly), { securityProfile: 3, client });
    expectTlsFailure(outcome, "stationCertificate", /EXPIRED/, "FailedToAuthenticateAtCsms");
  });

  test("expired since it was last used, so that EVerest names none: shown all the same, also after a restart", async () => {
    const server = await listen(issue(), strict());
    const { charger, outcome } = await start(server, { securityProfile: 3, client: station() });
    expectConnected(outcome);
    charger.crash();
    charger.hardwareAnswers = { ...charger.hardwareAnswers, leafCertificateFiles: () => undefined };
    server.seen.client = "";
    await charger.start();
    expect(await nextOutcome(charger)).toBe("connected");
    expect(server.seen).toMatchObject({ client: "cp001" });
    expect(charger.log.join("\n")).toContain("No valid client certificate is installed");
  });
});

describe("resumption of TLS sessions, by configuration", () => {
  const variables = { "InternalCtrlr.TlsSessionResumption": "true" };
  const again = async (charger: InProcessCharger): Promise<void> => {
    const connected = new Promise<void>((resolve) => charger.csms.events.on("connected", () => resolve()));
    charger.csms.reconnect("test");
    await charger.clock.advance(10);
    await connected;
  };

  test.each(["TLSv1.2", "TLSv1.3"] as const)("%s: the second connection resumes the first", async (version) => {
    const server = await listen(issue(), { minVersion: version, maxVersion: version });
    const { charger, outcome } = await start(server, { variables });
    expectConnected(outcome);
    expect(server.seen.resumed).toBe(false);
    await again(charger);
    expect(server.seen.resumed).toBe(true);
  });

  test("off unless configured", async () => {
    const server = await listen(issue());
    const { charger } = await start(server, {});
    await again(charger);
    expect(server.seen.resumed).toBe(false);
  });

  test("not after the station's certificate has changed: the session belongs to the old one", async () => {
    const options = { requestCert: true, rejectUnauthorized: true, ca: readFileSync(root.rootPath) };
    const server = await listen(issue(), options);
    const [old, renewed] = [issue(["cp001"]), issue(["cp001-renewed"])];
    const { charger, outcome } = await start(server, { variables, securityProfile: 3, client: old });
    expectConnected(outcome);
    charger.hardwareAnswers = {
      ...charger.hardwareAnswers,
      leafCertificateFiles: () => ({ certificatePath: renewed.chainPath, keyPath: renewed.keyPath }),
    };
    await again(charger);
    expect(server.seen).toMatchObject({ resumed: false, client: "cp001-renewed" });
  });
});
