import type { Logger } from "../log/logger.ts";
import type { DeviceModel, VariableState } from "./device-model.ts";
import { isTwin, loadMonitors, type Monitor, type Overruled, readableValue, storageOf } from "./monitor-loading.ts";
import { type MonitorSetting, monitorDefect, type ToldState, toldWhenSet } from "./monitor-rules.ts";
import type { MonitorStorage, StoredMonitor } from "./monitor-storage.ts";
import type { VariableAddress } from "./variable-handle.ts";

export type { Monitor } from "./monitor-loading.ts";

export type MonitoringBase = "All" | "FactoryDefault" | "HardWiredOnly";

/** One item of SetVariableMonitoring. */
export interface MonitorRequest extends MonitorSetting {
  /** The monitor that is to be replaced. */
  readonly id?: number;
  readonly address: VariableAddress;
}

export interface MonitorResult {
  readonly status:
    | "Accepted"
    | "UnknownComponent"
    | "UnknownVariable"
    | "UnsupportedMonitorType"
    | "Rejected"
    | "Duplicate";
  /** What is in force now, when it was accepted. */
  readonly monitor?: Monitor;
  /** Of the appendix. */
  readonly reasonCode?: string;
  readonly additionalInfo?: string;
}

/** Monitors that may be there at once. */
export const MONITORS_LIMIT = 20_000;

function rejected(reasonCode: string, additionalInfo: string): MonitorResult {
  return { status: "Rejected", reasonCode, additionalInfo };
}

/** The monitors of the device model: everything in memory, every change in its file before it is seen. */
export class Monitors {
  private readonly byId = new Map<number, Monitor>();
  private readonly byVariable = new Map<VariableState, Monitor[]>();
  private readonly overruled = new Map<number, Overruled>();
  private variableIds = new Map<VariableState, number>();
  private lastId = 0;

  /** @param base What ActiveMonitoringBase says now. */
  constructor(
    private readonly deviceModel: DeviceModel,
    private readonly logger: Logger,
    private readonly base: () => MonitoringBase,
  ) {
    this.load();
  }

  /** Those that are there for the CSMS: preconfigured ones not while HardWiredOnly has disabled them (N03.FR.05). */
  *active(): Iterable<Monitor> {
    for (const monitor of this.byId.values()) if (this.isActive(monitor)) yield monitor;
  }

  /** The disabled ones as well. */
  all(): Iterable<Monitor> {
    return this.byId.values();
  }

  isActive(monitor: Monitor): boolean {
    if (this.byId.get(monitor.id) !== monitor) return false;
    if (monitor.kind !== "PreconfiguredMonitor") return true;
    const isOverruled = (other: Monitor): boolean => other.kind === "CustomMonitor" && isTwin(other, monitor);
    return this.base() !== "HardWiredOnly" && !this.of(monitor.variable).some(isOverruled);
  }

  /** Of one variable, whether they are active or not. */
  of(variable: VariableState): readonly Monitor[] {
    return this.byVariable.get(variable) ?? [];
  }

  /** N04: carries out the items in their order; what is accepted is durable when it returns (N07.FR.13). @throws when nothing could be stored. */
  set(requests: readonly MonitorRequest[]): readonly MonitorResult[] {
    return this.change(() => requests.map((request) => this.setOne(request)));
  }

  /** N06: one status for each id, in their order. What is gone tells nothing any more (N07.FR.12). */
  clear(ids: readonly number[]): readonly ("Accepted" | "NotFound" | "Rejected")[] {
    return this.change(() =>
      ids.map((id) => {
        const monitor = this.byId.get(id);
        if (monitor === undefined || !this.isActive(monitor)) return "NotFound"; // N06.FR.02
        if (monitor.kind === "HardWiredMonitor") return "Rejected"; // N06.FR.03
        if (monitor.kind === "PreconfiguredMonitor") this.overrule(monitor);
        this.remove(monitor);
        return "Accepted"; // N06.FR.01
      }),
    );
  }

  /**
   * N03: what the base makes of custom and of overruled monitors; returns those that came back. Whether preconfigured ones
   * are active it says itself.
   */
  applyBase(base: MonitoringBase): readonly Monitor[] {
    return this.change(() => {
      if (base !== "All")
        for (const monitor of [...this.byId.values()]) if (monitor.kind === "CustomMonitor") this.remove(monitor); // N03.FR.04, FR.05
      // Replacements stay with All (N03.FR.03); what was removed comes back with each base.
      const back = [...this.overruled].filter(([id]) => !this.byId.has(id));
      return back.map(([, overruled]) => this.restore(overruled));
    });
  }

  /** All changes of all files or none. */
  private change<Result>(work: () => Result): Result {
    const storages = new Set([...this.variableIds.keys()].map(storageOf));
    try {
      return [...storages].reduce<() => Result>((inner, storage) => () => storage.transaction(inner), work)();
    } catch (error) {
      this.load();
      throw error;
    }
  }

