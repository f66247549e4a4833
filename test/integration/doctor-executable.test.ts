import { afterAll, afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Report } from "../../src/cli/doctor/report.ts";
import { SimulatedCsms } from "../../src/sim/csms.ts";
import { networkProfiles } from "../../src/sim/simulate.ts";
import { TestAuthority } from "../support/certificates.ts";
import { Charger, EXECUTABLE } from "../support/charger.ts";
import { DoctorScene, failureOf, PASSWORD, statuses } from "../support/doctor-scene.ts";
import { freePort } from "../support/mosquitto.ts";
import { days } from "../support/tls-scene.ts";

const scene = new DoctorScene();
const { tls } = scene;
beforeEach(() => scene.begin());
afterEach(() => scene.end());
afterAll(() => tls.dispose());

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

describe("the executable", () => {
  test("exit codes: 0 all ways are free, 1 none is, 2 some are; a wrong command line is 1", async () => {
    const csms = await SimulatedCsms.start({ password: PASSWORD });
    scene.onEnd(() => csms.stop());
    const closed = { url: `ws://127.0.0.1:${await freePort()}` };
    const good = await cli("--config", scene.station([{ url: csms.url }]));
    expect(good).toMatchObject({ exitCode: 0, stderr: "" });
    expect(good.stdout).toContain("Network profile 1");
    expect((await cli("--config", scene.station([closed]))).exitCode).toBe(1);
    const some = await cli("--config", scene.station([closed, { url: csms.url }]), "--json");
    expect(some.exitCode).toBe(2);
    expect(JSON.parse(some.stdout)).toMatchObject({ passed: false, ways: [{ passed: false }, { passed: true }] });
    const broken = scene.station([closed]);
    writeFileSync(join(scene.directory, "component_config/standardized/TxCtrlr.json"), "{");
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
    const certificate = tls.issue(["localhost"], { notAfter: days(100) });
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
    scene.onEnd(() => charger.stop());
    charger.everest.answer("security.get_verify_location", () => tls.root.rootPath);
    await charger.startStation();
    const config = scene.configuration(charger.directory, charger.broker.port);
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
    const server = tls.issue(["localhost"], { notAfter: days(100) });
    const port = await freePort();
    const charger = await Charger.start({
      csms: {
        port,
        tls: {
          cert: readFileSync(server.chainPath, "utf8"),
          key: readFileSync(server.keyPath, "utf8"),
          ca: readFileSync(tls.root.rootPath, "utf8"),
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
    scene.onEnd(() => charger.stop());
    let own = tls.issue(["CS-1"]);
    charger.everest.answer("security.get_verify_location", () => tls.root.rootPath);
    charger.everest.answer("security.get_leaf_certificate_info", () => ({
      status: "Accepted",
      info: { certificate: own.chainPath, key: own.keyPath, certificate_count: 1 },
    }));
    const config = scene.configuration(charger.directory, charger.broker.port);
    const good = JSON.parse((await cli("--config", config, "--json")).stdout) as Report;
    expect(statuses(good)).toMatchObject({ settings: "ok", tls: "ok", websocket: "ok", subprotocol: "ok" });
    own = new TestAuthority(tls.directory, "somebody").issue("foreign", ["CS-1"]);
    const refused = JSON.parse((await cli("--config", config, "--json")).stdout) as Report;
    const { name, code = "", advice } = failureOf(refused);
    expect([name, code]).toEqual(["websocket", "cut"]);
    expect(advice).toContain("does not take the station's certificate");
    expect(charger.csms.calls).toEqual([]);
  });

  test("without EVerest the roots are named, or their lack is told", async () => {
    const { port } = await tls.listen(tls.issue(["localhost"], { notAfter: days(100) }));
    const config = scene.station([{ url: `wss://localhost:${port}`, securityProfile: 2 }]);
    const broker = ["--mqtt_broker_host", "127.0.0.1", "--mqtt_broker_port", String(await freePort())];
    const lacking = await cli("--config", config, ...broker);
    expect(lacking.exitCode).toBe(1);
    expect(lacking.stdout).toContain("EVerest does not tell where the CSMS root certificates are: no MQTT broker at");
    expect(lacking.stdout).toContain("--roots <file or directory>");
    expect((await cli("--config", config, ...broker, "--roots", tls.root.rootPath)).exitCode).toBe(0);
  });
});
