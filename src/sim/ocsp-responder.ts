import { generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import type { OCSPRequestDataType } from "../ocpp/v201/index.ts";

/** The names of a certificate in a request (RFC 6960, 4.1.1). */
type CertificateNames = Omit<OCSPRequestDataType, "responderURL" | "customData">;

export interface OcspAnswerOptions {
  readonly status?: "good" | "revoked" | "unknown";
  readonly thisUpdate?: Date;
  readonly nextUpdate?: Date;
  /** Other than successful, e.g. 3 for tryLater. */
  readonly responseStatus?: number;
  /** Names the certificate by other hashes than the request does, as many responders do. */
  readonly algorithm?: "SHA1" | CertificateNames["hashAlgorithm"];
  readonly kind?: string;
}

const ALGORITHMS = {
  SHA1: "2b0e03021a",
  SHA256: "608648016503040201",
  SHA384: "608648016503040202",
  SHA512: "608648016503040203",
} as const;

/** Made when it is first needed; nobody checks by whom an answer is signed here. */
let key: KeyObject | undefined;
function responderKey(): KeyObject {
  key ??= generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
  return key;
}

function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const head = length < 0x80 ? [tag, length] : length < 0x100 ? [tag, 0x81, length] : [tag, 0x82, length >> 8, length];
  return Buffer.concat([Buffer.from(head), content]);
}

const hex = (text: string): Buffer => Buffer.from(text.length % 2 === 0 ? text : `0${text}`, "hex");
const sequence = (...parts: readonly Buffer[]): Buffer => der(0x30, ...parts);
const time = (date: Date): Buffer =>
  der(0x18, Buffer.from(`${date.toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`));

/** `ocspResult` as an OCSP responder makes it (RFC 6960), about what was asked, signed with some key. */
export function ocspAnswer(
  { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }: CertificateNames,
  options: OcspAnswerOptions = {},
): string {
  const { status = "good", thisUpdate = new Date("2026-01-01T00:00:00Z"), nextUpdate, responseStatus = 0 } = options;
  const algorithm = options.algorithm ?? hashAlgorithm;
  const hash = (text: string): Buffer => (algorithm === hashAlgorithm ? hex(text) : Buffer.alloc(20, text));
  const certId = sequence(
    sequence(der(0x06, hex(ALGORITHMS[algorithm]))),
    der(0x04, hash(issuerNameHash)),
    der(0x04, hash(issuerKeyHash)),
    der(0x02, Buffer.from([0]), hex(serialNumber)),
  );
  const certStatus = { good: der(0x80), revoked: der(0xa1, time(thisUpdate)), unknown: der(0x82) }[status];
  const single = sequence(
    certId,
    certStatus,
    time(thisUpdate),
    ...(nextUpdate === undefined ? [] : [der(0xa0, time(nextUpdate))]),
  );
  const data = sequence(der(0xa2, der(0x04, Buffer.alloc(20, 1))), time(thisUpdate), sequence(single));
  const signature = der(0x03, Buffer.from([0]), sign("sha256", data, responderKey()));
  const basic = sequence(data, sequence(der(0x06, hex("2a8648ce3d040302"))), signature);
  const bytes = sequence(der(0x06, hex(options.kind ?? "2b0601050507300101")), der(0x04, basic));
  const successful = responseStatus === 0 ? [der(0xa0, bytes)] : [];
  return sequence(der(0x0a, Buffer.from([responseStatus])), ...successful).toString("base64");
}
