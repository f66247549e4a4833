import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer as createHttpServer } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, createServer as createTcpServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocketServer } from "ws-real";
import { reportOf } from "../../src/cli/doctor/doctor.ts";
import { type Report, type Step, toText } from "../../src/cli/doctor/report.ts";
import { SystemClock } from "../../src/lib/clock.ts";
import { SimulatedCsms } from "../../src/sim/csms.ts";
import { networkProfiles, patchComponentConfig } from "../../src/sim/simulate.ts";
import { type Certificate, TestAuthority } from "../support/certificates.ts";
import { Charger, EXECUTABLE } from "../support/charger.ts";
import { everestYaml, PARAMETERS } from "../support/everest-yaml.ts";
import { freePort } from "../support/mosquitto.ts";
import { days, TlsScene } from "../support/tls-scene.ts";
import { startTlsServer } from "../support/tls-servers.ts";

const PASSWORD = "DEADBEEFDEADBEEF";
const scene = new TlsScene();
afterAll(() => scene.dispose());

let directory: string;
const cleanUps: (() => unknown)[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "doctor-"));
});
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  await scene.clean();
  rmSync(directory, { recursive: true, force: true });
});

interface Profile {
  readonly url: string;
  readonly securityProfile?: number;
}

/** An EVerest configuration of a station with these network profiles that has never been started. */
function station(
  profiles: readonly Profile[],
  variables: Readonly<Record<string, Record<string, string>>> = {},
): string {
  const list = profiles.map(({ url, securityProfile = 1 }, index) => ({
    configurationSlot: index + 1,
    connectionData: {
      messageTimeout: 30,
      ocppCsmsUrl: url,
      ocppInterface: "Wired0",
      ocppTransport: "JSON",
      ocppVersion: "OCPP20",
      securityProfile,
    },
  }));
  patchComponentConfig(join(import.meta.dir, "../../component_config"), join(directory, "component_config"), {
    ...variables,
    InternalCtrlr: {
      NetworkConnectionProfiles: JSON.stringify(list),
      UseSslDefaultVerifyPaths: "false",
      ...variables.InternalCtrlr,
    },
    OCPPCommCtrlr: {
      NetworkConfigurationPriority: profiles.map((_, index) => index + 1).join(","),
      ...variables.OCPPCommCtrlr,
    },
    SecurityCtrlr: { BasicAuthPassword: PASSWORD, Identity: "CS-1", ...variables.SecurityCtrlr },
  });
  const path = join(directory, "everest.yaml");
  writeFileSync(
    path,
    everestYaml(`    config_module:
      CoreDatabasePath: ${directory}/core
      DeviceModelDatabasePath: ${directory}/device_model.db
      EverestDeviceModelDatabasePath: ${directory}/everest_device_model.db
      DeviceModelConfigPath: ${directory}/component_config
      MessageLogPath: ${directory}/logs
    connections:
      evse_manager: [{module_id: evse_manager_1, implementation_id: evse}]
      system: [{module_id: system, implementation_id: main}]
      security: [{module_id: security, implementation_id: main}]
      auth: [{module_id: auth, implementation_id: main}]
`),
  );
  return path;
}

async function diagnose(
  profiles: Profile | readonly Profile[],
  options: Readonly<Record<string, unknown>> = {},
  variables: Readonly<Record<string, Record<string, string>>> = {},
): Promise<Report> {
  const config = station([profiles].flat(), variables);
  const values = { config, timeout: "10", roots: scene.root.rootPath, ...options };
  const report = await reportOf({ values, environment: {}, clock: new SystemClock() });
  expect(JSON.stringify(report)).not.toContain(PASSWORD);
  expect(toText(report)).not.toContain(PASSWORD);
  return report;
}

/** The one failure of a report: at which step, and what it is called. */
function failureOf({ ways, passed }: Report): Step {
  expect(passed).toBe(false);
  const failed = ways.flatMap(({ steps }) => steps.filter(({ status }) => status === "failed"));
  expect(failed).toHaveLength(1);
  const [step] = failed;
  if (step === undefined) throw new Error("nothing failed");
  expect(step.advice ?? "").not.toBe("");
  return step;
}

