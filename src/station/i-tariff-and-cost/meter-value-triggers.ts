import * as v from "valibot";
import type { Timer } from "../../lib/clock.ts";
import type { Given } from "../block.ts";
import { importedEnergyWattHours, toMeterValue } from "../model/meter-values.ts";
import type { EvseModel } from "../model/station-model.ts";
import type { MeterReading } from "../ports.ts";
import { Triggers } from "./cost-message.ts";

/** Power that comes and goes around the threshold is told again only when it went so much beyond (SEMANTICS 14). */
const HYSTERESIS = 0.05;
/** The wall clock may be set: looked at again at least so often. */
const REVIEW_MILLISECONDS = 60_000;
const STATE_KEY = "cost.triggers";

const Waiting = v.object({
  ...Triggers.entries,
  /** Whether the power was at or above its threshold when it was told last, or at first. */
  isAbove: v.exactOptional(v.boolean()),
  hasCrossed: v.exactOptional(v.boolean()),
});
type Waiting = v.InferOutput<typeof Waiting>;
const Stored = v.record(v.string(), Waiting);

const NO_TRIGGERS: Triggers = {
  atTime: undefined,
  atEnergykWh: undefined,
  atPowerkW: undefined,
  atCPStatus: undefined,
};

const ENERGY = ["Energy.Active.Import.Register"];
const ENERGY_AND_POWER = [...ENERGY, "Power.Active.Import"];

function powerKilowatts(reading: MeterReading | undefined): number | undefined {
  const power = reading?.samples.find(
    ({ measurand, phase }) => measurand === "Power.Active.Import" && phase === undefined,
  );
  return power === undefined ? undefined : power.value / (power.unitOfMeasure?.unit === "kW" ? 1 : 1000);
}

/** Which side of the threshold the power is on now; the same as before within the hysteresis. */
export function sideOf(power: number, threshold: number, isAbove: boolean | undefined, hasCrossed: boolean): boolean {
  if (isAbove === undefined) return power >= threshold;
  const margin = hasCrossed ? HYSTERESIS : 0;
  return power >= threshold * (isAbove ? 1 - margin : 1 + margin);
}

/** What is left of the triggers, and what is to be measured because some were reached; nothing where none was. */
export function reached(
  waiting: Waiting,
  facts: { readonly now: Date; readonly reading: MeterReading | undefined; readonly statuses: readonly string[] },
): { readonly left: Waiting; readonly measurands: readonly string[] | undefined } {
  const { atTime, atEnergykWh, atPowerkW, atCPStatus, isAbove, hasCrossed = false } = waiting;
  const energy = importedEnergyWattHours(facts.reading);
  const power = powerKilowatts(facts.reading);
  const isDue = atTime !== undefined && new Date(atTime) <= facts.now;
  const isCharged = atEnergykWh !== undefined && energy !== undefined && energy >= atEnergykWh * 1000;
  const isStatus = atCPStatus?.some((status) => facts.statuses.includes(status)) === true;
  const side = atPowerkW === undefined || power === undefined ? isAbove : sideOf(power, atPowerkW, isAbove, hasCrossed);
  const crosses = side !== undefined && isAbove !== undefined && side !== isAbove;
  const left: Waiting = {
    ...waiting,
    ...(isDue && { atTime: undefined }),
    ...(isCharged && { atEnergykWh: undefined }),
    ...(isStatus && { atCPStatus: undefined }),
    ...(side !== undefined && { isAbove: side }),
    ...(crosses && { hasCrossed: true }),
  };
  const measurands = isCharged || crosses ? ENERGY_AND_POWER : isDue || isStatus ? ENERGY : undefined;
  return { left, measurands };
}

/** triggerMeterValue of the CSMS's cost messages: MeterValues at a time, an energy, a power or a connector status (BEHAVIOUR 19.3). */
export class MeterValueTriggers {
  private waiting: Readonly<Record<string, Waiting>>;
  private timer: Timer | undefined;

  constructor(private readonly context: Given) {
    this.waiting = context.core.keyValues.get(STATE_KEY, Stored) ?? {};
  }

  /** In the place of those that the EVSE had; undefined: it has none any more. */
  set(evseId: number, triggers: Triggers | undefined): void {
    if (triggers === undefined && this.waiting[evseId] === undefined) return;
    const { [String(evseId)]: _, ...others } = this.waiting;
    this.store(triggers === undefined ? others : { ...others, [evseId]: triggers });
    this.review();
  }

  /** After the end of its transaction only the connector's status is waited for, such as Available. */
  endTransaction(evseId: number): void {
    const { atCPStatus } = this.waiting[evseId] ?? {};
    this.set(evseId, atCPStatus && { ...NO_TRIGGERS, atCPStatus });
  }

  /** Something may be reached: a reading, a status or a time. */
  review(): void {
    this.timer?.cancel();
    for (const evse of this.context.model.evses) this.reviewEvse(evse);
    const now = this.context.clock.now().getTime();
    const waits = Object.values(this.waiting).flatMap(({ atTime }) => {
      const wait = atTime === undefined ? 0 : Date.parse(atTime) - now;
      // What is past waits for a reading.
      return wait > 0 ? [wait] : [];
    });
    if (waits.length > 0)
      this.timer = this.context.clock.after(Math.min(REVIEW_MILLISECONDS, ...waits), () => this.review());
  }

  stop(): void {
    this.timer?.cancel();
  }

  private reviewEvse({ evseId, reading, connectors }: EvseModel): void {
    const waiting = this.waiting[evseId];
    if (waiting === undefined || reading === undefined) return;
    const { clock, csms } = this.context;
    const statuses = connectors.map(({ status }) => status);
    const { left, measurands } = reached(waiting, { now: clock.now(), reading, statuses });
    if (measurands === undefined) {
      this.waiting = { ...this.waiting, [evseId]: left };
      return;
    }
    this.store({ ...this.waiting, [evseId]: left });
    const value = toMeterValue(reading, "Other", { measurands, signReadings: false, registersWithoutPhases: true });
    if (value !== undefined) void csms.call("MeterValues", { evseId, meterValue: [value] });
  }

  private store(waiting: Readonly<Record<string, Waiting>>): void {
    const { core, logger } = this.context;
    this.waiting = waiting;
    try {
      core.unitOfWork.run(() => core.keyValues.set(STATE_KEY, waiting));
    } catch (error) {
      logger.error(`What the CSMS wants meter values for will not outlive a restart: ${(error as Error).message}`);
    }
  }
}
