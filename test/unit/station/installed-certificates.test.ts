import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SecurityCtrlr } from "../../../src/device-model/variables.ts";
import { certificateHash, parseCertificates } from "../../../src/station/model/certificate.ts";
import type { CertificateHash, InstalledCertificate } from "../../../src/station/ports.ts";
import { TestAuthority } from "../../support/certificates.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";
import { giveRealCertificates } from "../../support/real-certificates.ts";

const directory = mkdtempSync(join(tmpdir(), "installed-"));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Root {
  readonly pem: string;
  readonly hash: CertificateHash;
  readonly fingerprint: string;
}
const rootOf = (pem: string, issuerPem = pem): Root => {
  const [certificate] = parseCertificates(pem);
  const [issuer] = parseCertificates(issuerPem);
  if (certificate === undefined || issuer === undefined) throw new Error("no certificate");
  return { pem, hash: certificateHash(certificate, issuer), fingerprint: certificate.fingerprint256 };
};

let old: Root;
let successor: Root;
let stranger: Root;
let leaf: { readonly pem: string; readonly hash: CertificateHash; readonly files: object };
beforeAll(() => {
  const authority = new TestAuthority(join(directory, "old"), "old");
  const pem = readFileSync(authority.rootPath, "utf8");
  old = rootOf(pem);
  stranger = rootOf(readFileSync(new TestAuthority(join(directory, "stranger"), "stranger").rootPath, "utf8"));
  const cwd = join(directory, "old");
  writeFileSync(join(cwd, "successor.ext"), "basicConstraints=CA:TRUE\n");
  const openssl = (...args: readonly string[]) => execFileSync("openssl", args, { cwd, stdio: "pipe" });
  openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "s.key", "-out", "s.csr", "-subj", "/CN=successor");
  openssl(
    "x509",
    "-req",
    "-in",
    "s.csr",
    "-CA",
    "old.pem",
    "-CAkey",
    "old.key",
    "-CAcreateserial",
    "-days",
    "9",
    "-out",
    "s.pem",
    "-extfile",
    "successor.ext",
  );
  successor = rootOf(readFileSync(join(cwd, "s.pem"), "utf8"), pem);
  const files = authority.issue("station", ["cp001"]);
  const chainPem = readFileSync(files.certificatePath, "utf8");
  leaf = { pem: chainPem, hash: rootOf(chainPem, pem).hash, files: { ...files, chainPem } };
});

const PROFILE_3 = {
  "SecurityCtrlr.SecurityProfile": "3",
  "InternalCtrlr.NetworkConnectionProfiles": JSON.stringify([
    { configurationSlot: 1, connectionData: { ocppCsmsUrl: "wss://csms", securityProfile: 3 } },
  ]),
  "OCPPCommCtrlr.NetworkConfigurationPriority": "1",
};

let charger: InProcessCharger;
let store: Map<Root, InstalledCertificate["use"]>;
beforeEach(() => {
  store = new Map();
});
afterEach(() => charger.dispose());

/** A hardware side that keeps what it is given. */
const start = async (variables: Record<string, string> = {}) => {
  charger = new InProcessCharger(1, variables);
  charger.clock.jumpTo(new Date());
  charger.hardwareAnswers = {
    installedCertificates: () => [...store].map(([{ hash }, use]) => ({ use, hash, children: [] })),
    caCertificates: () => [...store].filter(([, use]) => use === "CSMSRootCertificate").map(([{ pem }]) => pem),
    installCaCertificate: (pem) => {
      const root = [old, successor, stranger].find((candidate) => candidate.pem === pem);
      if (root === undefined) return "Rejected";
      store.set(root, "CSMSRootCertificate");
      return "Accepted";
    },
    deleteCertificate: (hash) => {
      const found = [...store.keys()].find((root) => root.hash.serialNumber === (hash as CertificateHash).serialNumber);
      if (found === undefined) return "NotFound";
      store.delete(found);
      return "Accepted";
    },
  };
  await charger.start();
  await charger.clock.advance(100);
};
const install = async (certificate: string, certificateType = "CSMSRootCertificate") =>
  (await charger.call("InstallCertificate", { certificateType, certificate })).body as { status: string };
const remove = async (certificateHashData: CertificateHash) =>
  ((await charger.call("DeleteCertificate", { certificateHashData })).body as { status: string }).status;