function statuses({ ways }: Report): Readonly<Record<string, string>> {
  return Object.fromEntries((ways[0]?.steps ?? []).map(({ name, status }) => [name, status]));
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  cleanUps.push(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A web server that answers every handshake with this status. */
async function refusing(status: number, certificate?: Certificate): Promise<number> {
  const server =
    certificate === undefined
      ? createHttpServer()
      : createHttpsServer({ cert: readFileSync(certificate.chainPath), key: readFileSync(certificate.keyPath) });
  server.on("upgrade", (_request, socket) => socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 0\r\n\r\n`));
  return listening(server as unknown as Server);
}

describe("a way without obstacles", () => {
  test("every step is told, and the CSMS hears nothing but a handshake", async () => {
    const csms = await SimulatedCsms.start({ password: PASSWORD });
    cleanUps.push(() => csms.stop());
    const report = await diagnose({ url: csms.url });
    expect(statuses(report)).toEqual({ settings: "ok", name: "ok", tcp: "ok", websocket: "ok", subprotocol: "ok" });
    expect(report).toMatchObject({ passed: true, defects: [] });
    expect(report.ways[0]).toMatchObject({ slot: 1, identity: "CS-1", securityProfile: 1 });
    expect(csms.lastHandshake?.url).toEndWith("/CS-1");
    expect(csms.calls).toEqual([]);
    expect(toText(report)).toEndWith("Nothing stands between the station and its CSMS.\n");
  });

  test("TLS: version, cipher, and the chain with its dates", async () => {
    const intermediate = new TestAuthority(scene.directory, "intermediate", scene.root);
    const { port } = await scene.listen(intermediate.issue("chained", ["localhost"], { notAfter: days(100.5) }));
    const report = await diagnose({ url: `wss://localhost:${port}`, securityProfile: 2 });
    expect(report.passed).toBe(true);
    const tls = report.ways[0]?.steps.find(({ name }) => name === "tls");
    expect(tls?.text).toMatch(/^TLSv1\.3 with TLS_\w+, verified with 1 root certificates/);
    expect(tls?.certificates?.map(({ issuer }) => issuer)).toEqual(["intermediate", "root", "root"]);
    expect(tls?.certificates?.[0]).toMatchObject({ subject: "localhost (DNS:localhost)", daysLeft: 100 });
    expect(toText(report)).toContain("100 days left; issued by intermediate");
  });

  test("security profile 3 presents the station's certificate", async () => {
    const csms = await startTlsServer(scene.issue(), {
      requestCert: true,
      rejectUnauthorized: true,
      ca: readFileSync(scene.root.rootPath),
    });
    cleanUps.push(() => csms.stop());
    const report = await diagnose({ url: `wss://localhost:${csms.port}`, securityProfile: 3 });
    expect(failureOf(report)).toMatchObject({ name: "settings", code: "noStationCertificate" });
    expect(failureOf(report).text).toContain("client certificate");
    expect(statuses(report)).toMatchObject({ name: "ok", tcp: "ok", tls: "skipped", websocket: "skipped" });
  });

  test("a certificate that expires soon is a warning", async () => {
    const { port } = await scene.listen(scene.issue(["localhost"], { notAfter: days(5.5) }));
    const report = await diagnose({ url: `wss://localhost:${port}`, securityProfile: 2 });
    expect(report.passed).toBe(true);
    expect(report.ways[0]?.steps.find(({ name }) => name === "tls")).toMatchObject({
      status: "warning",
      code: "certificateExpiresSoon",
    });
  });
});

