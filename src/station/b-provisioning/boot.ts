import type { VariableHandle } from "../../device-model/variable-handle.ts";
import { ChargingStation, InternalCtrlr, OCPPCommCtrlr } from "../../device-model/variables.ts";
import type { Timer } from "../../lib/clock.ts";
import type { Registration } from "../../ocpp/csms-link.ts";
import { OcppError } from "../../ocpp/errors.ts";
import type { BootNotificationRequest, BootNotificationResponse, BootReasonEnumType } from "../../ocpp/v201/index.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";
import { rejectTrigger } from "../registries/triggers.ts";

/** Waiting time when the CSMS leaves it to us, or does not answer at all (B02.FR.07, B03.FR.05). */
const OWN_RETRY_INTERVAL_SECONDS = 30;
const OWN_RETRY_SPREAD_SECONDS = 10;

/**
 * What a CSMS that has not accepted the station yet may ask for: to look, to configure, to trigger (B02.FR.01).
 * GetMonitoringReport is not among it: its NotifyMonitoringReport must not leave before (B02.FR.02).
 */
const ALLOWED_WHILE_PENDING: ReadonlySet<string> = new Set([
  "GetVariables",
  "SetVariables",
  "GetBaseReport",
  "GetReport",
  "TriggerMessage",
  "SetNetworkProfile",
  "InstallCertificate",
  "DeleteCertificate",
  "GetInstalledCertificateIds",
  "CertificateSigned",
  "Reset",
  // Answered Rejected by their handlers (B02.FR.05).
  "RequestStartTransaction",
  "RequestStopTransaction",
]);

const SECURITY_EVENT_OF_REASON: Partial<Record<BootReasonEnumType, string>> = {
  PowerUp: "StartupOfTheDevice",
  FirmwareUpdate: "FirmwareUpdated",
};

/** Field lengths of BootNotificationRequest; a longer name is cut, since a station that does not register is lost. */
const LIMITS = { model: 20, vendorName: 50, serialNumber: 25, firmwareVersion: 50, iccid: 20, imsi: 20 } as const;

/** B01–B03: registration with the CSMS. Registration is kept over reconnections, but not over a profile switch. */
export const boot = declareBlock({
  name: "boot",
  letter: "B",
  needs: ["bootReason", "stationTime", "triggers"],
  provides: ["registration"],
  hears: { "link.connected": "follow-up" },
  create,
});