const list = async (certificateType?: readonly string[]) =>
  (await charger.call("GetInstalledCertificateIds", certificateType === undefined ? {} : { certificateType })).body;
const entries = async () =>
  (
    (
      await charger.call("GetVariables", {
        getVariableData: [{ component: { name: "SecurityCtrlr" }, variable: { name: "CertificateEntries" } }],
      })
    ).body as { getVariableResult: { attributeValue: string }[] }
  ).getVariableResult[0]?.attributeValue;

describe("M03: GetInstalledCertificateIds", () => {
  test("what matches, with its hash data, else NotFound (M03.FR.01–04)", async () => {
    await start();
    expect(await list()).toEqual({ status: "NotFound" });
    store.set(old, "CSMSRootCertificate");
    store.set(stranger, "ManufacturerRootCertificate");
    const root = { certificateType: "CSMSRootCertificate", certificateHashData: old.hash };
    expect(await list(["CSMSRootCertificate"])).toEqual({ status: "Accepted", certificateHashDataChain: [root] });
    expect(await list()).toMatchObject({
      certificateHashDataChain: [root, { certificateType: "ManufacturerRootCertificate" }],
    });
    expect(await list(["MORootCertificate"])).toEqual({ status: "NotFound" });
  });

  test("a V2G chain comes with its sub-CAs as children (M03.FR.05)", async () => {
    await start();
    charger.hardwareAnswers.installedCertificates = () => [
      { use: "V2GCertificateChain", hash: old.hash, children: [stranger.hash] },
    ];
    expect(await list(["V2GCertificateChain"])).toMatchObject({
      certificateHashDataChain: [{ childCertificateHashData: [stranger.hash] }],
    });
  });

  test("a hardware side that does not answer has none to show", async () => {
    await start();
    charger.hardwareAnswers.installedCertificates = () => {
      throw new Error("no answer");
    };
    expect(await list()).toMatchObject({ status: "NotFound", statusInfo: { reasonCode: "InternalError" } });
  });
});

describe("M04: DeleteCertificate", () => {
  test("Accepted, NotFound, Failed (M04.FR.01–04)", async () => {
    await start();
    store.set(old, "CSMSRootCertificate");
    expect(await remove(old.hash)).toBe("Accepted");
    expect(await remove(old.hash)).toBe("NotFound");
    charger.hardwareAnswers.deleteCertificate = () => "Failed";
    expect(await remove(old.hash)).toBe("Failed");
  });

  test("the station's own certificate stays (M04.FR.06)", async () => {
    await start();
    charger.hardwareAnswers.leafCertificateFiles = (use) => (use === "CSMS" ? leaf.files : undefined);
    expect(await remove(leaf.hash)).toBe("Failed");
    expect(charger.hardwareCalls.some(({ name }) => name === "deleteCertificate")).toBe(false);
  });

  test("it stays when it has expired, so that the hardware side offers it no longer (M04.FR.06)", async () => {
    charger = new InProcessCharger(1, PROFILE_3);
    charger.clock.jumpTo(new Date());
    charger.hardwareAnswers = { leafCertificateFiles: () => leaf.files };
    await charger.start();
    await charger.clock.advance(100);
    charger.crash();
    charger.hardwareAnswers = { leafCertificateFiles: () => undefined };
    await charger.start();
    await charger.clock.advance(100);
    expect(await remove(leaf.hash)).toBe("Failed");
    expect(await remove(stranger.hash)).toBe("Accepted");
  });

  test("so does the only root that the CSMS can be verified with (M04.FR.03)", async () => {
    await start();
    store.set(old, "CSMSRootCertificate");
    charger.deviceModel.write(SecurityCtrlr.SecurityProfile, 2, "internal");
    expect(await remove(old.hash)).toBe("Failed");
    store.set(stranger, "CSMSRootCertificate");
    expect(await remove(old.hash)).toBe("Accepted");
  });
});