describe("what stands in the way is told apart", () => {
  test("a name that nobody knows", async () => {
    const report = await diagnose({ url: "ws://nobody.invalid:80" });
    expect(failureOf(report)).toMatchObject({ name: "name", code: "nameNotFound" });
    expect(statuses(report)).toMatchObject({ tcp: "skipped", websocket: "skipped", subprotocol: "skipped" });
  });

  test("a closed port", async () => {
    const report = await diagnose({ url: `ws://127.0.0.1:${await freePort()}` });
    expect(failureOf(report)).toMatchObject({ name: "tcp", code: "portClosed" });
  });

  test("an expired certificate, with its dates", async () => {
    const { port } = await scene.listen(scene.issue(["localhost"], { notBefore: days(-20), notAfter: days(-3.5) }));
    const report = await diagnose({ url: `wss://localhost:${port}`, securityProfile: 2 });
    const failure = failureOf(report);
    expect(failure).toMatchObject({ name: "tls", code: "certificateExpired" });
    expect(failure.certificates?.[0]?.daysLeft).toBe(-4);
    expect(toText(report)).toContain("expired 4 days ago");
  });

  test("a certificate of tomorrow, or a clock of yesterday", async () => {
    const { port } = await scene.listen(scene.issue(["localhost"], { notBefore: days(1), notAfter: days(20) }));
    const report = await diagnose({ url: `wss://localhost:${port}`, securityProfile: 2 });
    expect(failureOf(report)).toMatchObject({ name: "tls", code: "certificateNotYetValid" });
  });

  test("a certificate of another host", async () => {
    const { port } = await scene.listen(scene.issue(["csms.example"]));
    const report = await diagnose({ url: `wss://localhost:${port}`, securityProfile: 2 });
    const failure = failureOf(report);
    expect(failure).toMatchObject({ name: "tls", code: "wrongHost" });
    expect(failure.certificates?.[0]?.subject).toContain("csms.example");
  });

  test("a certificate of another root, and one without any issuer", async () => {
    const other = new TestAuthority(scene.directory, "stranger");
    const { port } = await scene.listen(other.issue("strange", ["localhost"]));
    const report = await diagnose({ url: `wss://localhost:${port}`, securityProfile: 2 });
    const failure = failureOf(report);
    expect(failure).toMatchObject({ name: "tls", code: "unknownRoot" });
    expect(failure.certificates?.[0]?.issuer).toBe("stranger");
    const own = { ...other.issue("unused", ["localhost"]), chainPath: other.rootPath };
    const self = await scene.listen({ ...own, keyPath: join(scene.directory, "stranger.key") });
    const second = await diagnose({ url: `wss://localhost:${self.port}`, securityProfile: 2 });
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
    const plain = await diagnose({ url: `ws://127.0.0.1:${await refusing(status)}` });
    expect(failureOf(plain)).toMatchObject({ name: "websocket", code });
    expect(failureOf(plain).text).toContain(String(status));
    const port = await refusing(status, scene.issue(["localhost"], { notAfter: days(100) }));
    const encrypted = await diagnose({ url: `wss://localhost:${port}`, securityProfile: 2 });
    expect(failureOf(encrypted)).toMatchObject({ name: "websocket", code });
    expect(statuses(encrypted)).toMatchObject({ tls: "ok", subprotocol: "skipped" });
  });

  test.each([
    ["ocpp1.6", () => "ocpp1.6"],
    ["none at all", () => false as const],
  ])("a CSMS that chooses the subprotocol %s", async (_name, handleProtocols) => {
    const server = createHttpServer();
    const sockets = new WebSocketServer({ server, handleProtocols });
    cleanUps.push(() => sockets.close());
    const report = await diagnose({ url: `ws://127.0.0.1:${await listening(server as unknown as Server)}` });
    expect(failureOf(report)).toMatchObject({ name: "subprotocol", code: "wrongSubprotocol" });
    expect(statuses(report)).toMatchObject({ websocket: "ok" });
  });

  test("a server that takes the connection and says nothing", async () => {
    const port = await listening(createTcpServer((socket) => void socket.on("error", () => {})));
    const plain = await diagnose({ url: `ws://127.0.0.1:${port}` }, { timeout: "0.3" });
    expect(failureOf(plain)).toMatchObject({ name: "websocket", code: "slow" });
    const encrypted = await diagnose({ url: `wss://localhost:${port}`, securityProfile: 2 }, { timeout: "0.3" });
    expect(failureOf(encrypted)).toMatchObject({ name: "tls", code: "slow" });
  });

  test("a server that speaks no TLS", async () => {
    const report = await diagnose({ url: `wss://localhost:${await refusing(404)}`, securityProfile: 2 });
    expect(failureOf(report)).toMatchObject({ name: "tls", code: "noTls" });
  });

  test("a server that only speaks TLS of yesterday", async () => {
    const { port } = await scene.listenWithOpenSsl(
      scene.issue(["localhost"], { algorithm: "rsa" }),
      "-tls1_1",
      "-cipher",
      "DEFAULT@SECLEVEL=0",
    );
    const report = await diagnose({ url: `wss://localhost:${port}`, securityProfile: 2 });
    expect(failureOf(report)).toMatchObject({ name: "tls", code: "tlsVersion" });
  });

  test("a URL that cannot be, a missing identity, a missing password", async () => {
    expect(failureOf(await diagnose({ url: "ws://localhost", securityProfile: 2 }))).toMatchObject({
      name: "settings",
    });
    const nobody = await diagnose(
      { url: `ws://127.0.0.1:${await freePort()}` },
      {},
      { SecurityCtrlr: { Identity: "" } },
    );
    expect(nobody.ways[0]?.steps[0]).toMatchObject({ name: "settings", status: "ok" });
    const csms = await SimulatedCsms.start();
    cleanUps.push(() => csms.stop());
    const open = await diagnose({ url: csms.url }, {}, { SecurityCtrlr: { BasicAuthPassword: "" } });
    expect(open.ways[0]?.steps[0]).toMatchObject({ name: "settings", status: "warning", code: "noPassword" });
  });
});

