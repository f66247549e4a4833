import { createPublicKey, verify } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Clock, sleep } from "../../../lib/clock.ts";
import type { SimulatedBus } from "../bus.ts";
import type { IssuedCertificate } from "./authority.ts";
import { LeafFolder, type StoredLeaf, type UsableLeaf } from "./leaf-folder.ts";
import { type Curve, createKeyPair, createRequest } from "./signing.ts";
import {
  type HashData,
  isSameHash,
  readCertificates,
  type StoredCertificate,
  verifyChain,
} from "./stored-certificate.ts";

export type CaUse = "V2G" | "MO" | "CSMS" | "MF";
export type LeafUse = "CSMS" | "V2G" | "MF" | "MO";
type Args = Readonly<Record<string, unknown>>;
type Command = (args: Args) => unknown;

/** How a command misbehaves: no answer at all, a late one after it was carried out, or another one instead of doing it. */
export type Misbehaviour = "silent" | { readonly slowMilliseconds: number } | { readonly answer: unknown };

const CA_USES: readonly CaUse[] = ["V2G", "MO", "CSMS", "MF"];
const CA_OF_TYPE: Readonly<Record<string, CaUse>> = {
  V2GRootCertificate: "V2G",
  MORootCertificate: "MO",
  CSMSRootCertificate: "CSMS",
  MFRootCertificate: "MF",
};
const DAY_MILLISECONDS = 24 * 3_600_000;
/** As the words of `verify_certificate` become those of an installation. */
const INSTALL_RESULT: Readonly<Record<string, string>> = {
  Expired: "Expired",
  InvalidSignature: "InvalidSignature",
  InvalidLeafSignature: "InvalidSignature",
  IssuerNotFound: "InvalidCertificateChain",
  InvalidChain: "InvalidCertificateChain",
};

/** EVerest's EvseSecurity with a store of its own: real certificates and keys in files, checked as the real one does. */
export class SimulatedSecurity {
  /** Which keys are made for requests. */
  curve: Curve = "P-256";
  maximumRoots = 2_000;
  /** OCSP answers by the serial number of the certificate, base64 of the DER text. */
  readonly ocspResponses = new Map<string, string>();
  readonly requests: { readonly certificateType: LeafUse; readonly csr: string }[] = [];
  private readonly roots = new Map<CaUse, StoredCertificate[]>(CA_USES.map((use) => [use, []]));
  private readonly folders: Readonly<Record<"CSMS" | "V2G", LeafFolder>>;
  private readonly misbehaviours = new Map<string, Misbehaviour>();

  /** @param sharesLeaves CSMS and SECC leaf certificates lie in one directory, so that one can serve both. */
  constructor(
    private readonly bus: Pick<SimulatedBus, "variable">,
    private readonly directory: string,
    private readonly clock: Clock,
    sharesLeaves = false,
  ) {
    for (const use of CA_USES) mkdirSync(join(directory, "ca", use), { recursive: true });
    const csms = new LeafFolder(join(directory, "client", "csms"));
    this.folders = { CSMS: csms, V2G: sharesLeaves ? csms : new LeafFolder(join(directory, "client", "cso")) };
  }

  /** Takes a root as a factory would: nobody hears of it. */
  putRoot(use: CaUse, pem: string): void {
    for (const certificate of readCertificates(pem) ?? []) this.rootsOf(use).push(certificate);
    this.writeBundle(use);
  }

  putLeaf(use: "CSMS" | "V2G", { chainPem, keys }: IssuedCertificate): void {
    this.folders[use].keepKey(keys);
    this.folders[use].add(readCertificates(chainPem) ?? []);
  }

  hasRoot(use: CaUse, pem: string): boolean {
    const [certificate] = readCertificates(pem) ?? [];
    return certificate !== undefined && this.rootsOf(use).some((root) => root.equals(certificate));
  }

