/** Monitors of variables as pure rules (part 1, 4.4; N04, N07): which can be set, and when one has something to tell. */
import { withoutFloatNoise } from "../lib/float-noise.ts";
import type { Characteristics, DataType } from "./definitions.ts";

/** In the order of libocpp's numbers (STORES 2.1). */
export const MONITOR_TYPES = ["UpperThreshold", "LowerThreshold", "Delta", "Periodic", "PeriodicClockAligned"] as const;
export type MonitorType = (typeof MONITOR_TYPES)[number];
/** Whose it is, in the order of libocpp's numbers. */
export const MONITOR_KINDS = ["HardWiredMonitor", "PreconfiguredMonitor", "CustomMonitor"] as const;
export type MonitorKind = (typeof MONITOR_KINDS)[number];

/** From 0 (danger) to 9 (debug). */
export const LEAST_SEVERE = 9;
const SHORTEST_PERIOD_SECONDS = 1;
/** More than a life of a station; an integer of OCPP. */
const LONGEST_PERIOD_SECONDS = 2_147_483_647;
const HOUR_SECONDS = 3_600;
const DAY_SECONDS = 86_400;

export interface MonitorSetting {
  readonly type: MonitorType;
  /** Threshold, difference, or seconds between two notices. */
  readonly value: number;
  readonly severity: number;
  /** Watches only while a transaction runs on its component. */
  readonly transaction: boolean;
}

/** A monitor that a component file describes. */
export interface MonitorDefinition extends MonitorSetting {
  readonly kind: MonitorKind;
  /** With which a Delta compares first; the value at that time where it is left out. */
  readonly reference?: string;
}

/** Why a monitor cannot be set, with the status of SetVariableMonitoring and a reason of the appendix. */
export interface MonitorDefect {
  readonly status: "Rejected" | "UnsupportedMonitorType";
  readonly reasonCode:
    | "UnsupportedParam"
    | "InvalidValue"
    | "ValueOutOfRange"
    | "ValuePositiveOnly"
    | "ValueTooHigh"
    | "ValueTooLow";
  readonly text: string;
}

/** What the CSMS was told last about the value: whether it is beyond the threshold, and with what a Delta compares. */
export interface ToldState {
  readonly triggered: boolean;
  readonly reference: string | undefined;
}

/** What is to be told now, and what the CSMS knows then. */
export interface Notice {
  readonly trigger: "Alerting" | "Delta";
  readonly cleared: boolean;
  readonly told: ToldState;
}

export function isNumeric(dataType: DataType): boolean {
  return dataType === "integer" || dataType === "decimal";
}

export function isThreshold(type: MonitorType): boolean {
  return type === "UpperThreshold" || type === "LowerThreshold";
}

export function isPeriodic(type: MonitorType): boolean {
  return type === "Periodic" || type === "PeriodicClockAligned";
}

function unsupported(text: string): MonitorDefect {
  return { status: "UnsupportedMonitorType", reasonCode: "UnsupportedParam", text };
}

function rejected(reasonCode: MonitorDefect["reasonCode"], text: string): MonitorDefect {
  return { status: "Rejected", reasonCode, text };
}

/** Thresholds that a variable can have (N04.FR.06). EVSE.Power must have a maxLimit (part 2, 2.13.7), which is 0 until it is known. */
function thresholdDefect(value: number, { minLimit, maxLimit }: Characteristics): MonitorDefect | undefined {
  const isUnknown = minLimit === undefined && maxLimit === 0;
  if (value < (minLimit ?? value)) return rejected("ValueOutOfRange", `below minLimit ${minLimit}`);
  if (value > (maxLimit ?? value) && !isUnknown) return rejected("ValueOutOfRange", `above maxLimit ${maxLimit}`);
  return undefined;
}

