import { ChangeSampler } from "../../device-model/change-sampler.ts";
import { isPeriodic, LEAST_SEVERE, noticeOf, type ToldState } from "../../device-model/monitor-rules.ts";
import type { Monitor, Monitors } from "../../device-model/monitors.ts";
import { DeviceDataCtrlr, InternalCtrlr, MonitoringCtrlr } from "../../device-model/variables.ts";
import type { Timer } from "../../lib/clock.ts";
import type { Unsubscribe } from "../../lib/events.ts";
import type { MonitorState } from "../../store/monitor-state-repository.ts";
import type { Given } from "../block.ts";
import type { StreamEvent } from "../services.ts";
import { eventOf, isWriteOnly } from "./monitor-events.ts";
import { PeriodicMonitors } from "./periodic-monitors.ts";

/** So long after the start a reading that nobody has written counts as what it is. */
const READINGS_SETTLE_MILLISECONDS = 5_000;
/** When there is room for events, or the disk takes them, is looked at so often. */
const RETRY_MILLISECONDS = 1_000;
/** The last notice of a monitor with a shorter period is not worth a write to the disk. */
const LONG_PERIOD_SECONDS = 60;
const DEFAULT_VALUE_SIZE = 2_500;

interface Look {
  readonly monitor: Monitor;
  readonly value: string | undefined;
}

/** What decides now whether a monitor may tell. */
interface Circumstances {
  readonly level: number;
  readonly offlineLevel: number;
  readonly isOnline: boolean;
}

interface Finding {
  readonly monitor: Monitor;
  readonly event: StreamEvent;
  readonly told: ToldState;
}

function subjectOf({ variable, type }: Monitor): string {
  return `${variable.component.key}/${variable.key}/${type}`;
}

/**
 * N07, N08: looks at the values that are monitored, and tells. A monitor that may not tell now (level, offline, outside of
 * transactions) is not looked at, so that `told` stays what the CSMS knows, and is looked at again when it may.
 */
export class MonitorRunner {
  private readonly sampler: ChangeSampler;
  private readonly periodic: PeriodicMonitors;
  private readonly pending = new Set<Monitor>();
  private readonly lastTold = new Map<number, Date>();
  private readonly timers: { look?: Timer | undefined; settle?: Timer } = {};
  private readonly unsubscribes: Unsubscribe[] = [];
  private settled = false;

  constructor(
    private readonly given: Given<"eventStream">,
    private readonly monitors: Monitors,
  ) {
    const { clock, deviceModel } = given;
    this.sampler = new ChangeSampler({
      clock,
      intervalSeconds: () => deviceModel.read(InternalCtrlr.MonitorsProcessingInterval) ?? 1,
      valueOf: (variable) => deviceModel.valueOf(variable, "Actual"),
      onSamples: (samples) =>
        this.look(
          samples.flatMap(({ variable, value }) => monitors.of(variable).map((monitor) => ({ monitor, value }))),
        ),
    });
    this.periodic = new PeriodicMonitors(clock, (due) => this.tellPeriodic(due));
    this.restore();
  }

  start(): void {
    const { clock, deviceModel } = this.given;
    this.unsubscribes.push(
      deviceModel.onAnyChange(({ variable, attributeType, value }) => {
        if (attributeType === "Actual" && this.monitors.of(variable).length > 0) this.sampler.take(variable, value);
      }),
      ...[MonitoringCtrlr.ActiveMonitoringLevel, MonitoringCtrlr.OfflineQueuingSeverity].map((handle) =>
        deviceModel.onChange(handle, () => this.touchAll()),
      ),
      deviceModel.onChange(MonitoringCtrlr.Enabled, () => this.touchAll()),
    );
    this.timers.settle = clock.after(READINGS_SETTLE_MILLISECONDS, () => {
      this.settled = true;
      this.touchAll();
    });
    this.watchPeriodic();
    this.touchAll();
  }

