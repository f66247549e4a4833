import type { Clock } from "../lib/clock.ts";
import type { Unsubscribe } from "../lib/events.ts";
import type { Logger } from "../log/logger.ts";
import type { DatabaseView, ViewRow } from "../store/database-view.ts";
import { addressKeys, joinedKey, variableStateKey } from "./address-keys.ts";
import {
  type AttributeType,
  type Characteristics,
  type ComponentDefinition,
  componentKey,
  variableKey,
} from "./definitions.ts";
import type { MonitorDefinition } from "./monitor-rules.ts";
import { addMissingSlots, withWholeSlot } from "./network-configuration.ts";
import { type Preparation, type SetOptions, SetRules } from "./set-rules.ts";
import type {
  AttributeState,
  ComponentState,
  ExternalWriter,
  GetResult,
  SetRequest,
  SetResult,
  SetRule,
  Store,
  VariableChange,
  VariableState,
} from "./state.ts";
import { attributeKey, DeviceModelStorage } from "./storage.ts";
import { valueAtStart } from "./value-at-start.ts";
import {
  formatValue,
  parseValue,
  type ValueKind,
  type ValueOf,
  type VariableAddress,
  type VariableHandle,
} from "./variable-handle.ts";

export type { SetOptions } from "./set-rules.ts";
export type * from "./state.ts";

const NO_ROW = { value: undefined, source: undefined, rowId: 0 };

function failed(error: Error): SetResult {
  return { status: "Rejected", reasonCode: "InternalError", additionalInfo: error.message.slice(0, 512) };
}

/** The device model of part 1, chapter 4: everything in memory, every durable change in its file before it is seen. */
export class DeviceModel {
  private readonly components = new Map<string, ComponentState>();
  private readonly rules = new SetRules((address) => this.find(address));
  private readonly listeners = new Map<string, Set<(change: VariableChange) => void>>();
  private readonly anyListeners = new Set<(change: VariableChange) => void>();
  private readonly makersMonitors = new Map<string, readonly MonitorDefinition[]>();
  private readonly computed = new Map<string, () => string>();

  constructor(private readonly logger: Logger) {}

  /**
   * Adds the components of one source, kept in one file. Components that are here already are replaced as a whole,
   * so the hardware side's EVSEs and connectors win over example files.
   */
  addComponents(
    components: readonly ComponentDefinition[],
    storage: DeviceModelStorage,
    options: {
      readonly source: string | null;
      readonly writerFor?: (component: ComponentDefinition) => ExternalWriter | undefined;
    },
  ): void {
    const writers = new Map(components.map((definition) => [definition, options.writerFor?.(definition)]));
    const stored = storage.apply(components, options.source, (definition) => writers.get(definition) !== undefined);
    // What another source has no more is gone; with August's libocpp EVSEs that are too many would not start.
    if (options.source !== null) storage.removeComponents(components, () => true);
    for (const definition of components) {
      const key = componentKey(definition);
      const variables = new Map<string, VariableState>();
      const store: Store = { storage, writer: writers.get(definition) };
      const component: ComponentState = { definition, key, variables, store };
      for (const { name, instance, characteristics, attributes, ...rest } of definition.variables) {
        const nameKey = variableKey({ name, ...(instance !== undefined && { instance }) });
        const states = new Map<AttributeType, AttributeState>();
        const fullKey = joinedKey(key, nameKey);
        const monitors = rest.monitors ?? this.makersMonitors.get(fullKey) ?? [];
        const known = { component, name, instance, characteristics, key: nameKey, fullKey };
        const variable: VariableState = { ...known, attributes: states, monitors };
        for (const attribute of attributes) {
          const { type, mutability, persistent = true, constant = false } = attribute;
          const row = stored.get(attributeKey(key, nameKey, type)) ?? NO_ROW;
          const value = valueAtStart(variable, attribute, row.value, this.logger);
          states.set(type, { type, mutability, persistent, constant, value, source: row.source, rowId: row.rowId });
        }
        variables.set(nameKey, variable);
      }
      // What another source has of the same component stays, such as a component file's settings of an EVSE.
      for (const [nameKey, variable] of this.components.get(key)?.variables ?? [])
        if (!variables.has(nameKey)) variables.set(nameKey, variable);
      this.components.set(key, component);
    }
  }