describe("M05: InstallCertificate", () => {
  test("Accepted, and counted in CertificateEntries (M05.FR.01, FR.02)", async () => {
    await start();
    expect(await install(old.pem)).toEqual({ status: "Accepted" });
    await charger.clock.advance(10);
    expect(await entries()).toBe("1");
  });

  test("Failed when it cannot be written, Rejected when it is not valid (M05.FR.03, FR.07)", async () => {
    await start();
    charger.hardwareAnswers.installCaCertificate = () => "Failed";
    expect(await install(old.pem)).toEqual({ status: "Failed" });
    charger.hardwareAnswers.installCaCertificate = () => "Rejected";
    expect(await install("no certificate")).toEqual({ status: "Rejected" });
    charger.hardwareAnswers.installCaCertificate = () => {
      throw new Error("no answer");
    };
    expect(await install(old.pem)).toMatchObject({ status: "Failed", statusInfo: { reasonCode: "InternalError" } });
  });

  test("an expired root is Rejected (M05.FR.07)", async () => {
    await start();
    charger.clock.jumpTo("2099-01-01T00:00:00Z");
    expect(await install(old.pem)).toMatchObject({ status: "Rejected" });
  });

  test("no more than CertificateEntries allows, unless one takes its own place (M05.FR.06, FR.17)", async () => {
    await start({ "SecurityCtrlr.CertificateEntries": "1" });
    expect(await install(old.pem)).toEqual({ status: "Accepted" });
    expect(await install(stranger.pem)).toMatchObject({ status: "Rejected" });
    expect(await install(old.pem)).toEqual({ status: "Accepted" });
  });

  test("not over an insecure connection where that is forbidden", async () => {
    await start({
      "InternalCtrlr.AllowCSMSRootCertInstallWithUnsecureConnection": "false",
      "InternalCtrlr.AllowMFRootCertInstallWithUnsecureConnection": "false",
    });
    expect(await install(old.pem)).toMatchObject({ status: "Rejected" });
    expect(await install(old.pem, "ManufacturerRootCertificate")).toMatchObject({ status: "Rejected" });
    expect(await install(old.pem, "V2GRootCertificate")).toEqual({ status: "Accepted" });
  });
});

describe("M05: AdditionalRootCertificateCheck", () => {
  const checked = { "SecurityCtrlr.AdditionalRootCertificateCheck": "true" };

  test("a successor that the present root has not signed is Rejected (M05.FR.09–11)", async () => {
    await start(checked);
    expect(await install(old.pem)).toEqual({ status: "Accepted" });
    expect(await install(stranger.pem)).toMatchObject({ status: "Rejected" });
    expect([...store.keys()]).toEqual([old]);
  });

  test("both are trusted until the CSMS was verified with the new one, then the old one goes (M05.FR.12–16)", async () => {
    await start(checked);
    await install(old.pem);
    expect(await install(successor.pem)).toEqual({ status: "Accepted" });
    const reconnect = async (...serverChain: string[]) => {
      charger.serverChain = serverChain;
      charger.disconnect();
      await charger.clock.advance(60_000);
    };
    await reconnect("the CSMS", old.fingerprint);
    expect([...store.keys()]).toEqual([old, successor]);
    // No third one meanwhile (M05.FR.09).
    expect(await install(stranger.pem)).toMatchObject({ status: "Rejected" });
    charger.crash();
    await charger.start();
    await reconnect("the CSMS", successor.fingerprint, old.fingerprint);
    expect([...store.keys()]).toEqual([successor]);
  });

  test("the same root again is no replacement", async () => {
    await start(checked);
    await install(old.pem);
    expect(await install(old.pem)).toEqual({ status: "Accepted" });
    expect(await install(successor.pem)).toEqual({ status: "Accepted" });
  });
});

test("a store that is silent: every CALL about certificates is answered, the module's limits after one another", async () => {
  await start();
  const { security, dispose } = giveRealCertificates(charger);
  for (const command of Object.keys(security.commands)) security.misbehave(command, "silent");
  const { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber } = stranger.hash;
  const ask = async (action: string, payload: object) => {
    charger.sendText(JSON.stringify([2, action, action, payload]));
    await charger.clock.advance(25_000);
    return charger.answers.find(({ messageId }) => messageId === action)?.body;
  };
  const root = { certificateType: "MORootCertificate", certificate: stranger.pem };
  expect(await ask("InstallCertificate", root)).toMatchObject({ status: "Failed" });
  expect(await ask("GetInstalledCertificateIds", {})).toMatchObject({ status: "NotFound" });
  const certificateHashData = { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber };
  expect(await ask("DeleteCertificate", { certificateHashData })).toMatchObject({ status: "Failed" });
  expect(await ask("CertificateSigned", { certificateChain: leaf.pem })).toMatchObject({ status: "Rejected" });
  dispose();
});
