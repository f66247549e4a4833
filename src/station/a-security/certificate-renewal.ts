import { InternalCtrlr, ISO15118Ctrlr, SecurityCtrlr } from "../../device-model/variables.ts";
import { every, type Timer } from "../../lib/clock.ts";
import type { CertificateSignedResponse, CertificateSigningUseEnumType } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";
import { answerOr } from "../model/answer-or.ts";
import { certificateDefect, parseCertificates } from "../model/certificate.ts";
import { inCertificateLane } from "../model/certificate-lane.ts";
import type { LeafCertificateUse } from "../ports.ts";
import { rejectTrigger } from "../registries/triggers.ts";

type Use = CertificateSigningUseEnumType;

const LEAF_USE: Record<Use, LeafCertificateUse> = {
  ChargingStationCertificate: "CSMS",
  V2GCertificate: "V2G",
};
/** A certificate is renewed a month before it expires (A03.FR.02). */
const RENEWAL_DAYS = 30;
const DEFAULT_CHECK_DELAY_SECONDS = 60;
const DEFAULT_CHECK_INTERVAL_SECONDS = 43_200;
/** A wait that doubles again and again stays within this. */
const LONGEST_WAIT_SECONDS = 31_536_000;

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
  const timers: Timer[] = [];

  const subject = (use: Use) => {
    const isStation = use === "ChargingStationCertificate";
    const useTpm = isStation ? InternalCtrlr.UseTPM : InternalCtrlr.UseTPMSeccLeafCertificate;
    return {
      commonName: deviceModel.read(isStation ? InternalCtrlr.ChargeBoxSerialNumber : ISO15118Ctrlr.SeccId) || "",
      organization:
        (!isStation && deviceModel.read(ISO15118Ctrlr.OrganizationName)) ||
        deviceModel.read(SecurityCtrlr.OrganizationName) ||
        "",
      country: deviceModel.read(ISO15118Ctrlr.CountryName) || "",
      useTpm: deviceModel.read(useTpm) === true,
    };
  };

  const stopWaiting = (use: Use): void => {
    waiting.get(use)?.cancel();
    waiting.delete(use);
  };

  /** How often the wait may double: CertSigningRepeatTimes counts the increments, not the requests. */
  const incrementLimit = (): number => Math.max(0, deviceModel.read(SecurityCtrlr.CertSigningRepeatTimes) ?? 0);

  /** CertSigningWaitMinimum, doubled with each repetition but the first (A02.FR.17, FR.18, A03.FR.17, FR.18). */
  const waitFor = (use: Use, repetition: number, next: () => void): void => {
    stopWaiting(use);
    const minimum = Math.max(1, deviceModel.read(SecurityCtrlr.CertSigningWaitMinimum) ?? 1);
    const seconds = Math.min(minimum * 2 ** Math.min(repetition, incrementLimit()), LONGEST_WAIT_SECONDS);
    waiting.set(use, clock.after(seconds * 1000, next));
  };

  /**
   * Asked for again after the first wait and after each that was doubled, then no more (A02.FR.19, A03.FR.19). No
   * increments at all switch the repetition off.
   */
  const awaitSigned = (use: Use, repetition: number): void => {
    const isLast = incrementLimit() === 0 || repetition > incrementLimit();
    const giveUp = (): void => {
      waiting.delete(use);
      givenUp.add(use);
      logger.warn(`No signed ${use} has come; it is asked for again when the CSMS wants it`);
    };
    waitFor(use, repetition, () => (isLast ? giveUp() : void sign(use, repetition + 1)));
  };

  const generateRequest = async (use: Use): Promise<string | undefined> => {
    const { commonName, organization, country, useTpm } = subject(use);
    // Whether a country is needed is for the hardware side to say.
    const missing = Object.entries({ commonName, organization }).flatMap(([name, value]) =>
      value === "" ? [name] : [],
    );
    const request =
      missing.length > 0
        ? { failure: `the subject of the certificate lacks ${missing.join(", ")}` }
        : await hardware.security
            .generateSigningRequest(LEAF_USE[use], { commonName, organization, country, useTpm }) // A02.FR.02, A03.FR.02
            .catch((error: Error) => ({ failure: error.message }));
    if (!("failure" in request)) return request.csr;
    logger.error(`No certificate signing request for ${use}: ${request.failure}`);
    events.emit("securityEvent", { type: "CSRGenerationFailed", techInfo: `${use}: ${request.failure}` });
    return undefined;
  };

  const sign = async (use: Use, repetition = 0, beforeAccepted = false): Promise<void> => {
    stopWaiting(use);
    if (!csms.connected) return waitFor(use, repetition, () => void sign(use, repetition));
    const csr = await generateRequest(use);
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

  const checkExpiry = async (use: Use): Promise<void> => {
    if (csms.registration !== "Accepted" || waiting.has(use) || givenUp.has(use)) return;
    const question = hardware.security.leafExpiryDays(LEAF_USE[use]);
    const days = await answerOr(logger, `How long the ${use} is valid is not known`, question, undefined);
    if (days !== undefined && days < RENEWAL_DAYS) void sign(use); // A03.FR.02
  };

  const watchExpiry = (
    use: Use,
    wanted: () => boolean,
    delaySeconds = DEFAULT_CHECK_DELAY_SECONDS,
    intervalSeconds = DEFAULT_CHECK_INTERVAL_SECONDS,
  ): void => {
    const checkIfWanted = (): void => {
      if (wanted()) void checkExpiry(use);
    };
    timers.push(clock.after(delaySeconds * 1000, checkIfWanted), every(clock, intervalSeconds * 1000, checkIfWanted));
  };

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

  const watchAll = ({ first }: HeardEvents["station.accepted"]): void => {
    if (!first) return;
    watchExpiry(
      "ChargingStationCertificate",
      () => deviceModel.read(SecurityCtrlr.SecurityProfile) === 3,
      deviceModel.read(InternalCtrlr.ClientCertificateExpireCheckInitialDelaySeconds),
      deviceModel.read(InternalCtrlr.ClientCertificateExpireCheckIntervalSeconds),
    );
    watchExpiry(
      "V2GCertificate",
      () => deviceModel.read(ISO15118Ctrlr.V2GCertificateInstallationEnabled) === true,
      deviceModel.read(InternalCtrlr.V2GCertificateExpireCheckInitialDelaySeconds),
      deviceModel.read(InternalCtrlr.V2GCertificateExpireCheckIntervalSeconds),
    );
  };

  return {
    hears: { "station.accepted": watchAll },
    stop() {
      for (const timer of [...timers.splice(0), ...waiting.values()]) timer.cancel();
    },
  };
}
