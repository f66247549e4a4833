import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import { connect } from "node:tls";
import { readTlsSettings } from "../../src/agent/tls-settings.ts";
import { classifyError } from "../../src/ocpp/connection-failure.ts";
import { tlsOptions } from "../../src/ocpp/websocket.ts";
import { SimulatedCsms } from "../../src/sim/csms.ts";
import { type Certificate, TestAuthority } from "../support/certificates.ts";
import { InProcessCharger } from "../support/in-process-charger.ts";
import { freePort } from "../support/mosquitto.ts";
import { days, expectConnected, expectTlsFailure, securityEvents, TlsScene } from "../support/tls-scene.ts";

const hasIpv6 = networkInterfaces().lo?.some(({ address }) => address === "::1") === true;

let scene: TlsScene;
beforeAll(() => {
  scene = new TlsScene();
});
afterEach(() => scene.clean());
afterAll(() => scene.dispose());

describe("the certificate of the CSMS (A00.FR.308–311, FR.411–414)", () => {
  test("valid: connected, with the host's name told to the server (SNI)", async () => {
    const server = await scene.listen(scene.issue());
    expectConnected(await scene.attempt(server));
    expect(server.seen.serverName).toBe("localhost");
  });

  test("until when it is valid, with all above it, is known: no time beyond is taken from the CSMS", async () => {
    const times = { notBefore: days(-2), notAfter: days(3) };
    const { charger } = await scene.start(await scene.listen(scene.issue(["localhost"], times)));
    const validity = charger.transport?.serverValidity;
    expect(Math.abs((validity?.until.getTime() ?? 0) - times.notAfter.getTime())).toBeLessThan(1_000);
    // The root of the test is younger than its leaf.
    expect(Math.abs((validity?.from.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  const invalid: readonly (readonly [string, () => Certificate, RegExp])[] = [
    ["expired", () => scene.issue(["localhost"], { notBefore: days(-9), notAfter: days(-1) }), /not valid: .*expired/],
    ["not yet valid", () => scene.issue(["localhost"], { notBefore: days(1) }), /not yet valid/],
    [
      "of another authority",
      () => scene.issue(["localhost"], {}, new TestAuthority(scene.directory, "other")),
      /unable to/i,
    ],
    ["for another host", () => scene.issue(["csms.example"]), /localhost/],
    ["for another host by its common name", () => scene.issue(["csms.example"], { commonNameOnly: true }), /localhost/],
    [
      "for clients only (extended key usage)",
      () => scene.issue(["localhost"], { extensions: ["extendedKeyUsage=clientAuth"] }),
      /purpose/,
    ],
    [
      "signed by a leaf that is no authority",
      () => {
        const leaf = new TestAuthority(scene.directory, "no-authority", scene.root);
        scene.root.issue("no-authority", ["no-authority"], { extensions: ["basicConstraints=critical,CA:FALSE"] });
        return leaf.issue("below-leaf", ["localhost"]);
      },
      /not valid/,
    ],
  ];
  test.each(invalid)("%s: refused, logged, InvalidCsmsCertificate", async (_name, certificate, logged) => {
    expectTlsFailure(
      await scene.attempt(await scene.listen(certificate())),
      "certificate",
      logged,
      "InvalidCsmsCertificate",
    );
  });

  test("an authority that only the environment names (NODE_EXTRA_CA_CERTS) is not trusted", async () => {
    const { port } = await scene.listen(scene.issue());
    const trusting = async (...authorities: readonly TestAuthority[]): Promise<string> => {
      const paths = authorities.map(({ rootPath }) => rootPath);
      const settings = { ciphers12: [], ciphers13: [], revocationLists: [] };
      const code = `
        const { connect } = require("node:tls");
        const { tlsOptions } = await import(${JSON.stringify(join(import.meta.dir, "../../src/ocpp/websocket.ts"))});
        const authorities = ${JSON.stringify(paths)}.map((path) => require("node:fs").readFileSync(path, "utf8"));
        const { ciphers, ...options } = tlsOptions({ ...${JSON.stringify(settings)}, authorities, checkServerName: () => undefined });
        connect({ ...options, host: "localhost", port: ${port} })
          .on("secureConnect", () => { console.log("trusted"); process.exit(); })
          .on("error", () => { console.log("refused"); process.exit(); });`;
      const child = Bun.spawn([process.execPath, "-e", code], {
        env: { ...process.env, NODE_EXTRA_CA_CERTS: scene.root.rootPath },
      });
      return (await new Response(child.stdout).text()).trim();
    };
    expect(await trusting(scene.root)).toBe("trusted");
    expect(await trusting(new TestAuthority(scene.directory, "stranger"))).toBe("refused");
    expect(await trusting()).toBe("refused");
  });

  test("self-signed: refused", async () => {
    const lonely = new TestAuthority(scene.directory, "lonely");
    const selfSigned = {
      certificatePath: lonely.rootPath,
      chainPath: lonely.rootPath,
      keyPath: join(scene.directory, "lonely.key"),
    };
    const outcome = await scene.attempt(await scene.listen(selfSigned));
    expectTlsFailure(outcome, "certificate", /self.signed/i, "InvalidCsmsCertificate");
  });

  test("whose key may not sign (key usage): refused", async () => {
    const certificate = scene.issue(["localhost"], { extensions: ["keyUsage=critical,keyCertSign"] });
    const outcome = await scene.attempt(await scene.listenWithOpenSsl(certificate, "-tls1_3"));
    expectTlsFailure(outcome, "certificate", /KEY_USAGE/, "InvalidCsmsCertificate");
  });

  test("below an intermediate that the server leaves out: refused; that it sends along: connected", async () => {
    const certificate = scene.issue(["localhost"], {}, new TestAuthority(scene.directory, "intermediate", scene.root));
    const incomplete = { ...certificate, chainPath: certificate.certificatePath };
    const outcome = await scene.attempt(await scene.listen(incomplete));
    expectTlsFailure(outcome, "certificate", /unable to/i, "InvalidCsmsCertificate");
    expectConnected(await scene.attempt(await scene.listen(certificate)));
  });

  test("named by its common name alone, as A00.FR.511 wants it: connected, also by address", async () => {
    expectConnected(await scene.attempt(await scene.listen(scene.issue(["localhost"], { commonNameOnly: true }))));
    const ofAddress = await scene.listen(scene.issue(["127.0.0.1"], { commonNameOnly: true }));
    expectConnected(await scene.attempt(ofAddress, { host: "127.0.0.1" }));
    expectConnected(await scene.attempt(await scene.listen(scene.issue(["127.0.0.1"])), { host: "127.0.0.1" }));
  });

  test.skipIf(!hasIpv6)("for an IPv6 address: connected, for another one refused", async () => {
    expectConnected(await scene.attempt(await scene.listen(scene.issue(["::1"]), {}, "::1"), { host: "[::1]" }));
    const other = await scene.attempt(await scene.listen(scene.issue(["::2"]), {}, "::1"), { host: "[::1]" });
    expectTlsFailure(other, "certificate", /::1/, "InvalidCsmsCertificate");
  });

  test("without any trusted root nothing is valid", async () => {
    const empty = join(scene.directory, "empty.pem");
    writeFileSync(empty, "");
    const refused = await scene.attempt(await scene.listen(scene.issue()), { rootPath: empty });
    expectTlsFailure(refused, "certificate", /unable to/i, "InvalidCsmsCertificate");
  });

  test("the roots are PEM and may lie in a scene.directory with hash links and other files (A00.FR.507)", async () => {
    const store = mkdtempSync(join(scene.directory, "store-"));
    symlinkSync(scene.root.rootPath, join(store, "0a1b2c3d.0"));
    writeFileSync(join(store, "root.pem"), readFileSync(scene.root.rootPath));
    writeFileSync(join(store, "notes.txt"), "no certificate");
    writeFileSync(
      join(store, "broken.pem"),
      "-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n",
    );
    expectConnected(await scene.attempt(await scene.listen(scene.issue()), { rootPath: store }));
  });

  test("a CSMS that never gets a valid certificate is one event, not one for each attempt (A00.FR.316)", async () => {
    const server = await scene.listen(scene.issue(["csms.example"]));
    const { charger } = await scene.start(server, {});
    for (let again = 0; again < 3; again++) {
      const failed = new Promise<void>((resolve) => charger.csms.events.on("connectionFailed", () => resolve()));
      await charger.clock.advance(60_000);
      await failed;
    }
    expect(securityEvents(charger)).toEqual(["InvalidCsmsCertificate"]);
    expect(charger.attempts.length).toBeGreaterThanOrEqual(4);
  });
});

async function untilDisconnected(charger: InProcessCharger): Promise<void> {
  if (!charger.csms.connected) return;
  await new Promise<void>((resolve) => charger.csms.events.on("disconnected", () => resolve()));
}

test("TC_A_05: after each invalid certificate the next valid connection brings InvalidCsmsCertificate", async () => {
  const port = await freePort();
  const serve = async ({ chainPath, keyPath }: Certificate): Promise<SimulatedCsms> =>
    SimulatedCsms.start({ port, tls: { cert: readFileSync(chainPath, "utf8"), key: readFileSync(keyPath, "utf8") } });
  const valid = scene.issue();
  let csms = await serve(valid);
  scene.onClean(() => csms.stop());
  const { charger } = await scene.start({ port }, {});
  const told = async (): Promise<void> => {
    const { request } = await csms.waitFor(
      "SecurityEventNotification",
      ({ type }) => type === "InvalidCsmsCertificate",
    );
    expect(request).toMatchObject({ type: "InvalidCsmsCertificate" });
  };
  for (const wrong of [
    scene.issue(["localhost"], { notBefore: days(-9), notAfter: days(-1) }),
    scene.issue(["localhost"], { notBefore: days(1) }),
    scene.issue(["localhost"], {}, new TestAuthority(scene.directory, "unknown")),
    scene.issue(["csms.example"]),
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
    const server = await scene.listen(scene.issue(names));
    const charger = await new InProcessCharger(1, variables).start();
    scene.onClean(() => charger.dispose());
    charger.hardwareAnswers = { verifyLocation: () => scene.root.rootPath };
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
    const certificate = scene.issue();
    const server = await scene.listen(certificate);
    expectConnected(await scene.attempt(server));
    const bundle = join(scene.directory, "bundle-with-list.pem");
    writeFileSync(bundle, readFileSync(scene.root.rootPath, "utf8") + scene.root.revocationList());
    expectConnected(await scene.attempt(server, { rootPath: bundle }));
    writeFileSync(bundle, readFileSync(scene.root.rootPath, "utf8") + scene.root.revoke(certificate));
    const outcome = await scene.attempt(server, { rootPath: bundle });
    expectTlsFailure(outcome, "certificate", /revoked/, "InvalidCsmsCertificate");
  });
});
