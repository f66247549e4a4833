import { X509Certificate } from "node:crypto";
import { InternalCtrlr, ISO15118Ctrlr, SecurityCtrlr } from "../../device-model/variables.ts";
import { every, type Timer } from "../../lib/clock.ts";
import type { CertificateSigningUseEnumType } from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";
import type { LeafCertificateUse } from "../ports.ts";

const LEAF_USE: Record<CertificateSigningUseEnumType, LeafCertificateUse> = {
  ChargingStationCertificate: "CSMS",
  V2GCertificate: "V2G",
};
/** A certificate is renewed a month before it expires (A03.FR.02). */
const RENEWAL_DAYS = 30;
const SHORTEST_WAIT_SECONDS = 10;
const DEFAULT_CHECK_DELAY_SECONDS = 60;
const DEFAULT_CHECK_INTERVAL_SECONDS = 43_200;
/** The CertificateSignedResponse leaves before the connection is changed (A02.FR.08). */
const RECONNECT_DELAY_MILLISECONDS = 100;

/** A02 and A03 with errata 2.9: new certificates for the station and for ISO 15118. */
export function createCertificateRenewalBlock(context: StationContext): Block {
  const { clock, csms, deviceModel, events, hardware, logger, services } = context;
  const waiting = new Map<CertificateSigningUseEnumType, Timer>();
  const timers: Timer[] = [];
  const unsubscribes: (() => void)[] = [];

  const subject = (type: CertificateSigningUseEnumType) => {
    const isStation = type === "ChargingStationCertificate";
    const commonName = isStation
      ? deviceModel.read(InternalCtrlr.ChargeBoxSerialNumber)
      : deviceModel.read(ISO15118Ctrlr.SeccId);
    const organization = isStation
      ? deviceModel.read(SecurityCtrlr.OrganizationName)
      : deviceModel.read(ISO15118Ctrlr.OrganizationName);
    const country = deviceModel.read(ISO15118Ctrlr.CountryName);
    return {
      commonName: commonName || "",
      organization: organization || "",
      country: country || "",
      useTpm: deviceModel.read(InternalCtrlr.UseTPM) === true,
    };
  };

  const stopWaiting = (type: CertificateSigningUseEnumType): void => {
    waiting.get(type)?.cancel();
    waiting.delete(type);
  };

  /** A02.FR.17–19: again after CertSigningWaitMinimum, doubled each time, CertSigningRepeatTimes times. */
  const awaitSigned = (type: CertificateSigningUseEnumType, repetition: number): void => {
    stopWaiting(type);
    if (repetition >= (deviceModel.read(SecurityCtrlr.CertSigningRepeatTimes) ?? 0)) return;
    const seconds =
      Math.max(SHORTEST_WAIT_SECONDS, deviceModel.read(SecurityCtrlr.CertSigningWaitMinimum) ?? 0) * 2 ** repetition;
    waiting.set(
      type,
      clock.after(seconds * 1000, () => void sign(type, repetition + 1)),
    );
  };

  const sign = async (type: CertificateSigningUseEnumType, repetition = 0, beforeAccepted = false): Promise<void> => {
    const request = await hardware.security
      .generateSigningRequest(LEAF_USE[type], subject(type))
      .catch((error: Error) => ({ failure: error.message }));
    if ("failure" in request) {
      logger.error(`No certificate signing request for ${type}: ${request.failure}`);
      events.emit("securityEvent", { type: "CSRGenerationFailed", techInfo: request.failure });
      return;
    }
    const outcome = await csms.call("SignCertificate", { csr: request.csr, certificateType: type }, { beforeAccepted }); // A02.FR.03, FR.13
    if (outcome.kind === "response" && outcome.response.status === "Accepted") awaitSigned(type, repetition);
    else logger.warn(`SignCertificate for ${type} was not accepted (${outcome.kind})`);
  };

  csms.handle("CertificateSigned", async ({ certificateChain, certificateType = "ChargingStationCertificate" }) => {
    const limit = deviceModel.read(SecurityCtrlr.MaxCertificateChainSize);
    if (limit !== undefined && limit > 0 && certificateChain.length > limit)
      return {
        response: {
          status: "Rejected",
          statusInfo: { reasonCode: "InvalidCertificate", additionalInfo: "the chain is too long" },
        },
      }; // A02.FR.16
    stopWaiting(certificateType); // A02.FR.20: a refused certificate is not asked for again
    const result = isNotYetValid(certificateChain)
      ? { accepted: false, reason: "not yet valid" }
      : await hardware.security
          .updateLeafCertificate(certificateChain, LEAF_USE[certificateType])
          .catch((error: Error) => ({ accepted: false, reason: error.message }));
    if (!result.accepted) {
      events.emit("securityEvent", {
        type: "InvalidChargingStationCertificate",
        ...("reason" in result && result.reason !== undefined && { techInfo: result.reason }),
      });
      return { response: { status: "Rejected" } }; // A02.FR.07
    }
    const usesIt =
      certificateType === "ChargingStationCertificate" && deviceModel.read(SecurityCtrlr.SecurityProfile) === 3;
    return {
      response: { status: "Accepted" },
      afterResponse: () => {
        events.emit("securityEvent", {
          type: "ReconfigurationOfSecurityParameters",
          techInfo: `New ${certificateType}`,
        });
        if (usesIt) clock.after(RECONNECT_DELAY_MILLISECONDS, () => csms.reconnect("a new client certificate")); // A02.FR.08
      },
    };
  });

  /** Errata A02.FR.06: the validity of the leaf must hold now; what cannot be read is left to the hardware side. */
  const isNotYetValid = (certificateChain: string): boolean => {
    try {
      return Date.parse(new X509Certificate(certificateChain).validFrom) > clock.now().getTime();
    } catch {
      return false;
    }
  };

  const checkExpiry = async (type: CertificateSigningUseEnumType): Promise<void> => {
    const days = await hardware.security.leafExpiryDays(LEAF_USE[type]).catch(() => undefined);
    if (days !== undefined && days < RENEWAL_DAYS && csms.registration === "Accepted" && !waiting.has(type))
      void sign(type); // A03.FR.02
  };

  const watchExpiry = (
    type: CertificateSigningUseEnumType,
    wanted: () => boolean,
    delaySeconds: number,
    intervalSeconds: number,
  ): void => {
    const checkIfWanted = (): void => {
      if (wanted()) void checkExpiry(type);
    };
    timers.push(clock.after(delaySeconds * 1000, checkIfWanted), every(clock, intervalSeconds * 1000, checkIfWanted));
  };

  services.triggerSignCertificate = (type) => {
    stopWaiting(type);
    void sign(type, 0, true); // A02.FR.02
  };

  return {
    name: "certificate-renewal",
    start() {
      unsubscribes.push(
        events.on("accepted", ({ first }) => {
          if (!first) return;
          watchExpiry(
            "ChargingStationCertificate",
            () => deviceModel.read(SecurityCtrlr.SecurityProfile) === 3,
            deviceModel.read(InternalCtrlr.ClientCertificateExpireCheckInitialDelaySeconds) ??
              DEFAULT_CHECK_DELAY_SECONDS,
            deviceModel.read(InternalCtrlr.ClientCertificateExpireCheckIntervalSeconds) ??
              DEFAULT_CHECK_INTERVAL_SECONDS,
          );
          watchExpiry(
            "V2GCertificate",
            () => deviceModel.read(ISO15118Ctrlr.V2GCertificateInstallationEnabled) === true,
            deviceModel.read(InternalCtrlr.V2GCertificateExpireCheckInitialDelaySeconds) ?? DEFAULT_CHECK_DELAY_SECONDS,
            deviceModel.read(InternalCtrlr.V2GCertificateExpireCheckIntervalSeconds) ?? DEFAULT_CHECK_INTERVAL_SECONDS,
          );
        }),
      );
    },
    stop() {
      for (const timer of [...timers.splice(0), ...waiting.values()]) timer.cancel();
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
    },
  };
}
