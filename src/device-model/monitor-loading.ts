import type { Logger } from "../log/logger.ts";
import type { DeviceModel, VariableState } from "./device-model.ts";
import {
  type MonitorDefinition,
  type MonitorSetting,
  monitorDefect,
  type ToldState,
  toldWhenSet,
} from "./monitor-rules.ts";
import type { MonitorStorage, StoredMonitor } from "./monitor-storage.ts";

/** A monitor of a variable, and what the CSMS was told of it. */
export interface Monitor extends StoredMonitor {
  readonly variable: VariableState;
  told: ToldState;
}

/** A preconfigured monitor that the CSMS has replaced or removed. */
export interface Overruled {
  readonly monitor: StoredMonitor;
  readonly variable: VariableState;
}

export interface LoadedMonitors {
  readonly monitors: readonly Monitor[];
  readonly overruled: readonly Overruled[];
  readonly variableIds: ReadonlyMap<VariableState, number>;
  readonly lastId: number;
}

export const storageOf = ({ component }: VariableState): MonitorStorage => component.store.storage.monitors;

/** The value with which a Delta can be compared later; of one that may not be read none is kept. */
export function readableValue(deviceModel: DeviceModel, variable: VariableState): string | undefined {
  return variable.attributes.get("Actual")?.mutability === "WriteOnly"
    ? undefined
    : deviceModel.valueOf(variable, "Actual");
}

export function isTwin(one: MonitorSetting, other: MonitorSetting): boolean {
  return one.type === other.type && one.severity === other.severity;
}

function differs(stored: StoredMonitor, wanted: MonitorDefinition): boolean {
  const { kind, value, transaction, reference } = stored;
  const isSame = kind === wanted.kind && value === wanted.value && transaction === wanted.transaction;
  return !isSame || (wanted.reference !== undefined && wanted.reference !== reference);
}

/** One reading of the monitors of all files: brings them in line with what the component files say (STORES 2.2). */
class Loading {
  readonly monitors: Monitor[] = [];
  readonly overruled: Overruled[] = [];
  readonly variableIds = new Map<VariableState, number>();
  private readonly usedIds = new Set<number>();
  lastId = 0;

  constructor(
    private readonly deviceModel: DeviceModel,
    private readonly logger: Logger,
  ) {}

  run(): this {
    const variables = [...this.deviceModel.allComponents()].flatMap((component) => [...component.variables.values()]);
    const byStorage = Map.groupBy(variables, storageOf);
    for (const storage of byStorage.keys()) this.lastId = Math.max(this.lastId, storage.lastId());
    for (const [storage, ofStorage] of byStorage) storage.transaction(() => this.load(storage, ofStorage));
    return this;
  }

  private load(storage: MonitorStorage, variables: readonly VariableState[]): void {
    const rowOf = storage.variableIds();
    for (const variable of variables)
      for (const { rowId } of variable.attributes.values()) {
        const variableId = rowOf.get(rowId);
        if (variableId !== undefined) this.variableIds.set(variable, variableId);
      }
    const stored = Map.groupBy(storage.read(), ({ variableId }) => variableId);
    const overruled = Map.groupBy(storage.readOverruled(), ({ variableId }) => variableId);
    for (const variable of variables) {
      const variableId = this.variableIds.get(variable);
      if (variableId === undefined) continue;
      this.loadVariable(storage, variable, stored.get(variableId) ?? [], overruled.get(variableId) ?? []);
    }
  }

  private loadVariable(
    storage: MonitorStorage,
    variable: VariableState,
    stored: readonly StoredMonitor[],
    overruled: readonly StoredMonitor[],
  ): void {
    const wanted = variable.monitors;
    const makers = stored.filter(({ kind }) => kind !== "CustomMonitor");
    const restored = new Set(makers.map((monitor) => wanted.find((one) => isTwin(one, monitor))));
    const stillOverruled = overruled.flatMap((monitor) => {
      const definition = wanted.find((one) => isTwin(one, monitor));
      // It is not described any more, is hard-wired now, or libocpp has put it back meanwhile.
      if (definition?.kind !== "PreconfiguredMonitor" || restored.has(definition)) {
        storage.forgetOverruled(monitor.id);
        return [];
      }
      const present = { ...monitor, ...definition };
      if (differs(monitor, definition)) storage.overrule(present);
      this.overruled.push({ monitor: present, variable });
      // What has replaced it has its id.
      if (!stored.some(({ id }) => id === monitor.id)) this.usedIds.add(monitor.id);
      return [definition];
    });
    for (const monitor of stored) {
      const kept = this.kept(variable, monitor);
      if (kept === undefined) storage.remove(monitor.id);
      else this.take(storage, variable, monitor, kept);
    }
    for (const definition of wanted)
      if (!restored.has(definition) && !stillOverruled.includes(definition)) this.add(storage, variable, definition);
  }

  /** A stored monitor as it is to be now; undefined when it has no right to be any more. */
  private kept(variable: VariableState, monitor: StoredMonitor): StoredMonitor | undefined {
    const definition = variable.monitors.find((one) => isTwin(one, monitor));
    if (monitor.kind !== "CustomMonitor") return definition && { ...monitor, ...definition };
    const defect = monitorDefect(monitor, variable.characteristics, false);
    // Limits may not be known yet; what cannot be monitored at all is no monitor (N04, remark).
    const isImpossible = defect?.status === "UnsupportedMonitorType";
    if (!isImpossible && definition?.kind !== "HardWiredMonitor") return monitor;
    this.logger.warn(
      `Monitor ${monitor.id} of ${variable.name} is removed: ${isImpossible ? defect.text : "a hard-wired one takes its place"}`,
    );
    return undefined;
  }

  /** libocpp counts the ids of each file for itself; the CSMS sees one list (N04.FR.19). */
  private take(storage: MonitorStorage, variable: VariableState, before: StoredMonitor, monitor: StoredMonitor): void {
    const id = this.usedIds.has(monitor.id) ? this.nextId() : monitor.id;
    if (id !== before.id) storage.remove(before.id);
    if (id !== before.id || differs(before, monitor)) storage.save({ ...monitor, id });
    this.push(variable, { ...monitor, id });
  }

  private add(storage: MonitorStorage, variable: VariableState, definition: MonitorDefinition): void {
    const variableId = this.variableIds.get(variable);
    if (variableId === undefined) return;
    const reference =
      definition.reference ?? toldWhenSet(definition.type, this.readable(variable), undefined).reference;
    const monitor = { ...definition, id: this.nextId(), variableId, ...(reference !== undefined && { reference }) };
    storage.save(monitor);
    this.push(variable, monitor);
  }

  private push(variable: VariableState, monitor: StoredMonitor): void {
    this.usedIds.add(monitor.id);
    const reference = monitor.reference ?? this.deviceModel.valueOf(variable, "Actual");
    const told = { triggered: false, reference: monitor.type === "Delta" ? reference : undefined };
    this.monitors.push({ ...monitor, variable, told });
  }

  private readable(variable: VariableState): string | undefined {
    return readableValue(this.deviceModel, variable);
  }

  private nextId(): number {
    this.lastId++;
    return this.lastId;
  }
}

export function loadMonitors(deviceModel: DeviceModel, logger: Logger): LoadedMonitors {
  return new Loading(deviceModel, logger).run();
}
