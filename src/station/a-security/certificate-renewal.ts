import { ISO15118Ctrlr, SecurityCtrlr } from "../../device-model/variables.ts";
import type { Timer } from "../../lib/clock.ts";
import type { CertificateSignedResponse } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";
import { certificateDefect, parseCertificates } from "../model/certificate.ts";
import { inCertificateLane } from "../model/certificate-lane.ts";
import { rejectTrigger } from "../registries/triggers.ts";
import { createExpiryWatch } from "./expiry-watch.ts";
import {
  generateSigningRequest,
  isLastRepetition,
  LEAF_USE,
  readPatience,
  type Use,
  waitSeconds,
} from "./signing-request.ts";

/** A02 and A03 with errata 2.9: new certificates for the station and for ISO 15118. */
export const certificateRenewal = declareBlock({
  name: "certificate-renewal",
  letter: "A",
  needs: ["clientCertificate", "triggers"],
  hears: { "station.accepted": "follow-up" },
  create,
});

function create(given: Given<"clientCertificate" | "triggers">) {
  const { clock, csms, deviceModel, events, hardware, logger } = given;
  const { clientCertificate, triggers } = given;
  const waiting = new Map<Use, Timer>();
  /** Not asked for again before the CSMS wants it (A02.FR.19, FR.20, A03.FR.19). */
  const givenUp = new Set<Use>();
  const expiry = createExpiryWatch(
    given,
    (use) => csms.registration === "Accepted" && !waiting.has(use) && !givenUp.has(use),
    (use) => void sign(use),
  );

  const stopWaiting = (use: Use): void => {
    waiting.get(use)?.cancel();
    waiting.delete(use);
  };

  const waitFor = (use: Use, repetition: number, next: () => void): void => {
    stopWaiting(use);
    waiting.set(use, clock.after(waitSeconds(readPatience(given), repetition) * 1000, next));
  };

  const awaitSigned = (use: Use, repetition: number): void => {
    const isLast = isLastRepetition(readPatience(given), repetition);
    const giveUp = (): void => {
      waiting.delete(use);
      givenUp.add(use);
      logger.warn(`No signed ${use} has come; it is asked for again when the CSMS wants it`);
    };
    waitFor(use, repetition, () => (isLast ? giveUp() : void sign(use, repetition + 1)));
  };

  const sign = async (use: Use, repetition = 0, beforeAccepted = false): Promise<void> => {
    stopWaiting(use);
    if (!csms.connected) return waitFor(use, repetition, () => void sign(use, repetition));
    const csr = await generateSigningRequest(given, use);
    if (csr === undefined) return;
    const outcome = await csms.call("SignCertificate", { csr, certificateType: use }, { beforeAccepted }); // A02.FR.03, FR.13, A03.FR.03, FR.13
    if (outcome.kind !== "response" || outcome.response.status === "Accepted") return awaitSigned(use, repetition);
    logger.warn(`The CSMS does not have a ${use} signed`);
    // A02.FR.21: kept in memory only, so until the next boot.
    if (use === "V2GCertificate") deviceModel.write(ISO15118Ctrlr.PnCEnabled, false, "internal", true);
  };

  /** Why a signed certificate is not even shown to the hardware side, which checks its hierarchy and its key (A02.FR.06, A03.FR.06). */
  const ownObjection = (certificateChain: string): string | undefined => {
    const [leaf] = parseCertificates(certificateChain);
    // What cannot be read here is left to the hardware side.
    return leaf === undefined ? undefined : certificateDefect(leaf, clock.now());
  };

  const install = async (use: Use, certificateChain: string): Promise<string | undefined> => {
    const objection = ownObjection(certificateChain);
    if (objection !== undefined) return objection;
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

  const refusal = (additionalInfo: string): CertificateSignedResponse => ({
    status: "Rejected",
    statusInfo: { reasonCode: "InvalidCertificate", additionalInfo: additionalInfo.slice(0, 512) },
  });

  csms.handle(
    "CertificateSigned",
    async ({ certificateChain, certificateType: use = "ChargingStationCertificate" }) => {
      stopWaiting(use);
      givenUp.add(use); // A02.FR.20
      const limit = deviceModel.read(SecurityCtrlr.MaxCertificateChainSize);
      if (limit !== undefined && limit > 0 && certificateChain.length > limit)
        return { response: refusal(`the chain is longer than ${limit} characters`) }; // A02.FR.16, A03.FR.16
      const defect = await install(use, certificateChain);
      if (defect !== undefined) {
        events.emit("securityEvent", { type: "InvalidChargingStationCertificate", techInfo: `${use}: ${defect}` });
        return { response: refusal(defect) }; // A02.FR.07, A03.FR.07
      }
      givenUp.delete(use);
      events.emit("securityEvent", { type: "ReconfigurationOfSecurityParameters", techInfo: `New ${use}` });
      const isPresented = use === "ChargingStationCertificate" && deviceModel.read(SecurityCtrlr.SecurityProfile) === 3;
      return {
        response: { status: "Accepted" },
        ...(isPresented && { afterResponse: () => csms.reconnect("a new client certificate") }), // A02.FR.08, A03.FR.08
      };
    },
    inCertificateLane,
  );

  const signOnRequest = (use: Use): void => {
    givenUp.delete(use);
    void sign(use, 0, true); // A02.FR.02
  };
  triggers.register("SignChargingStationCertificate", () => () => signOnRequest("ChargingStationCertificate"));
  triggers.register("SignV2GCertificate", () =>
    deviceModel.read(ISO15118Ctrlr.V2GCertificateInstallationEnabled) === true
      ? () => signOnRequest("V2GCertificate")
      : rejectTrigger("NotEnabled", "V2GCertificateInstallationEnabled is false"),
  );

  return {
    hears: {
      "station.accepted": ({ first }: HeardEvents["station.accepted"]) => {
        if (first) expiry.begin();
      },
    },
    stop() {
      expiry.stop();
      for (const timer of waiting.values()) timer.cancel();
    },
  };
}
