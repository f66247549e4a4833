import type { X509Certificate } from "node:crypto";
import { SecurityCtrlr } from "../../device-model/variables.ts";
import type { StationContext } from "../context.ts";
import { answerOr } from "../model/answer-or.ts";
import { isNamedBy } from "../model/certificate.ts";
import type { InstalledCertificate } from "../ports.ts";

export interface CertificateEntries {
  readonly limit: number | undefined;
  /** One that is there already takes no more room (M05.FR.17). */
  haveRoomFor(certificate: X509Certificate | undefined): Promise<boolean>;
  /** Counts anew, in the background. */
  refresh(): void;
}

/**
 * SecurityCtrlr.CertificateEntries: how many certificates are installed, and as its maxLimit how many may be. EVerest's
 * configuration gives the limit as the value.
 */
export function createCertificateEntries(
  { deviceModel, hardware, logger }: StationContext,
  uses: readonly InstalledCertificate["use"][],
): CertificateEntries {
  const variable = deviceModel.find(SecurityCtrlr.CertificateEntries);
  const maxLimit = typeof variable === "string" ? undefined : variable.characteristics.maxLimit;
  const limit = maxLimit ?? deviceModel.read(SecurityCtrlr.CertificateEntries);
  let count = 0;
  if (limit !== undefined) deviceModel.describe(SecurityCtrlr.CertificateEntries, { maxLimit: limit });
  deviceModel.compute(SecurityCtrlr.CertificateEntries, () => String(count));

  const list = () => hardware.security.installedCertificates(uses);
  return {
    limit,
    async haveRoomFor(certificate) {
      if (limit === undefined) return true;
      const installed = await answerOr(logger, "The number of certificates is not known", list(), []);
      const isPresent = certificate !== undefined && installed.some(({ hash }) => isNamedBy(certificate, hash));
      return isPresent || installed.length < limit;
    },
    refresh() {
      list().then(
        (installed) => {
          count = installed.length;
        },
        (error: Error) => logger.warn(`The installed certificates could not be counted: ${error.message}`),
      );
    },
  };
}
