/** OCA certification test cases of blocks A and M about certificates, on the compiled executable with real hierarchies. */
import { describe, expect, test } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { CertificateHashDataChainType, CertificateHashDataType } from "../../src/ocpp/v201/index.ts";
import { forge, SimulatedAuthority } from "../../src/sim/everest/security/authority.ts";
import {
  createV2gHierarchy,
  issueSecc,
  signSecc,
  type V2gHierarchy,
  validFor,
} from "../../src/sim/everest/security/v2g-hierarchy.ts";
import { SURROUNDINGS } from "../support/charger.ts";
import { onCharger, type TestSystem, type TestSystemOptions } from "../support/test-system.ts";

const NOW = new Date();
const V2G = {
  ISO15118Ctrlr: {
    V2GCertificateInstallationEnabled: true,
    SeccId: "DEICE1",
    CountryName: "DE",
    OrganizationName: "ICE",
  },
  SecurityCtrlr: { OrganizationName: "ICE" },
} as const;
const onV2gCharger = (scenario: (system: TestSystem) => Promise<void>, options: TestSystemOptions = {}) =>
  onCharger({ certificates: "separate", ...options, patch: { ...V2G, ...options.patch } }, scenario);

/** Hash data as openssl puts them into an OCSP request. */
function hashData(pem: string, issuerPem = pem): CertificateHashDataType {
  const directory = mkdtempSync(join(tmpdir(), "hash-"));
  try {
    for (const [name, content] of Object.entries({ pem, issuerPem })) writeFileSync(join(directory, name), content);
    const args = ["ocsp", "-sha256", "-issuer", "issuerPem", "-cert", "pem", "-req_text", "-no_nonce"];
    const text = execFileSync("openssl", args, { cwd: directory, encoding: "utf8" });
    const member = (name: string) => new RegExp(`${name}: (\\w+)`).exec(text)?.[1]?.toLowerCase() ?? "";
    return {
      hashAlgorithm: "SHA256",
      issuerNameHash: member("Issuer Name Hash"),
      issuerKeyHash: member("Issuer Key Hash"),
      serialNumber: member("Serial Number"),
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const splitChain = (pem: string): readonly string[] =>
  pem.match(/-----BEGIN[\s\S]+?-----END CERTIFICATE-----\n/g) ?? [];

/** The hash data of a chain, leaf first, root left out. */
function chainData(chainPem: string, rootPem: string): readonly CertificateHashDataType[] {
  const chain = splitChain(chainPem);
  return chain.map((pem, index) => hashData(pem, chain[index + 1] ?? rootPem));
}

/** Reusable state RenewV2GChargingStationCertificate; resolves to the new chain. */
async function renewV2g(system: TestSystem, hierarchy: V2gHierarchy): Promise<string> {
  await system.send("TriggerMessage", { requestedMessage: "SignV2GCertificate" }, { status: "Accepted" });
  const { csr } = await system.receive("SignCertificate", { certificateType: "V2GCertificate" });
  const certificateChain = signSecc(hierarchy, String(csr), { notBefore: new Date(Date.now() - 1_000) });
  const signed = { certificateChain, certificateType: "V2GCertificate" } as const;
  await system.send("CertificateSigned", signed, { status: "Accepted" });
  return certificateChain;
}

const listed = async (
  system: TestSystem,
  ...certificateType: readonly CertificateHashDataChainType["certificateType"][]
): Promise<unknown> => {
  const request = certificateType.length === 0 ? {} : { certificateType: [...certificateType] };
  return (await system.send("GetInstalledCertificateIds", request as never)).certificateHashDataChain;
};

const [MAY, , AUGUST] = SURROUNDINGS;

describe.each([
  ["P-256", MAY],
  ["P-521", AUGUST],
] as const)("M03–M05 and A02 on %s", (curve, surroundings) => {
  const hierarchy = createV2gHierarchy(NOW, curve);
  const csmsRoot = SimulatedAuthority.root("CSMS Root CA", validFor(NOW, 100), { curve });
  const roots = [
    ["CSMSRootCertificate", csmsRoot.pem],
    ["ManufacturerRootCertificate", hierarchy.oemRoot.pem],
    ["V2GRootCertificate", hierarchy.v2gRoot.pem],
    ["MORootCertificate", hierarchy.moRoot.pem],
  ] as const;

  test("TC_M_01_CS … TC_M_04_CS, TC_M_12_CS … TC_M_20_CS roots and the V2G chain: installed, listed, deleted (M03.FR.01–05, M04.FR.01–04, M05.FR.01, FR.02, FR.17)", () =>
    onV2gCharger(async (system) => {
      await system.send("GetInstalledCertificateIds", {}, { status: "NotFound" });
      const entryOf = (certificateType: string, pem: string) => ({
        certificateType,
        certificateHashData: hashData(pem),
      });
      for (const [certificateType, certificate] of roots) {
        await system.send("InstallCertificate", { certificateType, certificate }, { status: "Accepted" });
        await system.send("InstallCertificate", { certificateType, certificate }, { status: "Accepted" });
        expect(await listed(system, certificateType)).toEqual([entryOf(certificateType, certificate)]);
      }
      system.charger.security.curve = curve;
      const chain = await renewV2g(system, hierarchy);
      const [certificateHashData, ...childCertificateHashData] = chainData(chain, hierarchy.v2gRoot.pem);
      const v2gChain = { certificateType: "V2GCertificateChain", certificateHashData, childCertificateHashData };
      expect(childCertificateHashData).toHaveLength(2);
      expect(await listed(system, "V2GCertificateChain")).toEqual([v2gChain]);
      const all = [...roots.map(([type, pem]) => entryOf(type, pem)), v2gChain];
      const sorted = (entries: unknown) => (entries as object[]).map((one) => JSON.stringify(one)).sort();
      expect(sorted(await listed(system))).toEqual(sorted(all));
      expect(await system.getVariable("SecurityCtrlr", "CertificateEntries")).toBe("5");
      const mo = { certificateHashData: hashData(hierarchy.moRoot.pem) };
      await system.send("DeleteCertificate", mo, { status: "Accepted" });
      await system.send("DeleteCertificate", mo, { status: "NotFound" });
      await system.send(
        "GetInstalledCertificateIds",
        { certificateType: ["MORootCertificate"] },
        { status: "NotFound" },
      );
      await system.send("DeleteCertificate", { certificateHashData: hashDataOf(v2gChain) }, { status: "Accepted" });
      await system.send(
        "GetInstalledCertificateIds",
        { certificateType: ["V2GCertificateChain"] },
        { status: "NotFound" },
      );
      // Those that are left are there.
      expect(await listed(system)).toHaveLength(3);
    }, surroundings));

  test("TC_A_12_CS a new SECC certificate; the one before it stays until the new one is in place (A02.FR.02, FR.03, FR.13, FR.15)", () =>
    onV2gCharger(async (system) => {
      const { security } = system.charger;
      security.curve = curve;
      security.putRoot("V2G", hierarchy.v2gRoot.pem);
      const old = issueSecc(hierarchy, "DEICE1", { notBefore: new Date(Date.now() - 60_000) });
      security.putLeaf("V2G", old);
      const [before] = security.serialNumbers("V2G");
      await system.send("TriggerMessage", { requestedMessage: "SignV2GCertificate" }, { status: "Accepted" });
      const { csr } = await system.receive("SignCertificate", { certificateType: "V2GCertificate" });
      expect(security.serialNumbers("V2G")).toEqual([before ?? ""]);
      const certificateChain = signSecc(hierarchy, String(csr), { notBefore: new Date(Date.now() - 1_000) });
      await system.send(
        "CertificateSigned",
        { certificateChain, certificateType: "V2GCertificate" },
        { status: "Accepted" },
      );
      const [serial] = chainData(certificateChain, hierarchy.v2gRoot.pem).map(({ serialNumber }) => serialNumber);
      expect(security.serialNumbers("V2G")).toEqual([serial ?? "", before ?? ""]);
      await system.receiveNo("SignCertificate");
      expect(system.charger.csms.calls.filter(({ action }) => action === "BootNotification")).toHaveLength(1);
    }, surroundings));
});

function hashDataOf({ certificateHashData }: { certificateHashData: CertificateHashDataType | undefined }) {
  if (certificateHashData === undefined) throw new Error("no hash data");
  return certificateHashData;
}

describe("certificates that are not right", () => {
  const hierarchy = createV2gHierarchy(NOW);
  const expired = SimulatedAuthority.root("Old Root", validFor(NOW, -0.5)).pem;
  const early = SimulatedAuthority.root("New Root", {
    notBefore: new Date(NOW.getTime() + 3_600_000),
    notAfter: new Date(NOW.getTime() + 7_200_000),
  }).pem;

  test.each(["V2GRootCertificate", "MORootCertificate", "CSMSRootCertificate", "ManufacturerRootCertificate"] as const)(
    "TC_M_05_CS a %s that is expired, too early, forged or none: Rejected, nothing stored (M05.FR.07)",
    (certificateType) =>
      onV2gCharger(async (system) => {
        for (const certificate of [expired, early, forge(hierarchy.moRoot.pem), "rubbish", ""])
          await system.send("InstallCertificate", { certificateType, certificate }, { status: "Rejected" });
        expect(system.charger.security.inventory).toEqual([]);
        await system.sendForError(
          "InstallCertificate",
          { certificateType, certificate: "x".repeat(5_501) },
          "PropertyConstraintViolation",
        );
      }),
  );

  test("M05.FR.03, FR.06: what cannot be written is Failed, what is too much Rejected", () =>
    onV2gCharger(
      async (system) => {
        const { security } = system.charger;
        const install = (certificate: string, status: string) =>
          system.send("InstallCertificate", { certificateType: "MORootCertificate", certificate }, { status });
        security.misbehave("install_ca_certificate", { answer: "WriteError" });
        await install(hierarchy.moRoot.pem, "Failed");
        security.behave("install_ca_certificate");
        await install(hierarchy.moRoot.pem, "Accepted");
        await install(hierarchy.v2gRoot.pem, "Rejected");
        await install(hierarchy.moRoot.pem, "Accepted");
        expect(security.inventory).toHaveLength(1);
      },
      { patch: { SecurityCtrlr: { ...V2G.SecurityCtrlr, CertificateEntries: 1 } } },
    ));

  test("TC_A_14_CS for ISO 15118: refused, reported, nothing stored, not asked for again (A02.FR.06, FR.07, FR.20)", () =>
    onV2gCharger(async (system) => {
      const { security } = system.charger;
      security.putRoot("V2G", hierarchy.v2gRoot.pem);
      const stranger = createV2gHierarchy(NOW, "P-256", "Strange ");
      const ask = async () => {
        await system.send("TriggerMessage", { requestedMessage: "SignV2GCertificate" }, { status: "Accepted" });
        return String((await system.receive("SignCertificate")).csr);
      };
      const { cpo } = hierarchy;
      const makers: readonly ((csr: string) => string)[] = [
        (csr) => signSecc(hierarchy, csr, { notAfter: new Date(Date.now() - 1_000) }),
        (csr) => signSecc(hierarchy, csr, { notBefore: new Date(Date.now() + 60_000) }),
        (csr) => signSecc(hierarchy, csr).replace(cpo.chainPem, ""),
        (csr) => forge(signSecc(hierarchy, csr)) + cpo.chainPem,
        (csr) => signSecc(stranger, csr),
        () => issueSecc(hierarchy, "DEICE1").chainPem,
        () => "rubbish",
      ];
      const before = security.inventory;
      for (const make of makers) {
        const signed = { certificateChain: make(await ask()), certificateType: "V2GCertificate" } as const;
        await system.send("CertificateSigned", signed, { status: "Rejected" });
        await system.receive("SecurityEventNotification", { type: "InvalidChargingStationCertificate" });
      }
      await system.receiveNo("SignCertificate", 2_500);
      expect(security.inventory).toEqual(before);
    }));

  test("M04.FR.04, M03.FR.02: hash data that nobody has, or that nothing can have", () =>
    onV2gCharger(async (system) => {
      const { security } = system.charger;
      security.putRoot("MO", hierarchy.moRoot.pem);
      const right = hashData(hierarchy.moRoot.pem);
      const wrong: readonly CertificateHashDataType[] = [
        { ...right, hashAlgorithm: "SHA512" },
        { ...right, issuerNameHash: right.issuerNameHash.slice(2) },
        { ...right, issuerKeyHash: `${right.issuerKeyHash}00` },
        { ...right, serialNumber: "" },
        { ...right, issuerNameHash: "" },
      ];
      for (const certificateHashData of wrong)
        await system.send("DeleteCertificate", { certificateHashData }, { status: "NotFound" });
      for (const tooLong of [{ serialNumber: "1".repeat(41) }, { issuerKeyHash: "a".repeat(129) }])
        await system.sendForError(
          "DeleteCertificate",
          { certificateHashData: { ...right, ...tooLong } },
          "PropertyConstraintViolation",
        );
      expect(security.hasRoot("MO", hierarchy.moRoot.pem)).toBe(true);
      // The other way round: what EVerest could not have told by OCPP's schema is left out.
      const hash = { hash_algorithm: "SHA256", issuer_name_hash: "ab", issuer_key_hash: "cd" };
      const chainOf = (serial_number: string) => ({
        certificate_type: "MORootCertificate",
        certificate_hash_data: { ...hash, serial_number },
      });
      security.misbehave("get_installed_certificates", {
        answer: { status: "Accepted", certificate_hash_data_chain: [chainOf("1".repeat(41)), chainOf("12")] },
      });
      expect(await listed(system)).toMatchObject([{ certificateHashData: { serialNumber: "12" } }]);
    }));
});

describe("A02: when an SECC certificate is asked for", () => {
  const hierarchy = createV2gHierarchy(NOW);

  test("A02.FR.21 a CSMS that signs nothing: not asked again, Plug & Charge off until the next start", () =>
    onV2gCharger(async (system) => {
      system.charger.csms.on("SignCertificate", () => ({ status: "Rejected" }));
      await system.send("TriggerMessage", { requestedMessage: "SignV2GCertificate" }, { status: "Accepted" });
      await system.receive("SignCertificate");
      await system.receiveNo("SignCertificate", 2_500);
      expect(await system.getVariable("ISO15118Ctrlr", "PnCEnabled")).toBe("false");
      await system.charger.end("SIGKILL");
      await system.charger.startStation();
      expect(await system.getVariable("ISO15118Ctrlr", "PnCEnabled")).toBe("true");
    }));

  test(
    "A02.FR.17–19 no CertificateSigned: asked again with growing waits, over a restart, then no more",
    () =>
      onV2gCharger(
        async (system) => {
          await system.send("TriggerMessage", { requestedMessage: "SignV2GCertificate" }, { status: "Accepted" });
          await system.receive("SignCertificate");
          await system.receive("SignCertificate");
          await system.charger.end("SIGKILL");
          system.skip();
          await system.charger.startStation();
          const { csr } = await system.receive("SignCertificate");
          await system.receiveNo("SignCertificate", 2_500);
          system.charger.security.putRoot("V2G", hierarchy.v2gRoot.pem);
          const certificateChain = signSecc(hierarchy, String(csr));
          // A CSMS that leaves out the type means what was asked for.
          await system.send("CertificateSigned", { certificateChain }, { status: "Accepted" });
          expect(system.charger.security.serialNumbers("V2G")).toHaveLength(1);
        },
        {
          patch: { SecurityCtrlr: { ...V2G.SecurityCtrlr, CertSigningWaitMinimum: 1, CertSigningRepeatTimes: 1 } },
        },
      ),
    20_000,
  );

  test("A03.FR.02, FR.03 before it expires, by itself", () =>
    onCharger(
      {
        certificates: "separate",
        stopped: true,
        patch: { ...V2G, InternalCtrlr: { V2GCertificateExpireCheckInitialDelaySeconds: 1 } },
      },
      async (system) => {
        const { security } = system.charger;
        security.putRoot("V2G", hierarchy.v2gRoot.pem);
        security.putLeaf("V2G", issueSecc(hierarchy, "DEICE1", validFor(NOW, 20)));
        await system.charger.startStation();
        const { csr } = await system.receive("SignCertificate", { certificateType: "V2GCertificate" });
        const certificateChain = signSecc(hierarchy, String(csr), validFor(NOW, 90));
        await system.send(
          "CertificateSigned",
          { certificateChain, certificateType: "V2GCertificate" },
          { status: "Accepted" },
        );
      },
    ));

  test("switched off: neither asked for nor taken", () =>
    onV2gCharger(
      async (system) => {
        await system.send("TriggerMessage", { requestedMessage: "SignV2GCertificate" }, { status: "Rejected" });
        const { security } = system.charger;
        security.putRoot("V2G", hierarchy.v2gRoot.pem);
        const { chainPem: certificateChain } = issueSecc(hierarchy, "DEICE1");
        const signed = { certificateChain, certificateType: "V2GCertificate" } as const;
        await system.send("CertificateSigned", signed, {
          status: "Rejected",
          statusInfo: { reasonCode: "NotEnabled" },
        });
      },
      { patch: { ISO15118Ctrlr: { ...V2G.ISO15118Ctrlr, V2GCertificateInstallationEnabled: false } } },
    ));

  test("TC_A_13_CS one certificate for both, where EVerest keeps them in one place; TC_F_27_CS elsewhere", async () => {
    await onV2gCharger(async (system) => {
      await system.send(
        "TriggerMessage",
        { requestedMessage: "SignCombinedCertificate" },
        { status: "NotImplemented" },
      );
    });
    await onV2gCharger(
      async (system) => {
        const { security } = system.charger;
        security.putRoot("V2G", hierarchy.v2gRoot.pem);
        security.putRoot("CSMS", hierarchy.v2gRoot.pem);
        security.putLeaf("V2G", issueSecc(hierarchy, "cp001", { notBefore: new Date(Date.now() - 60_000) }));
        await system.send("TriggerMessage", { requestedMessage: "SignCombinedCertificate" }, { status: "Accepted" });
        const request = await system.receive("SignCertificate");
        expect(request).toEqual({ csr: expect.any(String) });
        const certificateChain = signSecc(hierarchy, String(request.csr), { notBefore: new Date(Date.now() - 1_000) });
        await system.send("CertificateSigned", { certificateChain }, { status: "Accepted" });
        const installed = system.charger.everest.recorded("update_leaf_certificate");
        expect(installed.map(({ certificate_type }) => certificate_type)).toEqual(["V2G", "CSMS"]);
      },
      { certificates: "shared" },
    );
  });
});

describe("M04.FR.06: the certificate of the station itself", () => {
  test("TC_M_23_CS is not deleted, whatever else is", () =>
    onV2gCharger(async (system) => {
      const { security } = system.charger;
      const root = SimulatedAuthority.root("CSMS Root CA", validFor(NOW, 100));
      const own = root.issueLeaf("cp001", validFor(NOW, 50));
      security.putRoot("CSMS", root.pem);
      security.putLeaf("CSMS", own);
      await system.send(
        "DeleteCertificate",
        { certificateHashData: hashData(own.pem, root.pem) },
        { status: "Failed" },
      );
      expect(security.serialNumbers("CSMS")).toHaveLength(1);
      expect(system.charger.everest.recorded("delete_certificate")).toEqual([]);
    }));
});
