import type { X509Certificate } from "node:crypto";
import * as v from "valibot";
import { SecurityCtrlr } from "../../device-model/variables.ts";
import type { HeardEvents } from "../block.ts";
import type { StationContext } from "../context.ts";
import { isIssuedBy, isNamedBy, parseCertificates } from "../model/certificate.ts";

/** A CSMS root that was replaced, and is kept until the CSMS has been verified with the new one. */
const Replacement = v.object({
  newFingerprint: v.string(),
  old: v.array(
    v.object({
      hashAlgorithm: v.picklist(["SHA256", "SHA384", "SHA512"]),
      issuerNameHash: v.string(),
      issuerKeyHash: v.string(),
      serialNumber: v.string(),
    }),
  ),
});
const REPLACEMENT_KEY = "security.rootReplacement";

export interface RootReplacement {
  /** Why this certificate cannot take the place of the present CSMS root; undefined when it can. */
  objection(certificate: X509Certificate): Promise<string | undefined>;
  /** Before it is installed; resolves to what makes the replacement begin. */
  prepare(certificate: X509Certificate): Promise<(() => void) | undefined>;
  /** The CSMS has been verified; with the new root the old one has served its time. */
  takeConnection(connection: HeardEvents["link.connected"]): void;
}

/**
 * SecurityCtrlr.AdditionalRootCertificateCheck: one CSMS root, whose successor it must have signed (M05.FR.09, FR.10). While
 * both are installed the CSMS may be verified with either (M05.FR.12, FR.14–16); the old one goes when the new one has proven
 * itself (M05.FR.13).
 */
export function createRootReplacement({ core, deviceModel, hardware, logger }: StationContext): RootReplacement {
  const isChecked = (): boolean => deviceModel.read(SecurityCtrlr.AdditionalRootCertificateCheck) === true;
  const read = () => core.keyValues.get(REPLACEMENT_KEY, v.nullable(Replacement)) ?? undefined;

  const presentRoots = async (): Promise<readonly X509Certificate[]> =>
    (await hardware.security.caCertificates("CSMS")).flatMap(parseCertificates);

  const isPresent = (roots: readonly X509Certificate[], certificate: X509Certificate): boolean =>
    roots.some(({ fingerprint256 }) => fingerprint256 === certificate.fingerprint256);

  const removeOld = async (): Promise<void> => {
    const replacement = read();
    if (replacement === undefined) return;
    for (const hash of replacement.old) {
      const status = await hardware.security.deleteCertificate(hash);
      if (status === "Failed") throw new Error(`the hardware side keeps ${hash.serialNumber}`);
      logger.info(`The replaced CSMS root ${hash.serialNumber} is deleted: ${status}`);
    }
    core.unitOfWork.run(() => core.keyValues.set(REPLACEMENT_KEY, null));
  };

  return {
    async objection(certificate) {
      if (!isChecked()) return undefined;
      const roots = await presentRoots();
      if (roots.length === 0 || isPresent(roots, certificate)) return undefined;
      if (read() !== undefined) return "the replacement of the CSMS root before this one is not completed";
      return roots.some((root) => isIssuedBy(certificate, root)) ? undefined : "not signed by the present CSMS root";
    },
    async prepare(certificate) {
      if (!isChecked() || isPresent(await presentRoots(), certificate)) return undefined;
      const installed = await hardware.security.installedCertificates(["CSMSRootCertificate"]);
      const old = installed.flatMap(({ use, hash }) =>
        use === "CSMSRootCertificate" && !isNamedBy(certificate, hash) ? [hash] : [],
      );
      if (old.length === 0) return undefined;
      return () =>
        core.unitOfWork.run(() =>
          core.keyValues.set(REPLACEMENT_KEY, { newFingerprint: certificate.fingerprint256, old }),
        );
    },
    takeConnection({ serverChain }) {
      const replacement = read();
      if (replacement === undefined || !serverChain.includes(replacement.newFingerprint)) return;
      removeOld().catch((error: Error) =>
        logger.warn(`The replaced CSMS root could not be deleted, the next connection tries again: ${error.message}`),
      );
    },
  };
}
