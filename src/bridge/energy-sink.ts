import type { EverestModule } from "../everest/everest-module.ts";
import type { EnergyExternalLimits } from "../everest/interfaces/index.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";
import type { ChargingLimits, EnergyPort } from "../station/ports.ts";

/** Limits for one sink, from now (BEHAVIOUR 10.3). */
export function toExternalLimits({ unit, periods }: ChargingLimits, source: string, now: Date): EnergyExternalLimits {
  return {
    schedule_import: periods.map(({ startSeconds, limit, numberOfPhases }) => ({
      timestamp: new Date(now.getTime() + startSeconds * 1000).toISOString(),
      limits_to_root: {},
      limits_to_leaves:
        unit === "A"
          ? {
              ac_max_current_A: { value: limit, source },
              ...(numberOfPhases !== undefined && { ac_max_phase_count: { value: numberOfPhases, source } }),
            }
          : { total_power_W: { value: limit, source } },
    })),
    schedule_export: [],
    schedule_setpoints: [],
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
  const sinks = module.peers("evse_energy_sink", "external_energy_limits");
  const source = `${moduleId}/OCPP_set_external_limits`;
  const told = new Set<number>();
  return {
    setLimits: (limits) => {
      module.publish("ocpp_generic", "ocpp", "charging_schedules", {
        schedules: limits.map(({ evseId, unit, durationSeconds, start, periods }) => ({
          evse: evseId,
          charging_rate_unit: unit,
          duration: durationSeconds,
          start_schedule: start.toISOString(),
          charging_schedule_period: periods.map(({ startSeconds, limit, numberOfPhases }) => ({
            start_period: startSeconds,
            limit,
            ...(numberOfPhases !== undefined && { number_phases: numberOfPhases }),
          })),
        })),
      });
      if (sinks.length === 0) return;
      for (const one of limits) {
        const sink = sinks.find(({ connected }) => connected.mapping?.evse === one.evseId);
        if (sink === undefined) {
          if (!told.has(one.evseId))
            logger.warn(`No energy sink is connected for EVSE ${one.evseId}: its limits reach nobody`);
          told.add(one.evseId);
          continue;
        }
        sink
          .call("set_external_limits", { value: toExternalLimits(one, source, clock.now()) })
          .catch((error: Error) => logger.warn(`Limits of EVSE ${one.evseId} were not taken: ${error.message}`));
      }
    },
  };
}
