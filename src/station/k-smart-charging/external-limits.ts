import { SmartChargingCtrlr } from "../../device-model/variables.ts";
import type { ChargingProfileType, ChargingScheduleType } from "../../ocpp/v201/index.ts";
import type { ExternalLimitEvent } from "../ports.ts";
import { type PreparedProfile, prepareProfile, secondsOf, segmentAt } from "./calculator/prepared-profile.ts";
import type { InstalledProfile } from "./installed-profile.ts";
import type { SmartChargingParts } from "./parts.ts";
import { isSignificant } from "./rate-changes.ts";

type SetEvent = ExternalLimitEvent & { readonly kind: "set" };

/** So far ahead two limits are compared. */
const HORIZON_SECONDS = 86_400;
/** Periods of a schedule in a message. */
const PERIOD_LIMIT = 1_024;

function fault({ periods, durationSeconds }: SetEvent): string | undefined {
  const starts = periods.map(({ startSeconds }) => startSeconds);
  if (starts[0] !== 0) return "the first period does not start at 0";
  if (periods.length > PERIOD_LIMIT) return `more than ${PERIOD_LIMIT} periods`;
  if (starts.some((start, index) => !Number.isInteger(start) || (index > 0 && start <= (starts[index - 1] ?? 0))))
    return "the periods are not in order";
  if (periods.some(({ limit }) => !(limit >= 0) || !Number.isFinite(limit))) return "a limit is no limit";
  if (durationSeconds !== undefined && !(durationSeconds >= 0)) return "the duration is negative";
  return undefined;
}

function toProfile(event: SetEvent, id: number, now: Date): ChargingProfileType {
  const { unit, start = now, durationSeconds, periods } = event;
  const schedule: ChargingScheduleType = {
    id: 1,
    startSchedule: start.toISOString(),
    ...(durationSeconds !== undefined && { duration: Math.floor(durationSeconds) }),
    chargingRateUnit: unit,
    chargingSchedulePeriod: periods.map(({ startSeconds, limit, numberOfPhases }) => ({
      startPeriod: startSeconds,
      limit,
      ...(numberOfPhases !== undefined && { numberPhases: numberOfPhases }),
    })),
  };
  return {
    id,
    stackLevel: 0,
    chargingProfilePurpose: "ChargingStationExternalConstraints", // K11.FR.06, K12.FR.05
    chargingProfileKind: "Absolute",
    chargingSchedule: [schedule],
  };
}

/**
 * Limits of others than the CSMS, e.g. of the grid operator or of an energy management system (K11–K13): kept as charging
 * profiles of their own, in force at once, and told to the CSMS. `take` is the port: whoever connects such a system to
 * the hardware side only has to emit `externalLimit`.
 */
export function createExternalLimits({ context, distribution, store }: SmartChargingParts): {
  take(event: ExternalLimitEvent): void;
} {
  const { clock, core, csms, deviceModel, logger } = context;
  /** What the CSMS was told last, by source and EVSE, so that many small changes are told in the end. */
  const notified = new Map<string, PreparedProfile>();

  const find = ({ source, evseId = 0 }: ExternalLimitEvent): InstalledProfile | undefined =>
    store.all.find(
      (one) =>
        one.profile.chargingProfilePurpose === "ChargingStationExternalConstraints" &&
        one.source === source &&
        one.evseId === evseId,
    );

  /** Negative, so that it is none that the CSMS would choose (K11.FR.06); an update keeps its id (errata 2.37). */
  const idFor = (event: ExternalLimitEvent): number =>
    find(event)?.profile.id ?? Math.min(0, ...store.all.map(({ profile }) => profile.id)) - 1;

  const differs = (before: PreparedProfile | undefined, after: PreparedProfile): boolean => {
    if (before === undefined || before.unit !== after.unit) return true;
    const from = secondsOf(clock.now());
    for (let at = from; at < from + HORIZON_SECONDS; ) {
      const [old, fresh] = [segmentAt(before, from, at), segmentAt(after, from, at)];
      if ((old.period === undefined) !== (fresh.period === undefined)) return true;
      if (isSignificant(context, old.period?.limit ?? 0, fresh.period?.limit ?? 0)) return true;
      at = Math.min(old.untilSeconds, fresh.untilSeconds);
    }
    return false;
  };

  const where = ({ evseId = 0 }: ExternalLimitEvent) => (evseId === 0 ? {} : { evseId });

  const notify = (event: SetEvent, profile: ChargingProfileType): void => {
    const withSchedules = deviceModel.read(SmartChargingCtrlr.NotifyChargingLimitWithSchedules) === true;
    const request = {
      chargingLimit: {
        chargingLimitSource: event.source, // K11.FR.05, K12.FR.04
        ...(event.isGridCritical !== undefined && { isGridCritical: event.isGridCritical }),
      },
      ...(withSchedules && { chargingSchedule: profile.chargingSchedule }), // K11.FR.03, K12.FR.03
      ...where(event),
    };
    csms.call("NotifyChargingLimit", request, { queueWhenOffline: true }).catch(() => {}); // K11.FR.02, K12.FR.02
  };

  const set = (event: SetEvent): void => {
    const { source, evseId = 0 } = event;
    const defect =
      evseId !== 0 && context.model.evse(evseId) === undefined ? `there is no EVSE ${evseId}` : fault(event);
    if (defect !== undefined) return logger.error(`The charging limit of ${source} is ignored: ${defect}`);
    if (deviceModel.read(SmartChargingCtrlr.ExternalControlSignalsEnabled) !== true)
      return logger.warn(`The charging limit of ${source} is ignored: ExternalControlSignalsEnabled is false`);
    const key = `${source} ${evseId}`;
    const present = find(event);
    const before = notified.get(key) ?? (present && prepareProfile(present.profile, evseId, source));
    const profile = toProfile(event, idFor(event), clock.now());
    const prepared = prepareProfile(profile, evseId, source);
    const isNews = differs(before, prepared);
    core.unitOfWork.run(() => store.install({ evseId, source, profile }));
    distribution.refresh(); // K11.FR.01, K12.FR.01
    notified.set(key, isNews || before === undefined ? prepared : before);
    if (isNews) notify(event, profile);
  };

  const release = (event: ExternalLimitEvent): void => {
    const present = find(event);
    notified.delete(`${event.source} ${event.evseId ?? 0}`);
    if (present === undefined) return;
    core.unitOfWork.run(() => store.remove([present.profile.id]));
    distribution.refresh(); // K13.FR.01, errata 2.48
    const request = { chargingLimitSource: event.source, ...where(event) };
    csms.call("ClearedChargingLimit", request, { queueWhenOffline: true }).catch(() => {}); // K13.FR.02
  };

  return {
    take(event) {
      try {
        if (event.kind === "set") set(event);
        else release(event);
      } catch (error) {
        logger.critical(`The charging limit of ${event.source} cannot be stored: ${(error as Error).message}`);
      }
    },
  };
}
