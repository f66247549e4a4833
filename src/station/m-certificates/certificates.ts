import type { X509Certificate } from "node:crypto";
import { InternalCtrlr, SecurityCtrlr } from "../../device-model/variables.ts";
import type {
  CertificateHashDataChainType,
  DeleteCertificateResponse,
  GetCertificateIdUseEnumType,
  InstallCertificateRequest,
  InstallCertificateResponse,
  InstallCertificateUseEnumType,
} from "../../ocpp/v201/index.ts";
import { declareBlock, type Given } from "../block.ts";
import { answerOr } from "../model/answer-or.ts";
import { isNamedBy, isSameHash, parseCertificates, rootDefect } from "../model/certificate.ts";
import { inCertificateLane } from "../model/certificate-lane.ts";
import type { CaCertificateUse, CertificateHash } from "../ports.ts";
import { createCertificateEntries } from "./certificate-entries.ts";
import { createRootReplacement } from "./root-replacement.ts";

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
const CHILDREN_LIMIT = 4;
const NO_ANSWER = { reasonCode: "InternalError", additionalInfo: "the store of certificates did not answer" };

/** M03, M04 and M05: the certificates that the station trusts, kept by the hardware side. */
export const certificates = declareBlock({
  name: "certificates",
  letter: "M",
  needs: ["clientCertificate"],
  hears: { "link.connected": "follow-up", "station.leafInstalled": "follow-up" },
  create,
});

