import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { createServer as createTcpServer } from "node:net";
import { join } from "node:path";
import { WebSocketServer } from "ws-real";
import { toText } from "../../src/cli/doctor/report.ts";
import { SimulatedCsms } from "../../src/sim/csms.ts";
import { type Certificate, TestAuthority } from "../support/certificates.ts";
import { DoctorScene, failureOf, PASSWORD, statuses } from "../support/doctor-scene.ts";
import { freePort } from "../support/mosquitto.ts";
import { days } from "../support/tls-scene.ts";
import { startTlsServer } from "../support/tls-servers.ts";

const scene = new DoctorScene();
const { tls } = scene;
beforeEach(() => scene.begin());
afterEach(() => scene.end());
afterAll(() => tls.dispose());

/** A web server that answers every handshake with this status. */
async function refusing(status: number, certificate?: Certificate): Promise<number> {
  const server =
    certificate === undefined
      ? createHttpServer()
      : createHttpsServer({ cert: readFileSync(certificate.chainPath), key: readFileSync(certificate.keyPath) });
  server.on("upgrade", (_request, socket) => socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`));
  return scene.listening(server);
}

describe("a way without obstacles", () => {
  test("every step is told, and the CSMS hears nothing but a handshake", async () => {
    const csms = await SimulatedCsms.start({ password: PASSWORD });
    scene.onEnd(() => csms.stop());
    const report = await scene.diagnose({ url: csms.url });
    expect(statuses(report)).toEqual({ settings: "ok", name: "ok", tcp: "ok", websocket: "ok", subprotocol: "ok" });
    expect(report).toMatchObject({ passed: true, defects: [] });
    expect(report.ways[0]).toMatchObject({ slot: 1, identity: "CS-1", securityProfile: 1 });
    expect(csms.lastHandshake?.url).toEndWith("/CS-1");
    expect(csms.calls).toEqual([]);
    expect(toText(report)).toEndWith("Nothing stands between the station and its CSMS.\n");
  });

  test("TLS: version, cipher, and the chain with its dates", async () => {
    const intermediate = new TestAuthority(tls.directory, "intermediate", tls.root);
    const { port } = await tls.listen(intermediate.issue("chained", ["localhost"], { notAfter: days(100.5) }));
    const report = await scene.diagnose({ url: `wss://localhost:${port}`, securityProfile: 2 });
    expect(report.passed).toBe(true);
    const step = report.ways[0]?.steps.find(({ name }) => name === "tls");
    expect(step?.text).toMatch(/^TLSv1\.3 with TLS_\w+, verified with 1 root certificates/);
    expect(step?.certificates?.map(({ issuer }) => issuer)).toEqual(["intermediate", "root", "root"]);
    expect(step?.certificates?.[0]).toMatchObject({ subject: "localhost (DNS:localhost)", daysLeft: 100 });
    expect(toText(report)).toContain("100 days left; issued by intermediate");
  });

  test("security profile 3 presents the station's certificate", async () => {
    const csms = await startTlsServer(tls.issue(), {
      requestCert: true,
      rejectUnauthorized: true,
      ca: readFileSync(tls.root.rootPath),
    });
    scene.onEnd(() => csms.stop());
    const report = await scene.diagnose({ url: `wss://localhost:${csms.port}`, securityProfile: 3 });
    expect(failureOf(report)).toMatchObject({ name: "settings", code: "noStationCertificate" });
    expect(failureOf(report).text).toContain("client certificate");
    expect(statuses(report)).toMatchObject({ name: "ok", tcp: "ok", tls: "skipped", websocket: "skipped" });
  });

  test("a certificate that expires soon is a warning", async () => {
    const { port } = await tls.listen(tls.issue(["localhost"], { notAfter: days(5.5) }));
    const report = await scene.diagnose({ url: `wss://localhost:${port}`, securityProfile: 2 });
    expect(report.passed).toBe(true);
    expect(report.ways[0]?.steps.find(({ name }) => name === "tls")).toMatchObject({
      status: "warning",
      code: "certificateExpiresSoon",
    });
  });
});

