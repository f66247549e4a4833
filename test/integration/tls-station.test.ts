import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { TlsOptions } from "node:tls";
import { SimulatedCsms } from "../../src/sim/csms.ts";
import { type LeafOptions, TestAuthority } from "../support/certificates.ts";
import { InProcessCharger } from "../support/in-process-charger.ts";
import { days, expectConnected, expectTlsFailure, nextOutcome, TlsScene } from "../support/tls-scene.ts";

let scene: TlsScene;
beforeAll(() => {
  scene = new TlsScene();
});
afterEach(() => scene.clean());
afterAll(() => scene.dispose());

describe("security profile 0", () => {
  const attemptWithout = async (allowed: boolean) => {
    const csms = await SimulatedCsms.start();
    scene.onClean(() => csms.stop());
    const charger = new InProcessCharger(1, {
      "InternalCtrlr.NetworkConnectionProfiles": JSON.stringify([
        { configurationSlot: 1, connectionData: { ocppCsmsUrl: csms.url, securityProfile: 0 } },
      ]),
      "InternalCtrlr.AllowSecurityLevelZeroConnections": String(allowed),
    });
    scene.onClean(() => charger.dispose());
    charger.usesNetwork = true;
    await charger.start();
    return { result: await nextOutcome(charger), csms };
  };

  test("only where AllowSecurityLevelZeroConnections says so, and without credentials", async () => {
    const { result, csms } = await attemptWithout(true);
    expect(result).toBe("connected");
    expect(csms.lastHandshake?.authorization).toBeUndefined();
    expect((await attemptWithout(false)).result).toMatchObject({
      kind: "configuration",
      text: expect.stringContaining("AllowSecurityLevelZeroConnections"),
    });
  });
});

