/**
 * Why a connection could not be made. `tls` tells whose fault it is: the CSMS's certificate, the station's own certificate
 * as the CSMS sees it, no common TLS version, no common cipher suite, or something else of the handshake.
 */
export type ConnectionFailure =
  | { readonly kind: "refused"; readonly httpStatus: number; readonly text: string }
  | { readonly kind: "subprotocol"; readonly text: string }
  | {
      readonly kind: "tls";
      readonly reason: "certificate" | "stationCertificate" | "version" | "cipher" | "other";
      readonly text: string;
    }
  | { readonly kind: "network"; readonly text: string }
  /** The station's own settings, or what it was given of certificates, do not allow an attempt. */
  | { readonly kind: "configuration"; readonly text: string };

type TlsReason = Extract<ConnectionFailure, { kind: "tls" }>["reason"];

/** Alerts of the CSMS about the station's certificate. They contain CERTIFICATE too, so they are looked for first. */
const STATION_CERTIFICATE_ALERT =
  /ALERT_(?:BAD_CERTIFICATE|UNSUPPORTED_CERTIFICATE|CERTIFICATE_\w+|NO_CERTIFICATE|UNKNOWN_CA|ACCESS_DENIED|DECRYPT_ERROR)/;
/** A peer that is no TLS server at all gives WRONG_VERSION_NUMBER, which is therefore not among these. */
const VERSION = /UNSUPPORTED_PROTOCOL|ALERT_PROTOCOL_VERSION|INAPPROPRIATE_FALLBACK|NO_PROTOCOLS_AVAILABLE/;
const CIPHER = /HANDSHAKE_FAILURE|INSUFFICIENT_SECURITY|NO_SHARED_CIPHER|NO_CIPHER|WRONG_CIPHER|UNKNOWN_CIPHER/;
/** The verdicts of X.509 verification, and what TLS itself finds wrong with a server's certificate. */
const CERTIFICATE =
  /CERT|SELF_SIGNED|UNABLE_TO_|INVALID_PURPOSE|INVALID_CA|PATH_LENGTH|CRL|HOSTNAME|KEY_USAGE|KEY_TOO_SMALL|BAD_SIGNATURE/;

/** What the code of a TLS error means; undefined when the error is none of TLS. */
function tlsReason(code: string, message: string): TlsReason | undefined {
  if (STATION_CERTIFICATE_ALERT.test(code)) return "stationCertificate";
  if (VERSION.test(code)) return "version";
  if (CIPHER.test(code)) return "cipher";
  if (CERTIFICATE.test(code)) return "certificate";
  return /^ERR_(?:SSL|TLS)/.test(code) || /SSL|TLS/.test(message) ? "other" : undefined;
}

const TLS_MEANING: Readonly<Record<TlsReason, string>> = {
  certificate: "the certificate of the CSMS is not valid",
  stationCertificate: "the CSMS does not accept the certificate of the station",
  version: "the CSMS speaks no TLS version from 1.2 on",
  cipher: "the CSMS offers no cipher suite that is allowed here, or wants a client certificate",
  other: "the TLS handshake failed",
};

export function tlsFailure(reason: TlsReason, detail: string): ConnectionFailure {
  return { kind: "tls", reason, text: `${TLS_MEANING[reason]}: ${detail}` };
}

/** What an error of the socket or of the websocket handshake means. */
export function classifyError(error: Error & { readonly code?: string }): ConnectionFailure {
  const { code = "", message } = error;
  // Where a name has several addresses and none answers, there is a code and no message.
  const detail = message || code || "no reason is known";
  const text = code === "" || detail.includes(code) ? detail : `${detail} (${code})`;
  if (/subprotocol/i.test(message)) return { kind: "subprotocol", text };
  const reason = tlsReason(code, message);
  return reason === undefined ? { kind: "network", text } : tlsFailure(reason, text);
}

function httpMeaning(status: number): string {
  if (status === 401) return "the CSMS refuses the credentials";
  if (status === 403) return "the CSMS refuses this station";
  if (status === 404) return "the CSMS does not know this path or this station";
  if (status === 407) return "an HTTP proxy wants credentials; proxies are not supported";
  if (status === 426) return "the CSMS wants another protocol";
  if (status === 429 || status === 503) return "the CSMS is busy";
  if (status >= 500) return "the CSMS is out of order";
  if (status >= 300 && status < 400) return "redirections are not followed";
  return "no websocket here";
}

/** The answer of an HTTP server that did not upgrade to a websocket. */
export function httpFailure(httpStatus: number): ConnectionFailure {
  return { kind: "refused", httpStatus, text: `HTTP ${httpStatus}: ${httpMeaning(httpStatus)}` };
}
