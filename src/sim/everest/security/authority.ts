import { createHash } from "node:crypto";
import {
  bitString,
  boolean,
  der,
  explicit,
  fromPem,
  integer,
  oid,
  readChildren,
  readElement,
  sequence,
  TAG,
  time,
  toPem,
} from "./der.ts";
import { type Curve, createKeyPair, type KeyPair, readRequest, signatureAlgorithm, signed } from "./signing.ts";
import { distinguishedName, type Subject } from "./x509-names.ts";

export interface Validity {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

export interface CertificateOptions extends Partial<Validity>, Partial<Subject> {
  /** Where its revocation status can be asked for; a root has none. */
  readonly ocspUrl?: string;
  readonly curve?: Curve;
}

export interface IssuedCertificate {
  /** The certificate alone. */
  readonly pem: string;
  /** The certificate, and behind it those of the authorities between it and the root. */
  readonly chainPem: string;
  readonly keys: KeyPair;
}

const SERIAL_BYTES = 10;
const EXTENSION = {
  subjectKey: "2.5.29.14",
  keyUsage: "2.5.29.15",
  basicConstraints: "2.5.29.19",
  authorityKey: "2.5.29.35",
  authorityAccess: "1.3.6.1.5.5.7.1.1",
} as const;
const OCSP_ACCESS = "1.3.6.1.5.5.7.48.1";
/** keyCertSign and cRLSign; digitalSignature and keyAgreement. */
const KEY_USAGE = { authority: bitString(Buffer.from([0x06]), 1), leaf: bitString(Buffer.from([0x88]), 3) };

function extension(type: string, value: Buffer, isCritical = false): Buffer {
  return sequence(oid(type), ...(isCritical ? [boolean(true)] : []), der(TAG.octetString, value));
}

/** RFC 5280, 4.2.1.2: the hash of the bits of the key. */
function keyIdentifier(spki: Buffer): Buffer {
  const [, bits] = readChildren(readElement(spki).content);
  return createHash("sha1")
    .update(bits?.content.subarray(1) ?? spki)
    .digest();
}

interface Content extends Validity {
  readonly serial: Buffer;
  readonly issuerName: Buffer;
  readonly subjectName: Buffer;
  readonly spki: Buffer;
  readonly isAuthority: boolean;
  readonly ocspUrl: string | undefined;
}

function extensions(content: Content, issuerKeys: KeyPair): Buffer {
  const { spki, isAuthority, ocspUrl } = content;
  const access = ocspUrl === undefined ? undefined : sequence(oid(OCSP_ACCESS), der(0x86, Buffer.from(ocspUrl)));
  return explicit(
    3,
    sequence(
      extension(EXTENSION.basicConstraints, isAuthority ? sequence(boolean(true)) : sequence(), true),
      extension(EXTENSION.keyUsage, isAuthority ? KEY_USAGE.authority : KEY_USAGE.leaf, true),
      extension(EXTENSION.subjectKey, der(TAG.octetString, keyIdentifier(spki))),
      extension(EXTENSION.authorityKey, sequence(der(0x80, keyIdentifier(issuerKeys.spki)))),
      ...(access === undefined ? [] : [extension(EXTENSION.authorityAccess, sequence(access))]),
    ),
  );
}

/** RFC 5280, 4.1. */
function certificate(content: Content, issuerKeys: KeyPair): string {
  const version3 = explicit(0, integer(Buffer.from([2])));
  const toBeSigned = sequence(
    version3,
    integer(content.serial),
    signatureAlgorithm(issuerKeys),
    content.issuerName,
    sequence(time(content.notBefore), time(content.notAfter)),
    content.subjectName,
    content.spki,
    extensions(content, issuerKeys),
  );
  return toPem("CERTIFICATE", signed(toBeSigned, issuerKeys));
}

/** A certificate authority with keys of its own: a root, or one below another. */
export class SimulatedAuthority {
  private issued = 0;

  private constructor(
    private readonly name: Buffer,
    private readonly keys: KeyPair,
    readonly pem: string,
    readonly validity: Validity,
    readonly issuer: SimulatedAuthority | undefined,
  ) {}

  static root(commonName: string, validity: Validity, options: CertificateOptions = {}): SimulatedAuthority {
    const keys = createKeyPair(options.curve ?? "P-256");
    const name = distinguishedName({ commonName, ...options });
    const pem = certificate(
      {
        ...validity,
        serial: serialNumber(name, keys.spki, 0),
        issuerName: name,
        subjectName: name,
        spki: keys.spki,
        isAuthority: true,
        ocspUrl: undefined,
      },
      keys,
    );
    return new SimulatedAuthority(name, keys, pem, validity, undefined);
  }

  issueAuthority(commonName: string, options: CertificateOptions = {}): SimulatedAuthority {
    const keys = createKeyPair(options.curve ?? this.keys.curve);
    const name = distinguishedName({ commonName, ...options });
    const pem = this.issue(name, keys.spki, true, options);
    return new SimulatedAuthority(name, keys, pem, this.validityOf(options), this);
  }

  issueLeaf(commonName: string, options: CertificateOptions = {}): IssuedCertificate {
    const keys = createKeyPair(options.curve ?? this.keys.curve);
    const pem = this.issue(distinguishedName({ commonName, ...options }), keys.spki, false, options);
    return { pem, chainPem: pem + this.chainPem, keys };
  }

  /**
   * A leaf for a certificate signing request; with the chain behind it, PEM.
   * @throws when it is no request, or not signed with the key that it shows.
   */
  sign(csrPem: string, options: CertificateOptions = {}): string {
    const { subjectName, spki } = readRequest(csrPem);
    return this.issue(subjectName, spki, false, options) + this.chainPem;
  }

  /** The certificates from this authority to the one below the root, PEM. */
  get chainPem(): string {
    return this.issuer === undefined ? "" : this.pem + this.issuer.chainPem;
  }

  get root(): SimulatedAuthority {
    return this.issuer?.root ?? this;
  }

  private validityOf({ notBefore, notAfter }: Partial<Validity>): Validity {
    return { notBefore: notBefore ?? this.validity.notBefore, notAfter: notAfter ?? this.validity.notAfter };
  }

  private issue(subjectName: Buffer, spki: Buffer, isAuthority: boolean, options: CertificateOptions): string {
    const content: Content = {
      ...this.validityOf(options),
      serial: serialNumber(subjectName, spki, ++this.issued),
      issuerName: this.name,
      subjectName,
      spki,
      isAuthority,
      ocspUrl: options.ocspUrl,
    };
    return certificate(content, this.keys);
  }
}

function serialNumber(subjectName: Buffer, spki: Buffer, count: number): Buffer {
  const digest = createHash("sha256").update(subjectName).update(spki).update(String(count)).digest();
  // Neither negative nor with leading zeros.
  digest.writeUInt8((digest.readUInt8(0) & 0x3f) | 0x40, 0);
  return digest.subarray(0, SERIAL_BYTES);
}

/** The same certificate with another last byte of its signature: nobody has signed it. */
export function forge(pem: string): string {
  const [bytes] = fromPem("CERTIFICATE", pem);
  if (bytes === undefined) throw new Error("no certificate");
  const forged = Buffer.from(bytes);
  forged.writeUInt8(forged.readUInt8(forged.length - 1) ^ 1, forged.length - 1);
  return toPem("CERTIFICATE", forged);
}