describe("security profile 2: basic authentication inside TLS (A00.FR.301–304)", () => {
  test("user and identity are the same, the password is UTF-8", async () => {
    const server = await scene.listen(scene.issue());
    const password = "pässwörd-of-this-station";
    expectConnected(
      await scene.attempt(server, {
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
    } = await scene.attempt(await scene.listen(scene.issue()), {
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
    ca: readFileSync(scene.root.rootPath),
  });
  const station = (options: LeafOptions = {}, authority = scene.root) =>
    scene.issue(["cp001"], { commonNameOnly: true, ...options }, authority);

  test.each(["TLSv1.2", "TLSv1.3"] as const)("is shown with %s, and no password is sent", async (version) => {
    const server = await scene.listen(scene.issue(), { ...strict(), minVersion: version, maxVersion: version });
    expectConnected(await scene.attempt(server, { securityProfile: 3, client: station() }));
    expect(server.seen.client).toBe("cp001");
    expect(server.seen.request).not.toMatch(/authorization/i);
  });

  test("is shown with its chain", async () => {
    const server = await scene.listen(scene.issue(), strict());
    const client = station({}, new TestAuthority(scene.directory, "station-authority", scene.root));
    expectConnected(await scene.attempt(server, { securityProfile: 3, client }));
  });

  test("with an RSA key as well", async () => {
    const server = await scene.listen(scene.issue(), strict());
    expectConnected(await scene.attempt(server, { securityProfile: 3, client: station({ algorithm: "rsa" }) }));
  });

  test("with a key under a password; a wrong one is named and nothing is tried", async () => {
    const server = await scene.listen(scene.issue(), strict());
    const client = { ...station({ password: "key-secret" }), password: "key-secret" };
    expectConnected(await scene.attempt(server, { securityProfile: 3, client }));
    const wrong = await scene.attempt(server, { securityProfile: 3, client: { ...client, password: "other-secret" } });
    expect(wrong.result).toMatchObject({ kind: "configuration" });
    expect(wrong.log).toContain("key cannot be used");
    expect(wrong.log).not.toContain("secret");
  });

  test("none at all: no attempt, and the log says why", async () => {
    const {
      result,
      log,
      securityEvents: events,
    } = await scene.attempt(await scene.listen(scene.issue(), strict()), {
      securityProfile: 3,
    });
    expect(result).toMatchObject({ kind: "configuration" });
    expect(log).toContain("needs a client certificate; none is installed");
    expect(events).toEqual([]);
  });

  test("none, but the server of profile 2 asks for one (TLS 1.3)", async () => {
    const outcome = await scene.attempt(await scene.listen(scene.issue(), { ...strict(), minVersion: "TLSv1.3" }));
    expectTlsFailure(outcome, "stationCertificate", /does not accept the certificate/, "FailedToAuthenticateAtCsms");
  });

  test.each(["TLSv1.2", "TLSv1.3"] as const)("of another authority: the CSMS refuses it (%s)", async (version) => {
    const server = await scene.listenWithOpenSsl(
      scene.issue(),
      ...["-Verify", "1", "-verify_return_error", "-CAfile", scene.root.rootPath],
      version === "TLSv1.2" ? "-tls1_2" : "-tls1_3",
    );
    const client = station({}, new TestAuthority(scene.directory, `foreign-${version}`));
    const outcome = await scene.attempt(server, { securityProfile: 3, client });
    expectTlsFailure(outcome, "stationCertificate", /UNKNOWN_CA/, "FailedToAuthenticateAtCsms");
  });

  test("expired: still tried, the CSMS decides (A00.FR.429, FR.430)", async () => {
    const client = station({ notBefore: days(-9), notAfter: days(-1) });
    const lenient = await scene.listen(scene.issue(), { ...strict(), rejectUnauthorized: false });
    expectConnected(await scene.attempt(lenient, { securityProfile: 3, client }));
    const strictly = ["-Verify", "1", "-verify_return_error", "-CAfile", scene.root.rootPath];
    const outcome = await scene.attempt(await scene.listenWithOpenSsl(scene.issue(), ...strictly), {
      securityProfile: 3,
      client,
    });
    expectTlsFailure(outcome, "stationCertificate", /EXPIRED/, "FailedToAuthenticateAtCsms");
  });

  test("expired since it was last used, so that EVerest names none: shown all the same, also after a restart", async () => {
    const server = await scene.listen(scene.issue(), strict());
    const { charger, outcome } = await scene.start(server, { securityProfile: 3, client: station() });
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
    const server = await scene.listen(scene.issue(), { minVersion: version, maxVersion: version });
    const { charger, outcome } = await scene.start(server, { variables });
    expectConnected(outcome);
    expect(server.seen.resumed).toBe(false);
    const validity = charger.transport?.serverValidity;
    await again(charger);
    expect(server.seen.resumed).toBe(true);
    // The certificates are shown in the first handshake only, but bound the CSMS's time in this one, too.
    expect(validity).toBeDefined();
    expect(charger.transport?.serverValidity).toEqual(validity);
  });

  test("off unless configured", async () => {
    const server = await scene.listen(scene.issue());
    const { charger } = await scene.start(server, {});
    await again(charger);
    expect(server.seen.resumed).toBe(false);
  });

  test("not after the station's certificate has changed: the session belongs to the old one", async () => {
    const options = { requestCert: true, rejectUnauthorized: true, ca: readFileSync(scene.root.rootPath) };
    const server = await scene.listen(scene.issue(), options);
    const [old, renewed] = [scene.issue(["cp001"]), scene.issue(["cp001-renewed"])];
    const { charger, outcome } = await scene.start(server, { variables, securityProfile: 3, client: old });
    expectConnected(outcome);
    charger.hardwareAnswers = {
      ...charger.hardwareAnswers,
      leafCertificateFiles: () => ({ certificatePath: renewed.chainPath, keyPath: renewed.keyPath }),
    };
    await again(charger);
    expect(server.seen).toMatchObject({ resumed: false, client: "cp001-renewed" });
  });
});
