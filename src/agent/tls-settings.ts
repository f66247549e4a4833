import { readdirSync, readFileSync, statSync } from "node:fs";
import { isIP } from "node:net";
import { join } from "node:path";
import { checkServerIdentity, createSecureContext, getCACertificates, type PeerCertificate } from "node:tls";
import type { DeviceModel } from "../device-model/device-model.ts";
import { InternalCtrlr, SecurityCtrlr } from "../device-model/variables.ts";
import type { Logger } from "../log/logger.ts";
import type { TlsSettings } from "../ocpp/websocket.ts";
import type { LeafCertificateFiles, SecurityPort } from "../station/ports.ts";

type ServerCertificate = Parameters<TlsSettings["checkServerName"]>[1];
type ClientCertificate = NonNullable<TlsSettings["client"]>;

/** What may be negotiated at all (A00.FR.319, FR.320, FR.422, FR.423): authenticated encryption only. */
const SUITES_12 = [
  "ECDHE-ECDSA-AES128-GCM-SHA256",
  "ECDHE-ECDSA-AES256-GCM-SHA384",
  "ECDHE-RSA-AES128-GCM-SHA256",
  "ECDHE-RSA-AES256-GCM-SHA384",
  "AES128-GCM-SHA256",
  "AES256-GCM-SHA384",
];
const SUITES_13 = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];
/** Larger files in a directory of certificates are something else. */
const BUNDLE_LIMIT_BYTES = 4 * 1024 * 1024;

/** The suites of a variable that are safe, in its order; all safe ones when the variable names none of them. */
function suites(configured: readonly string[] | undefined, safe: readonly string[]): readonly string[] {
  const named = (configured ?? []).flatMap((part) => part.split(":")).map((name) => name.trim());
  const usable = named.filter((name) => safe.includes(name));
  return usable.length > 0 ? usable : safe;
}

/** What is stored and transmitted is PEM (A00.FR.507). */
function pemBlocks(text: string, label: string): readonly string[] {
  return text.match(new RegExp(`-----BEGIN ${label}-----[^-]+-----END ${label}-----`, "g")) ?? [];
}

/** The PEM text of a bundle, or of all files of a directory (its hash links included, which say the same again). */
function readBundle(location: string): string {
  const paths = statSync(location).isDirectory()
    ? readdirSync(location).map((name) => join(location, name))
    : [location];
  return paths
    .filter((path) => {
      const found = statSync(path, { throwIfNoEntry: false });
      return found?.isFile() === true && found.size <= BUNDLE_LIMIT_BYTES;
    })
    .map((path) => readFileSync(path, "latin1"))
    .join("\n");
}

/** Who tells where the roots are. */
type TrustPort = Pick<SecurityPort, "verifyFile" | "verifyLocation">;

interface Trust {
  readonly authorities: readonly string[];
  readonly revocationLists: readonly string[];
}

/** EVerest's CSMS roots, and the operating system's where libocpp would use them as well. */
async function readTrust(deviceModel: DeviceModel, security: TrustPort, logger: Logger): Promise<Trust> {
  const asked = await Promise.allSettled([security.verifyLocation("CSMS"), security.verifyFile("CSMS")]);
  const answered = asked.filter((one) => one.status === "fulfilled").map(({ value }) => value);
  if (answered.length === 0) {
    const [why] = asked.flatMap((one) => (one.status === "rejected" ? [(one.reason as Error).message] : []));
    throw new Error(`EVerest does not tell where the CSMS root certificates are: ${why}`);
  }
  const text = answered
    .filter((location) => location !== undefined)
    .map((location) => readBundle(location))
    .join("\n");
  const installed = [...new Set(pemBlocks(text, "CERTIFICATE"))].filter((pem) => isReadable(pem, logger));
  const ofSystem =
    deviceModel.read(InternalCtrlr.UseSslDefaultVerifyPaths) === false ? [] : getCACertificates("system");
  return {
    authorities: [...installed, ...ofSystem],
    revocationLists: [...new Set(pemBlocks(text, "X509 CRL"))],
  };
}

/** One broken file must not make the whole store unusable. */
function isReadable(pem: string, logger: Logger): boolean {
  try {
    createSecureContext({ ca: pem });
    return true;
  } catch (error) {
    logger.warn(`A root certificate cannot be read and is left out: ${(error as Error).message}`);
    return false;
  }
}

/** @throws when the files are no certificate with its key, e.g. for a wrong password. */
function readClientCertificate({
  certificatePath,
  keyPath,
  password,
  chainPem,
}: LeafCertificateFiles): ClientCertificate {
  try {
    const client = {
      certificate: chainPem ?? readFileSync(certificatePath, "utf8"),
      privateKey: readFileSync(keyPath, "utf8"),
      ...(password !== undefined && { passphrase: password }),
    };
    createSecureContext({ cert: client.certificate, key: client.privateKey, passphrase: client.passphrase });
    return client;
  } catch (error) {
    throw new Error(`the station's certificate or its key cannot be used: ${(error as Error).message}`);
  }
}

function commonNames(certificate: ServerCertificate): readonly string[] {
  return [certificate.subject?.CN ?? []].flat();
}

function alternativeNames(certificate: ServerCertificate): readonly string[] {
  const names = certificate.subjectaltname ?? "";
  return names === "" ? [] : names.split(",").map((name) => name.trim().replace(/^(DNS|IP Address):/, ""));
}

/**
 * Does the certificate belong to the host (A00.FR.309, FR.412)? By RFC 2818, and in two points as OCPP has it: an address
 * may stand in the common name where there are no alternative names (A00.FR.511), wildcards count only where allowed.
 */
export function serverNameDefect(
  host: string,
  certificate: ServerCertificate,
  allowWildcards: boolean,
): Error | undefined {
  const equalsHost = (name: string): boolean => name.toLowerCase() === host.toLowerCase();
  const alternatives = alternativeNames(certificate);
  if (isIP(host) !== 0 && alternatives.length === 0 && commonNames(certificate).some(equalsHost)) return undefined;
  const error = checkServerIdentity(host, certificate as PeerCertificate);
  if (error !== undefined || allowWildcards) return error;
  if (isIP(host) !== 0 || [...alternatives, ...commonNames(certificate)].some(equalsHost)) return undefined;
  return Object.assign(new Error(`the certificate names ${host} only by a wildcard, which is not allowed`), {
    code: "ERR_TLS_CERT_ALTNAME_INVALID",
  });
}

/** Everything of TLS for one attempt, as device model and certificate store have it now. */
export async function readTlsSettings(
  deviceModel: DeviceModel,
  security: TrustPort,
  clientFiles: LeafCertificateFiles | undefined,
  logger: Logger,
): Promise<TlsSettings> {
  const allowWildcards =
    deviceModel.read(SecurityCtrlr.AllowCSMSTLSWildcards) ??
    deviceModel.read(InternalCtrlr.VerifyCsmsAllowWildcards) ??
    false;
  const verifyName = deviceModel.read(InternalCtrlr.VerifyCsmsCommonName) !== false;
  return {
    ...(await readTrust(deviceModel, security, logger)),
    ...(clientFiles !== undefined && { client: readClientCertificate(clientFiles) }),
    ciphers12: suites(deviceModel.read(InternalCtrlr.SupportedCiphers12), SUITES_12),
    ciphers13: suites(deviceModel.read(InternalCtrlr.SupportedCiphers13), SUITES_13),
    checkServerName: (host, certificate) =>
      verifyName ? serverNameDefect(host, certificate, allowWildcards) : undefined,
  };
}
