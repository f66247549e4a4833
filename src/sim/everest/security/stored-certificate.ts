import { createHash, X509Certificate } from "node:crypto";
import { fromPem, readChildren, readElement, toPem } from "./der.ts";

/** CertificateHashData of EVerest (RFC 6960, 4.1.1), SHA256 as EVerest's own store uses it. */
export interface HashData {
  readonly hash_algorithm: string;
  readonly issuer_name_hash: string;
  readonly issuer_key_hash: string;
  readonly serial_number: string;
}

const EXPLICIT_VERSION = 0xa0;
const OCSP_ADDRESS = /OCSP - URI:(\S+)/;

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A certificate as the store knows it. */
export class StoredCertificate {
  readonly x509: X509Certificate;
  readonly subjectName: Buffer;
  readonly issuerName: Buffer;
  readonly spki: Buffer;
  readonly serialNumber: string;

  /** @throws for bytes that are no certificate. */
  constructor(readonly bytes: Buffer) {
    this.x509 = new X509Certificate(bytes);
    const [toBeSigned] = readChildren(readElement(bytes).content);
    const members = readChildren(toBeSigned?.content ?? Buffer.alloc(0));
    const [serial, , issuer, , subject, key] = members[0]?.tag === EXPLICIT_VERSION ? members.slice(1) : members;
    if (serial === undefined || issuer === undefined || subject === undefined || key === undefined)
      throw new Error("not a complete certificate");
    this.serialNumber = serial.content.toString("hex").replace(/^0+(?=.)/, "");
    this.issuerName = issuer.whole;
    this.subjectName = subject.whole;
    this.spki = key.whole;
  }

  get pem(): string {
    return toPem("CERTIFICATE", this.bytes);
  }

  get isAuthority(): boolean {
    return this.x509.ca;
  }

  get notBefore(): number {
    return Date.parse(this.x509.validFrom);
  }

  get notAfter(): number {
    return Date.parse(this.x509.validTo);
  }

  isValidAt(now: Date): boolean {
    return this.notBefore <= now.getTime() && now.getTime() <= this.notAfter;
  }

  get ocspUrl(): string | undefined {
    return OCSP_ADDRESS.exec(this.x509.infoAccess ?? "")?.[1];
  }

  names(issuer: StoredCertificate): boolean {
    return this.issuerName.equals(issuer.subjectName);
  }

  /** False also for kinds of keys that are not known here. */
  isSignedBy(issuer: StoredCertificate): boolean {
    try {
      return this.names(issuer) && this.x509.verify(issuer.x509.publicKey);
    } catch {
      return false;
    }
  }

  equals(other: StoredCertificate): boolean {
    return this.bytes.equals(other.bytes);
  }

  hashData(issuer: StoredCertificate): HashData {
    const [, bits] = readChildren(readElement(issuer.spki).content);
    return {
      hash_algorithm: "SHA256",
      issuer_name_hash: sha256(this.issuerName),
      issuer_key_hash: sha256(bits?.content.subarray(1) ?? issuer.spki),
      serial_number: this.serialNumber,
    };
  }
}

/** The certificates of a PEM text; undefined when one of them cannot be read, or there is none. */
export function readCertificates(pem: string): readonly StoredCertificate[] | undefined {
  try {
    const certificates = fromPem("CERTIFICATE", pem).map((bytes) => new StoredCertificate(bytes));
    return certificates.length === 0 ? undefined : certificates;
  } catch {
    return undefined;
  }
}

export function isSameHash(one: HashData, other: HashData): boolean {
  return (["hash_algorithm", "issuer_name_hash", "issuer_key_hash", "serial_number"] as const).every(
    (member) => one[member].toLowerCase() === other[member].toLowerCase(),
  );
}

export type Verification =
  | { readonly result: "Valid"; readonly root: StoredCertificate; readonly path: readonly StoredCertificate[] }
  | { readonly result: "Expired" | "InvalidSignature" | "IssuerNotFound" | "InvalidLeafSignature" | "InvalidChain" };

const LONGEST_PATH = 8;

/**
 * From the leaf to one of the roots over the certificates that came with it. `path` begins with the leaf and ends before the
 * root.
 */
export function verifyChain(
  chain: readonly StoredCertificate[],
  roots: readonly StoredCertificate[],
  now: Date,
): Verification {
  const path: StoredCertificate[] = [];
  let current = chain[0];
  while (current !== undefined && path.length < LONGEST_PATH) {
    const present: StoredCertificate = current;
    if (!present.isValidAt(now)) return { result: "Expired" };
    if (path.length > 0 && !present.isAuthority) return { result: "InvalidChain" };
    if (roots.some((root) => root.equals(present))) return { result: "Valid", root: present, path };
    path.push(present);
    const named = [...roots, ...chain].filter((other) => !other.equals(present) && present.names(other));
    if (named.length === 0) return { result: "IssuerNotFound" };
    current = named.find((issuer) => present.isSignedBy(issuer));
    if (current === undefined) return { result: path.length === 1 ? "InvalidLeafSignature" : "InvalidSignature" };
  }
  return { result: "InvalidChain" };
}
