import { InternalCtrlr, ISO15118Ctrlr, SecurityCtrlr } from "../../device-model/variables.ts";
import { every, type Timer } from "../../lib/clock.ts";
import type { StationContext } from "../context.ts";
import { answerOr } from "../model/answer-or.ts";
import { LEAF_USE, type Use } from "./signing-request.ts";

/** A certificate is renewed a month before it expires (A03.FR.02). */
const RENEWAL_DAYS = 30;
const DEFAULT_CHECK_DELAY_SECONDS = 60;
const DEFAULT_CHECK_INTERVAL_SECONDS = 43_200;

export interface ExpiryWatch {
  begin(): void;
  stop(): void;
}

/** Looks from time to time whether a certificate that is in use expires soon. */
export function createExpiryWatch(
  { clock, deviceModel, hardware, logger }: StationContext,
  mayRenew: (use: Use) => boolean,
  renew: (use: Use) => void,
): ExpiryWatch {
  const timers: Timer[] = [];

  const check = async (use: Use): Promise<void> => {
    if (!mayRenew(use)) return;
    const question = hardware.security.leafExpiryDays(LEAF_USE[use]);
    const days = await answerOr(logger, `How long the ${use} is valid is not known`, question, undefined);
    if (days !== undefined && days < RENEWAL_DAYS) renew(use);
  };

  const watch = (
    use: Use,
    isInUse: () => boolean,
    delaySeconds = DEFAULT_CHECK_DELAY_SECONDS,
    intervalSeconds = DEFAULT_CHECK_INTERVAL_SECONDS,
  ): void => {
    const checkIfInUse = (): void => {
      if (isInUse()) void check(use);
    };
    timers.push(clock.after(delaySeconds * 1000, checkIfInUse), every(clock, intervalSeconds * 1000, checkIfInUse));
  };

  return {
    begin() {
      watch(
        "ChargingStationCertificate",
        () => deviceModel.read(SecurityCtrlr.SecurityProfile) === 3,
        deviceModel.read(InternalCtrlr.ClientCertificateExpireCheckInitialDelaySeconds),
        deviceModel.read(InternalCtrlr.ClientCertificateExpireCheckIntervalSeconds),
      );
      watch(
        "V2GCertificate",
        () => deviceModel.read(ISO15118Ctrlr.V2GCertificateInstallationEnabled) === true,
        deviceModel.read(InternalCtrlr.V2GCertificateExpireCheckInitialDelaySeconds),
        deviceModel.read(InternalCtrlr.V2GCertificateExpireCheckIntervalSeconds),
      );
    },
    stop() {
      for (const timer of timers.splice(0)) timer.cancel();
    },
  };
}
