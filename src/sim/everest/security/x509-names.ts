import { der, oid, sequence, TAG, text } from "./der.ts";

export interface Subject {
  readonly commonName: string;
  readonly organization?: string;
  /** ISO 3166-1, two letters. */
  readonly country?: string;
  /** ISO 15118-2 tells the roles of certificates by it: CPO, V2G, MO, OEM, CPS. */
  readonly domainComponent?: string;
}

function attribute(type: string, tag: number, value: string | undefined): readonly Buffer[] {
  return value === undefined ? [] : [der(TAG.set, sequence(oid(type), text(tag, value)))];
}

/** A distinguished name (RFC 5280, 4.1.2.4). */
export function distinguishedName({ commonName, organization, country, domainComponent }: Subject): Buffer {
  return sequence(
    ...attribute("2.5.4.6", TAG.printable, country),
    ...attribute("2.5.4.10", TAG.utf8, organization),
    ...attribute("2.5.4.3", TAG.utf8, commonName),
    ...attribute("0.9.2342.19200300.100.1.25", TAG.ia5, domainComponent),
  );
}
