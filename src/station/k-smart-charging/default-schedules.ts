import { SmartChargingCtrlr } from "../../device-model/variables.ts";
import type { Timer } from "../../lib/clock.ts";
import { withoutFloatNoise } from "../../lib/float-noise.ts";
import { declareBlock, type Given } from "../block.ts";
import type { ChargingLimits } from "../ports.ts";
import { profilesView } from "./profiles-view.ts";

const DEFAULT_LIMIT_AMPERES = 48;
const DEFAULT_LIMIT_WATTS = 33_120;

/**
 * The limits that hold while no charging profile is installed, told to the hardware side at the start and at every
 * interval: each EVSE its default, the station (EVSE 0) the sum of them (BEHAVIOUR 10.1).
 */
export const defaultSchedules = declareBlock({
  name: "default-schedules",
  letter: "K",
  views: { profiles: profilesView },
  create,
});

function create({ clock, deviceModel, hardware, model, settings }: Given) {
  let timer: Timer | undefined;
  const { intervalSeconds, durationSeconds, unit } = settings.compositeSchedule;

  const limits = (): readonly ChargingLimits[] => {
    if (deviceModel.read(SmartChargingCtrlr.Available) === false) return [];
    const limit =
      unit === "A"
        ? (deviceModel.read(SmartChargingCtrlr.CompositeScheduleDefaultLimitAmps) ?? DEFAULT_LIMIT_AMPERES)
        : (deviceModel.read(SmartChargingCtrlr.CompositeScheduleDefaultLimitWatts) ?? DEFAULT_LIMIT_WATTS);
    const common = { unit, durationSeconds, start: clock.now() };
    const ofEvses = model.evses.map(({ evseId }) => ({ ...common, evseId, periods: [{ startSeconds: 0, limit }] }));
    const ofStation = {
      ...common,
      evseId: 0,
      periods: [{ startSeconds: 0, limit: withoutFloatNoise(limit * model.evses.length) }],
    };
    return [ofStation, ...ofEvses];
  };

  const tell = (): void => {
    hardware.energy.setLimits(limits());
    if (intervalSeconds > 0) timer = clock.after(intervalSeconds * 1000, tell);
  };

  return {
    start: tell,
    stop() {
      timer?.cancel();
    },
  };
}
