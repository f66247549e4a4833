import { SmartChargingCtrlr } from "../../device-model/variables.ts";
import { sleep, type Timer } from "../../lib/clock.ts";
import { withoutFloatNoise } from "../../lib/float-noise.ts";
import type { StationContext } from "../context.ts";
import type { ChargingLimits } from "../ports.ts";
import { type CompositeSchedule, compositeSchedules } from "./calculator/composite-schedule.ts";
import { secondsOf } from "./calculator/prepared-profile.ts";
import { shareStationLimit } from "./calculator/sharing.ts";
import type { ChargingPriorities } from "./charging-priorities.ts";
import type { SceneBuilder } from "./scene-builder.ts";
import { ToldLimits } from "./told-limits.ts";

/** However far the next period is, time may be set meanwhile. */
const LONGEST_WAIT_SECONDS = 60;
/** Nor is it looked at more often than that. */
const SHORTEST_WAIT_SECONDS = 1;
/** Why limits are told: the CSMS or something else changed them, time has passed, or it is time to repeat all. */
export type Cause = "csms" | "change" | "time" | "repetition";
/** At the start the sinks are waited for, lest an EV draws current before they know; but not for ever. */
const START_WAIT_MILLISECONDS = 2_000;

export interface Distribution {
  /** Calculates anew and tells what is new, now. */
  refresh(cause?: "csms" | "change"): void;
  /** Likewise, once for everything that changes in this turn of the event loop. */
  refreshSoon(): void;
  start(): Promise<void>;
  stop(): void;
}

/** K01.FR.46: a phase that the CSMS has chosen goes along; without one the hardware side chooses (K01.FR.47). */
function toLimits({ evseId, unit, startSeconds, durationSeconds, periods }: CompositeSchedule): ChargingLimits {
  return {
    evseId,
    unit,
    durationSeconds,
    start: new Date(startSeconds * 1000),
    periods: periods.map(({ startSeconds: start, limit, numberPhases, phaseToUse, stackLevel }) => ({
      startSeconds: start,
      limit: withoutFloatNoise(limit),
      ...(numberPhases !== undefined && { numberOfPhases: numberPhases }),
      ...(phaseToUse !== undefined && { phaseToUse }),
      ...(stackLevel !== undefined && { stackLevel }),
    })),
  };
}

/**
 * Tells the hardware side what everybody may draw (K01.FR.07, FR.32, K03.FR.03, K04.FR.01, K10.FR.05): at once when something
 * changes or a period begins, and all of it at every interval. `onLimits` hears of what holds from now on.
 */
export function createDistribution(
  context: StationContext,
  builder: SceneBuilder,
  priorities: Pick<ChargingPriorities, "of">,
  onLimits: (limits: readonly ChargingLimits[], cause: Cause) => void,
): Distribution {
  const { clock, deviceModel, hardware, logger, model, settings } = context;
  const { intervalSeconds, durationSeconds, unit } = settings.compositeSchedule;
  const told = new ToldLimits();
  const toldToSinks = new ToldLimits();
  let pending: Timer | undefined;
  let wake: Timer | undefined;
  let interval: Timer | undefined;

  /** EVSEs at which an EV may want energy, by priority and then by how long they have waited (K03.FR.04). */
  const claimants = (): readonly number[] =>
    model.evses
      .filter(({ evConnected, authorized, transaction }) => evConnected || authorized || transaction !== undefined)
      .map(({ evseId, transaction }) => ({
        evseId,
        priority: priorities.of(transaction?.transactionId),
        since: transaction?.readyAt?.getTime() ?? Number.MAX_SAFE_INTEGER,
      }))
      .toSorted((one, other) => other.priority - one.priority || one.since - other.since || one.evseId - other.evseId)
      .map(({ evseId }) => evseId);

  /** Without anybody who keeps the station's limit the EVSEs' limits must add up to no more (K04.FR.05). */
  const forSinks = (schedules: readonly CompositeSchedule[]): readonly CompositeSchedule[] => {
    const [station, ...evses] = schedules;
    if (hardware.energy.keepsStationLimit || station === undefined) return schedules;
    return [station, ...shareStationLimit(station, evses, claimants(), builder.wattsPerAmpere())];
  };

  const waitForNext = (schedules: readonly CompositeSchedule[]): void => {
    const next = Math.min(
      LONGEST_WAIT_SECONDS,
      ...schedules.map(({ periods }) => periods[1]?.startSeconds ?? Infinity),
    );
    const start = (schedules[0]?.startSeconds ?? 0) * 1000;
    wake?.cancel();
    const milliseconds = start + next * 1000 - clock.now().getTime();
    wake = clock.after(Math.max(SHORTEST_WAIT_SECONDS * 1000, milliseconds), () => distribute("time"));
  };

  const tell = async (cause: Cause): Promise<void> => {
    if (deviceModel.read(SmartChargingCtrlr.Available) === false) return;
    const isNews = (before: ToldLimits, limits: ChargingLimits): boolean =>
      cause === "repetition" || before.isNews(limits, cause === "time");
    const startSeconds = secondsOf(clock.now());
    const window = { startSeconds, endSeconds: startSeconds + durationSeconds };
    const schedules = compositeSchedules(builder.scene(), window, unit);
    const limits = schedules.map(toLimits);
    if (limits.some((one) => isNews(told, one))) {
      hardware.energy.publishSchedules(limits);
      for (const one of limits) told.note(one);
    }
    const ofSinks = forSinks(schedules).map(toLimits);
    const news = ofSinks.filter((one) => isNews(toldToSinks, one));
    for (const one of news) toldToSinks.note(one);
    waitForNext(schedules);
    onLimits(ofSinks, cause);
    if (news.length > 0) await hardware.energy.setLimits(news);
  };

  const complain = (error: Error): void => logger.error(`Charging limits could not be told: ${error.message}`);
  const distribute = (cause: Cause): void => {
    tell(cause).catch(complain);
  };

  const repeat = (): void => {
    interval = clock.after(intervalSeconds * 1000, () => {
      distribute("repetition");
      repeat();
    });
  };

  return {
    refresh: (cause = "change") => distribute(cause),
    refreshSoon() {
      pending ??= clock.after(0, () => {
        pending = undefined;
        distribute("change");
      });
    },
    async start() {
      if (intervalSeconds > 0) repeat();
      const first = tell("repetition").catch(complain);
      await Promise.race([first, sleep(clock, START_WAIT_MILLISECONDS)]);
    },
    stop() {
      for (const timer of [pending, wake, interval]) timer?.cancel();
    },
  };
}
