import type { EverestModule } from "../everest/everest-module.ts";
import type { EnergyExternalLimits } from "../everest/interfaces/index.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import type { ChargingLimits, EnergyPort } from "../station/ports.ts";
import { Teller } from "./teller.ts";

/** Limits for one sink (BEHAVIOUR 10.3); the number of phases goes along with power, too, or nobody would keep it. */
export function toExternalLimits({ unit, periods, start }: ChargingLimits, source: string): EnergyExternalLimits {
  return {
    schedule_import: periods.map(({ startSeconds, limit, numberOfPhases }) => ({
      timestamp: new Date(start.getTime() + startSeconds * 1000).toISOString(),
      limits_to_root: {},
      limits_to_leaves: {
        ...(unit === "A"
          ? { ac_max_current_A: { value: limit, source } }
          : { total_power_W: { value: limit, source } }),
        ...(numberOfPhases !== undefined && { ac_max_phase_count: { value: numberOfPhases, source } }),
      },
    })),
    schedule_export: [],
    schedule_setpoints: [],
  };
}

/** `ocpp_generic.charging_schedules` (BEHAVIOUR 10.2). */
export function toChargingSchedules(schedules: readonly ChargingLimits[]) {
  return {
    schedules: schedules.map(({ evseId, unit, durationSeconds, start, periods }) => ({
      evse: evseId,
      charging_rate_unit: unit,
      duration: durationSeconds,
      start_schedule: start.toISOString(),
      charging_schedule_period: periods.map(({ startSeconds, limit, numberOfPhases, phaseToUse, stackLevel }) => ({
        start_period: startSeconds,
        limit,
        ...(numberOfPhases !== undefined && { number_phases: numberOfPhases }),
        ...(phaseToUse !== undefined && { phase_to_use: phaseToUse }),
        ...(stackLevel !== undefined && { stack_level: stackLevel }),
      })),
    })),
  };
}

/** Sinks without an EVSE in their mapping: nobody could tell what their limits are for. */
export function unmappedSinks(module: EverestModule): readonly string[] {
  return module
    .peers("evse_energy_sink", "external_energy_limits")
    .filter(({ connected }) => connected.mapping === undefined)
    .map(({ connected }) => connected.moduleId);
}

/** `charging_schedules` for everybody, and the limits for the sink of each EVSE. */
export function createEnergyPort(module: EverestModule, moduleId: string, clock: Clock, logger: Logger): EnergyPort {
  const source = `${moduleId}/OCPP_set_external_limits`;
  const sinks = module.peers("evse_energy_sink", "external_energy_limits").map((peer) => {
    const sink = new Teller<ChargingLimits>({
      tell: (limits) => peer.call("set_external_limits", { value: toExternalLimits(limits, source) }),
      about: ({ evseId }) => `Limits of EVSE ${evseId}`,
      clock,
      logger,
    });
    return { evseId: peer.connected.mapping?.evse, sink };
  });
  const told = new Set<number>();
  return {
    keepsStationLimit: sinks.some(({ evseId }) => evseId === 0),
    publishSchedules: (schedules) =>
      module.publish("ocpp_generic", "ocpp", "charging_schedules", toChargingSchedules(schedules)),
    async setLimits(limits) {
      if (sinks.length === 0) return;
      const asked = limits.flatMap((one) => {
        const own = sinks.filter(({ evseId }) => evseId === one.evseId);
        if (own.length === 0 && !told.has(one.evseId)) {
          logger.warn(`No energy sink is connected for EVSE ${one.evseId}: its limits reach nobody`);
          told.add(one.evseId);
        }
        return own.map(({ sink }) => sink.set(one));
      });
      await Promise.all(asked);
    },
  };
}
