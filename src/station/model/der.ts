/** Just as much of DER (X.690) as certificates and OCSP answers need. */

export const TAG = {
  integer: 0x02,
  octets: 0x04,
  objectIdentifier: 0x06,
  enumerated: 0x0a,
  generalizedTime: 0x18,
  sequence: 0x30,
  context0: 0xa0,
} as const;

export interface DerElement {
  readonly tag: number;
  readonly contentStart: number;
  readonly end: number;
}

const LONGEST_LENGTH_BYTES = 4;

/** The element that begins at `start`. @throws RangeError when it does not end within the data. */
export function derElement(der: Buffer, start: number): DerElement {
  const tag = der.readUInt8(start);
  const first = der.readUInt8(start + 1);
  const lengthBytes = first < 0x80 ? 0 : first & 0x7f;
  if (first === 0x80 || lengthBytes > LONGEST_LENGTH_BYTES) throw new RangeError("no length of DER");
  const contentStart = start + 2 + lengthBytes;
  const end = contentStart + (lengthBytes === 0 ? first : der.readUIntBE(start + 2, lengthBytes));
  if (end > der.length) throw new RangeError("it ends too soon");
  return { tag, contentStart, end };
}

/** The elements inside of `parent`, all of it. @throws RangeError */
export function derChildren(der: Buffer, parent: DerElement): readonly DerElement[] {
  const children: DerElement[] = [];
  for (let at = parent.contentStart; at < parent.end; ) {
    const child = derElement(der, at);
    if (child.end > parent.end) throw new RangeError("an element is longer than the one that it is in");
    children.push(child);
    at = child.end;
  }
  return children;
}

export function derContent(der: Buffer, { contentStart, end }: DerElement): Buffer {
  return der.subarray(contentStart, end);
}
