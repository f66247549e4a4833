import { ClockCtrlr } from "../../device-model/variables.ts";
import { every, type Timer } from "../../lib/clock.ts";
import type { Validity } from "../../ocpp/websocket.ts";
import { declareBlock, type Given, type HeardEvents } from "../block.ts";

/** A correction above this is worth a security event when the device model names no threshold. */
const REPORTING_THRESHOLD_SECONDS = 20;
/** A source that TimeSource names before Heartbeat is believed until the clock is off by more than this. */
const FALLBACK_DEVIATION_SECONDS = 2;

/** How often the wall clock is compared with the one that never jumps, to notice that somebody else has set it. */
const JUMP_CHECK_MILLISECONDS = 10_000;

/** Nothing that this program meets is later. */
const LATEST_TIME = new Date("2099-12-31T23:59:59.999Z");

/** A time without fraction of a second stands for the whole second that it begins. */
function isWholeSecond(time: string): boolean {
  return !time.includes(".");
}

/**
 * B01.FR.06, G02.FR.06: the CSMS's time is taken when ClockCtrlr.TimeSource names the Heartbeat. Whoever sets the clock,
 * a large correction is a security event. A time that cannot be right is not taken.
 */
export const clockSynchronization = declareBlock({
  name: "clock-synchronization",
  letter: "B",
  provides: ["stationTime"],
  hears: { "link.connected": "reading" },
  create,
});

function create({ clock, deviceModel, events, hardware, logger, settings }: Given) {
  let check: Timer | undefined;
  let offsetMilliseconds = 0;
  /** When the certificates of the CSMS are valid that TLS has verified. */
  let serverValidity: Validity | undefined;

  /** How far the wall clock is from the monotonic one; it changes when the clock is set. */
  const offset = (): number => clock.now().getTime() - clock.monotonicMilliseconds();

  const reportIfLarge = (correctionSeconds: number): void => {
    const threshold = deviceModel.read(ClockCtrlr.TimeAdjustmentReportingThreshold) ?? REPORTING_THRESHOLD_SECONDS;
    if (Math.abs(correctionSeconds) <= threshold) return;
    events.emit("securityEvent", {
      type: "SettingSystemTime",
      techInfo: `Clock corrected by ${correctionSeconds.toFixed(3)} s`,
    });
  };

  const noticeJump = (): void => {
    const jump = offset() - offsetMilliseconds;
    offsetMilliseconds += jump;
    reportIfLarge(jump / 1000);
  };

  /** Does the clock agree with what was told, as far as that can be said? */
  const agrees = (deviationSeconds: number, currentTime: string, isFirstSource: boolean): boolean => {
    if (!isFirstSource && Math.abs(deviationSeconds) <= FALLBACK_DEVIATION_SECONDS) return true;
    return isWholeSecond(currentTime) && deviationSeconds <= 0 && deviationSeconds > -1;
  };

  const setClock = async (time: Date, deviationSeconds: number): Promise<void> => {
    const isSet = await hardware.system.setSystemTime(time);
    if (!isSet) {
      logger.warn(`The system did not take the time of the CSMS; its clock is ${deviationSeconds.toFixed(3)} s behind`);
      return;
    }
    offsetMilliseconds = offset();
    reportIfLarge(deviationSeconds);
  };

  /** Why a time cannot be right; with it no certificate would be valid any more, and nothing could put it right again. */
  const implausibility = (time: Date): string | undefined => {
    if (time < settings.released) return "it is before the release of this program";
    if (time > LATEST_TIME) return "it is after 2099";
    if (serverValidity === undefined) return undefined;
    const isValid = time >= serverValidity.from && time <= serverValidity.until;
    return isValid ? undefined : "the certificate of the CSMS is not valid then";
  };

  // What it reads is the clock; there is no other way to set it than the one that TimeSource names.
  deviceModel.addRule(ClockCtrlr.DateTime, () => ({ status: "Rejected", reasonCode: "ReadOnly" }));

  const synchronize = (currentTime: string, roundTripMilliseconds: number): void => {
    const rank = (deviceModel.read(ClockCtrlr.TimeSource) ?? []).indexOf("Heartbeat");
    if (rank < 0) return;
    // The CSMS read its clock somewhere in between; half the round trip is the best guess.
    const time = new Date(Date.parse(currentTime) + roundTripMilliseconds / 2);
    if (Number.isNaN(time.getTime())) return;
    const deviationSeconds = (time.getTime() - clock.now().getTime()) / 1000;
    if (agrees(deviationSeconds, currentTime, rank === 0)) return;
    const defect = implausibility(time);
    if (defect !== undefined) {
      logger.warn(`The time of the CSMS, ${currentTime}, is not taken: ${defect}`);
      return;
    }
    setClock(time, deviationSeconds).catch((error: Error) =>
      logger.warn(`The system time could not be set: ${error.message}`),
    );
  };

  return {
    provides: { stationTime: { synchronize } },
    hears: {
      "link.connected": (connection: HeardEvents["link.connected"]) => {
        serverValidity = connection.serverValidity;
      },
    },
    start() {
      offsetMilliseconds = offset();
      check = every(clock, JUMP_CHECK_MILLISECONDS, noticeJump);
    },
    stop: () => check?.cancel(),
  };
}
