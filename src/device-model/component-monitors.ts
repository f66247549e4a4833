import * as v from "valibot";
import type { Characteristics } from "./definitions.ts";
import {
  MONITOR_KINDS,
  MONITOR_TYPES,
  type MonitorDefect,
  type MonitorDefinition,
  monitorDefect,
} from "./monitor-rules.ts";

/** A monitor in a component file (COMPONENT-CONFIG 1, `monitors`). */
export const ComponentMonitor = v.object({
  type: v.picklist(MONITOR_TYPES),
  config_type: v.picklist(MONITOR_KINDS),
  severity: v.number(),
  value: v.number(),
  transaction: v.optional(v.boolean(), false),
  reference_value: v.optional(v.nullable(v.string())),
});
type ComponentMonitor = v.InferOutput<typeof ComponentMonitor>;

/** The one that the file calls custom is the maker's as well: the CSMS may replace it, and gets it back (N03.FR.04). */
export function toMonitor({ config_type, reference_value, ...setting }: ComponentMonitor): MonitorDefinition {
  return {
    ...setting,
    kind: config_type === "HardWiredMonitor" ? config_type : "PreconfiguredMonitor",
    ...(typeof reference_value === "string" && { reference: reference_value }),
  };
}

function keyOf({ status, reasonCode }: MonitorDefect): keyof ComponentMonitor {
  if (status === "UnsupportedMonitorType") return "type";
  return reasonCode === "InvalidValue" ? "severity" : "value";
}

export interface ComponentMonitorDefect {
  readonly index: number;
  readonly key: keyof ComponentMonitor;
  readonly message: string;
}

/** What is wrong with the monitors of one variable, by themselves and with each other. */
export function componentMonitorDefects(
  monitors: readonly MonitorDefinition[],
  characteristics: Characteristics,
): readonly ComponentMonitorDefect[] {
  return monitors.flatMap((monitor, index): ComponentMonitorDefect[] => {
    const defect = monitorDefect(monitor, characteristics, false);
    if (defect !== undefined) return [{ index, key: keyOf(defect), message: defect.text }];
    const first = monitors.findIndex(({ type, severity }) => type === monitor.type && severity === monitor.severity);
    const message = `contradicts monitor ${first}: the variable has one of type ${monitor.type} with severity ${monitor.severity} already`;
    return first === index ? [] : [{ index, key: "severity", message }]; // N04.FR.10
  });
}