  /** Serial numbers of the leaf certificates that are kept, the one in use first. */
  serialNumbers(use: "CSMS" | "V2G"): readonly string[] {
    return this.usable(use).map(({ leaf }) => leaf.serialNumber);
  }

  /** What is stored, to see that nothing has changed. */
  get inventory(): readonly string[] {
    const roots = CA_USES.flatMap((use) => this.rootsOf(use).map(({ serialNumber }) => `${use} root ${serialNumber}`));
    const leaves = (["CSMS", "V2G"] as const).flatMap((use) =>
      this.folders[use].leaves.map(({ leaf }) => `${use} leaf ${leaf.serialNumber}`),
    );
    return [...roots, ...leaves].sort();
  }

  misbehave(command: string, how: Misbehaviour): void {
    this.misbehaviours.set(command, how);
  }

  behave(command: string): void {
    this.misbehaviours.delete(command);
  }

  /** The commands of evse_security. */
  get commands(): Readonly<Record<string, Command>> {
    return Object.fromEntries(
      Object.entries(this.honestCommands).map(([name, command]) => [
        name,
        (args: Args) => this.run(name, command, args),
      ]),
    );
  }

  private async run(name: string, command: Command, args: Args): Promise<unknown> {
    const how = this.misbehaviours.get(name);
    if (how === "silent") return new Promise(() => {});
    if (how !== undefined && "answer" in how) return how.answer;
    const result = command(args);
    if (how !== undefined) await sleep(this.clock, how.slowMilliseconds);
    return result;
  }

  private readonly honestCommands: Readonly<Record<string, Command>> = {
    install_ca_certificate: ({ certificate, certificate_type }) =>
      this.installRoot(String(certificate), certificate_type as CaUse),
    delete_certificate: ({ certificate_hash_data }) => this.delete(certificate_hash_data as HashData),
    update_leaf_certificate: ({ certificate_chain, certificate_type }) =>
      this.updateLeaf(String(certificate_chain), certificate_type as LeafUse),
    verify_certificate: ({ certificate_chain, certificate_types }) =>
      this.verify(String(certificate_chain), certificate_types as readonly CaUse[]),
    get_installed_certificates: ({ certificate_types }) => this.list(certificate_types as readonly string[]),
    get_v2g_ocsp_request_data: () => ({ ocsp_request_data_list: this.usable("V2G").flatMap((leaf) => ocspData(leaf)) }),
    get_mo_ocsp_request_data: ({ certificate_chain }) => this.contractOcspData(String(certificate_chain)),
    update_ocsp_cache: ({ certificate_hash_data, ocsp_response }) => {
      this.ocspResponses.set((certificate_hash_data as HashData).serial_number.toLowerCase(), String(ocsp_response));
      return null;
    },
    is_ca_certificate_installed: ({ certificate_type }) => this.rootsOf(certificate_type as CaUse).length > 0,
    generate_certificate_signing_request: (args) => this.request(args),
    get_leaf_certificate_info: ({ certificate_type, include_ocsp }) =>
      this.leafInfo(certificate_type as LeafUse, include_ocsp === true),
    get_all_valid_certificates_info: ({ certificate_type, include_ocsp }) =>
      this.allLeafInfos(certificate_type as LeafUse, include_ocsp === true),
    get_verify_file: ({ certificate_type }) => this.bundlePath(certificate_type as CaUse),
    get_verify_location: ({ certificate_type }) => join(this.directory, "ca", certificate_type as CaUse),
    get_leaf_expiry_days_count: ({ certificate_type }) => this.expiryDays(certificate_type as LeafUse),
    verify_file_signature: ({ file_path, signing_certificate, signature }) =>
      isFileSigned(String(file_path), String(signing_certificate), String(signature)),
  };

  private rootsOf(use: CaUse): StoredCertificate[] {
    return this.roots.get(use) ?? [];
  }

  private bundlePath(use: CaUse): string {
    return join(this.directory, "ca", use, "bundle.pem");
  }