  /** What component files watch of variables that another source will bring, such as those of the hardware side's EVSEs. */
  watchLater(components: readonly ComponentDefinition[]): void {
    for (const component of components)
      for (const variable of component.variables)
        if (variable.monitors !== undefined)
          this.makersMonitors.set(joinedKey(componentKey(component), variableKey(variable)), variable.monitors);
  }

  /** A further component of the configuration, in the file that keeps `neighbour`. */
  addComponentBeside(neighbour: VariableAddress, component: ComponentDefinition): void {
    const variable = this.find(neighbour);
    if (typeof variable === "string") throw new Error(`there is no ${neighbour.component}.${neighbour.variable}`);
    this.addComponents([component], variable.component.store.storage, { source: null });
  }

  *allComponents(): Iterable<ComponentState> {
    yield* this.components.values();
  }

  find(address: VariableAddress): VariableState | "UnknownComponent" | "UnknownVariable" {
    const keys = addressKeys(address);
    const component = this.components.get(keys.component);
    return component === undefined ? "UnknownComponent" : (component.variables.get(keys.variable) ?? "UnknownVariable");
  }

  /** The typed Actual value; undefined when there is no such variable or it has no value. */
  read<Kind extends ValueKind>(handle: VariableHandle<Kind>): ValueOf[Kind] | undefined {
    const variable = this.find(handle);
    const value = typeof variable === "string" ? undefined : this.valueOf(variable, "Actual");
    return value === undefined ? undefined : parseValue(handle.kind, value);
  }

  /** The Actual value that is kept, even where another one is computed for reading. */
  stored(address: VariableAddress): string | undefined {
    const variable = this.find(address);
    return typeof variable === "string" ? undefined : variable.attributes.get("Actual")?.value;
  }

  /** Is its Actual value found out at the moment of reading, so that nobody hears of a change? */
  isComputed(variable: VariableState): boolean {
    return this.computed.has(variable.fullKey);
  }

  /** The value as text, computed ones included. */
  valueOf(variable: VariableState, type: AttributeType): string | undefined {
    const computed = type === "Actual" ? this.computed.get(variable.fullKey) : undefined;
    return computed === undefined ? variable.attributes.get(type)?.value : computed();
  }

  /** The station's own change; no rule applies. `volatile`: readings that need not survive a restart. */
  write<Kind extends ValueKind>(
    handle: VariableHandle<Kind>,
    value: ValueOf[Kind],
    source: string,
    volatile = false,
  ): void {
    const variable = this.find(handle);
    const attribute = typeof variable === "string" ? undefined : variable.attributes.get("Actual");
    if (typeof variable === "string" || attribute === undefined) return;
    const text = formatValue(value);
    if (attribute.value === text) return;
    if (volatile) this.take([{ variable, attribute, value: text }], source);
    else this.store([{ variable, attribute, value: text }], source);
  }

  /** Likewise for several variables, or other attributes of theirs, all of them or none; those that are not there are left out. */
  writeAll(
    values: readonly (readonly [address: VariableAddress, value: string, type?: AttributeType])[],
    source: string,
    volatile = false,
  ): void {
    const writes = values.flatMap(([address, value, type = "Actual"]) => {
      const variable = this.find(address);
      const attribute = typeof variable === "string" ? undefined : variable.attributes.get(type);
      if (typeof variable === "string" || attribute === undefined || attribute.value === value) return [];
      return [{ variable, attribute, value }];
    });
    if (volatile) this.take(writes, source);
    else this.store(writes, source);
  }

