import { expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { networkProfiles } from "../../src/sim/simulate.ts";
import { certificateHash, isIssuedBy, parseCertificates } from "../../src/station/model/certificate.ts";
import { CertificateStore } from "../support/certificate-store.ts";
import { TestAuthority } from "../support/certificates.ts";
import { Charger } from "../support/charger.ts";
import { TlsFront } from "../support/tls-front.ts";

test("a CSMS root that its predecessor has signed takes its place once the CSMS was verified with it (M05.FR.10, FR.12, FR.13)", async () => {
  const directory = mkdtempSync(join(tmpdir(), "roots-"));
  const old = new TestAuthority(directory, "old");
  const successor = new TestAuthority(directory, "successor", old);
  const server = successor.issue("localhost", ["localhost"]);
  const front = await TlsFront.start({ ...server, certificatePath: server.chainPath }, old.rootPath);
  const charger = await Charger.start({
    stopped: true,
    csms: {},
    patch: {
      InternalCtrlr: { NetworkConnectionProfiles: networkProfiles(front.url, 3) },
      SecurityCtrlr: { AdditionalRootCertificateCheck: true },
    },
  });
  front.leadTo(charger.csms.url);
  const oldPem = readFileSync(old.rootPath, "utf8");
  const successorPem = readFileSync(successor.rootPath, "utf8");
  const bundle = join(directory, "bundle.pem");
  const keep = (...roots: readonly string[]) => writeFileSync(bundle, roots.join(""));
  keep(oldPem);
  try {
    const store = new CertificateStore(charger.everest, old);
    store.install(store.issue("station"));
    const { everest, csms } = charger;
    everest.answer("security.get_verify_file", () => bundle);
    everest.answer("security.install_ca_certificate", ({ certificate }) => {
      keep(readFileSync(bundle, "utf8"), String(certificate));
      return "Accepted";
    });
    everest.answer("security.get_installed_certificates", () => ({
      status: "Accepted",
      certificate_hash_data_chain: hashes(readFileSync(bundle, "utf8"), oldPem).map((hash) => ({
        certificate_type: "CSMSRootCertificate",
        certificate_hash_data: hash,
      })),
    }));
    const deleted = new Promise<string>((resolve) =>
      everest.answer("security.delete_certificate", ({ certificate_hash_data }) => {
        keep(successorPem);
        resolve((certificate_hash_data as { serial_number: string }).serial_number);
        return "Accepted";
      }),
    );
    await charger.startStation();
    const installed = await csms.send("InstallCertificate", {
      certificateType: "CSMSRootCertificate",
      certificate: successorPem,
    });
    expect(installed).toEqual({ kind: "response", response: { status: "Accepted" } });
    csms.drop();
    expect(await deleted).toBe(hashes(oldPem, oldPem)[0]?.serial_number ?? "");
    // The successor alone is trusted now, though it is not self-signed.
    const reconnected = new Promise<void>((resolve) => csms.events.on("connected", () => resolve()));
    csms.drop();
    await reconnected;
    expect(csms.violations).toEqual([]);
  } finally {
    await charger.stop();
    front.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}, 60_000);

/** CertificateHashData of EVerest for the certificates of a bundle. */
function hashes(bundle: string, issuersPem: string) {
  const certificates = parseCertificates(bundle);
  const issuers = [...certificates, ...parseCertificates(issuersPem)];
  return certificates.flatMap((certificate) => {
    const issuer = issuers.find((candidate) => isIssuedBy(certificate, candidate));
    if (issuer === undefined) return [];
    const { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber } = certificateHash(certificate, issuer);
    return [
      {
        hash_algorithm: hashAlgorithm,
        issuer_name_hash: issuerNameHash,
        issuer_key_hash: issuerKeyHash,
        serial_number: serialNumber,
      },
    ];
  });
}
