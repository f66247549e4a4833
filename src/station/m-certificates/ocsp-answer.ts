import { plainSerialNumber } from "../model/certificate.ts";
import { type DerElement, derChildren, derContent, derElement, TAG } from "../model/der.ts";
import type { CertificateHash } from "../ports.ts";

/** What an OCSPResponse says of one certificate. */
export interface OcspAnswer {
  /** Base64 of the DER, without line breaks. */
  readonly result: string;
  readonly status: "good" | "revoked";
  /** From then on it says nothing any more; undefined: newer ones may be had at any time (RFC 6960, 2.4). */
  readonly nextUpdate: Date | undefined;
}

/** Why an OCSPResponse is of no use. */
export class OcspDefect extends Error {}

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const BASIC_RESPONSE = "2b0601050507300101";
const HASH_ALGORITHMS: ReadonlyMap<string, CertificateHash["hashAlgorithm"]> = new Map([
  ["608648016503040201", "SHA256"],
  ["608648016503040202", "SHA384"],
  ["608648016503040203", "SHA512"],
]);
/** Of OCSPResponseStatus; 0 is success (RFC 6960, 4.2.1). */
const FAILURES: Readonly<Record<number, string>> = {
  1: "malformedRequest",
  2: "internalError",
  3: "tryLater",
  5: "sigRequired",
  6: "unauthorized",
};
const GOOD_TAG = 0x80;
const REVOKED_TAG = 0xa1;
const GENERALIZED_TIME = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(?:\.\d+)?Z$/;

function expectTag(element: DerElement | undefined, tag: number, what: string): DerElement {
  if (element?.tag !== tag) throw new OcspDefect(`no OCSPResponse: ${what} is missing`);
  return element;
}

function hex(der: Buffer, element: DerElement): string {
  return derContent(der, element).toString("hex");
}

function decodeBase64(text: string): Buffer {
  const plain = text.replace(/\s+/g, "");
  if (plain === "" || !BASE64.test(plain)) throw new OcspDefect("it is not base64");
  return Buffer.from(plain, "base64");
}

/** OCSPResponse → BasicOCSPResponse → its list of SingleResponse. */
function singleResponses(der: Buffer): { readonly der: Buffer; readonly elements: readonly DerElement[] } {
  const outer = expectTag(derElement(der, 0), TAG.sequence, "the outer sequence");
  if (outer.end !== der.length) throw new OcspDefect("no OCSPResponse: something follows it");
  const [status, wrapped] = derChildren(der, outer);
  const statusByte = derContent(der, expectTag(status, TAG.enumerated, "responseStatus"))[0] ?? -1;
  if (statusByte !== 0) throw new OcspDefect(`the responder has no answer: ${FAILURES[statusByte] ?? statusByte}`);
  const [bytes] = derChildren(der, expectTag(wrapped, TAG.context0, "responseBytes"));
  const [type, octets] = derChildren(der, expectTag(bytes, TAG.sequence, "responseBytes"));
  if (hex(der, expectTag(type, TAG.objectIdentifier, "responseType")) !== BASIC_RESPONSE)
    throw new OcspDefect("its kind is not id-pkix-ocsp-basic");
  const basic = derContent(der, expectTag(octets, TAG.octets, "response"));
  const [data] = derChildren(basic, expectTag(derElement(basic, 0), TAG.sequence, "BasicOCSPResponse"));
  const members = derChildren(basic, expectTag(data, TAG.sequence, "tbsResponseData"));
  // The version may be left out; responderID and producedAt come before the list.
  const list = members[members[0]?.tag === TAG.context0 ? 3 : 2];
  return { der: basic, elements: derChildren(basic, expectTag(list, TAG.sequence, "the list of responses")) };
}

/** Hashes can be compared only when they are of one kind; the serial number always. */
function isAbout(der: Buffer, certId: DerElement, certificate: CertificateHash): boolean {
  const [algorithm, nameHash, keyHash, serial] = derChildren(der, certId);
  const [identifier] = derChildren(der, expectTag(algorithm, TAG.sequence, "hashAlgorithm"));
  const serialNumber = hex(der, expectTag(serial, TAG.integer, "serialNumber"));
  if (plainSerialNumber(serialNumber) !== plainSerialNumber(certificate.serialNumber)) return false;
  const hashAlgorithm = HASH_ALGORITHMS.get(hex(der, expectTag(identifier, TAG.objectIdentifier, "hashAlgorithm")));
  if (hashAlgorithm !== certificate.hashAlgorithm) return true;
  return (
    hex(der, expectTag(nameHash, TAG.octets, "issuerNameHash")) === certificate.issuerNameHash.toLowerCase() &&
    hex(der, expectTag(keyHash, TAG.octets, "issuerKeyHash")) === certificate.issuerKeyHash.toLowerCase()
  );
}

function readTime(der: Buffer, element: DerElement): Date {
  const text = derContent(der, expectTag(element, TAG.generalizedTime, "a time")).toString("latin1");
  const [, year, month, day, hour, minute, second] = GENERALIZED_TIME.exec(text) ?? [];
  const time = new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  if (Number.isNaN(time.getTime())) throw new OcspDefect("no OCSPResponse: a time cannot be read");
  return time;
}

function readSingle(der: Buffer, members: readonly DerElement[]): Omit<OcspAnswer, "result"> {
  const [, status, thisUpdate, next] = members;
  readTime(der, expectTag(thisUpdate, TAG.generalizedTime, "thisUpdate"));
  const [time] = next?.tag === TAG.context0 ? derChildren(der, next) : [];
  const nextUpdate = time === undefined ? undefined : readTime(der, time);
  if (status?.tag === GOOD_TAG) return { status: "good", nextUpdate };
  if (status?.tag === REVOKED_TAG) return { status: "revoked", nextUpdate };
  throw new OcspDefect("the responder does not know the certificate");
}

/**
 * Reads `ocspResult` of a GetCertificateStatusResponse: base64 of the DER of a successful OCSPResponse (M06.FR.08, FR.09)
 * with a basic answer about `certificate`. The signature is for the EV to check, which knows its roots.
 * @throws OcspDefect
 */
export function readOcspAnswer(text: string, certificate: CertificateHash): OcspAnswer {
  const whole = decodeBase64(text);
  try {
    const { der, elements } = singleResponses(whole);
    for (const element of elements) {
      const members = derChildren(der, expectTag(element, TAG.sequence, "a response"));
      const certId = expectTag(members[0], TAG.sequence, "certID");
      if (isAbout(der, certId, certificate)) return { result: whole.toString("base64"), ...readSingle(der, members) };
    }
  } catch (error) {
    if (error instanceof RangeError) throw new OcspDefect(`no OCSPResponse: ${error.message}`);
    throw error;
  }
  throw new OcspDefect("it is about another certificate");
}
