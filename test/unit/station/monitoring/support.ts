import type { ComponentDefinition } from "../../../../src/device-model/definitions.ts";
import type { MonitorDefinition } from "../../../../src/device-model/monitor-rules.ts";
import { VariableHandle } from "../../../../src/device-model/variable-handle.ts";
import { EVSE } from "../../../../src/device-model/variables.ts";
import type { EventDataType, SetMonitoringDataType, SetMonitoringResultType } from "../../../../src/ocpp/v201/index.ts";
import { InProcessCharger } from "../../../support/in-process-charger.ts";

/** A component file of a maker who watches a variable of EVSE 1 himself. */
export const watchedEvse = (
  monitors: readonly MonitorDefinition[],
  name = "AvailabilityState",
): ComponentDefinition => ({
  name: "EVSE",
  evseId: 1,
  variables: [
    {
      name,
      characteristics: { dataType: "OptionList", supportsMonitoring: true },
      attributes: [{ type: "Actual", mutability: "ReadOnly" }],
      monitors,
    },
  ],
});

/** A charger of which monitors are watched. */
export class MonitoredCharger {
  readonly charger: InProcessCharger;
  private seen = 0;

  private constructor(variables: Readonly<Record<string, string>>) {
    this.charger = new InProcessCharger(1, { "MonitoringCtrlr.Enabled": "true", ...variables });
  }

  static async start(
    variables: Readonly<Record<string, string>> = {},
    monitors: readonly MonitorDefinition[] = [],
    watched = "AvailabilityState",
  ): Promise<MonitoredCharger> {
    const monitored = new MonitoredCharger(variables);
    monitored.charger.furtherComponents = monitors.length > 0 ? [watchedEvse(monitors, watched)] : [];
    await monitored.charger.start();
    for (const evseId of [1, 2]) monitored.charger.deviceModel.describe(EVSE.Power.at(evseId), { maxLimit: 22_080 });
    await monitored.charger.clock.advance(6_000);
    monitored.events();
    return monitored;
  }

  async restart(): Promise<void> {
    await this.charger.start();
    for (const evseId of [1, 2]) this.charger.deviceModel.describe(EVSE.Power.at(evseId), { maxLimit: 22_080 });
    await this.charger.clock.advance(6_000);
  }

  /** The power that the meter of EVSE 1 has seen, and time for its being told. */
  async power(watts: number, milliseconds = 50): Promise<void> {
    this.charger.deviceModel.write(EVSE.Power.at(1), watts, "EVEREST", true);
    await this.charger.clock.advance(milliseconds);
  }

  async set(...items: readonly Partial<SetMonitoringDataType>[]): Promise<readonly SetMonitoringResultType[]> {
    const setMonitoringData = items.map((item) => ({ ...POWER, severity: 5, ...item }));
    const { kind, body } = await this.charger.call("SetVariableMonitoring", { setMonitoringData });
    if (kind === "error") throw new Error(String(body));
    await this.charger.clock.advance(50);
    return (body as { setMonitoringResult: readonly SetMonitoringResultType[] }).setMonitoringResult;
  }

  /** A monitor that must be accepted; returns its id. */
  async monitor(type: SetMonitoringDataType["type"], value: number, rest: Partial<SetMonitoringDataType> = {}) {
    const [result] = await this.set({ type, value, ...rest });
    if (result?.status !== "Accepted" || result.id === undefined) throw new Error(JSON.stringify(result));
    return result.id;
  }

  async call(action: string, payload: unknown): Promise<Readonly<Record<string, unknown>>> {
    const { body } = await this.charger.call(action, payload);
    await this.charger.clock.advance(50);
    return body as Readonly<Record<string, unknown>>;
  }

  /** All events that were told since the last look. */
  events(): readonly EventDataType[] {
    const all = this.charger.callsOf("NotifyEvent").flatMap(({ eventData }) => eventData as readonly EventDataType[]);
    const fresh = all.slice(this.seen);
    this.seen = all.length;
    return fresh;
  }

  /** The same, as short as `id:value` or `id:value cleared`. */
  told(): readonly string[] {
    return this.events().map(
      ({ variableMonitoringId, actualValue, cleared }) =>
        `${variableMonitoringId}:${actualValue}${cleared === true ? " cleared" : ""}`,
    );
  }

  /** Ids of what GetMonitoringReport tells, with the kind of each monitor's setting. */
  async report(request: Readonly<Record<string, unknown>> = {}): Promise<readonly string[]> {
    const from = this.charger.callsOf("NotifyMonitoringReport").length;
    const { status } = await this.call("GetMonitoringReport", { requestId: 7, ...request });
    await this.charger.clock.advance(1_000);
    if (status !== "Accepted") return [String(status)];
    return this.charger
      .callsOf("NotifyMonitoringReport")
      .slice(from)
      .flatMap(({ monitor }) => monitor as readonly ReportedVariable[])
      .flatMap(({ variable, variableMonitoring }) =>
        variableMonitoring.map(
          ({ id, type, value, severity }) => `${id} ${variable.name} ${type} ${value} ${severity}`,
        ),
      );
  }
}

interface ReportedVariable {
  readonly variable: { readonly name: string };
  readonly variableMonitoring: readonly { id: number; type: string; value: number; severity: number }[];
}

export const POWER = {
  component: { name: "EVSE", evse: { id: 1 } },
  variable: { name: "Power" },
  type: "UpperThreshold",
  value: 1_000,
} as const;
export const AVAILABILITY = {
  component: { name: "EVSE", evse: { id: 1 } },
  variable: { name: "AvailabilityState" },
} as const;
export const AVAILABILITY_STATE = new VariableHandle(
  { component: "EVSE", evseId: 1, variable: "AvailabilityState" },
  "string",
);
