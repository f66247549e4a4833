import type { Timer } from "../../lib/clock.ts";
import type { StationContext } from "../context.ts";
import type { EvseModel } from "../model/station-model.ts";

/**
 * EVerest does not tell which EVSEs have a powermeter. Those that have publish about once a second: one of which nothing
 * came for so long after the start is known to have none, until a reading comes after all.
 */
const SILENCE_MILLISECONDS = 30_000;

/** Meter values that were promised before the meter has spoken (F06.FR.10). */
export interface FirstReadings {
  /** May a reading still come, although there is none yet? */
  isExpected(evse: EvseModel): boolean;
  /** Promised: `send` is tried with each reading until it has sent something, or given up. */
  await(evse: EvseModel, send: () => boolean): void;
  /** A reading of this EVSE has come. */
  arrived(evseId: number): void;
  stop(): void;
}

export function createFirstReadings({ clock, logger }: Pick<StationContext, "clock" | "logger">): FirstReadings {
  const silentUntil = clock.monotonicMilliseconds() + SILENCE_MILLISECONDS;
  const promises = new Map<number, { readonly send: () => boolean; readonly limit: Timer }>();

  const settle = (evseId: number): void => {
    promises.get(evseId)?.limit.cancel();
    promises.delete(evseId);
  };

  return {
    isExpected: ({ evseId, reading }) =>
      reading === undefined && (promises.has(evseId) || clock.monotonicMilliseconds() < silentUntil),
    await({ evseId }, send) {
      if (promises.has(evseId)) return; // The one that is awaited will do for both.
      const limit = clock.after(SILENCE_MILLISECONDS, () => {
        promises.delete(evseId);
        logger.warn(`The meter of EVSE ${evseId} is silent: the MeterValues that the CSMS asked for are given up`);
      });
      promises.set(evseId, { send, limit });
    },
    arrived(evseId) {
      if (promises.get(evseId)?.send() === true) settle(evseId);
    },
    stop() {
      for (const evseId of [...promises.keys()]) settle(evseId);
    },
  };
}
