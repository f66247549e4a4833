import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, sign, verify } from "node:crypto";
import { bitString, explicit, fromPem, integer, oid, readChildren, readElement, sequence, toPem } from "./der.ts";
import { distinguishedName, type Subject } from "./x509-names.ts";

/** The curves of ISO 15118-2 and -20. */
export type Curve = "P-256" | "P-521";

export interface KeyPair {
  readonly curve: Curve;
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo, DER. */
  readonly spki: Buffer;
}

interface Signature {
  readonly digest: string;
  readonly algorithm: Buffer;
}

const SIGNATURES: Record<Curve, Signature> = {
  "P-256": { digest: "sha256", algorithm: sequence(oid("1.2.840.10045.4.3.2")) },
  "P-521": { digest: "sha512", algorithm: sequence(oid("1.2.840.10045.4.3.4")) },
};

export function createKeyPair(curve: Curve): KeyPair {
  // As DER and back: keys as objects of this call are not the same kind everywhere.
  const { privateKey, publicKey } = generateKeyPairSync("ec", {
    namedCurve: curve,
    privateKeyEncoding: { type: "pkcs8", format: "der" },
    publicKeyEncoding: { type: "spki", format: "der" },
  });
  return {
    curve,
    privateKey: createPrivateKey({ key: privateKey, type: "pkcs8", format: "der" }),
    spki: publicKey,
  };
}

/** What certificates and requests have in common: the content, how it is signed, the signature. */
export function signed(content: Buffer, { curve, privateKey }: KeyPair): Buffer {
  const { digest, algorithm } = SIGNATURES[curve];
  return sequence(content, algorithm, bitString(sign(digest, content, privateKey)));
}

/** The algorithm as it stands within a certificate. */
export function signatureAlgorithm({ curve }: KeyPair): Buffer {
  return SIGNATURES[curve].algorithm;
}

/** A certificate signing request (RFC 2986), PEM. */
export function createRequest(subject: Subject, keys: KeyPair): string {
  const content = sequence(integer(Buffer.from([0])), distinguishedName(subject), keys.spki, explicit(0));
  return toPem("CERTIFICATE REQUEST", signed(content, keys));
}

/** @throws when it is no request, or not signed with the key that it shows. */
export function readRequest(pem: string): { readonly subjectName: Buffer; readonly spki: Buffer } {
  const [bytes] = fromPem("CERTIFICATE REQUEST", pem);
  if (bytes === undefined) throw new Error("no certificate signing request");
  const [content, algorithm, signature] = readChildren(readElement(bytes).content);
  const [, name, key] = readChildren(content?.content ?? Buffer.alloc(0));
  const digest = Object.values(SIGNATURES).find((one) => algorithm?.whole.equals(one.algorithm))?.digest;
  if (
    content === undefined ||
    signature === undefined ||
    name === undefined ||
    key === undefined ||
    digest === undefined
  )
    throw new Error("not a complete certificate signing request");
  const publicKey = createPublicKey({ key: key.whole, type: "spki", format: "der" });
  if (!verify(digest, content.whole, publicKey, signature.content.subarray(1)))
    throw new Error("the certificate signing request is not signed with its key");
  return { subjectName: name.whole, spki: key.whole };
}