  private writeBundle(use: CaUse): void {
    writeFileSync(
      this.bundlePath(use),
      this.rootsOf(use)
        .map(({ pem }) => pem)
        .join(""),
    );
  }

  private tellUpdate(operation: "Installed" | "Deleted", what: object): void {
    void this.bus.variable("security", "main", "certificate_store_update", { operation, ...what });
  }

  private installRoot(pem: string, use: CaUse): string {
    const certificates = readCertificates(pem);
    const [root] = certificates ?? [];
    if (root === undefined || certificates?.length !== 1) return "InvalidFormat";
    if (root.notAfter < this.clock.now().getTime()) return "Expired";
    const roots = this.rootsOf(use);
    const present = roots.findIndex((other) => other.equals(root));
    if (present < 0 && CA_USES.flatMap((one) => this.rootsOf(one)).length >= this.maximumRoots)
      return "CertificateStoreMaxLengthExceeded";
    if (present < 0) roots.push(root);
    this.writeBundle(use);
    this.tellUpdate("Installed", { ca_certificate_type: use });
    return "Accepted";
  }

  private updateLeaf(pem: string, use: LeafUse): string {
    const chain = readCertificates(pem);
    const [leaf] = chain ?? [];
    if (chain === undefined || leaf === undefined) return "InvalidFormat";
    if (use !== "CSMS" && use !== "V2G") return "WriteError";
    if (this.rootsOf(use).length === 0) return "NoRootCertificateInstalled";
    const { result } = verifyChain(chain, this.rootsOf(use), this.clock.now());
    if (result !== "Valid") return INSTALL_RESULT[result] ?? "InvalidCertificateChain";
    const folder = this.folders[use];
    if (!folder.hasKeyFor(leaf)) return "WriteError";
    folder.add(chain);
    this.tellUpdate("Installed", { leaf_certificate_type: use });
    return "Accepted";
  }

  private verify(pem: string, uses: readonly CaUse[]): string {
    const chain = readCertificates(pem);
    if (chain === undefined) return "Unknown";
    return verifyChain(
      chain,
      uses.flatMap((use) => this.rootsOf(use)),
      this.clock.now(),
    ).result;
  }

  private delete(hash: HashData): string {
    for (const use of CA_USES) {
      const roots = this.rootsOf(use);
      const at = roots.findIndex((root) => isSameHash(root.hashData(root), hash));
      if (at < 0) continue;
      roots.splice(at, 1);
      this.writeBundle(use);
      this.tellUpdate("Deleted", { ca_certificate_type: use });
      return "Accepted";
    }
    for (const use of ["CSMS", "V2G"] as const) {
      const stored = this.folders[use].leaves.find((one) => isSameHash(this.leafHash(use, one), hash));
      if (stored === undefined) continue;
      this.folders[use].remove(stored);
      this.tellUpdate("Deleted", { leaf_certificate_type: use });
      return "Accepted";
    }
    return "NotFound";
  }

  private leafHash(use: "CSMS" | "V2G", { leaf, chain }: StoredLeaf): HashData {
    const issuer = [...chain, ...this.rootsOf(use)].find((other) => leaf.isSignedBy(other));
    return leaf.hashData(issuer ?? leaf);
  }

  private usable(use: LeafUse): readonly UsableLeaf[] {
    return use === "CSMS" || use === "V2G" ? this.folders[use].usable(this.rootsOf(use), this.clock.now()) : [];
  }

  private list(types: readonly string[]): unknown {
    const roots = types.flatMap((certificate_type) => {
      const use = CA_OF_TYPE[certificate_type];
      if (use === undefined) return [];
      return this.rootsOf(use).map((root) => ({ certificate_type, certificate_hash_data: root.hashData(root) }));
    });
    const chains = types.includes("V2GCertificateChain") ? this.usable("V2G").map(chainData) : [];
    const found = [...roots, ...chains];
    return { status: found.length === 0 ? "NotFound" : "Accepted", certificate_hash_data_chain: found };
  }

