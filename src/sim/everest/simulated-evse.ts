import { type Clock, every, type Timer } from "../../lib/clock.ts";
import type { Random } from "../../lib/random.ts";
import type { SimulatedBus } from "./bus.ts";

interface Session {
  readonly uuid: string;
  token: unknown;
  tokenValue: string | undefined;
  reservationId: number | undefined;
  transaction: boolean;
  charging: boolean;
}

const CHARGING_AMPERES = 16;
const PHASES = 3;
const VOLTS = 230;

/** One entry of `set_external_limits`, as far as a car feels it. */
interface LimitEntry {
  readonly timestamp: string;
  readonly limits_to_leaves: {
    readonly ac_max_current_A?: { readonly value: number };
    readonly total_power_W?: { readonly value: number };
    readonly ac_max_phase_count?: { readonly value: number };
  };
}

/** One EVSE with its connector, powermeter and car, driven by the test or the demo. */
export class SimulatedEvse {
  readonly module: string;
  energyWattHours = 0;
  private session: Session | undefined;
  private plugged = false;
  private enabled = true;
  /** How long Auth waits for the cable after an authorization; 0: for ever. */
  connectionTimeoutMilliseconds = 0;
  private limits: readonly LimitEntry[] = [];
  private meterTimer: Timer | undefined;
  private connectionTimer: Timer | undefined;
  /** The session that a power loss has interrupted, as it is told when EVerest starts again. */
  private interrupted: { readonly uuid: string; readonly isResumed: boolean } | undefined;

  constructor(
    private readonly bus: SimulatedBus,
    readonly evseId: number,
    private readonly clock: Clock,
    private readonly random: Random,
    private readonly meterIntervalMilliseconds: number,
  ) {
    this.module = `evse_manager_${evseId}`;
  }

  async serve(): Promise<void> {
    const serve = (command: string, answer: (args: Readonly<Record<string, unknown>>) => unknown) =>
      this.bus.serve(this.module, "evse", command, answer);
    await serve("get_evse", () => ({ id: this.evseId, connectors: [{ id: 1, type: "cType2" }] }));
    await serve("enable_disable", ({ cmd_source }) =>
      this.enable((cmd_source as { enable_state: string }).enable_state === "Enable"),
    );
    await serve("pause_charging", () => {
      void this.pause("EVSE");
      return true;
    });
    await serve("resume_charging", () => true);
    await serve("stop_transaction", ({ request }) => {
      if (this.session?.transaction !== true) return false;
      void this.stopTransaction((request as { reason: string }).reason);
      return true;
    });
    await serve("force_unlock", () => true);
    await serve("withdraw_authorization", () => {
      if (!this.plugged && this.session !== undefined) void this.timeOutAuthorization();
      return null;
    });
    await serve("external_ready_to_start_charging", () => {
      void this.reportReady();
      return true;
    });
    await serve("set_plug_and_charge_configuration", () => null);
  }

  /** The charger loses power; after the start EVerest resumes the session only to end it, or has forgotten it (BEHAVIOUR 3.3). */
  losePower(isResumed: boolean): void {
    if (this.session !== undefined) this.interrupted = { uuid: this.session.uuid, isResumed };
    this.session = undefined;
  }

  async reportWaiting(): Promise<void> {
    if (this.interrupted?.isResumed === true) {
      await this.event("SessionResumed", {}, this.interrupted.uuid);
      await this.event("TransactionFinished", {
        transaction_finished: { reason: "PowerLoss", meter_value: this.meterValue() },
      });
    }
    await this.bus.variable(this.module, "evse", "waiting_for_external_ready", true);
  }

  /** Nobody is here, not even with a cable. */
  get isFree(): boolean {
    return this.session === undefined;
  }

  get isAuthorized(): boolean {
    return this.session?.token !== undefined;
  }

  /** Does a transaction run that a token of this group has started? */
  isAuthorizedByGroup(parentValue: string | undefined): boolean {
    const token = this.session?.token as { parent_id_token?: { value: string } } | undefined;
    return (
      parentValue !== undefined && this.session?.transaction === true && token?.parent_id_token?.value === parentValue
    );
  }