  private load(): void {
    const before = new Map([...this.byId].map(([id, { told }]) => [id, told]));
    const { monitors, overruled, variableIds, lastId } = loadMonitors(this.deviceModel, this.logger);
    this.byId.clear();
    this.byVariable.clear();
    this.overruled.clear();
    for (const monitor of monitors) {
      monitor.told = before.get(monitor.id) ?? monitor.told;
      this.keep(monitor);
    }
    for (const one of overruled) this.overruled.set(one.monitor.id, one);
    this.variableIds = new Map(variableIds);
    this.lastId = lastId;
  }

  private setOne(request: MonitorRequest): MonitorResult {
    const { id, address, ...setting } = request;
    const variable = this.deviceModel.find(address);
    if (typeof variable === "string") return { status: variable }; // N04.FR.03, FR.04
    const replaced = id === undefined ? undefined : this.byId.get(id);
    const refused = id === undefined ? undefined : this.replacementDefect(replaced, variable);
    if (refused !== undefined) return refused;
    const defect = monitorDefect(setting, variable.characteristics, this.deviceModel.isComputed(variable));
    if (defect !== undefined)
      return { status: defect.status, reasonCode: defect.reasonCode, additionalInfo: defect.text };
    const twin = this.of(variable).find((one) => one !== replaced && isTwin(one, setting) && this.isActive(one));
    if (twin !== undefined) return { status: "Duplicate", additionalInfo: `monitor ${twin.id}` }; // N04.FR.10
    const variableId = this.variableIdOf(variable);
    if (variableId === undefined) return rejected("InternalError", "the variable is not in the device model's file");
    if (replaced === undefined && this.byId.size >= MONITORS_LIMIT)
      return rejected("OutOfMemory", `there are ${MONITORS_LIMIT} monitors`);
    return { status: "Accepted", monitor: this.put(variable, variableId, setting, replaced) }; // N04.FR.08
  }

  private replacementDefect(replaced: Monitor | undefined, variable: VariableState): MonitorResult | undefined {
    if (replaced === undefined || !this.isActive(replaced)) return rejected("NotFound", "there is no such monitor"); // N04.FR.13
    if (replaced.variable !== variable) return rejected("InvalidValue", "the monitor is one of another variable"); // N04.FR.16
    if (replaced.kind === "HardWiredMonitor") return rejected("ReadOnly", "the monitor is hard-wired"); // N04.FR.18
    return undefined;
  }

  /** Components may have come since the start. */
  private variableIdOf(variable: VariableState): number | undefined {
    const known = this.variableIds.get(variable);
    if (known !== undefined) return known;
    const rows = storageOf(variable).variableIds();
    const found = [...variable.attributes.values()].flatMap(({ rowId }) => rows.get(rowId) ?? []);
    if (found[0] !== undefined) this.variableIds.set(variable, found[0]);
    return found[0];
  }

  /** N04.FR.11, FR.12, FR.15. */
  private put(
    variable: VariableState,
    variableId: number,
    setting: MonitorSetting,
    replaced: Monitor | undefined,
  ): Monitor {
    const told: ToldState = toldWhenSet(setting.type, this.deviceModel.valueOf(variable, "Actual"), replaced);
    const readable = setting.type === "Delta" ? readableValue(this.deviceModel, variable) : undefined;
    const stored: StoredMonitor = {
      ...setting,
      kind: "CustomMonitor",
      id: replaced?.id ?? this.nextId(),
      variableId,
      ...(readable !== undefined && { reference: readable }),
    };
    if (replaced?.kind === "PreconfiguredMonitor") this.overrule(replaced);
    if (replaced !== undefined) this.forget(replaced);
    storageOf(variable).save(stored);
    return this.keep({ ...stored, variable, told });
  }

  private overrule(monitor: Monitor): void {
    this.storage(monitor).overrule(monitor);
    this.overruled.set(monitor.id, { monitor, variable: monitor.variable });
  }

  private restore({ monitor, variable }: Overruled): Monitor {
    const storage = storageOf(variable);
    storage.forgetOverruled(monitor.id);
    storage.save({ ...monitor, kind: "PreconfiguredMonitor" });
    this.overruled.delete(monitor.id);
    const told = toldWhenSet(monitor.type, this.deviceModel.valueOf(variable, "Actual"), undefined);
    return this.keep({ ...monitor, kind: "PreconfiguredMonitor", variable, told });
  }

  private remove(monitor: Monitor): void {
    this.storage(monitor).remove(monitor.id);
    this.forget(monitor);
  }

  private keep(monitor: Monitor): Monitor {
    this.byId.set(monitor.id, monitor);
    const others = this.byVariable.get(monitor.variable);
    if (others === undefined) this.byVariable.set(monitor.variable, [monitor]);
    else others.push(monitor);
    return monitor;
  }

  private forget(monitor: Monitor): void {
    this.byId.delete(monitor.id);
    const others = this.of(monitor.variable).filter((other) => other !== monitor);
    if (others.length > 0) this.byVariable.set(monitor.variable, others);
    else this.byVariable.delete(monitor.variable);
  }

  private storage({ variable }: Monitor): MonitorStorage {
    return storageOf(variable);
  }

  /** Never given twice (STORES 2.4). */
  private nextId(): number {
    this.lastId++;
    return this.lastId;
  }
}