  stop(): void {
    for (const unsubscribe of this.unsubscribes.splice(0)) unsubscribe();
    this.timers.settle?.cancel();
    this.timers.look?.cancel();
    this.timers.look = undefined;
    this.pending.clear();
    this.sampler.stop();
    this.periodic.stop();
    this.settled = false;
  }

  /** The monitors have been changed: what is gone is forgotten, what was set is stored as it is. */
  follow(changed: readonly Monitor[]): void {
    const { clock, core, logger } = this.given;
    const known = new Set([...this.monitors.all()].map(({ id }) => id));
    try {
      core.unitOfWork.run(() => {
        for (const id of core.monitorStates.ids()) if (!known.has(id)) core.monitorStates.remove(id);
        for (const monitor of changed) core.monitorStates.save(this.stateOf(monitor, monitor.told, clock.now()));
      });
    } catch (error) {
      // What was set is in force; after a restart its first notice may come at another time.
      logger.error(`What monitors begin with cannot be stored: ${(error as Error).message}`);
    }
    for (const id of this.lastTold.keys()) if (!known.has(id)) this.lastTold.delete(id);
    for (const { id } of changed) this.lastTold.delete(id);
    this.watchPeriodic();
  }

  /** Looks at the present values, soon; of thresholds that are exceeded already as well (N07.FR.11, FR.16). */
  touch(monitors: Iterable<Monitor>): void {
    for (const monitor of monitors) this.pending.add(monitor);
    this.lookLater(0);
  }

  touchAll(): void {
    this.touch(this.monitors.all());
  }

  private restore(): void {
    const { core, deviceModel } = this.given;
    const states = new Map(core.monitorStates.all().map((state) => [state.id, state]));
    for (const monitor of this.monitors.all()) {
      const state = states.get(monitor.id);
      if (state?.subject !== subjectOf(monitor)) continue;
      const present = isWriteOnly(monitor) ? deviceModel.valueOf(monitor.variable, "Actual") : monitor.told.reference;
      monitor.told = { triggered: state.triggered, reference: state.reference ?? present }; // N07.FR.14
      this.lastTold.set(monitor.id, state.toldAt);
    }
  }

  private watchPeriodic(): void {
    const periodic = [...this.monitors.all()].filter(({ type }) => isPeriodic(type));
    this.periodic.watch(periodic, ({ id }) => this.lastTold.get(id));
  }

  private lookLater(delayMilliseconds: number): void {
    this.timers.look ??= this.given.clock.after(delayMilliseconds, () => {
      this.timers.look = undefined;
      const { deviceModel } = this.given;
      const looks: Look[] = [];
      for (const monitor of this.pending) {
        if (!this.isKnown(monitor)) continue;
        looks.push({ monitor, value: deviceModel.valueOf(monitor.variable, "Actual") });
      }
      this.pending.clear();
      this.look(looks);
    });
  }

  /** A reading is not what it seems until the hardware side had time to tell it. */
  private isKnown({ variable }: Monitor): boolean {
    return this.settled || variable.attributes.get("Actual")?.persistent !== false;
  }

  private get enabled(): boolean {
    const { deviceModel } = this.given;
    return deviceModel.read(MonitoringCtrlr.Enabled) === true && deviceModel.read(MonitoringCtrlr.Available) !== false;
  }

  private circumstances(): Circumstances {
    const { csms, deviceModel } = this.given;
    return {
      level: deviceModel.read(MonitoringCtrlr.ActiveMonitoringLevel) ?? LEAST_SEVERE,
      offlineLevel: deviceModel.read(MonitoringCtrlr.OfflineQueuingSeverity) ?? LEAST_SEVERE,
      isOnline: csms.connected && csms.registration === "Accepted",
    };
  }

  private mayTell(monitor: Monitor, { level, offlineLevel, isOnline }: Circumstances): boolean {
    const { severity, transaction } = monitor;
    if (severity > level) return false; // N05.FR.03, N07.FR.15
    if (!isOnline && severity > offlineLevel) return false; // N07.FR.04, N08.FR.03
    return this.monitors.isActive(monitor) && (!transaction || this.hasTransaction(monitor));
  }