  private contractOcspData(pem: string): unknown {
    const verification = verifyChain(
      readCertificates(pem) ?? [],
      [...this.rootsOf("MO"), ...this.rootsOf("V2G")],
      this.clock.now(),
    );
    return { ocsp_request_data_list: verification.result === "Valid" ? ocspData(verification) : [] };
  }

  private request({ certificate_type, country, organization, common }: Args): unknown {
    const use = certificate_type as LeafUse;
    if (use !== "CSMS" && use !== "V2G") return { status: "InvalidRequestedType" };
    const keys = createKeyPair(this.curve);
    const subject = {
      commonName: String(common),
      organization: String(organization),
      ...(country !== "" && { country: String(country) }),
      ...(use === "V2G" && { domainComponent: "CPO" }),
    };
    const csr = createRequest(subject, keys);
    this.folders[use].keepKey(keys);
    this.requests.push({ certificateType: use, csr });
    return { status: "Accepted", csr };
  }

  private info(stored: UsableLeaf, includesOcsp: boolean): object {
    return {
      key: stored.keyPath,
      certificate: stored.chainPath,
      certificate_single: stored.singlePath,
      certificate_root: stored.root.pem,
      certificate_count: stored.chain.length,
      ...(includesOcsp && { ocsp: ocspData(stored).map((data) => ({ hash: data.certificate_hash_data })) }),
    };
  }

  private leafInfo(use: LeafUse, includesOcsp: boolean): object {
    if ((use !== "CSMS" && use !== "V2G") || this.folders[use].leaves.length === 0) return { status: "NotFound" };
    const [newest] = this.usable(use);
    if (newest === undefined) return { status: "NotFoundValid" };
    if (!this.folders[use].isWhole(newest)) return { status: "PrivateKeyNotFound" };
    return { status: "Accepted", info: this.info(newest, includesOcsp) };
  }

  /** The newest of each root. */
  private allLeafInfos(use: LeafUse, includesOcsp: boolean): object {
    const usable = this.usable(use);
    const newest = usable.filter((one, index) => usable.findIndex((other) => other.root.equals(one.root)) === index);
    const info = newest.map((one) => this.info(one, includesOcsp));
    return { status: info.length === 0 ? "NotFound" : "Accepted", info };
  }

  private expiryDays(use: LeafUse): number {
    const [newest] = this.usable(use);
    if (newest === undefined) return 0;
    return Math.floor((newest.leaf.notAfter - this.clock.now().getTime()) / DAY_MILLISECONDS);
  }
}

/** The certificates of a path with their issuers, the root left out. */
function withIssuers({ path, root }: Pick<UsableLeaf, "path" | "root">) {
  return path.map((certificate, index) => ({ certificate, issuer: path[index + 1] ?? root }));
}

function ocspData(leaf: Pick<UsableLeaf, "path" | "root">) {
  return withIssuers(leaf).flatMap(({ certificate, issuer }) =>
    certificate.ocspUrl === undefined
      ? []
      : [{ certificate_hash_data: certificate.hashData(issuer), responder_url: certificate.ocspUrl }],
  );
}

function chainData(leaf: UsableLeaf): object {
  const [own, ...children] = withIssuers(leaf).map(({ certificate, issuer }) => certificate.hashData(issuer));
  return {
    certificate_type: "V2GCertificateChain",
    certificate_hash_data: own,
    child_certificate_hash_data: children,
  };
}

function isFileSigned(path: string, certificatePem: string, signature: string): boolean {
  const [certificate] = readCertificates(certificatePem) ?? [];
  if (certificate === undefined) return false;
  try {
    const key = createPublicKey({ key: certificate.spki, type: "spki", format: "der" });
    return verify("sha256", readFileSync(path), key, Buffer.from(signature, "base64"));
  } catch {
    return false;
  }
}
