/** OCA certification test cases A.01–A.08 (security profiles) and A.19–A.22 (changing them) on the compiled executable. */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SimulatedCsms } from "../../src/sim/csms.ts";
import { type Certificate, TestAuthority } from "../support/certificates.ts";
import { Charger } from "../support/charger.ts";
import { freePort } from "../support/mosquitto.ts";
import { startOpenSslServer } from "../support/tls-servers.ts";

const PASSWORD = "password-of-the-test";
const IDENTITY = "cp001";

let directory: string;
let root: TestAuthority;
let server: Certificate;
let station: Certificate;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "secure-"));
  root = new TestAuthority(directory, "root");
  server = root.issue("csms", ["localhost"]);
  station = root.issue("station", [IDENTITY], { commonNameOnly: true });
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const cleanUps: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

interface Slot {
  readonly url: string;
  readonly securityProfile: number;
}

const connectionData = ({ url, securityProfile }: Slot) => ({
  messageTimeout: 30,
  ocppCsmsUrl: url,
  ocppInterface: "Wired0" as const,
  ocppTransport: "JSON" as const,
  ocppVersion: "OCPP20" as const,
  securityProfile,
});

async function startCsms(securityProfile: 1 | 2 | 3, certificate = server, port?: number): Promise<SimulatedCsms> {
  const csms = await SimulatedCsms.start({
    ...(port !== undefined && { port }),
    ...(securityProfile < 3 && { password: PASSWORD }),
    ...(securityProfile > 1 && {
      tls: {
        cert: readFileSync(certificate.chainPath, "utf8"),
        key: readFileSync(certificate.keyPath, "utf8"),
        ...(securityProfile === 3 && { ca: readFileSync(root.rootPath, "utf8"), requestCert: true }),
      },
    }),
  });
  cleanUps.push(() => csms.stop());
  return csms;
}

/** The charger with these network profiles; EVerest's store holds the root and the station's certificate if asked. */
async function startCharger(
  slots: readonly Slot[],
  installed: readonly ("root" | "certificate")[],
  commandLine: readonly string[] = [],
): Promise<Charger> {
  const charger = await Charger.start({
    stopped: true,
    commandLine,
    patch: {
      InternalCtrlr: {
        NetworkConnectionProfiles: JSON.stringify(
          slots.map((slot, index) => ({ configurationSlot: index + 1, connectionData: connectionData(slot) })),
        ),
      },
      SecurityCtrlr: {
        SecurityCtrlrIdentity: IDENTITY,
        BasicAuthPassword: PASSWORD,
        SecurityProfile: slots[0]?.securityProfile ?? 1,
      },
    },
  });
  cleanUps.push(() => charger.stop());
  const hasRoot = installed.includes("root");
  charger.everest.answer("security.is_ca_certificate_installed", () => hasRoot);
  charger.everest.answer("security.get_verify_location", () => (hasRoot ? root.rootPath : ""));
  charger.everest.answer("security.get_leaf_certificate_info", () =>
    installed.includes("certificate")
      ? { status: "Accepted", info: { certificate: station.chainPath, key: station.keyPath, certificate_count: 1 } }
      : { status: "NotFound" },
  );
  charger.spawn();
  return charger;
}

async function ready(csms: SimulatedCsms, from = 0): Promise<void> {
  await csms.waitFor("StatusNotification", ({ evseId }) => evseId === 2, 15_000, from);
}

async function variable(csms: SimulatedCsms, component: string, name: string): Promise<unknown> {
  const answer = await csms.send("GetVariables", {
    getVariableData: [{ component: { name: component }, variable: { name } }],
  });
  return (answer as { response: { getVariableResult: { attributeValue?: string }[] } }).response.getVariableResult[0]
    ?.attributeValue;
}

async function until(condition: () => boolean, what: string): Promise<void> {
  for (let attempt = 0; !condition(); attempt++) {
    if (attempt > 500) throw new Error(`not within 10 s: ${what}`);
    await Bun.sleep(20);
  }
}

async function setPriority(csms: SimulatedCsms, attributeValue: string): Promise<unknown> {
  const answer = await csms.send("SetVariables", {
    setVariableData: [
      { component: { name: "OCPPCommCtrlr" }, variable: { name: "NetworkConfigurationPriority" }, attributeValue },
    ],
  });
  return (answer as { response: { setVariableResult: { attributeStatus: string }[] } }).response.setVariableResult[0]
    ?.attributeStatus;
}

