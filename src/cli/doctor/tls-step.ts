import { isIP } from "node:net";
import { type ConnectionOptions, connect, type DetailedPeerCertificate, type TLSSocket } from "node:tls";
import type { Clock } from "../../lib/clock.ts";
import { type ConnectionFailure, classifyError } from "../../ocpp/connection-failure.ts";
import { agreedDefect, chainOf, type TlsSettings, tlsOptions, type WebSocketSettings } from "../../ocpp/websocket.ts";
import { diagnose } from "./diagnosis.ts";
import type { ShownCertificate, Step } from "./report.ts";

const DAY_MILLISECONDS = 24 * 3_600_000;
/** A certificate that expires earlier is worth a word. */
const EXPIRES_SOON_DAYS = 14;

interface Handshake {
  readonly failure?: ConnectionFailure;
  readonly protocol?: string;
  readonly cipher?: string;
  readonly chain: readonly DetailedPeerCertificate[];
}

/** How long each step may take. */
export interface StepLimits {
  readonly clock: Clock;
  readonly limitMilliseconds: number;
}

/** A TLS handshake and nothing more. */
function shakeHands(
  { url, localAddress }: WebSocketSettings,
  tls: ConnectionOptions,
  judge: (socket: TLSSocket) => ConnectionFailure | undefined,
  { clock, limitMilliseconds }: StepLimits,
): Promise<Handshake> {
  const { hostname, port } = new URL(url);
  const host = hostname.replace(/^\[(.*)\]$/, "$1");
  return new Promise((resolve) => {
    const end = (handshake: Handshake): void => {
      timer.cancel();
      socket.destroy();
      resolve(handshake);
    };
    const timer = clock.after(limitMilliseconds, () =>
      end({
        failure: { kind: "network", text: `no TLS: the CSMS did not answer within ${limitMilliseconds / 1000} s` },
        chain: [],
      }),
    );
    const socket = connect({
      ...tls,
      host,
      port: port === "" ? 443 : Number(port),
      ...(isIP(host) === 0 && { servername: host }),
      ...(localAddress !== undefined && { localAddress }),
    });
    socket.once("secureConnect", () => {
      const failure = judge(socket);
      end({
        protocol: socket.getProtocol() ?? "",
        cipher: socket.getCipher().name,
        chain: chainOf(socket),
        ...(failure !== undefined && { failure }),
      });
    });
    socket.once("error", (error: Error) => end({ failure: classifyError(error), chain: [] }));
    socket.once("close", () =>
      end({ failure: { kind: "network", text: "the connection was closed during the TLS handshake" }, chain: [] }),
    );
  });
}

function nameOf(name: DetailedPeerCertificate["subject"] | undefined): string {
  const parts = [name?.CN, name?.O].flat().filter((part) => part !== undefined && part !== "");
  return parts.length === 0 ? "(no name)" : parts.join(", ");
}

function shown(certificate: DetailedPeerCertificate, now: Date): ShownCertificate {
  const from = new Date(certificate.valid_from);
  const until = new Date(certificate.valid_to);
  const names = certificate.subjectaltname === undefined ? "" : ` (${certificate.subjectaltname})`;
  return {
    subject: `${nameOf(certificate.subject)}${names}`,
    issuer: nameOf(certificate.issuer),
    validFrom: from.toISOString(),
    validUntil: until.toISOString(),
    daysLeft: Math.floor((until.getTime() - now.getTime()) / DAY_MILLISECONDS),
  };
}

/** TLS exactly as the station does it; where it fails for a certificate, once more to see what was shown. */
export async function tlsStep(settings: WebSocketSettings, tls: TlsSettings, limits: StepLimits): Promise<Step> {
  const { session: _session, ...fresh } = tlsOptions(tls);
  const strict = await shakeHands(settings, fresh, (socket) => agreedDefect(socket, tls), limits);
  const now = limits.clock.now();
  const { failure } = strict;
  if (failure !== undefined) {
    const isUnseen = failure.kind === "tls" && failure.reason === "certificate" && strict.chain.length === 0;
    const lenient = { ...fresh, rejectUnauthorized: false, checkServerIdentity: () => undefined };
    const { chain } = isUnseen ? await shakeHands(settings, lenient, () => undefined, limits) : strict;
    return {
      name: "tls",
      status: "failed",
      text: `${failure.text}; the station's clock says ${now.toISOString()}`,
      ...diagnose(failure),
      certificates: chain.map((certificate) => shown(certificate, now)),
    };
  }
  const certificates = strict.chain.map((certificate) => shown(certificate, now));
  const text = `${strict.protocol} with ${strict.cipher}, verified with ${tls.authorities.length} root certificates`;
  const first = certificates.toSorted((one, other) => one.daysLeft - other.daysLeft)[0];
  if (first === undefined || first.daysLeft >= EXPIRES_SOON_DAYS)
    return { name: "tls", status: "ok", text, certificates };
  const advice = "Renew it in time: afterwards no station can connect.";
  const warning = `${text}; the certificate of ${first.subject} expires in ${first.daysLeft} days`;
  return { name: "tls", status: "warning", text: warning, code: "certificateExpiresSoon", advice, certificates };
}
