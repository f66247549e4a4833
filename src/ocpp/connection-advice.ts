import type { ConnectionFailure } from "./connection-failure.ts";

const OF_STATUS: Readonly<Record<number, string>> = {
  401: "The CSMS does not take the identity or the password: compare SecurityCtrlr.Identity and the password with what is entered there.",
  403: "The CSMS knows the station and keeps it out: ask its operator whether the station is blocked, or may connect from this network.",
  404: "The CSMS has no such path or station: compare the URL of the network profile, and whether the identity is registered there.",
  407: "A proxy stands between station and CSMS: this program cannot go through proxies, let the network lead past it.",
  426: "The CSMS wants another protocol: ask its operator for the address of OCPP 2.0.1.",
  429: "The CSMS asks for patience: the station tries again by itself.",
  503: "The CSMS is overloaded or in maintenance: the station tries again by itself.",
};

const OF_TLS: Readonly<Record<Extract<ConnectionFailure, { kind: "tls" }>["reason"], string>> = {
  certificate:
    "The certificate of the CSMS does not fit: check the station's clock, the CSMS root certificates, and whether the certificate is for the host of the URL and still valid.",
  stationCertificate:
    "The CSMS does not take the station's certificate: check that it is still valid, and that the CSMS knows who has issued it.",
  version: "The CSMS speaks no TLS of today: it must offer TLS 1.2 or 1.3.",
  cipher:
    "Station and CSMS have no cipher in common, or the CSMS wants a client certificate: use security profile 3 then.",
  other: "TLS failed before certificates were compared: is the port one of TLS (wss), and no firewall in between?",
};

/** What stands in the error of the system, and what to do about it. */
const OF_NETWORK: readonly (readonly [RegExp, string])[] = [
  [
    /ENOTFOUND|EAI_|getaddrinfo|resolve/i,
    "The name of the CSMS cannot be resolved: check the host of the URL, and whether the station has a name server and a network.",
  ],
  [
    /ECONNREFUSED|refused/i,
    "Nobody listens there: check the port of the URL, and whether the CSMS runs; a firewall may refuse as well.",
  ],
  [
    /EHOSTUNREACH|ENETUNREACH|unreachable/i,
    "There is no way to this address: check cable, mobile network, gateway and routes.",
  ],
  [
    /ETIMEDOUT|time(?:d )?out|timeout/i,
    "The CSMS does not answer in time: a firewall may drop the packets, or the server or the mobile network is slow.",
  ],
  [
    /ECONNRESET|EPIPE|hang up|reset|closed/i,
    "The connection was cut while it was being made: a firewall, a proxy or the CSMS itself ends it.",
  ],
];

/** What somebody in front of the station can do about a failure, in one sentence. */
export function adviceFor(failure: ConnectionFailure): string {
  switch (failure.kind) {
    case "refused": {
      const { httpStatus } = failure;
      const known = OF_STATUS[httpStatus];
      if (known !== undefined) return known;
      if (httpStatus >= 500)
        return "The CSMS has a fault of its own: ask its operator; the station tries again by itself.";
      if (httpStatus >= 300 && httpStatus < 400)
        return "The CSMS has moved: enter its new address in the network profile, redirections are not followed.";
      return "Something answers there that is no CSMS: check host, port and path of the URL.";
    }
    case "subprotocol":
      return "The CSMS does not agree to ocpp2.0.1: ask its operator whether this address and this station are set up for OCPP 2.0.1.";
    case "tls":
      return OF_TLS[failure.reason];
    case "network":
      return (
        OF_NETWORK.find(([pattern]) => pattern.test(failure.text))?.[1] ??
        "The network does not lead to the CSMS: check cable or mobile network, and host and port of the URL."
      );
    case "configuration":
      return "The station's own settings do not allow an attempt: the reason names what is missing.";
  }
}