  private hasTransaction({ variable }: Monitor): boolean {
    const { model } = this.given;
    const { evseId } = variable.component.definition;
    return model.evses.some(
      (evse) => (evseId === undefined || evse.evseId === evseId) && evse.transaction !== undefined,
    );
  }

  private toEvent(monitor: Monitor, facts: Pick<Parameters<typeof eventOf>[1], "trigger" | "value" | "cleared">) {
    const { clock, deviceModel, model } = this.given;
    const { evseId } = monitor.variable.component.definition;
    return eventOf(monitor, {
      ...facts,
      timestamp: clock.now(),
      transactionId: evseId === undefined ? undefined : model.evse(evseId)?.transaction?.transactionId,
      valueLimit: deviceModel.read(DeviceDataCtrlr.ReportingValueSize) || DEFAULT_VALUE_SIZE,
    });
  }

  private look(looks: readonly Look[]): void {
    if (!this.enabled) return;
    const circumstances = this.circumstances();
    const told = new Map<Monitor, ToldState>();
    const found: Finding[] = [];
    for (const { monitor, value } of looks) {
      if (!this.mayTell(monitor, circumstances)) continue;
      const { dataType } = monitor.variable.characteristics;
      const notice = noticeOf(monitor, dataType, value, told.get(monitor) ?? monitor.told);
      if (notice === undefined || value === undefined) continue;
      told.set(monitor, notice.told);
      const { trigger, cleared } = notice;
      const event = this.toEvent(monitor, { trigger, value, ...(trigger === "Alerting" && { cleared }) });
      found.push({ monitor, event, told: notice.told });
    }
    if (found.length === 0) return;
    if (this.given.eventStream.hasRoom && this.tell(found, circumstances)) return;
    for (const monitor of told.keys()) this.pending.add(monitor);
    this.lookLater(RETRY_MILLISECONDS);
  }

  private tellPeriodic(due: readonly Monitor[]): void {
    const { deviceModel, eventStream } = this.given;
    if (!this.enabled || !eventStream.hasRoom) return;
    const circumstances = this.circumstances();
    const found = due
      .filter((monitor) => this.mayTell(monitor, circumstances))
      .map((monitor) => {
        const value = deviceModel.valueOf(monitor.variable, "Actual") ?? "";
        return { monitor, event: this.toEvent(monitor, { trigger: "Periodic", value }), told: monitor.told };
      });
    if (found.length > 0) this.tell(found, circumstances);
  }

  /** Stores what the CSMS will know and says it; false when it could not be stored, and nothing was said. */
  private tell(found: readonly Finding[], { offlineLevel }: Circumstances): boolean {
    const { clock, core, eventStream, logger } = this.given;
    const now = clock.now();
    try {
      core.unitOfWork.run(() => {
        for (const { monitor, told } of found)
          if (!isPeriodic(monitor.type) || monitor.value >= LONG_PERIOD_SECONDS)
            core.monitorStates.save(this.stateOf(monitor, told, now));
        const byFate = Map.groupBy(found, ({ monitor }) => monitor.severity <= offlineLevel);
        for (const [keptOffline, ofFate] of byFate)
          eventStream.tell(
            ofFate.map(({ event }) => event),
            { keptOffline, ofMonitors: true },
          );
      });
    } catch (error) {
      logger.error(`Events of ${found.length} monitors wait, they cannot be stored: ${(error as Error).message}`);
      return false;
    }
    for (const { monitor, told } of found) monitor.told = told;
    return true;
  }

  private stateOf(monitor: Monitor, { triggered, reference }: ToldState, toldAt: Date): MonitorState {
    return {
      id: monitor.id,
      subject: subjectOf(monitor),
      triggered,
      reference: isWriteOnly(monitor) ? undefined : reference,
      toldAt,
    };
  }
}
