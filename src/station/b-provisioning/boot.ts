import { ChargingStation, InternalCtrlr, OCPPCommCtrlr } from "../../device-model/variables.ts";
import type { Timer } from "../../lib/clock.ts";
import { OcppError } from "../../ocpp/errors.ts";
import type { BootNotificationRequest, BootNotificationResponse, BootReasonEnumType } from "../../ocpp/v201/index.ts";
import type { Block, StationContext } from "../context.ts";

/** Waiting time when the CSMS leaves it to us, or does not answer at all (B02.FR.07, B03.FR.05). */
const OWN_RETRY_INTERVAL_SECONDS = 30;
const OWN_RETRY_SPREAD_SECONDS = 10;

/** What a CSMS that has not accepted the station yet may ask for: to look, to configure, to trigger (B02.FR.01). */
const ALLOWED_WHILE_PENDING: ReadonlySet<string> = new Set([
  "GetVariables",
  "SetVariables",
  "GetBaseReport",
  "GetReport",
  "TriggerMessage",
  "SetNetworkProfile",
  "GetMonitoringReport",
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

/** B01–B03: registration with the CSMS. Registration is kept over reconnections, but not over a profile switch. */
export function createBootBlock(context: StationContext): Block {
  const { clock, csms, deviceModel, events, hardware, logger, random, settings } = context;
  let retryTimer: Timer | undefined;
  let requestInFlight = false;
  let acceptedOnce = false;
  const unsubscribes: (() => void)[] = [];

  const setRegistration = (registration: "Unregistered" | "Accepted" | "Pending" | "Rejected"): void => {
    csms.registration = registration;
    events.emit("registrationChanged", { registration });
  };

  const bootNotification = (reason: BootReasonEnumType): BootNotificationRequest => {
    const serialNumber = deviceModel.read(InternalCtrlr.ChargeBoxSerialNumber) || undefined;
    const firmwareVersion = deviceModel.read(InternalCtrlr.FirmwareVersion) || undefined;
    const iccid = deviceModel.read(InternalCtrlr.ICCID) || undefined;
    const imsi = deviceModel.read(InternalCtrlr.IMSI) || undefined;
    return {
      reason,
      chargingStation: {
        model: deviceModel.read(ChargingStation.Model) || deviceModel.read(InternalCtrlr.ChargePointModel) || "unknown",
        vendorName:
          deviceModel.read(ChargingStation.VendorName) ||
          deviceModel.read(InternalCtrlr.ChargePointVendor) ||
          "unknown",
        ...(serialNumber !== undefined && { serialNumber }),
        ...(firmwareVersion !== undefined && { firmwareVersion }),
        ...((iccid !== undefined || imsi !== undefined) && {
          modem: { ...(iccid !== undefined && { iccid }), ...(imsi !== undefined && { imsi }) },
        }),
      },
    };
  };

  const scheduleRetry = (intervalSeconds: number): void => {
    retryTimer?.cancel();
    const seconds =
      intervalSeconds > 0 ? intervalSeconds : OWN_RETRY_INTERVAL_SECONDS + random.next() * OWN_RETRY_SPREAD_SECONDS;
    retryTimer = clock.after(seconds * 1000, () => {
      retryTimer = undefined;
      if (csms.connected) void send(settings.bootReason);
    });
  };

  const takeAnswer = (response: BootNotificationResponse): void => {
    hardware.observer.bootNotificationResponse({
      status: response.status,
      currentTime: response.currentTime,
      interval: response.interval,
      ...(response.statusInfo !== undefined && { reasonCode: response.statusInfo.reasonCode }),
    });
    if (response.status !== "Accepted") {
      logger.warn(`CSMS answered BootNotification ${response.status}; next try after ${response.interval} s`);
      setRegistration(response.status);
      scheduleRetry(response.interval); // B02.FR.08, B03.FR.06
      return;
    }
    const first = !acceptedOnce;
    acceptedOnce = true;
    if (response.interval > 0) deviceModel.write(OCPPCommCtrlr.HeartbeatInterval, response.interval, "csms"); // B01.FR.04
    setRegistration("Accepted");
    events.emit("accepted", { first });
  };

  const send = async (reason: BootReasonEnumType): Promise<void> => {
    if (requestInFlight) return;
    requestInFlight = true;
    retryTimer?.cancel();
    retryTimer = undefined;
    const sentAt = clock.monotonicMilliseconds();
    const outcome = await csms.call("BootNotification", bootNotification(reason), { beforeAccepted: true });
    requestInFlight = false;
    if (outcome.kind === "response") {
      const { synchronizeClock } = context.services;
      synchronizeClock?.(outcome.response.currentTime, clock.monotonicMilliseconds() - sentAt); // B01.FR.06
      takeAnswer(outcome.response);
    } else if (outcome.kind !== "offline") {
      logger.warn(`BootNotification got no usable answer (${outcome.kind}); it is sent again`);
      scheduleRetry(0);
    }
  };

  const onConnected = (switchedProfile: boolean): void => {
    if (switchedProfile && csms.registration === "Accepted") setRegistration("Unregistered"); // B10.FR.10
    if (csms.registration === "Accepted") return;
    // B02.FR.04: a reconnection does not shorten the interval that the CSMS asked for.
    if (retryTimer !== undefined && !switchedProfile) return;
    void send(settings.bootReason);
  };

  csms.admission = (action) => {
    if (csms.registration === "Accepted") return undefined;
    if (csms.registration === "Rejected") return new OcppError("SecurityError", "the station was rejected by the CSMS"); // B03.FR.08
    return ALLOWED_WHILE_PENDING.has(action)
      ? undefined
      : new OcppError("SecurityError", `${action} is not allowed before the BootNotification was accepted`);
  };

  context.services.triggerBootNotification = () => void send("Triggered");

  return {
    name: "boot",
    start() {
      unsubscribes.push(csms.events.on("connected", ({ switchedProfile }) => onConnected(switchedProfile)));
      const type = SECURITY_EVENT_OF_REASON[settings.bootReason] ?? "ResetOrReboot";
      const firmwareVersion = deviceModel.read(InternalCtrlr.FirmwareVersion) ?? "";
      events.emit("securityEvent", {
        type,
        techInfo:
          type === "StartupOfTheDevice"
            ? `Charging Station powered up! Firmware version: ${firmwareVersion}`
            : `Boot reason ${settings.bootReason}, firmware version ${firmwareVersion}`,
      });
      if (csms.connected) onConnected(false);
    },
    stop() {
      retryTimer?.cancel();
      for (const unsubscribe of unsubscribes.splice(0)) unsubscribe();
    },
  };
}