describe("which profiles", () => {
  test("all of the priority list in its order, or the one that is asked for", async () => {
    const csms = await SimulatedCsms.start({ password: PASSWORD });
    cleanUps.push(() => csms.stop());
    const closed = { url: `ws://127.0.0.1:${await freePort()}` };
    const report = await diagnose([closed, { url: csms.url }]);
    expect(report.ways.map(({ slot, passed }) => [slot, passed])).toEqual([
      [1, false],
      [2, true],
    ]);
    expect(report.passed).toBe(false);
    const second = await diagnose([closed, { url: csms.url }], { slot: "2" });
    expect(second.ways.map(({ slot }) => slot)).toEqual([2]);
    expect(second.passed).toBe(true);
  });

  test("a slot without a profile is a defect, and no profile at all is one too", async () => {
    const report = await diagnose([], {}, { OCPPCommCtrlr: { NetworkConfigurationPriority: "1" } });
    expect(report.passed).toBe(false);
    expect(report.defects.join("\n")).toContain("slot 1 of OCPPCommCtrlr.NetworkConfigurationPriority cannot be used");
    expect(report.defects.join("\n")).toContain("no network profile can be used");
  });
});

const cli = async (...args: readonly string[]) => {
  const child = Bun.spawn([EXECUTABLE, "doctor", ...args], { stdout: "pipe", stderr: "pipe" });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { exitCode, stdout, stderr };
};

/** Every file below with its bytes and its time. */
function contentsOf(root: string): Readonly<Record<string, string>> {
  const files = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    files.map(({ parentPath, name }) => {
      const path = join(parentPath, name);
      return [path, `${statSync(path).mtimeMs} ${Bun.hash(readFileSync(path))}`];
    }),
  );
}

/** What EVerest's YAML would say of a charger of the tests. */
function configurationOf({ directory: root, broker }: Charger): string {
  const parameters = Object.entries({
    CoreDatabasePath: "core",
    DeviceModelDatabasePath: "device_model.db",
    EverestDeviceModelDatabasePath: "everest_device_model.db",
    DeviceModelConfigPath: "component_config",
  }).map(([name, path]) => `      ${name}: ${join(root, path)}\n`);
  const ocpp = PARAMETERS.replace("      MessageQueueResumeDelay: 1\n", parameters.join(""));
  const path = join(directory, "everest.yaml");
  writeFileSync(path, everestYaml(ocpp, `  mqtt_broker_host: 127.0.0.1\n  mqtt_broker_port: ${broker.port}\n`));
  return path;
}