  /** A value that is found out at the moment of reading, e.g. the time. */
  compute<Kind extends ValueKind>(handle: VariableHandle<Kind>, value: () => string): void {
    this.computed.set(variableStateKey(handle), value);
  }

  /** What has become known about a variable of the hardware side, e.g. the most power that it can give; found out anew at each start. */
  describe<Kind extends ValueKind>(handle: VariableHandle<Kind>, known: Partial<Characteristics>): void {
    const variable = this.find(handle);
    if (typeof variable !== "string") variable.characteristics = { ...variable.characteristics, ...known };
  }

  /**
   * Limits that the hardware side has, whatever the configuration says: from now on no value beyond them is taken, and one
   * that is there already is told and reads as the nearest that can be in force (B05.FR.08).
   */
  limit(handle: VariableHandle<"number">, minLimit: number, maxLimit: number): void {
    const variable = this.find(handle);
    if (typeof variable === "string") return;
    const { minLimit: least = minLimit, maxLimit: most = maxLimit } = variable.characteristics;
    this.describe(handle, { minLimit: Math.max(least, minLimit), maxLimit: Math.min(most, maxLimit) });
    const value = this.read(handle);
    const nearest = value === undefined ? undefined : Math.min(maxLimit, Math.max(minLimit, value));
    if (nearest === undefined || nearest === value) return;
    const label = `${handle.component}.${handle.variable}`;
    this.logger.warn(
      `${label} is ${value}; the hardware side takes ${minLimit} to ${maxLimit}: ${nearest} is in force`,
    );
    this.write(handle, nearest, "internal", true);
  }

  /** B06. An attribute that is supported but has no value reads as an empty string (B06.FR.13). */
  get(address: VariableAddress, type: AttributeType): GetResult {
    const variable = this.find(address);
    if (typeof variable === "string") return { status: variable }; // B06.FR.06, FR.07, FR.14, FR.15
    const attribute = variable.attributes.get(type);
    if (attribute === undefined) return { status: "NotSupportedAttributeType" }; // B06.FR.08
    if (attribute.mutability === "WriteOnly") return { status: "Rejected", reasonCode: "WriteOnly" }; // B06.FR.09
    return { status: "Accepted", value: this.valueOf(variable, type) ?? "" };
  }

  /**
   * B05: checks and writes in the order of the requests; what is accepted is durable when the promise resolves. All of
   * it is one transaction, unless something must be written elsewhere in between.
   */
  async set(requests: readonly SetRequest[], source: string, options: SetOptions = {}): Promise<readonly SetResult[]> {
    const results: SetResult[] = [];
    let accepted: PendingWrite[] = [];
    await this.rules.gather(requests);
    for (const request of requests) {
      const checked = this.rules.check(request, source, options);
      if ("status" in checked) {
        results.push(checked);
        continue;
      }
      const { variable, attribute } = checked;
      const { writer } = variable.component.store;
      let result: SetResult = checked.outcome ?? { status: "Accepted" }; // B05.FR.10
      if (writer !== undefined) {
        // Nothing that was decided waits for somebody else.
        this.store(accepted, source);
        accepted = [];
        result = await writer(variable, request.value).catch(failed);
      }
      if (result.status === "Accepted" || result.status === "RebootRequired")
        accepted.push({ variable, attribute, value: request.value });
      results.push(result);
    }
    this.store(accepted, source);
    return results;
  }

  /** Rules run in order of registration; the first objection counts. */
  addRule<Kind extends ValueKind>(handle: VariableHandle<Kind>, rule: SetRule): void {
    this.rules.add(handle, rule);
  }

  /** What the rules of a variable must know from elsewhere is gathered by `gather`, once before they run; it must not reject. */
  prepareRules<Kind extends ValueKind>(handle: VariableHandle<Kind>, gather: Preparation): void {
    this.rules.prepare(handle, gather);
  }