function create(context: Given<"clientCertificate">) {
  const { clock, csms, deviceModel, events, hardware, logger, clientCertificate } = context;
  const entries = createCertificateEntries(context, ALL_USES);
  const replacement = createRootReplacement(context);

  const isInsecure = (): boolean => (deviceModel.read(SecurityCtrlr.SecurityProfile) ?? 0) < 2;

  /** Roots that decide whom the station trusts do not come over an insecure connection unless that is allowed. */
  const isForbidden = (certificateType: InstallCertificateUseEnumType): boolean => {
    if (!isInsecure()) return false;
    if (certificateType === "CSMSRootCertificate")
      return deviceModel.read(InternalCtrlr.AllowCSMSRootCertInstallWithUnsecureConnection) === false;
    if (certificateType === "ManufacturerRootCertificate")
      return deviceModel.read(InternalCtrlr.AllowMFRootCertInstallWithUnsecureConnection) === false;
    return false;
  };

  const reject = (reasonCode: string, additionalInfo: string): InstallCertificateResponse => ({
    status: "Rejected",
    statusInfo: { reasonCode, additionalInfo: additionalInfo.slice(0, 512) },
  });

  /** Why a certificate is not even shown to the hardware side, which judges what cannot be read here. */
  const objection = async (
    certificateType: InstallCertificateUseEnumType,
    certificate: X509Certificate | undefined,
  ): Promise<InstallCertificateResponse | undefined> => {
    if (isForbidden(certificateType)) return reject("NotEnabled", "not over an insecure connection");
    const defect = certificate === undefined ? undefined : rootDefect(certificate, clock.now());
    if (defect !== undefined) return reject("InvalidCertificate", defect); // M05.FR.07
    if (!(await entries.haveRoomFor(certificate)))
      return reject("TooManyElements", `at most ${entries.limit} certificates`); // M05.FR.06
    if (certificateType !== "CSMSRootCertificate" || certificate === undefined) return undefined;
    const refused = await replacement.objection(certificate);
    return refused === undefined ? undefined : reject("InvalidCertificate", refused); // M05.FR.11
  };

  const install = async (request: InstallCertificateRequest): Promise<InstallCertificateResponse> => {
    const { certificate: pem, certificateType } = request;
    const [certificate] = parseCertificates(pem);
    const refused = await objection(certificateType, certificate);
    if (refused !== undefined) return refused;
    const replaces =
      certificateType === "CSMSRootCertificate" && certificate !== undefined
        ? await replacement.prepare(certificate)
        : undefined;
    // One that is there already is replaced by the hardware side (M05.FR.17).
    const status = await hardware.security.installCaCertificate(pem, CA_USE[certificateType]);
    if (status !== "Accepted") return { status }; // M05.FR.03, FR.07
    replaces?.();
    entries.refresh();
    events.emit("securityEvent", {
      type: "ReconfigurationOfSecurityParameters",
      techInfo: `Installed certificate: ${certificateType}`,
    });
    return { status }; // M05.FR.01, FR.02
  };

  csms.handle(
    "InstallCertificate",
    async (request) => ({
      response: await install(request).catch((error: Error): InstallCertificateResponse => {
        logger.error(`A certificate could not be installed: ${error.message}`);
        entries.refresh(); // It may be there all the same.
        return { status: "Failed", statusInfo: NO_ANSWER };
      }),
    }),
    inCertificateLane,
  );

  /** The certificate that the station itself shows is not deleted this way (M04.FR.06). */
  const isStationCertificate = async (hash: CertificateHash): Promise<boolean> => {
    const files = [await hardware.security.leafCertificateFiles("CSMS"), await clientCertificate.choose()];
    const chains = [...files.map((one) => one?.chainPem), clientCertificate.lastShown()];
    return chains.some((chainPem) => {
      const [leaf] = parseCertificates(chainPem ?? "");
      return leaf !== undefined && isNamedBy(leaf, hash);
    });
  };

  /** Without its last root the station could not connect again (M04.FR.03). */
  const isLastTrustedRoot = async (hash: CertificateHash): Promise<boolean> => {
    if (isInsecure()) return false;
    const roots = (await hardware.security.installedCertificates(["CSMSRootCertificate"])).filter(
      ({ use }) => use === "CSMSRootCertificate",
    );
    return roots.length === 1 && roots.every((root) => isSameHash(root.hash, hash));
  };

  const remove = async (hash: CertificateHash): Promise<DeleteCertificateResponse> => {
    const keep = (additionalInfo: string): DeleteCertificateResponse => ({
      status: "Failed",
      statusInfo: { reasonCode: "NotEnabled", additionalInfo },
    });
    if (await isStationCertificate(hash)) return keep("the certificate of the station itself");
    if (await isLastTrustedRoot(hash)) return keep("the only root that the CSMS can be verified with");
    const status = await hardware.security.deleteCertificate(hash);
    if (status === "Accepted") {
      entries.refresh();
      events.emit("securityEvent", {
        type: "ReconfigurationOfSecurityParameters",
        techInfo: "Deleted a certificate",
      });
    }
    return { status }; // M04.FR.01–04
  };

  csms.handle(
    "DeleteCertificate",
    async ({ certificateHashData }) => {
      const { hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber } = certificateHashData;
      const response = await remove({ hashAlgorithm, issuerNameHash, issuerKeyHash, serialNumber }).catch(
        (error: Error): DeleteCertificateResponse => {
          logger.error(`A certificate could not be deleted: ${error.message}`);
          entries.refresh();
          return { status: "Failed", statusInfo: NO_ANSWER };
        },
      );
      return { response };
    },
    inCertificateLane,
  );

  csms.handle(
    "GetInstalledCertificateIds",
    async ({ certificateType: uses = ALL_USES }) => {
      const question = hardware.security.installedCertificates(uses);
      const found = await answerOr(logger, "The installed certificates could not be listed", question, undefined);
      if (found === undefined)
        return {
          response: {
            status: "NotFound",
            statusInfo: NO_ANSWER,
          },
        };
      const chain = found
        .filter(({ use }) => uses.includes(use))
        .map(
          ({ use, hash, children }): CertificateHashDataChainType => ({
            certificateType: use,
            certificateHashData: hash, // M03.FR.04
            ...(children.length > 0 && { childCertificateHashData: children.slice(0, CHILDREN_LIMIT) }), // M03.FR.05
          }),
        );
      return chain.length === 0
        ? { response: { status: "NotFound" } } // M03.FR.02
        : { response: { status: "Accepted", certificateHashDataChain: chain } }; // M03.FR.01, FR.03
    },
    inCertificateLane,
  );

  return {
    hears: { "link.connected": replacement.takeConnection, "station.leafInstalled": () => entries.refresh() },
    start: () => entries.refresh(),
  };
}