describe("connecting", () => {
  test.each([[1], [2]] as const)(
    "TC_A_01_CS, TC_A_04_CS profile %d: basic authentication, user and identity are one (A00.FR.202–205, FR.301–304)",
    async (securityProfile) => {
      const csms = await startCsms(securityProfile);
      await startCharger([{ url: csms.url, securityProfile }], ["root"]);
      await ready(csms);
      expect(csms.lastHandshake?.url).toBe(`/${IDENTITY}`);
      const credentials = (csms.lastHandshake?.authorization ?? "").replace("Basic ", "");
      expect(Buffer.from(credentials, "base64").toString()).toBe(`${IDENTITY}:${PASSWORD}`);
      expect(await variable(csms, "SecurityCtrlr", "SecurityProfile")).toBe(String(securityProfile)); // A00.FR.001
    },
    30_000,
  );

  test("TC_A_07_CS profile 3: the station's certificate instead of a password (A00.FR.401, FR.402)", async () => {
    const csms = await startCsms(3);
    await startCharger([{ url: csms.url, securityProfile: 3 }], ["root", "certificate"]);
    await ready(csms);
    expect(csms.lastHandshake).toEqual({ url: `/${IDENTITY}`, authorization: undefined });
  }, 30_000);

  test("TC_A_05_CS an invalid certificate: not connected, told with the next valid one (A00.FR.309–311)", async () => {
    const port = await freePort();
    let csms = await startCsms(2, server, port);
    const charger = await startCharger([{ url: csms.url, securityProfile: 2 }], ["root"]);
    await ready(csms);
    for (const wrong of [
      new TestAuthority(directory, "unknown").issue("foreign", ["localhost"]),
      root.issue("wrong-host", ["csms.example"]),
    ]) {
      await csms.stop();
      const refused = await startCsms(2, wrong, port);
      const refusals = () => charger.log.split("the certificate of the CSMS is not valid").length;
      const before = refusals();
      await until(() => refusals() > before, "refused");
      expect(refused.calls).toEqual([]);
      await refused.stop();
      csms = await startCsms(2, server, port);
      await csms.waitFor("SecurityEventNotification", ({ type }) => type === "InvalidCsmsCertificate");
    }
  }, 60_000);

  test("TC_A_06_CS a CSMS that only speaks TLS 1.1: InvalidTLSVersion (A00.FR.313–316)", async () => {
    const port = await freePort();
    const old = await startOpenSslServer(server, port, "-tls1_1", "-cipher", "ALL:@SECLEVEL=0");
    cleanUps.push(() => old.stop());
    const charger = await startCharger([{ url: `wss://localhost:${port}`, securityProfile: 2 }], ["root"]);
    await until(() => charger.log.includes("speaks no TLS version from 1.2 on"), "refused");
    await old.stop();
    const csms = await startCsms(2, server, port);
    await csms.waitFor("SecurityEventNotification", ({ type }) => type === "InvalidTLSVersion", 20_000);
  }, 60_000);
});

test("/status tells why there is no connection, and no secret", async () => {
  const address = `127.0.0.1:${await freePort()}`;
  const csms = await startCsms(1);
  csms.refuseWith = 403;
  const slot = { url: csms.url, securityProfile: 1 };
  const charger = await startCharger([slot], [], ["--http", address]);
  await until(() => charger.log.includes("HTTP 403"), "refused");
  const status = await (await fetch(`http://${address}/status`)).text();
  expect(JSON.parse(status)).toMatchObject({
    connected: false,
    connection: {
      state: expect.stringMatching(/waiting|connecting/),
      slot: 1,
      lastFailure: { failure: { kind: "refused", httpStatus: 403, text: "HTTP 403: the CSMS refuses this station" } },
    },
  });
  expect(status + charger.log).not.toContain(PASSWORD);
}, 30_000);

test("an HTTP proxy in the environment is named as not supported, and the connection does without it", async () => {
  const csms = await startCsms(2);
  process.env.HTTPS_PROXY = `http://127.0.0.1:${await freePort()}`;
  cleanUps.push(() => delete process.env.HTTPS_PROXY);
  const charger = await startCharger([{ url: csms.url, securityProfile: 2 }], ["root"]);
  await ready(csms);
  expect(charger.log).toContain("HTTP proxies are not supported: HTTPS_PROXY");
}, 30_000);

describe("another security profile", () => {
  async function reboot(charger: Charger): Promise<void> {
    await until(() => charger.everest.recorded("reset").length === 1, "reset");
    charger.everest.answer("system.get_boot_reason", () => "RemoteReset");
    await charger.end("SIGTERM");
    charger.spawn();
  }

  test.each([
    [1, 2, ["root"]],
    [2, 3, ["root", "certificate"]],
  ] as const)(
    "TC_A_19_CS from %d to %d: accepted, used after the reset, the old one is gone (A05.FR.04–06)",
    async (low, high, installed) => {
      const [old, next] = [await startCsms(low), await startCsms(high)];
      const charger = await startCharger([{ url: old.url, securityProfile: low }], installed);
      await ready(old);
      const slot = { url: next.url, securityProfile: high };
      expect(
        await old.send("SetNetworkProfile", { configurationSlot: 2, connectionData: connectionData(slot) }),
      ).toMatchObject({ response: { status: "Accepted" } });
      expect(await setPriority(old, "2,1")).toBe("Accepted");
      await old.send("Reset", { type: "OnIdle" });
      await reboot(charger);
      await ready(next);
      expect(await variable(next, "SecurityCtrlr", "SecurityProfile")).toBe(String(high));
      expect(await variable(next, "OCPPCommCtrlr", "NetworkConfigurationPriority")).toBe("2");
      // TC_A_22_CS: and no way back.
      const lower = connectionData({ url: old.url, securityProfile: low });
      expect(await next.send("SetNetworkProfile", { configurationSlot: 1, connectionData: lower })).toMatchObject({
        response: { status: "Rejected" },
      });
    },
    60_000,
  );

  test.each([
    ["TC_A_20_CS without a CSMS root certificate (A05.FR.02)", 1, 2, []],
    ["TC_A_21_CS without a certificate of the station (A05.FR.03)", 2, 3, ["root"]],
  ] as const)(
    "%s: rejected, the connection stays",
    async (_name, low, high, installed) => {
      const csms = await startCsms(low);
      await startCharger(
        [
          { url: csms.url, securityProfile: low },
          { url: "wss://localhost:1", securityProfile: high },
        ],
        installed,
      );
      await ready(csms);
      expect(await setPriority(csms, "2,1")).toBe("Rejected");
      expect(await variable(csms, "OCPPCommCtrlr", "NetworkConfigurationPriority")).toBe("1");
      expect(await variable(csms, "SecurityCtrlr", "SecurityProfile")).toBe(String(low));
    },
    30_000,
  );
});