describe("what stands in the way is told apart", () => {
  test("a name that nobody knows", async () => {
    const report = await scene.diagnose({ url: "ws://nobody.invalid:80" });
    expect(failureOf(report)).toMatchObject({ name: "name", code: "nameNotFound" });
    expect(statuses(report)).toMatchObject({ tcp: "skipped", websocket: "skipped", subprotocol: "skipped" });
  });

  test("a closed port", async () => {
    const report = await scene.diagnose({ url: `ws://127.0.0.1:${await freePort()}` });
    expect(failureOf(report)).toMatchObject({ name: "tcp", code: "portClosed" });
  });

  test("an expired certificate, with its dates", async () => {
    const { port } = await tls.listen(tls.issue(["localhost"], { notBefore: days(-20), notAfter: days(-3.5) }));
    const report = await scene.diagnose({ url: `wss://localhost:${port}`, securityProfile: 2 });
    const failure = failureOf(report);
    expect(failure).toMatchObject({ name: "tls", code: "certificateExpired" });
    expect(failure.certificates?.[0]?.daysLeft).toBe(-4);
    expect(toText(report)).toContain("expired 4 days ago");
  });

  test("a certificate of tomorrow, or a clock of yesterday", async () => {
    const { port } = await tls.listen(tls.issue(["localhost"], { notBefore: days(1), notAfter: days(20) }));
    const report = await scene.diagnose({ url: `wss://localhost:${port}`, securityProfile: 2 });
    expect(failureOf(report)).toMatchObject({ name: "tls", code: "certificateNotYetValid" });
  });

  test("a certificate of another host", async () => {
    const { port } = await tls.listen(tls.issue(["csms.example"]));
    const report = await scene.diagnose({ url: `wss://localhost:${port}`, securityProfile: 2 });
    const failure = failureOf(report);
    expect(failure).toMatchObject({ name: "tls", code: "wrongHost" });
    expect(failure.certificates?.[0]?.subject).toContain("csms.example");
  });

  test("a certificate of another root, and one without any issuer", async () => {
    const other = new TestAuthority(tls.directory, "stranger");
    const { port } = await tls.listen(other.issue("strange", ["localhost"]));
    const report = await scene.diagnose({ url: `wss://localhost:${port}`, securityProfile: 2 });
    const failure = failureOf(report);
    expect(failure).toMatchObject({ name: "tls", code: "unknownRoot" });
    expect(failure.certificates?.[0]?.issuer).toBe("stranger");
    const own = { ...other.issue("unused", ["localhost"]), chainPath: other.rootPath };
    const self = await tls.listen({ ...own, keyPath: join(tls.directory, "stranger.key") });
    const second = await scene.diagnose({ url: `wss://localhost:${self.port}`, securityProfile: 2 });
    expect(failureOf(second).name).toBe("tls");
    expect(["unknownRoot", "wrongHost"]).toContain(failureOf(second).code ?? "");
  });

  test.each([
    [401, "unauthorized"],
    [403, "forbidden"],
    [404, "notFound"],
    [500, "refused"],
    [302, "refused"],
  ])("HTTP %d", async (status, code) => {
    const plain = await scene.diagnose({ url: `ws://127.0.0.1:${await refusing(status)}` });
    expect(failureOf(plain)).toMatchObject({ name: "websocket", code });
    expect(failureOf(plain).text).toContain(String(status));
    const port = await refusing(status, tls.issue(["localhost"], { notAfter: days(100) }));
    const encrypted = await scene.diagnose({ url: `wss://localhost:${port}`, securityProfile: 2 });
    expect(failureOf(encrypted)).toMatchObject({ name: "websocket", code });
    expect(statuses(encrypted)).toMatchObject({ tls: "ok", subprotocol: "skipped" });
  });

  test.each([
    ["ocpp1.6", () => "ocpp1.6"],
    ["none at all", () => false as const],
  ])("a CSMS that chooses the subprotocol %s", async (_name, handleProtocols) => {
    const server = createHttpServer();
    const sockets = new WebSocketServer({ server, handleProtocols });
    scene.onEnd(() => sockets.close());
    const report = await scene.diagnose({ url: `ws://127.0.0.1:${await scene.listening(server)}` });
    expect(failureOf(report)).toMatchObject({ name: "subprotocol", code: "wrongSubprotocol" });
    expect(statuses(report)).toMatchObject({ websocket: "ok" });
  });

  test("a server that takes the connection and says nothing", async () => {
    const port = await scene.listening(createTcpServer((socket) => void socket.on("error", () => {})));
    const plain = await scene.diagnose({ url: `ws://127.0.0.1:${port}` }, { timeout: "0.3" });
    expect(failureOf(plain)).toMatchObject({ name: "websocket", code: "slow" });
    const encrypted = await scene.diagnose({ url: `wss://localhost:${port}`, securityProfile: 2 }, { timeout: "0.3" });
    expect(failureOf(encrypted)).toMatchObject({ name: "tls", code: "slow" });
  });

  test("a server that speaks no TLS", async () => {
    const report = await scene.diagnose({ url: `wss://localhost:${await refusing(404)}`, securityProfile: 2 });
    expect(failureOf(report)).toMatchObject({ name: "tls", code: "noTls" });
  });

  test("a server that only speaks TLS of yesterday", async () => {
    const { port } = await tls.listenWithOpenSsl(
      tls.issue(["localhost"], { algorithm: "rsa" }),
      "-tls1_1",
      "-cipher",
      "DEFAULT@SECLEVEL=0",
    );
    const report = await scene.diagnose({ url: `wss://localhost:${port}`, securityProfile: 2 });
    expect(failureOf(report)).toMatchObject({ name: "tls", code: "tlsVersion" });
  });

  test("a URL that cannot be, a missing identity, a missing password", async () => {
    expect(failureOf(await scene.diagnose({ url: "ws://localhost", securityProfile: 2 }))).toMatchObject({
      name: "settings",
    });
    const nobody = await scene.diagnose(
      { url: `ws://127.0.0.1:${await freePort()}` },
      {},
      { SecurityCtrlr: { Identity: "" } },
    );
    expect(nobody.ways[0]?.steps[0]).toMatchObject({ name: "settings", status: "ok" });
    const csms = await SimulatedCsms.start();
    scene.onEnd(() => csms.stop());
    const open = await scene.diagnose({ url: csms.url }, {}, { SecurityCtrlr: { BasicAuthPassword: "" } });
    expect(open.ways[0]?.steps[0]).toMatchObject({ name: "settings", status: "warning", code: "noPassword" });
  });
});

describe("which profiles", () => {
  test("all of the priority list in its order, or the one that is asked for", async () => {
    const csms = await SimulatedCsms.start({ password: PASSWORD });
    scene.onEnd(() => csms.stop());
    const closed = { url: `ws://127.0.0.1:${await freePort()}` };
    const report = await scene.diagnose([closed, { url: csms.url }]);
    expect(report.ways.map(({ slot, passed }) => [slot, passed])).toEqual([
      [1, false],
      [2, true],
    ]);
    expect(report.passed).toBe(false);
    const second = await scene.diagnose([closed, { url: csms.url }], { slot: "2" });
    expect(second.ways.map(({ slot }) => slot)).toEqual([2]);
    expect(second.passed).toBe(true);
  });

  test("a slot without a profile is a defect, and no profile at all is one too", async () => {
    const report = await scene.diagnose([], {}, { OCPPCommCtrlr: { NetworkConfigurationPriority: "1" } });
    expect(report.passed).toBe(false);
    expect(report.defects.join("\n")).toContain("slot 1 of OCPPCommCtrlr.NetworkConfigurationPriority cannot be used");
    expect(report.defects.join("\n")).toContain("no network profile can be used");
  });
});