  onChange<Kind extends ValueKind>(
    handle: VariableHandle<Kind>,
    listener: (change: VariableChange) => void,
  ): Unsubscribe {
    const key = variableStateKey(handle);
    const set = this.listeners.get(key) ?? new Set();
    this.listeners.set(key, set);
    set.add(listener);
    return () => set.delete(listener);
  }

  onAnyChange(listener: (change: VariableChange) => void): Unsubscribe {
    this.anyListeners.add(listener);
    return () => this.anyListeners.delete(listener);
  }

  /** All files of the device model as `view` shows them. */
  show(view: DatabaseView, limit?: number): readonly ViewRow[] {
    return [...this.storages()].flatMap((storage) => storage.show(view, limit));
  }

  /** Values that were replaced are gone from the disk then. */
  emptyLogs(): void {
    for (const storage of this.storages()) storage.emptyLog();
  }

  close(): void {
    for (const storage of this.storages()) storage.close();
  }

  private storages(): ReadonlySet<DeviceModelStorage> {
    return new Set([...this.components.values()].map(({ store }) => store.storage));
  }

  private store(writes: readonly PendingWrite[], source: string): void {
    const byStorage = new Map<DeviceModelStorage, { rowId: number; value: string; source: string }[]>();
    for (const { variable, attribute, value } of writes) {
      if (!attribute.persistent) continue;
      const { storage } = variable.component.store;
      const changes = byStorage.get(storage) ?? [];
      byStorage.set(storage, changes);
      changes.push({ rowId: attribute.rowId, value, source });
    }
    for (const [storage, changes] of byStorage) storage.write(changes);
    this.take(writes, source);
  }

  private take(writes: readonly PendingWrite[], source: string): void {
    const changes: VariableChange[] = [];
    for (const { variable, attribute, value } of writes) {
      const oldValue = attribute.value;
      attribute.value = value;
      attribute.source = source;
      if (oldValue !== value) changes.push({ variable, attributeType: attribute.type, oldValue, value, source });
    }
    for (const change of changes) this.announce(change);
  }

  private announce(change: VariableChange): void {
    const listeners = change.attributeType === "Actual" ? (this.listeners.get(change.variable.fullKey) ?? []) : [];
    for (const listener of [...listeners, ...this.anyListeners]) {
      try {
        listener(change);
      } catch (error) {
        this.logger.error(`A change of ${change.variable.name} could not be followed: ${(error as Error).message}`);
      }
    }
  }
}

interface PendingWrite {
  readonly variable: VariableState;
  readonly attribute: AttributeState;
  readonly value: string;
}

/** EVSEs and connectors are EVerest's: what example files of libocpp left of them counts for nobody. */
const EVEREST_OWNED = new Set(["evse", "connector"]);

/**
 * Opens the file at `path` and fills the device model, else a new one, with the components of the configuration. What the file has
 * beyond them is kept, unused: the files may have been replaced by mistake (CHANGES c.10).
 */
export function openDeviceModel(options: {
  readonly path: string;
  readonly components: readonly ComponentDefinition[];
  readonly deviceModel?: DeviceModel | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}): { readonly deviceModel: DeviceModel; readonly losses: readonly string[]; forgetLosses(): void } {
  const storage = new DeviceModelStorage(options);
  const { deviceModel = new DeviceModel(options.logger) } = options;
  const components = options.components.map((component) =>
    withWholeSlot(component, (lacking) =>
      options.logger.warn(`${component.name}[${component.instance}] is described without ${lacking.join(", ")}: added`),
    ),
  );
  deviceModel.addComponents(components, storage, { source: null });
  addMissingSlots(deviceModel, storage);
  const described = [...deviceModel.allComponents()].map(({ definition }) => definition);
  const kept = storage.removeComponents(described, ({ name }) => EVEREST_OWNED.has(name.toLowerCase()));
  if (kept.length > 0)
    options.logger.warn(
      `${options.path}: not in the component configuration any more, kept unused: ${kept.join(", ")}`,
    );
  return { deviceModel, losses: storage.losses, forgetLosses: () => storage.forgetLosses() };
}
