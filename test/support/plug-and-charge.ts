/** Plug and Charge on the executable: real hierarchies of certificates, and openssl as witness of hash data. */
import { expect } from "bun:test";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OCSPRequestDataType } from "../../src/ocpp/v201/index.ts";
import type { Curve } from "../../src/sim/everest/security/signing.ts";
import {
  createV2gHierarchy,
  issueContract,
  issueSecc,
  type V2gHierarchy,
} from "../../src/sim/everest/security/v2g-hierarchy.ts";
import { onCharger, type TestSystem, type TestSystemOptions } from "./test-system.ts";

export const EMAID = "DE8AAC0A1B2C3D";

export interface PlugAndChargeOptions extends TestSystemOptions {
  readonly curve?: Curve;
  /** The CSMS installs the MO root, without which the station cannot look into contracts. */
  readonly hasMoRoot?: boolean;
  readonly variables?: Readonly<Record<string, string | boolean>>;
}

export interface PlugAndChargeScene {
  readonly system: TestSystem;
  readonly hierarchy: V2gHierarchy;
  /** Certificate chains of the driver's contract, leaf first. */
  readonly contract: string;
}

/** As the cases of C07 want it prepared: V2G root and SECC certificate are there, and the MO root unless said otherwise. */
export function onPlugAndCharge(
  options: PlugAndChargeOptions,
  scenario: (scene: PlugAndChargeScene) => Promise<void>,
): Promise<void> {
  const { curve = "P-256", hasMoRoot = true, variables = {}, patch = {}, ...rest } = options;
  const hierarchy = createV2gHierarchy(new Date(), curve);
  const ISO15118Ctrlr = {
    PnCEnabled: true,
    CentralContractValidationAllowed: false,
    SeccId: "NLOCA1",
    CountryName: "NL",
    OrganizationName: "OCA",
    ...variables,
  };
  return onCharger(
    { certificates: "separate", optionalModules: true, ...rest, patch: { ...patch, ISO15118Ctrlr } },
    async (system) => {
      system.charger.security.putLeaf("V2G", issueSecc(hierarchy, "NLOCA1"));
      await install(system, "V2GRootCertificate", hierarchy.v2gRoot.pem);
      if (hasMoRoot) await install(system, "MORootCertificate", hierarchy.moRoot.pem);
      await scenario({ system, hierarchy, contract: issueContract(hierarchy, EMAID).chainPem });
    },
  );
}

async function install(
  system: TestSystem,
  certificateType: "V2GRootCertificate" | "MORootCertificate",
  certificate: string,
): Promise<void> {
  await system.send("InstallCertificate", { certificateType, certificate }, { status: "Accepted" });
}

/** What openssl puts into an OCSP request for a certificate. */
function hashDataOf(pem: string, issuerPem: string, responderURL: string): OCSPRequestDataType {
  const directory = mkdtempSync(join(tmpdir(), "hash-data-"));
  try {
    const [certificate, issuer] = [join(directory, "certificate.pem"), join(directory, "issuer.pem")];
    writeFileSync(certificate, pem);
    writeFileSync(issuer, issuerPem);
    const text = execFileSync(
      "openssl",
      ["ocsp", "-sha256", "-issuer", issuer, "-cert", certificate, "-req_text", "-no_nonce"],
      { encoding: "utf8", stdio: "pipe" },
    );
    const member = (name: string): string => new RegExp(`${name}: (\\w+)`).exec(text)?.[1]?.toLowerCase() ?? "";
    return {
      hashAlgorithm: "SHA256",
      issuerNameHash: member("Issuer Name Hash"),
      issuerKeyHash: member("Issuer Key Hash"),
      serialNumber: member("Serial Number"),
      responderURL,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** The hash data of a contract and of the authorities below the root, as openssl says. */
export function expectHashData(asked: unknown, { contract, hierarchy }: PlugAndChargeScene): void {
  const told = (asked as { iso15118CertificateHashData: readonly OCSPRequestDataType[] }).iso15118CertificateHashData;
  const chain = [...contract.matchAll(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n?/g)].map(
    ([pem]) => pem,
  );
  const issuers = [...chain.slice(1), hierarchy.moRoot.pem];
  const normal = (data: OCSPRequestDataType) => ({
    ...data,
    issuerNameHash: data.issuerNameHash.toLowerCase(),
    issuerKeyHash: data.issuerKeyHash.toLowerCase(),
    serialNumber: data.serialNumber.toLowerCase().replace(/^0+/, ""),
  });
  expect(told.map(normal)).toEqual(
    chain.map((pem, index) => normal(hashDataOf(pem, issuers[index] ?? "", told[index]?.responderURL ?? ""))),
  );
}

/** Cuts the connection and keeps it cut. */
export async function goOffline({ charger }: TestSystem): Promise<void> {
  const disconnected = new Promise<void>((resolve) => {
    charger.csms.events.on("disconnected", () => resolve());
  });
  charger.csms.refuseWith = 503;
  charger.csms.drop();
  await disconnected;
  await Bun.sleep(100);
}
