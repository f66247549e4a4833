import { readFileSync } from "node:fs";
import type { EverestSide } from "../../src/sim/everest/everest-side.ts";
import { parseCertificates } from "../../src/station/model/certificate.ts";
import type { Certificate, TestAuthority } from "./certificates.ts";

interface Leaf {
  readonly certificate: Certificate;
  readonly chainPem: string;
  readonly fingerprint: string;
  readonly serialNumber: string;
}

/** EVerest's EvseSecurity as far as the station's own certificate goes: it keeps them all and offers the newest. */
export class CertificateStore {
  private readonly leaves: Leaf[] = [];
  private readonly installed: Leaf[] = [];

  constructor(
    everest: EverestSide,
    private readonly authority: TestAuthority,
  ) {
    everest.answer("security.get_verify_file", () => authority.rootPath);
    everest.answer("security.get_leaf_certificate_info", ({ certificate_type }) => {
      const newest = certificate_type === "CSMS" ? this.installed.at(-1)?.certificate : undefined;
      if (newest === undefined) return { status: "NotFound" };
      const { certificatePath, keyPath } = newest;
      return { status: "Accepted", info: { key: keyPath, certificate: certificatePath, certificate_count: 1 } };
    });
    everest.answer("security.update_leaf_certificate", ({ certificate_chain }) => {
      const leaf = this.leaves.find(({ chainPem }) => chainPem === certificate_chain);
      if (leaf === undefined) return "InvalidSignature";
      this.installed.push(leaf);
      return "Accepted";
    });
    everest.answer("security.delete_certificate", ({ certificate_hash_data }) => {
      const { serial_number } = certificate_hash_data as { serial_number: string };
      const at = this.installed.findIndex((leaf) => leaf.serialNumber === serial_number.toUpperCase());
      if (at < 0) return "NotFound";
      this.installed.splice(at, 1);
      return "Accepted";
    });
  }

  /** Signs a certificate for the station, which is not installed yet. */
  issue(name: string): Leaf {
    const certificate = this.authority.issue(name, ["cp001"]);
    const chainPem = readFileSync(certificate.certificatePath, "utf8");
    const [parsed] = parseCertificates(chainPem);
    if (parsed === undefined) throw new Error("openssl made no certificate");
    const serialNumber = parsed.serialNumber.replace(/^0+(?=.)/, "");
    const leaf = { certificate, chainPem, fingerprint: parsed.fingerprint256, serialNumber };
    this.leaves.push(leaf);
    return leaf;
  }

  install(leaf: Leaf): void {
    this.installed.push(leaf);
  }

  isInstalled(leaf: Leaf): boolean {
    return this.installed.includes(leaf);
  }

  /** Fingerprints of what the hardware side still keeps. */
  get kept(): readonly string[] {
    return this.installed.map(({ fingerprint }) => fingerprint);
  }
}
