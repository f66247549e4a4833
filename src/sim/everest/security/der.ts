/** Just enough of DER (X.690) to make certificates and requests, and to take them apart. */

export interface DerElement {
  readonly tag: number;
  /** With tag and length. */
  readonly whole: Buffer;
  readonly content: Buffer;
}

export const TAG = {
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  oid: 0x06,
  utf8: 0x0c,
  printable: 0x13,
  ia5: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

const FIRST_GENERALIZED_YEAR = 2050;

function lengthOf(content: Buffer): Buffer {
  if (content.length < 0x80) return Buffer.from([content.length]);
  const hex = content.length.toString(16);
  const bytes = Buffer.from(hex.padStart(hex.length + (hex.length % 2), "0"), "hex");
  return Buffer.concat([Buffer.from([0x80 | bytes.length]), bytes]);
}

export function der(tag: number, ...parts: readonly Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), lengthOf(content), content]);
}

export function sequence(...parts: readonly Buffer[]): Buffer {
  return der(TAG.sequence, ...parts);
}

/** A context-specific tag around whole elements. */
export function explicit(number: number, ...parts: readonly Buffer[]): Buffer {
  return der(0xa0 | number, ...parts);
}

/** `bytes`: a positive number, most significant byte first. */
export function integer(bytes: Buffer): Buffer {
  const isNegative = ((bytes[0] ?? 0) & 0x80) !== 0;
  return isNegative ? der(TAG.integer, Buffer.from([0]), bytes) : der(TAG.integer, bytes);
}

export function boolean(value: boolean): Buffer {
  return der(0x01, Buffer.from([value ? 0xff : 0]));
}

export function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  const bytes = [first * 40 + second, ...rest].flatMap((part) => {
    const septets = [part & 0x7f];
    for (let left = part >> 7; left > 0; left >>= 7) septets.unshift((left & 0x7f) | 0x80);
    return septets;
  });
  return der(TAG.oid, Buffer.from(bytes));
}

/** `unusedBits`: how many of the last byte do not count. */
export function bitString(content: Buffer, unusedBits = 0): Buffer {
  return der(TAG.bitString, Buffer.from([unusedBits]), content);
}

export function text(tag: number, value: string): Buffer {
  return der(tag, Buffer.from(value, "utf8"));
}

export function time(at: Date): Buffer {
  const digits = `${at.toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`;
  return at.getUTCFullYear() < FIRST_GENERALIZED_YEAR
    ? text(TAG.utcTime, digits.slice(2))
    : text(TAG.generalizedTime, digits);
}

/** @throws RangeError when `bytes` end within it. */
export function readElement(bytes: Buffer, start = 0): DerElement {
  const tag = bytes.readUInt8(start);
  const first = bytes.readUInt8(start + 1);
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  const from = start + 2 + lengthBytes;
  const end = from + (lengthBytes === 0 ? first : bytes.readUIntBE(start + 2, lengthBytes));
  if (end > bytes.length) throw new RangeError("the DER text ends too early");
  return { tag, whole: bytes.subarray(start, end), content: bytes.subarray(from, end) };
}

/** What stands one after the other in the content of an element. */
export function readChildren(content: Buffer): readonly DerElement[] {
  const children: DerElement[] = [];
  for (let at = 0; at < content.length; ) {
    const child = readElement(content, at);
    children.push(child);
    at += child.whole.length;
  }
  return children;
}

export function toPem(label: string, bytes: Buffer): string {
  const lines = bytes.toString("base64").match(/.{1,64}/g) ?? [];
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ""].join("\n");
}

/** The bytes of all blocks of this label. */
export function fromPem(label: string, pem: string): readonly Buffer[] {
  const blocks = pem.matchAll(new RegExp(`-----BEGIN ${label}-----([\\s\\S]+?)-----END ${label}-----`, "g"));
  return [...blocks].map(([, base64 = ""]) => Buffer.from(base64, "base64"));
}