/** @param isComputed Its value is found out at the moment of reading, so no change of it is ever noticed. */
export function monitorDefect(
  { type, value, severity }: MonitorSetting,
  characteristics: Characteristics,
  isComputed: boolean,
): MonitorDefect | undefined {
  const { dataType, supportsMonitoring } = characteristics;
  if (!supportsMonitoring) return unsupported("the variable cannot be monitored"); // N04.FR.05
  if (isThreshold(type) && !isNumeric(dataType)) return unsupported(`a ${dataType} has no thresholds`); // N04.FR.05
  if (isComputed && !isPeriodic(type)) return unsupported("changes of the variable are not noticed"); // N04.FR.05
  if (!Number.isInteger(severity) || severity < 0 || severity > LEAST_SEVERE)
    return rejected("InvalidValue", `severities are 0 to ${LEAST_SEVERE}`);
  if (isThreshold(type)) return thresholdDefect(value, characteristics);
  if (type === "Delta" && value < 0) return rejected("ValuePositiveOnly", "a difference is not negative"); // N04.FR.14
  if (isPeriodic(type) && value < SHORTEST_PERIOD_SECONDS)
    return rejected("ValueTooLow", `a period is at least ${SHORTEST_PERIOD_SECONDS} s`);
  if (isPeriodic(type) && value > LONGEST_PERIOD_SECONDS)
    return rejected("ValueTooHigh", `a period is at most ${LONGEST_PERIOD_SECONDS} s`);
  return undefined;
}

function thresholdNotice({ type, value }: MonitorSetting, current: number, told: ToldState): Notice | undefined {
  // Beyond the threshold, not on it (N07.FR.16, FR.17).
  const exceeded = type === "UpperThreshold" ? current > value : current < value;
  if (exceeded === told.triggered) return undefined;
  return { trigger: "Alerting", cleared: !exceeded, told: { ...told, triggered: exceeded } }; // N07.FR.02, FR.14
}

function deltaNotice(difference: number, dataType: DataType, current: string, told: ToldState): Notice | undefined {
  const { reference } = told;
  const notice: Notice = { trigger: "Delta", cleared: false, told: { ...told, reference: current } };
  if (current === reference) return undefined;
  if (!isNumeric(dataType) || reference === undefined || reference === "") return notice; // N07.FR.19
  return withoutFloatNoise(Math.abs(Number(current) - Number(reference))) > difference ? notice : undefined; // N07.FR.18
}

/**
 * What a monitor has to tell of a value; nothing of a variable that has none. A Delta is counted from the last notice
 * (N07.FR.18), and a threshold tells each crossing of it once.
 */
export function noticeOf(
  monitor: MonitorSetting,
  dataType: DataType,
  current: string | undefined,
  told: ToldState,
): Notice | undefined {
  if (current === undefined || isPeriodic(monitor.type)) return undefined;
  if (monitor.type === "Delta") return deltaNotice(monitor.value, dataType, current, told);
  const value = current === "" ? Number.NaN : Number(current);
  return Number.isNaN(value) ? undefined : thresholdNotice(monitor, value, told);
}

/** What is told of a monitor that is set, or set anew: the same threshold moved still knows what the CSMS knows (N07.FR.11). */
export function toldWhenSet(
  type: MonitorType,
  current: string | undefined,
  before: { readonly type: MonitorType; readonly told: ToldState } | undefined,
): ToldState {
  return {
    triggered: isThreshold(type) && before?.type === type && before.told.triggered,
    reference: type === "Delta" ? current : undefined,
  };
}

/**
 * The next instant of a clock-aligned monitor, later than `now` (N08.FR.07): counted from each full hour, longer periods
 * from midnight UTC, those of more than a day from 1970.
 */
export function nextClockAligned(now: Date, periodSeconds: number): Date {
  const base = periodSeconds <= HOUR_SECONDS ? HOUR_SECONDS : periodSeconds <= DAY_SECONDS ? DAY_SECONDS : undefined;
  const [period, time] = [periodSeconds * 1000, now.getTime()];
  if (base === undefined) return new Date((Math.floor(time / period) + 1) * period);
  const sinceBase = time % (base * 1000);
  return new Date(time - sinceBase + Math.min((Math.floor(sinceBase / period) + 1) * period, base * 1000));
}