describe("the executable", () => {
  test("exit codes: 0 all ways are free, 1 none is, 2 some are; a wrong command line is 1", async () => {
    const csms = await SimulatedCsms.start({ password: PASSWORD });
    cleanUps.push(() => csms.stop());
    const closed = { url: `ws://127.0.0.1:${await freePort()}` };
    const good = await cli("--config", station([{ url: csms.url }]));
    expect(good).toMatchObject({ exitCode: 0, stderr: "" });
    expect(good.stdout).toContain("Network profile 1");
    expect((await cli("--config", station([closed]))).exitCode).toBe(1);
    const some = await cli("--config", station([closed, { url: csms.url }]), "--json");
    expect(some.exitCode).toBe(2);
    expect(JSON.parse(some.stdout)).toMatchObject({ passed: false, ways: [{ passed: false }, { passed: true }] });
    const broken = station([closed]);
    writeFileSync(join(directory, "component_config/standardized/TxCtrlr.json"), "{");
    const defect = await cli("--config", broken);
    expect(defect).toMatchObject({ exitCode: 1, stdout: "" });
    expect(defect.stderr).toMatch(/TxCtrlr\.json:1:\d+: /);
    expect(defect.stderr).not.toContain(" at ");
    for (const words of [
      [],
      ["--timeout", "x"],
      ["--slot", "x"],
      ["--slt", "1"],
      ["what"],
      ["--config", "/nowhere.yaml"],
    ])
      expect(await cli(...words)).toMatchObject({ exitCode: 1, stdout: "" });
  });

  test("beside a running station: EVerest is asked for the roots, the connection lives, the files stay as they are", async () => {
    const certificate = scene.issue(["localhost"], { notAfter: days(100) });
    const port = await freePort();
    const charger = await Charger.start({
      csms: {
        port,
        password: PASSWORD,
        tls: { cert: readFileSync(certificate.chainPath, "utf8"), key: readFileSync(certificate.keyPath, "utf8") },
      },
      patch: {
        InternalCtrlr: {
          NetworkConnectionProfiles: networkProfiles(`wss://localhost:${port}`, 2),
          UseSslDefaultVerifyPaths: false,
        },
        SecurityCtrlr: { BasicAuthPassword: PASSWORD },
      },
      stopped: true,
    });
    cleanUps.push(() => charger.stop());
    charger.everest.answer("security.get_verify_location", () => scene.root.rootPath);
    await charger.startStation();
    const config = configurationOf(charger);
    let [connections, losses] = [0, 0];
    charger.csms.events.on("connected", () => connections++);
    charger.csms.events.on("disconnected", () => losses++);
    const calls = charger.csms.calls.length;
    const log = charger.log;

    const beside = await cli("--config", config, "--json");
    expect(beside).toMatchObject({ exitCode: 0, stderr: "" });
    const report = JSON.parse(beside.stdout) as Report;
    expect(report.running).toEqual({ processId: charger.pid, isConnected: true });
    expect(statuses(report)).toEqual({
      settings: "ok",
      name: "ok",
      tcp: "ok",
      tls: "ok",
      websocket: "skipped",
      subprotocol: "skipped",
    });
    expect([connections, losses]).toEqual([0, 0]);
    expect(charger.log.slice(log.length)).not.toMatch(/doctor| (WARN|ERRO|CRIT)/);

    const insisting = JSON.parse((await cli("--config", config, "--json", "--handshake")).stdout) as Report;
    expect(statuses(insisting)).toMatchObject({ websocket: "ok", subprotocol: "ok" });
    expect(connections).toBeGreaterThan(0);

    await charger.end("SIGTERM");
    const before = contentsOf(charger.directory);
    const boots = charger.csms.calls.length;
    const alone = JSON.parse((await cli("--config", config, "--json")).stdout) as Report;
    expect(alone.passed).toBe(true);
    expect(alone.running).toBeUndefined();
    expect(statuses(alone)).toMatchObject({ websocket: "ok", subprotocol: "ok" });
    expect(charger.csms.calls).toHaveLength(boots);
    expect(calls).toBeGreaterThan(0);
    expect(contentsOf(charger.directory)).toEqual(before);
    expect(charger.everest.violations).toEqual([]);
  });

  test("security profile 3: the station's certificate is EVerest's, and the CSMS that refuses it is told", async () => {
    const server = scene.issue(["localhost"], { notAfter: days(100) });
    const port = await freePort();
    const charger = await Charger.start({
      csms: {
        port,
        tls: {
          cert: readFileSync(server.chainPath, "utf8"),
          key: readFileSync(server.keyPath, "utf8"),
          ca: readFileSync(scene.root.rootPath, "utf8"),
          requestCert: true,
          maxVersion: "TLSv1.2",
        },
      },
      patch: {
        InternalCtrlr: {
          NetworkConnectionProfiles: networkProfiles(`wss://localhost:${port}`, 3),
          UseSslDefaultVerifyPaths: false,
        },
      },
      stopped: true,
    });
    cleanUps.push(() => charger.stop());
    let own = scene.issue(["CS-1"]);
    charger.everest.answer("security.get_verify_location", () => scene.root.rootPath);
    charger.everest.answer("security.get_leaf_certificate_info", () => ({
      status: "Accepted",
      info: { certificate: own.chainPath, key: own.keyPath, certificate_count: 1 },
    }));
    const config = configurationOf(charger);
    const good = JSON.parse((await cli("--config", config, "--json")).stdout) as Report;
    expect(statuses(good)).toMatchObject({ settings: "ok", tls: "ok", websocket: "ok", subprotocol: "ok" });
    own = new TestAuthority(scene.directory, "somebody").issue("foreign", ["CS-1"]);
    const refused = JSON.parse((await cli("--config", config, "--json")).stdout) as Report;
    const { name, code = "", advice } = failureOf(refused);
    expect([name, code]).toEqual(["websocket", "cut"]);
    expect(advice).toContain("does not take the station's certificate");
    expect(charger.csms.calls).toEqual([]);
  });

  test("without EVerest the roots are named, or their lack is told", async () => {
    const { port } = await scene.listen(scene.issue(["localhost"], { notAfter: days(100) }));
    const config = station([{ url: `wss://localhost:${port}`, securityProfile: 2 }]);
    const broker = ["--mqtt_broker_host", "127.0.0.1", "--mqtt_broker_port", String(await freePort())];
    const lacking = await cli("--config", config, ...broker);
    expect(lacking.exitCode).toBe(1);
    expect(lacking.stdout).toContain("EVerest does not tell where the CSMS root certificates are: no MQTT broker at");
    expect(lacking.stdout).toContain("--roots <file or directory>");
    expect((await cli("--config", config, ...broker, "--roots", scene.root.rootPath)).exitCode).toBe(0);
  });
});