function create(given: Given<"bootReason" | "stationTime" | "triggers">) {
  const { clock, csms, deviceModel, events, hardware, logger, random } = given;
  const { bootReason, stationTime, triggers } = given;
  let retryTimer: Timer | undefined;
  /** The CSMS named the interval that is running: a reconnection does not shorten it (B02.FR.04). */
  let intervalOfCsms = false;
  let requestInFlight = false;
  let acceptedOnce = false;

  const setRegistration = (registration: Registration): void => {
    csms.registration = registration;
  };

  const field = (name: keyof typeof LIMITS, ...handles: readonly VariableHandle<"string">[]): string | undefined => {
    const value = handles.map((handle) => deviceModel.read(handle)).find((text) => text !== undefined && text !== "");
    if (value !== undefined && value.length > LIMITS[name])
      logger.warn(`${name} "${value}" is cut to ${LIMITS[name]} characters in BootNotification`);
    return value?.slice(0, LIMITS[name]);
  };

  const bootNotification = (reason: BootReasonEnumType): BootNotificationRequest => {
    const serialNumber = field("serialNumber", InternalCtrlr.ChargeBoxSerialNumber);
    const firmwareVersion = field("firmwareVersion", InternalCtrlr.FirmwareVersion);
    const iccid = field("iccid", InternalCtrlr.ICCID);
    const imsi = field("imsi", InternalCtrlr.IMSI);
    return {
      reason, // B01.FR.09
      chargingStation: {
        model: field("model", ChargingStation.Model, InternalCtrlr.ChargePointModel) ?? "unknown",
        vendorName: field("vendorName", ChargingStation.VendorName, InternalCtrlr.ChargePointVendor) ?? "unknown",
        ...(serialNumber !== undefined && { serialNumber }),
        ...(firmwareVersion !== undefined && { firmwareVersion }),
        ...((iccid !== undefined || imsi !== undefined) && {
          modem: { ...(iccid !== undefined && { iccid }), ...(imsi !== undefined && { imsi }) },
        }),
      },
    };
  };

  /** Returns the seconds that it takes: an interval that is none leaves it to us (B02.FR.07). */
  const scheduleRetry = (intervalSeconds: number): number => {
    retryTimer?.cancel();
    intervalOfCsms = intervalSeconds > 0;
    const seconds = intervalOfCsms
      ? intervalSeconds
      : OWN_RETRY_INTERVAL_SECONDS + random.next() * OWN_RETRY_SPREAD_SECONDS;
    retryTimer = clock.after(seconds * 1000, () => {
      retryTimer = undefined;
      if (csms.connected) void send(bootReason.read());
    });
    return seconds;
  };

  const takeHeartbeatInterval = (seconds: number): void => {
    try {
      deviceModel.write(OCPPCommCtrlr.HeartbeatInterval, seconds, "csms"); // B01.FR.04
    } catch (error) {
      logger.error(`The heartbeat interval could not be stored: ${(error as Error).message}`);
    }
  };

  const takeAnswer = (response: BootNotificationResponse): void => {
    const { status, currentTime, interval, statusInfo } = response;
    hardware.observer.bootNotificationResponse({
      status,
      currentTime,
      interval,
      ...(statusInfo !== undefined && { reasonCode: statusInfo.reasonCode }),
    });
    if (status !== "Accepted") {
      setRegistration(status); // The connection stays (B02.FR.06).
      const seconds = scheduleRetry(interval); // B02.FR.08, B03.FR.06
      logger.warn(`CSMS answered BootNotification ${status}; next try after ${Math.round(seconds)} s`);
      return;
    }
    const first = !acceptedOnce;
    acceptedOnce = true;
    if (interval > 0) takeHeartbeatInterval(interval);
    setRegistration("Accepted");
    events.emit("accepted", { first });
  };

  const send = async (reason: BootReasonEnumType): Promise<void> => {
    if (requestInFlight) return;
    requestInFlight = true;
    retryTimer?.cancel();
    retryTimer = undefined;
    const sentAt = clock.monotonicMilliseconds();
    const outcome = await csms.call("BootNotification", bootNotification(reason));
    requestInFlight = false;
    if (outcome.kind === "response") {
      stationTime.synchronize(outcome.response.currentTime, clock.monotonicMilliseconds() - sentAt); // B01.FR.06
      takeAnswer(outcome.response);
    } else if (outcome.kind !== "offline") {
      logger.warn(`BootNotification got no usable answer (${outcome.kind}); it is sent again`);
      scheduleRetry(0);
    }
  };

  /** B01.FR.01, FR.03; after a switch of the profile also when the station was accepted before (B10.FR.10). */
  const onConnected = (switchedProfile: boolean): void => {
    if (switchedProfile) setRegistration("Unregistered");
    else if (csms.registration === "Accepted" || (retryTimer !== undefined && intervalOfCsms)) return;
    void send(bootReason.read());
  };

  csms.admission = (action) => {
    if (csms.registration === "Accepted") return undefined;
    if (csms.registration === "Rejected") return new OcppError("SecurityError", "the station was rejected by the CSMS"); // B03.FR.08
    return ALLOWED_WHILE_PENDING.has(action)
      ? undefined
      : new OcppError("SecurityError", `${action} is not allowed before the BootNotification was accepted`);
  };

  const forget = (): void => {
    retryTimer?.cancel();
    retryTimer = undefined;
    setRegistration("Unregistered");
  };

  triggers.register("BootNotification", () =>
    csms.registration === "Accepted"
      ? rejectTrigger("InvalidMessageSeq", "the station is accepted already") // F06.FR.17
      : () => void send("Triggered"),
  );

  return {
    provides: { registration: { forget } },
    hears: { "link.connected": ({ switchedProfile }: HeardEvents["link.connected"]) => onConnected(switchedProfile) },
    start() {
      const reason = bootReason.read();
      const type = SECURITY_EVENT_OF_REASON[reason] ?? "ResetOrReboot";
      const firmwareVersion = deviceModel.read(InternalCtrlr.FirmwareVersion) ?? "";
      events.emit("securityEvent", {
        type,
        techInfo:
          type === "StartupOfTheDevice"
            ? `Charging Station powered up! Firmware version: ${firmwareVersion}`
            : `Boot reason ${reason}, firmware version ${firmwareVersion}`,
      });
      if (csms.connected) onConnected(false);
    },
    stop: () => retryTimer?.cancel(),
  };
}
