import { InternalCtrlr, ISO15118Ctrlr, SecurityCtrlr } from "../../device-model/variables.ts";
import { every, type Timer } from "../../lib/clock.ts";
import type { StationContext } from "../context.ts";
import { answerOr } from "../model/answer-or.ts";
import { fingerprint, parseCertificates } from "../model/certificate.ts";
import { LEAF_USE, type Target, type Use } from "./signing-request.ts";

/** A certificate is renewed a month before it expires (A03.FR.02). */
const RENEWAL_DAYS = 30;
const DEFAULT_CHECK_DELAY_SECONDS = 60;
const DEFAULT_CHECK_INTERVAL_SECONDS = 43_200;
const DAY_MILLISECONDS = 24 * 3_600_000;

export interface ExpiryWatch {
  begin(): void;
  stop(): void;
}

/** Looks from time to time whether a certificate that is in use expires soon. */
export function createExpiryWatch(
  { clock, deviceModel, hardware, logger }: StationContext,
  mayRenew: (target: Target) => boolean,
  renew: (target: Target) => void,
): ExpiryWatch {
  const timers: Timer[] = [];
  /** V2G certificates for whose sake this run has asked: the CSMS may have left their root. */
  const renewed = new Set<string>();

  /** The station may have an SECC certificate for each of several V2G roots; one request is made for each that expires. */
  const expiringBesideNewest = async (): Promise<string | undefined> => {
    const question = hardware.security.newestLeaves("V2G");
    const [, ...others] = await answerOr(logger, "The V2G certificates are not known", question, []);
    return others
      .flatMap(({ chainPem = "" }) => parseCertificates(chainPem).slice(0, 1))
      .filter(({ validTo }) => Date.parse(validTo) - clock.now().getTime() < RENEWAL_DAYS * DAY_MILLISECONDS)
      .map(({ fingerprint256 }) => fingerprint256)
      .find((name) => !renewed.has(name));
  };

  /** One certificate for both uses is renewed for both. */
  const targetOf = async (use: Use): Promise<Target> => {
    if (deviceModel.read(ISO15118Ctrlr.V2GCertificateInstallationEnabled) !== true) return use;
    const questions = (["CSMS", "V2G"] as const).map((one) => hardware.security.leafCertificateFiles(one));
    const [csms, v2g] = await answerOr(logger, "The leaf certificates are not known", Promise.all(questions), []);
    if (csms?.chainPem === undefined || v2g?.chainPem === undefined) return use;
    return fingerprint(csms.chainPem) === fingerprint(v2g.chainPem) ? "Combined" : use;
  };

  const check = async (use: Use): Promise<void> => {
    const question = hardware.security.leafExpiryDays(LEAF_USE[use]);
    const days = await answerOr(logger, `How long the ${use} is valid is not known`, question, undefined);
    const isExpiring = days !== undefined && days < RENEWAL_DAYS;
    const other = isExpiring || use !== "V2GCertificate" ? undefined : await expiringBesideNewest();
    if (!isExpiring && other === undefined) return;
    const target = await targetOf(use);
    if (!mayRenew(target)) return;
    if (other !== undefined) renewed.add(other);
    renew(target);
  };

  const watch = (
    use: Use,
    isInUse: () => boolean,
    delaySeconds = DEFAULT_CHECK_DELAY_SECONDS,
    intervalSeconds = DEFAULT_CHECK_INTERVAL_SECONDS,
  ): void => {
    const checkIfInUse = (): void => {
      if (isInUse() && mayRenew(use)) void check(use);
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
