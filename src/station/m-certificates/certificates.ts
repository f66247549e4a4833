import { InternalCtrlr, SecurityCtrlr } from "../../device-model/variables.ts";
import type {
  CertificateHashDataChainType,
  GetCertificateIdUseEnumType,
  InstallCertificateUseEnumType,
} from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";
import type { CaCertificateUse } from "../ports.ts";

const CA_USE: Record<InstallCertificateUseEnumType, CaCertificateUse> = {
  V2GRootCertificate: "V2G",
  MORootCertificate: "MO",
  CSMSRootCertificate: "CSMS",
  ManufacturerRootCertificate: "MF",
};
const ALL_USES: readonly GetCertificateIdUseEnumType[] = [
  "V2GRootCertificate",
  "MORootCertificate",
  "CSMSRootCertificate",
  "V2GCertificateChain",
  "ManufacturerRootCertificate",
];

/** M03, M04 and M05: the certificates that the station trusts, kept by the hardware side. */
export function createCertificatesBlock(context: StationContext): Block {
  const { csms, deviceModel, events, hardware, logger } = context;

  /** Roots that decide whom the station trusts do not come over an insecure connection unless that is allowed. */
  const isForbidden = (certificateType: InstallCertificateUseEnumType): boolean => {
    if ((deviceModel.read(SecurityCtrlr.SecurityProfile) ?? 0) >= 2) return false;
    if (certificateType === "CSMSRootCertificate")
      return deviceModel.read(InternalCtrlr.AllowCSMSRootCertInstallWithUnsecureConnection) === false;
    if (certificateType === "ManufacturerRootCertificate")
      return deviceModel.read(InternalCtrlr.AllowMFRootCertInstallWithUnsecureConnection) === false;
    return false;
  };

  csms.handle("InstallCertificate", async ({ certificate, certificateType }) => {
    if (isForbidden(certificateType))
      return {
        response: {
          status: "Rejected",
          statusInfo: { reasonCode: "NotEnabled", additionalInfo: "not over an insecure connection" },
        },
      };
    try {
      const limit = deviceModel.read(SecurityCtrlr.CertificateEntries);
      const installed =
        limit === undefined ? [] : await hardware.security.installedCertificates(ALL_USES).catch(() => []);
      if (limit !== undefined && installed.length >= limit)
        return {
          response: {
            status: "Rejected",
            statusInfo: { reasonCode: "TooManyElements", additionalInfo: `at most ${limit} certificates` },
          },
        }; // M05.FR.06
      const status = await hardware.security.installCaCertificate(certificate, CA_USE[certificateType]);
      if (status === "Accepted")
        events.emit("securityEvent", {
          type: "ReconfigurationOfSecurityParameters",
          techInfo: `Installed certificate: ${certificateType}`,
        });
      return { response: { status } }; // M05.FR.02, FR.03, FR.07
    } catch (error) {
      logger.error(`A certificate could not be installed: ${(error as Error).message}`);
      return { response: { status: "Failed" } };
    }
  });

  csms.handle(
    "DeleteCertificate",
    async ({ certificateHashData: { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber } }) => {
      try {
        const status = await hardware.security.deleteCertificate({
          hashAlgorithm,
          issuerNameHash,
          issuerKeyHash,
          serialNumber,
        });
        if (status === "Accepted")
          events.emit("securityEvent", {
            type: "ReconfigurationOfSecurityParameters",
            techInfo: "Deleted a certificate",
          });
        return { response: { status } }; // M04.FR.01–04
      } catch (error) {
        logger.error(`A certificate could not be deleted: ${(error as Error).message}`);
        return { response: { status: "Failed" } };
      }
    },
  );

  csms.handle("GetInstalledCertificateIds", async ({ certificateType }) => {
    const found = await hardware.security.installedCertificates(certificateType ?? ALL_USES).catch((error: Error) => {
      logger.error(`The installed certificates could not be listed: ${error.message}`);
      return [];
    });
    const chain: CertificateHashDataChainType[] = found.map(({ use, hash, children }) => ({
      certificateType: use,
      certificateHashData: hash,
      ...(children.length > 0 && { childCertificateHashData: children.slice(0, 4) }),
    }));
    return chain.length === 0
      ? { response: { status: "NotFound" } } // M03.FR.02
      : { response: { status: "Accepted", certificateHashDataChain: chain } }; // M03.FR.01
  });

  return { name: "certificates", start() {}, stop() {} };
}
