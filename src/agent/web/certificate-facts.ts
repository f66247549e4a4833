import type { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import type { Logger } from "../../log/logger.ts";
import type { Validity } from "../../ocpp/websocket.ts";
import { parseCertificates } from "../../station/model/certificate.ts";
import type { SecurityPort } from "../../station/ports.ts";
import type { CertificateFacts } from "../../web/source.ts";

const CERTIFICATE_LIMIT = 50;

function facts(use: CertificateFacts["use"], certificate: X509Certificate): CertificateFacts {
  const name = /^CN=(.+)$/m.exec(certificate.subject)?.[1] ?? (certificate.subject || certificate.serialNumber);
  return { use, name, validFrom: new Date(certificate.validFrom), validTo: new Date(certificate.validTo) };
}

async function stationCertificates(security: SecurityPort): Promise<readonly CertificateFacts[]> {
  const files = await security.leafCertificateFiles("CSMS");
  if (files === undefined) return [];
  const [leaf] = parseCertificates(files.chainPem ?? readFileSync(files.certificatePath, "utf8"));
  return leaf === undefined ? [] : [facts("station", leaf)];
}

async function rootCertificates(security: SecurityPort): Promise<readonly CertificateFacts[]> {
  const texts = await security.caCertificates("CSMS");
  const found = texts.flatMap((text) => parseCertificates(text));
  const distinct = new Map(found.map((certificate) => [certificate.fingerprint256, certificate]));
  return [...distinct.values()].slice(0, CERTIFICATE_LIMIT).map((certificate) => facts("CSMS root", certificate));
}

/** The certificates that the connection lives on, as far as EVerest tells. Never rejects. */
export async function certificateFacts(
  security: SecurityPort,
  server: Validity | undefined,
  logger: Logger,
): Promise<readonly CertificateFacts[]> {
  const asked = await Promise.allSettled([stationCertificates(security), rootCertificates(security)]);
  for (const one of asked)
    if (one.status === "rejected")
      logger.debug(`Certificates cannot be shown: ${one.reason instanceof Error ? one.reason.message : one.reason}`);
  return [
    ...(server === undefined
      ? []
      : [{ use: "CSMS" as const, name: "of this connection", validFrom: server.from, validTo: server.until }]),
    ...asked.flatMap((one) => (one.status === "fulfilled" ? one.value : [])),
  ];
}
