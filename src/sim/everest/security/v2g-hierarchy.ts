import { type IssuedCertificate, SimulatedAuthority, type Validity } from "./authority.ts";
import type { Curve } from "./signing.ts";

const DAY_MILLISECONDS = 24 * 3_600_000;
const RESPONDER = "http://ocsp.example";

/** The authorities of a charging ecosystem as ISO 15118 has them: two below each root. */
export interface V2gHierarchy {
  readonly v2gRoot: SimulatedAuthority;
  /** Signs SECC certificates (CPO sub CA 2). */
  readonly cpo: SimulatedAuthority;
  /** Signs the certificate of the provisioning service (CPS). */
  readonly provisioning: SimulatedAuthority;
  readonly moRoot: SimulatedAuthority;
  /** Signs contract certificates. */
  readonly mo: SimulatedAuthority;
  readonly oemRoot: SimulatedAuthority;
  /** Signs provisioning certificates of vehicles. */
  readonly oem: SimulatedAuthority;
}

/** As long as hierarchies last here: from a day before `now` on. */
export function validFor(now: Date, days: number): Validity {
  return {
    notBefore: new Date(now.getTime() - DAY_MILLISECONDS),
    notAfter: new Date(now.getTime() + days * DAY_MILLISECONDS),
  };
}

function below(root: SimulatedAuthority, name: string, domainComponent: string): SimulatedAuthority {
  const ocsp = { ocspUrl: `${RESPONDER}/${encodeURIComponent(name.toLowerCase())}`, domainComponent };
  return root.issueAuthority(`${name} Sub CA 1`, ocsp).issueAuthority(`${name} Sub CA 2`, ocsp);
}

export function createV2gHierarchy(now: Date, curve: Curve = "P-256", prefix = ""): V2gHierarchy {
  const root = (name: string, domainComponent: string) =>
    SimulatedAuthority.root(`${prefix}${name} Root CA`, validFor(now, 3_650), { curve, domainComponent });
  const v2gRoot = root("V2G", "V2G");
  const moRoot = root("MO", "MO");
  const oemRoot = root("OEM", "OEM");
  return {
    v2gRoot,
    cpo: below(v2gRoot, `${prefix}CPO`, "V2G"),
    provisioning: below(v2gRoot, `${prefix}CPS`, "CPS"),
    moRoot,
    mo: below(moRoot, `${prefix}MO`, "MO"),
    oemRoot,
    oem: below(oemRoot, `${prefix}OEM`, "OEM"),
  };
}

/** A contract certificate of a driver. */
export function issueContract(
  { mo }: V2gHierarchy,
  emaid: string,
  validity: Partial<Validity> = {},
): IssuedCertificate {
  return mo.issueLeaf(emaid, { ...validity, domainComponent: "MO", ocspUrl: `${RESPONDER}/mo` });
}

/** An SECC certificate with a key of its own, as a factory would put it in. */
export function issueSecc({ cpo }: V2gHierarchy, seccId: string, validity: Partial<Validity> = {}): IssuedCertificate {
  return cpo.issueLeaf(seccId, { ...validity, domainComponent: "CPO", ocspUrl: `${RESPONDER}/cpo` });
}

/** What the CSMS makes of the CSR of an SECC. */
export function signSecc({ cpo }: V2gHierarchy, csrPem: string, validity: Partial<Validity> = {}): string {
  return cpo.sign(csrPem, { ...validity, ocspUrl: `${RESPONDER}/cpo` });
}
