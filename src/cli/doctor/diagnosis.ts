import { adviceFor } from "../../ocpp/connection-advice.ts";
import type { ConnectionFailure } from "../../ocpp/connection-failure.ts";

export interface Diagnosis {
  readonly code: string;
  readonly advice: string;
}

/** What stands in the text of a failure, what it is called, and what to do where the general advice can be narrowed down. */
type Row = readonly [RegExp, code: string, advice?: string];

const NO_ANSWER =
  "Nothing comes back: a firewall may drop the packets, the host may be down, or the network is very slow. Try from another network.";

const NETWORK: readonly Row[] = [
  [/ETIMEDOUT|no answer within/, "noAnswer", NO_ANSWER],
  [/ENOTFOUND|EAI_|getaddrinfo/, "nameNotFound"],
  [/ECONNREFUSED/, "portClosed"],
  [/EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL/, "unreachable"],
  [
    /did not answer within/,
    "slow",
    "The server takes the connection and then says nothing: it, or what stands before it (load balancer, firewall), is overloaded or waits for something else. Ask the operator of the CSMS.",
  ],
  [/ECONNRESET|EPIPE|hang up|closed/, "cut"],
];

const CERTIFICATE: readonly Row[] = [
  [
    /CERT_HAS_EXPIRED/,
    "certificateExpired",
    "A certificate of the CSMS is out of date, or the clock of the station is wrong: compare the dates above with the time; the operator of the CSMS renews certificates.",
  ],
  [
    /CERT_NOT_YET_VALID/,
    "certificateNotYetValid",
    "A certificate of the CSMS is not valid yet: the clock of the station is behind, most of the time. Set it, or let it be set by NTP.",
  ],
  [
    /ALTNAME|HOSTNAME|IP address mismatch/i,
    "wrongHost",
    "The certificate belongs to another host than the URL names: compare the host of the URL with the names above, and ask the operator of the CSMS which one is right. Wildcards count with SecurityCtrlr.AllowCSMSTLSWildcards only.",
  ],
  [
    /REVOKED/,
    "certificateRevoked",
    "The certificate of the CSMS was taken back by who issued it: its operator needs a new one.",
  ],
  [
    /UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY|SELF_SIGNED|UNTRUSTED|INVALID_CA|CERT_SIGNATURE_FAILURE/,
    "unknownRoot",
    "The station does not know who issued the certificate of the CSMS: install the root certificate of this issuer as CSMS root (EVerest's evse_security, or InstallCertificate by the CSMS), or another server answers in its place.",
  ],
];

const SETTINGS: readonly Row[] = [
  [
    /CSMS root certificates are/,
    "everestSilent",
    "EVerest's evse_security keeps the certificates: start EVerest, or name the root certificates of the CSMS with --roots <file or directory>.",
  ],
  [
    /client certificate/,
    "noStationCertificate",
    "Security profile 3 needs a certificate of the station: install one in EVerest's evse_security, or let the CSMS send one over security profile 2 (SignCertificate).",
  ],
  [
    /identity/,
    "noIdentity",
    "Set SecurityCtrlr.Identity, or the Identity of the network profile, to what the CSMS calls the station.",
  ],
];

/** A server that speaks no TLS at all. */
const NO_TLS: Row = [
  /WRONG_VERSION_NUMBER|UNEXPECTED_MESSAGE|HTTP_REQUEST/,
  "noTls",
  "What listens there speaks no TLS: check the port; security profiles 2 and 3 need wss.",
];
const TLS_CODES = {
  certificate: "certificate",
  stationCertificate: "stationCertificate",
  version: "tlsVersion",
  cipher: "tlsCipher",
  other: "tls",
} as const;

const STATUS_CODES: Readonly<Record<number, string>> = { 401: "unauthorized", 403: "forbidden", 404: "notFound" };

function lookUp(rows: readonly Row[], failure: ConnectionFailure, otherwise: string): Diagnosis {
  const found = rows.find(([pattern]) => pattern.test(failure.text));
  return { code: found?.[1] ?? otherwise, advice: found?.[2] ?? adviceFor(failure) };
}

/** What a failure is called, and what somebody can do about it. */
export function diagnose(failure: ConnectionFailure): Diagnosis {
  switch (failure.kind) {
    case "network":
      return lookUp(NETWORK, failure, "network");
    case "tls": {
      const rows = failure.reason === "certificate" ? CERTIFICATE : failure.reason === "other" ? [NO_TLS] : [];
      return lookUp(rows, failure, TLS_CODES[failure.reason]);
    }
    case "refused":
      return { code: STATUS_CODES[failure.httpStatus] ?? "refused", advice: adviceFor(failure) };
    case "subprotocol":
      return { code: "wrongSubprotocol", advice: adviceFor(failure) };
    case "configuration":
      return lookUp(SETTINGS, failure, "settings");
  }
}
