import { ChangeSampler, type Sample } from "../device-model/change-sampler.ts";
import { componentKey, variableKey } from "../device-model/definitions.ts";
import type { DeviceModel, VariableState } from "../device-model/device-model.ts";
import { noticeOf, type ToldState } from "../device-model/monitor-rules.ts";
import { InternalCtrlr } from "../device-model/variables.ts";
import type { EverestModule } from "../everest/everest-module.ts";
import type { OcppComponentVariable } from "../everest/interfaces/index.ts";
import type { Clock } from "../lib/clock.ts";
import type { Logger } from "../log/logger.ts";

/** Variables that other modules may watch; far more than a device model has. */
const WATCHED_LIMIT = 5_000;
/** Every change is told. */
const EACH_CHANGE = { type: "Delta", value: 0, severity: 9, transaction: false } as const;

interface Watched {
  readonly componentVariable: OcppComponentVariable;
  told: ToldState;
}

function keyOf({ component, variable }: OcppComponentVariable): string {
  const { name, instance, evse } = component;
  const ofComponent = componentKey({
    name,
    ...(instance !== undefined && { instance }),
    ...(evse !== undefined && { evseId: evse.id }),
    ...(evse?.connector_id !== undefined && { connectorId: evse.connector_id }),
  });
  return `${ofComponent}\n${variableKey(variable)}`;
}

/** `monitor_variables`: changes of the Actual value are published as `event_data`, as often as a CSMS's Delta monitor tells them. */
export class WatchedVariables {
  private readonly watched = new Map<string, Watched>();
  private readonly sampler: ChangeSampler;
  private nextEventId = 0;
  /** EVerest's two modules have two words for it (CHANGES d.4). */
  private readonly trigger: "Alerting" | "Delta";

  constructor(
    private readonly module: EverestModule,
    private readonly clock: Clock,
    private readonly logger: Logger,
    deviceModel: DeviceModel,
  ) {
    this.trigger = module.configuration.moduleName === "OCPPmulti" ? "Alerting" : "Delta";
    this.sampler = new ChangeSampler({
      clock,
      intervalSeconds: () => deviceModel.read(InternalCtrlr.MonitorsProcessingInterval) ?? 1,
      valueOf: (variable) => deviceModel.valueOf(variable, "Actual"),
      onSamples: (samples) => {
        for (const sample of samples) this.publish(sample);
      },
    });
    deviceModel.onAnyChange(({ variable, attributeType, value }) => {
      if (attributeType === "Actual" && this.find(variable) !== undefined) this.sampler.take(variable, value);
    });
  }

  /** Also what does not exist yet: the hardware side's variables come with the start. */
  watch(componentVariable: OcppComponentVariable): void {
    const key = keyOf(componentVariable);
    const known = this.watched.get(key);
    if (known === undefined && this.watched.size >= WATCHED_LIMIT)
      return this.logger.warn(`monitor_variables: ${WATCHED_LIMIT} variables are watched, no more are taken`);
    this.watched.set(key, { told: { triggered: false, reference: undefined }, ...known, componentVariable });
  }

  private find({ fullKey }: VariableState): Watched | undefined {
    return this.watched.get(fullKey);
  }

  private publish({ variable, value }: Sample): void {
    const watched = this.find(variable);
    // As a text every change counts, however small a number it changes by.
    const notice = watched === undefined ? undefined : noticeOf(EACH_CHANGE, "string", value, watched.told);
    if (watched === undefined || notice === undefined) return;
    watched.told = notice.told;
    // A secret is not for the bus, though its change is.
    const isSecret = variable.attributes.get("Actual")?.mutability === "WriteOnly";
    this.module.publish("ocpp_generic", "ocpp", "event_data", {
      component_variable: watched.componentVariable,
      event_id: this.nextEventId++,
      timestamp: this.clock.now().toISOString(),
      trigger: this.trigger,
      actual_value: isSecret ? "" : value,
      event_notification_type: "CustomMonitor",
    });
  }
}
