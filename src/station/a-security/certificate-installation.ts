import { dirname } from "node:path";
import type { StationContext } from "../context.ts";
import { answerOr } from "../model/answer-or.ts";
import { certificateHashAmong, chainDefect, fingerprint, parseCertificates } from "../model/certificate.ts";
import type { ClientCertificateService } from "../services.ts";
import { LEAF_USE, type Target, type Use, usesOf } from "./signing-request.ts";

export interface CertificateInstallation {
  /** Why the signed certificate does not serve; undefined when it is in place. */
  install(target: Target, certificateChain: string): Promise<string | undefined>;
  /** Does the hardware side keep leaf certificates of both uses in one place, so that one key can serve both? */
  canCombine(): Promise<boolean>;
}

/** Puts signed certificates into the hardware side's store, which checks their hierarchy and their key (A02.FR.06, A03.FR.06). */
export function createCertificateInstallation(
  context: StationContext,
  clientCertificate: ClientCertificateService,
): CertificateInstallation {
  const { clock, hardware, logger } = context;

  const put = async (use: Use, certificateChain: string): Promise<string | undefined> => {
    const undo = use === "ChargingStationCertificate" ? await clientCertificate.prepareFor(certificateChain) : () => {};
    try {
      const { accepted, reason } = await hardware.security.updateLeafCertificate(certificateChain, LEAF_USE[use]);
      if (accepted) return undefined;
      undo();
      return reason ?? "refused by the hardware side";
    } catch (error) {
      // It may be installed all the same: the present one stays at hand, which does no harm otherwise.
      return (error as Error).message;
    }
  };

  /** Both uses or none; what takes too long for an answer is carried out all the same. */
  const putForBoth = async (certificateChain: string): Promise<string | undefined> => {
    const present = await hardware.security.leafCertificateFiles("V2G");
    const isNew = present?.chainPem === undefined || fingerprint(present.chainPem) !== fingerprint(certificateChain);
    for (const use of usesOf("Combined")) {
      const defect = await put(use, certificateChain);
      if (defect === undefined) continue;
      if (isNew) await discard(certificateChain);
      return `${use}: ${defect}`;
    }
    return undefined;
  };

  /** A02.FR.07, A03.FR.07. */
  const discard = async (certificateChain: string): Promise<void> => {
    const [leaf, ...chain] = parseCertificates(certificateChain);
    const hash = leaf && certificateHashAmong(leaf, chain);
    if (hash === undefined) return;
    const question = hardware.security.deleteCertificate(hash);
    const status = await answerOr(logger, "A refused certificate could not be taken back", question, "Failed");
    logger.info(`The refused certificate ${hash.serialNumber} is discarded: ${status}`);
  };

  /**
   * Of several V2G certificates of one root the hardware side uses the newest, and the present one until then (A02.FR.15,
   * A03.FR.15): what it makes of a new one is told.
   */
  const tellV2gUse = async (certificateChain: string): Promise<void> => {
    const question = hardware.security.newestLeaves("V2G");
    const inUse = await answerOr(logger, "Which V2G certificate is in use is not known", question, undefined);
    const [leaf] = parseCertificates(certificateChain);
    if (inUse === undefined || leaf === undefined) return;
    const isUsed = inUse.some(
      ({ chainPem }) => chainPem !== undefined && fingerprint(chainPem) === leaf.fingerprint256,
    );
    if (isUsed) logger.info(`The new V2G certificate ${leaf.serialNumber} is in use`);
    else logger.warn(`The new V2G certificate ${leaf.serialNumber} is not the newest of its root, so it is not in use`);
  };

  return {
    async install(target, certificateChain) {
      const objection = chainDefect(parseCertificates(certificateChain), clock.now());
      if (objection !== undefined) return objection;
      const defect = target === "Combined" ? await putForBoth(certificateChain) : await put(target, certificateChain);
      if (defect === undefined && target !== "ChargingStationCertificate") void tellV2gUse(certificateChain);
      return defect;
    },
    async canCombine() {
      const files = ["CSMS", "V2G"] as const;
      const questions = files.map((use) => hardware.security.leafCertificateFiles(use));
      const none: readonly undefined[] = [];
      const found = await answerOr(logger, "Where certificates are kept is not known", Promise.all(questions), none);
      const [csms, v2g] = found.map((one) => (one === undefined ? undefined : dirname(one.keyPath)));
      return csms !== undefined && csms === v2g;
    },
  };
}