  isAuthorizedBy(tokenValue: string): boolean {
    return this.session?.transaction === true && this.session.tokenValue === tokenValue;
  }

  async plugIn(): Promise<void> {
    this.plugged = true;
    this.connectionTimer?.cancel();
    const waiting = this.session;
    if (waiting?.token !== undefined) return this.startTransaction(waiting);
    this.session = {
      uuid: this.random.uuid(),
      token: undefined,
      tokenValue: undefined,
      reservationId: undefined,
      transaction: false,
      charging: false,
    };
    await this.event("SessionStarted", { session_started: { reason: "EVConnected", meter_value: this.meterValue() } });
    await this.event("AuthRequired");
  }

  async authorize(token: { id_token: { value: string } }, reservationId?: number): Promise<void> {
    const session = this.session ?? {
      uuid: this.random.uuid(),
      token: undefined,
      tokenValue: undefined,
      reservationId: undefined,
      transaction: false,
      charging: false,
    };
    const isNew = this.session === undefined;
    this.session = session;
    session.token = token;
    session.reservationId = reservationId;
    session.tokenValue = token.id_token.value;
    if (isNew)
      await this.event("SessionStarted", {
        session_started: {
          reason: "Authorized",
          id_tag: token,
          meter_value: this.meterValue(),
          ...(reservationId !== undefined && { reservation_id: reservationId }),
        },
      });
    await this.event("Authorized");
    if (this.plugged) return this.startTransaction(session);
    this.connectionTimer?.cancel();
    if (this.connectionTimeoutMilliseconds > 0)
      this.connectionTimer = this.clock.after(
        this.connectionTimeoutMilliseconds,
        () => void this.timeOutAuthorization().catch(() => {}),
      );
  }

  async startCharging(): Promise<void> {
    if (this.session === undefined) throw new Error("there is no session");
    this.session.charging = true;
    await this.event("ChargingStarted");
  }

  async pause(by: "EV" | "EVSE"): Promise<void> {
    if (this.session === undefined) return;
    this.session.charging = false;
    await this.event(
      by === "EV" ? "ChargingPausedEV" : "ChargingPausedEVSE",
      by === "EVSE" ? { charging_paused_evse: { reasons: [this.bus.traits.sendsNames ? "UserPause" : 0] } } : {},
    );
  }

  async stopTransaction(reason: string, token?: unknown): Promise<void> {
    const { session } = this;
    if (session?.transaction !== true) return;
    session.transaction = false;
    session.charging = false;
    await this.event("StoppingCharging");
    await this.event("ChargingFinished");
    await this.event("TransactionFinished", {
      transaction_finished: { reason, meter_value: this.meterValue(), ...(token !== undefined && { id_tag: token }) },
    });
  }

  async unplug(): Promise<void> {
    this.plugged = false;
    if (this.session === undefined) return;
    if (this.session?.transaction === true) await this.stopTransaction("EVDisconnected");
    await this.event("SessionFinished", { session_finished: { meter_value: this.meterValue() } });
    this.session = undefined;
  }

  /** As EvseManager reports at the start a session that a power cut interrupted (BEHAVIOUR 3.3). */
  async reportInterruptedSession(uuid: string): Promise<void> {
    this.session = {
      uuid,
      token: undefined,
      tokenValue: undefined,
      reservationId: undefined,
      transaction: false,
      charging: false,
    };
    await this.event("SessionResumed");
    this.session = undefined;
    await this.event("TransactionFinished", {
      transaction_finished: { reason: "PowerLoss", meter_value: this.meterValue() },
    });
  }

  /** Nobody plugged in: Auth gives the authorization up. */
  async timeOutAuthorization(): Promise<void> {
    this.connectionTimer?.cancel();
    await this.event("Deauthorized");
    await this.event("SessionFinished", { session_finished: { meter_value: this.meterValue() } });
    this.session = undefined;
  }

  /** What the energy sink of this EVSE was told; the car follows it. */
  applyLimits(limits: readonly LimitEntry[]): void {
    this.limits = limits;
  }

