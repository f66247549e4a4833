import { ClockCtrlr } from "../../device-model/variables.ts";
import type { Block, StationContext } from "../context.ts";

/** A correction above this is worth a security event when the device model names no threshold. */
const REPORTING_THRESHOLD_SECONDS = 20;

/** B01.FR.06, G02.FR.06: the CSMS's time is taken when ClockCtrlr.TimeSource names the Heartbeat. */
export function createClockSynchronizationBlock(context: StationContext): Block {
  const { clock, deviceModel, events, hardware, logger } = context;

  context.services.synchronizeClock = (currentTime, roundTripMilliseconds) => {
    if (!(deviceModel.read(ClockCtrlr.TimeSource) ?? []).includes("Heartbeat")) return;
    // The CSMS read its clock somewhere in between; half the round trip is the best guess.
    const time = new Date(Date.parse(currentTime) + roundTripMilliseconds / 2);
    if (Number.isNaN(time.getTime())) return;
    const deviationSeconds = (time.getTime() - clock.now().getTime()) / 1000;
    const threshold = deviceModel.read(ClockCtrlr.TimeAdjustmentReportingThreshold) ?? REPORTING_THRESHOLD_SECONDS;
    hardware.system.setSystemTime(time).then(
      (changed) => {
        if (changed && Math.abs(deviationSeconds) > threshold) {
          events.emit("securityEvent", {
            type: "SettingSystemTime",
            techInfo: `Clock corrected by ${deviationSeconds.toFixed(3)} s`,
          });
        }
      },
      (error: Error) => logger.warn(`The system time could not be set: ${error.message}`),
    );
  };

  return { name: "clock-synchronization", start() {}, stop() {} };
}
