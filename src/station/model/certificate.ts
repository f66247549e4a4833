import { createHash, type KeyObject, X509Certificate } from "node:crypto";
import type { CertificateHash } from "../ports.ts";
import { derElement, TAG } from "./der.ts";

const DIGESTS: Record<CertificateHash["hashAlgorithm"], string> = {
  SHA256: "sha256",
  SHA384: "sha384",
  SHA512: "sha512",
};
const PEM_BLOCK = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const SHORTEST_RSA_KEY_BITS = 2048;

/** The certificates of a PEM text, leaf first; those that cannot be read are left out. */
export function parseCertificates(pem: string): readonly X509Certificate[] {
  return (pem.match(PEM_BLOCK) ?? []).flatMap((block) => {
    try {
      return [new X509Certificate(block)];
    } catch {
      return [];
    }
  });
}

/** Tells certificates apart, and texts that are none. */
export function fingerprint(pem: string): string {
  return parseCertificates(pem)[0]?.fingerprint256 ?? createHash("sha256").update(pem.trim()).digest("hex");
}

/** Undefined for kinds of keys that are not known here (Ed448 of ISO 15118-20, brainpool), which the hardware side may know. */
function publicKeyOf(certificate: X509Certificate): KeyObject | undefined {
  try {
    return certificate.publicKey;
  } catch {
    return undefined;
  }
}

/** Whether `issuer` has signed it; undefined where that cannot be told here. */
function isSignedBy(certificate: X509Certificate, issuer: X509Certificate): boolean | undefined {
  const key = publicKeyOf(issuer);
  return key === undefined ? undefined : certificate.verify(key);
}

/** Why a certificate cannot be used now; undefined when nothing speaks against it (A02.FR.06, A00.FR.501–503). */
export function certificateDefect(certificate: X509Certificate, now: Date): string | undefined {
  if (Date.parse(certificate.validFrom) > now.getTime()) return "not yet valid";
  if (Date.parse(certificate.validTo) < now.getTime()) return "expired";
  const key = publicKeyOf(certificate);
  const bits = key?.asymmetricKeyDetails?.modulusLength;
  if (key?.asymmetricKeyType?.startsWith("rsa") === true && bits !== undefined && bits < SHORTEST_RSA_KEY_BITS)
    return `an RSA key of ${bits} bits is too short`;
  return undefined;
}

/**
 * Why a chain, leaf first, cannot be right wherever its root lies: one of its certificates cannot be used, or was not signed by
 * the one that it names. Undefined when nothing speaks against it, also for an empty chain.
 */
export function chainDefect(chain: readonly X509Certificate[], now: Date): string | undefined {
  for (const [index, certificate] of chain.entries()) {
    const defect = certificateDefect(certificate, now);
    if (defect !== undefined) return index === 0 ? defect : `certificate ${index + 1} of the chain: ${defect}`;
    const named = chain.filter((other) => certificate.checkIssued(other));
    if (named.length > 0 && named.every((issuer) => isSignedBy(certificate, issuer) === false))
      return `certificate ${index + 1} of the chain is not signed by the authority that it names`;
  }
  return undefined;
}

/** Why a certificate cannot be trusted as a root (M05.FR.07); one that others have signed is for the hardware side to judge. */
export function rootDefect(certificate: X509Certificate, now: Date): string | undefined {
  const isForged = certificate.checkIssued(certificate) && isSignedBy(certificate, certificate) === false;
  return isForged ? "it is not signed with its own key" : certificateDefect(certificate, now);
}

export function isIssuedBy(certificate: X509Certificate, issuer: X509Certificate): boolean {
  return certificate.checkIssued(issuer) && isSignedBy(certificate, issuer) === true;
}

/** The members of what is signed (RFC 5280, 4.1), the optional version left out. */
function membersOf({ raw: der }: X509Certificate): readonly Buffer[] {
  const toBeSigned = derElement(der, derElement(der, 0).contentStart);
  const members: Buffer[] = [];
  for (let at = toBeSigned.contentStart; at < toBeSigned.end; at = derElement(der, at).end)
    if (derElement(der, at).tag !== TAG.context0) members.push(der.subarray(at, derElement(der, at).end));
  return members;
}

/** The issuer's distinguished name as it stands in the certificate. */
function issuerName(certificate: X509Certificate): Buffer {
  const [, , issuer = Buffer.alloc(0)] = membersOf(certificate);
  return issuer;
}

/** The bits of a public key without tag, length and the number of unused bits (RFC 6960, 4.1.1). */
function publicKeyBits(certificate: X509Certificate): Buffer {
  const [, , , , , der = Buffer.alloc(0)] = membersOf(certificate);
  const algorithm = derElement(der, derElement(der, 0).contentStart);
  const bits = derElement(der, algorithm.end);
  return der.subarray(bits.contentStart + 1, bits.end);
}

function digest(algorithm: CertificateHash["hashAlgorithm"], data: Buffer): string {
  return createHash(DIGESTS[algorithm]).update(data).digest("hex");
}

/** CertificateHashDataType of a certificate; its issuer's key is needed for it. */
export function certificateHash(
  certificate: X509Certificate,
  issuer: X509Certificate,
  hashAlgorithm: CertificateHash["hashAlgorithm"] = "SHA256",
): CertificateHash {
  return {
    hashAlgorithm,
    issuerNameHash: digest(hashAlgorithm, issuerName(certificate)),
    issuerKeyHash: digest(hashAlgorithm, publicKeyBits(issuer)),
    serialNumber: plainSerialNumber(certificate.serialNumber),
  };
}

/** CertificateHashDataType of a certificate, whose issuer is one of these; undefined when it is none of them. */
export function certificateHashAmong(
  certificate: X509Certificate,
  issuers: readonly X509Certificate[],
): CertificateHash | undefined {
  const issuer = issuers.find(
    (candidate) => certificate.checkIssued(candidate) && isSignedBy(certificate, candidate) !== false,
  );
  return issuer === undefined ? undefined : certificateHash(certificate, issuer);
}

/** The hash data of the leaf of a chain, by each algorithm; none when its issuer does not stand in the chain. */
export function leafHashes(chainPem: string): readonly CertificateHash[] {
  const [leaf, ...others] = parseCertificates(chainPem);
  const issuer = leaf === undefined ? undefined : others.find((other) => isIssuedBy(leaf, other));
  if (leaf === undefined || issuer === undefined) return [];
  return (["SHA256", "SHA384", "SHA512"] as const).map((algorithm) => certificateHash(leaf, issuer, algorithm));
}

/** Issuer and serial number, which name a certificate even where the issuer's key is not known. */
export function isNamedBy(certificate: X509Certificate, hash: CertificateHash): boolean {
  return (
    plainSerialNumber(certificate.serialNumber) === plainSerialNumber(hash.serialNumber) &&
    digest(hash.hashAlgorithm, issuerName(certificate)) === hash.issuerNameHash.toLowerCase()
  );
}

export function isSameHash(one: CertificateHash, other: CertificateHash): boolean {
  return (
    one.hashAlgorithm === other.hashAlgorithm &&
    one.issuerNameHash.toLowerCase() === other.issuerNameHash.toLowerCase() &&
    one.issuerKeyHash.toLowerCase() === other.issuerKeyHash.toLowerCase() &&
    plainSerialNumber(one.serialNumber) === plainSerialNumber(other.serialNumber)
  );
}

/** Hexadecimal, without regard to case and leading zeros. */
export function plainSerialNumber(serialNumber: string): string {
  return serialNumber.toLowerCase().replace(/^0+(?=.)/, "");
}