  /** What the car draws on each of its phases. */
  drawn(): { readonly amperes: number; readonly phases: number } {
    if (this.session?.charging !== true) return { amperes: 0, phases: PHASES };
    const now = this.clock.now().getTime();
    const limit = this.limits.findLast(({ timestamp }) => Date.parse(timestamp) <= now)?.limits_to_leaves;
    const phases = Math.min(PHASES, limit?.ac_max_phase_count?.value ?? PHASES);
    const watts = limit?.total_power_W?.value ?? Number.POSITIVE_INFINITY;
    const amperes = Math.min(
      CHARGING_AMPERES,
      limit?.ac_max_current_A?.value ?? CHARGING_AMPERES,
      watts / (VOLTS * phases),
    );
    return { amperes, phases };
  }

  async publishPowermeter(): Promise<void> {
    const { amperes, phases } = this.drawn();
    this.energyWattHours += (amperes * phases * VOLTS * this.meterIntervalMilliseconds) / 3_600_000;
    await this.bus.variable(this.module, "evse", "powermeter", this.meterValue());
  }

  /** An error of this EVSE is raised or cleared, e.g. `evse_manager/Inoperative`. */
  async error(type: string, state: "Active" | "ClearedByModule"): Promise<void> {
    await this.bus.error(this.module, "evse", type, {
      type,
      sub_type: "",
      message: "simulated",
      description: "simulated error",
      severity: "High",
      origin: { module_id: this.module, implementation_id: "evse", mapping: { evse: this.evseId, connector: 1 } },
      state,
      timestamp: this.clock.now().toISOString(),
      uuid: this.random.uuid(),
      vendor_id: "EVerest",
    });
  }

  stop(): void {
    this.meterTimer?.cancel();
    this.connectionTimer?.cancel();
  }

  private async reportReady(): Promise<void> {
    await this.bus.variable(this.module, "evse", "ready", true);
    if (this.interrupted !== undefined && this.plugged) await this.plugIn();
    this.interrupted = undefined;
    this.meterTimer?.cancel();
    if (this.meterIntervalMilliseconds > 0)
      this.meterTimer = every(
        this.clock,
        this.meterIntervalMilliseconds,
        () => void this.publishPowermeter().catch(() => {}),
      );
  }

  private enable(enabled: boolean): boolean {
    if (this.enabled !== enabled) {
      this.enabled = enabled;
      void this.tellEnabled(enabled);
    }
    return enabled;
  }

  private async tellEnabled(enabled: boolean): Promise<void> {
    if (!enabled && this.bus.traits.disablingEndsSession && this.session !== undefined) {
      await this.stopTransaction("EVSEDisabled");
      await this.event("SessionFinished", { session_finished: { meter_value: this.meterValue() } });
      this.session = undefined;
    }
    await this.event(enabled ? "Enabled" : "Disabled");
  }

  /** Somebody other than the CSMS takes the EVSE out of service, or puts it back. */
  setEnabled(enabled: boolean): void {
    this.enable(enabled);
  }

  private async startTransaction(session: Session): Promise<void> {
    session.transaction = true;
    await this.event("TransactionStarted", {
      transaction_started: {
        id_tag: session.token,
        meter_value: this.meterValue(),
        ...(session.reservationId !== undefined && { reservation_id: session.reservationId }),
      },
    });
    await this.event("PrepareCharging");
  }

  private event(
    name: string,
    context: Readonly<Record<string, unknown>> = {},
    uuid = this.session?.uuid ?? "",
  ): Promise<void> {
    return this.bus.variable(this.module, "evse", "session_event", {
      uuid,
      timestamp: this.clock.now().toISOString(),
      event: name,
      ...context,
    });
  }

  private meterValue(): unknown {
    const { amperes, phases } = this.drawn();
    return {
      timestamp: this.clock.now().toISOString(),
      meter_id: `meter_${this.evseId}`,
      energy_Wh_import: { total: this.energyWattHours },
      power_W: { total: amperes * phases * VOLTS },
      current_A: { L1: amperes, L2: phases > 1 ? amperes : 0, L3: phases > 2 ? amperes : 0, N: 0 },
      voltage_V: { L1: VOLTS, L2: VOLTS, L3: VOLTS },
      frequency_Hz: { L1: 50 },
    };
  }
}
