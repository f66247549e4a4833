import type { IdTokenEnumType } from "../../src/ocpp/v201/index.ts";
import { importedEnergyWattHours } from "../../src/station/model/meter-values.ts";
import type { EvseEvent, PresentedToken } from "../../src/station/ports.ts";
import type { EventInput, InProcessCharger } from "../support/in-process-charger.ts";
import type { SeededRandom } from "../support/seeded-random.ts";

type StoppedReason = Extract<EvseEvent, { kind: "TransactionFinished" }>["stoppedReason"];

const TOKEN_TYPES: readonly [IdTokenEnumType, ...IdTokenEnumType[]] = ["ISO14443", "KeyCode", "NoAuthorization"];
const HARDWARE_DELAY_MILLISECONDS = 40;

/**
 * One EVSE with its driver, EV and meter, as EVerest's evse_manager and Auth behave: it reports what happens,
 * and does what the station commands. It knows the truth that the CSMS is to learn.
 */
export class SimulatedEvse {
  sessionId: string | undefined;
  plugged = false;
  private token: PresentedToken | undefined;
  private transaction = false;
  private charging: "no" | "yes" | "paused" = "no";
  /** The register goes on from life to life. */
  private wattHours: number;
  private remoteStarts = 0;
  private lastEvent: EventInput | undefined;

  constructor(
    private readonly charger: InProcessCharger,
    readonly evseId: number,
    private readonly random: SeededRandom,
  ) {
    this.wattHours = importedEnergyWattHours(charger.model.evse(evseId)?.reading) ?? 1_000;
  }

  private emit(event: EventInput): void {
    const sent = { sessionId: this.sessionId ?? "", ...event };
    this.lastEvent = sent;
    this.charger.event(this.evseId, sent);
  }

  private newToken(): PresentedToken {
    const type = this.random.pick(TOKEN_TYPES);
    return {
      idToken: { idToken: type === "NoAuthorization" ? "" : `TOKEN${this.random.below(4)}`, type },
      remote: false,
    };
  }

  /** A reading: the register follows what flows. */
  measure(): void {
    if (this.charging === "yes") this.wattHours += 1 + this.random.below(500);
    const amperes = this.charging === "yes" ? 16 : 0;
    this.charger.hardwareEvents.emit("meter", {
      evseId: this.evseId,
      reading: {
        timestamp: this.charger.clock.now(),
        samples: [
          { value: this.wattHours, measurand: "Energy.Active.Import.Register", location: "Outlet" },
          { value: amperes, measurand: "Current.Import", phase: "L1", location: "Outlet" },
        ],
      },
    });
  }

  /** What the driver, the EV or a fault does next; the weights keep sessions short. */
  act(): void {
    const dice = this.random.next();
    if (this.sessionId === undefined) {
      if (dice < 0.45) this.plugIn();
      else if (dice < 0.8) this.present(this.newToken());
      else this.askForRemoteStart();
    } else if (this.transaction) this.actInTransaction(dice);
    else if (!this.plugged) {
      if (dice < 0.75) this.plugIn();
      else this.giveUp();
    } else if (this.token === undefined && dice < 0.6) this.present(this.newToken());
    else if (this.token === undefined && dice < 0.75) this.askForRemoteStart();
    else this.unplug();
  }

  private actInTransaction(dice: number): void {
    if (dice < 0.5) this.toggleCharging();
    else if (dice < 0.62) this.finish("Local", this.token);
    else if (dice < 0.7) this.askForRemoteStop();
    else if (dice < 0.85) {
      this.finish("EVDisconnected");
      this.unplug();
    } else
      this.finish(
        this.random.pick(["EmergencyStop", "GroundFault", "StoppedByEV", "TimeLimitReached", "MasterPass", "Other"]),
      );
  }

  private plugIn(): void {
    const first = this.sessionId === undefined;
    this.sessionId ??= this.random.uuid();
    this.plugged = true;
    if (first) this.emit({ kind: "SessionStarted", reason: "EVConnected" });
    else this.closePowerPath();
  }

  private present(token: PresentedToken): void {
    const first = this.sessionId === undefined;
    this.sessionId ??= this.random.uuid();
    this.token = token;
    if (first) this.emit({ kind: "SessionStarted", reason: "Authorized", token });
    else this.closePowerPath();
  }

  private closePowerPath(): void {
    if (this.token === undefined || !this.plugged) return;
    this.transaction = true;
    this.emit({ kind: "TransactionStarted", token: this.token });
  }

  private toggleCharging(): void {
    if (this.charging === "yes") {
      this.charging = "paused";
      if (this.random.next() < 0.7) this.emit({ kind: "SuspendedEV" });
      else this.emit({ kind: "SuspendedEVSE", reasons: ["NoEnergy"] });
    } else {
      this.charging = "yes";
      this.emit({ kind: "ChargingStarted" });
    }
  }

  private finish(stoppedReason: StoppedReason, token?: PresentedToken): void {
    this.transaction = false;
    this.charging = "no";
    this.token = undefined;
    if (stoppedReason === "EVDisconnected") this.plugged = false;
    this.emit({ kind: "TransactionFinished", stoppedReason, ...(token !== undefined && { token }) });
  }

  private unplug(): void {
    this.plugged = false;
    this.token = undefined;
    this.emit({ kind: "SessionFinished" });
    this.sessionId = undefined;
  }

  /** Nobody plugs in: EVerest's Auth takes the authorization back. */
  private giveUp(): void {
    this.emit({ kind: "Deauthorized" });
    this.unplug();
  }

  private askForRemoteStart(): void {
    const { charger, evseId } = this;
    const remoteStartId = evseId * 1_000 + this.remoteStarts++;
    const idToken = { idToken: "APP", type: "Central" };
    charger.sendText(
      JSON.stringify([2, `start-${remoteStartId}`, "RequestStartTransaction", { evseId, remoteStartId, idToken }]),
    );
  }

  /** The station offers a token: authorized here, if it still can be used. */
  takeToken(token: PresentedToken): void {
    if (this.token === undefined && !this.transaction) this.present(token);
  }

  private askForRemoteStop(): void {
    const transactionId = this.charger.model.evse(this.evseId)?.transaction?.transactionId;
    if (transactionId === undefined) return;
    this.charger.sendText(
      JSON.stringify([2, `stop-${this.random.uuid()}`, "RequestStopTransaction", { transactionId }]),
    );
  }

  private soon(what: () => void): void {
    this.charger.clock.after(HARDWARE_DELAY_MILLISECONDS, what);
  }

  stopTransaction(reason: StoppedReason): boolean {
    if (!this.transaction) return false;
    this.soon(() => {
      if (this.transaction) this.finish(reason);
    });
    return true;
  }

  withdrawAuthorization(): void {
    this.soon(() => {
      if (this.sessionId !== undefined && !this.plugged && !this.transaction) this.giveUp();
    });
  }

  pauseCharging(): boolean {
    if (this.charging !== "yes") return false;
    this.soon(() => {
      if (this.charging !== "yes") return;
      this.charging = "paused";
      this.emit({ kind: "SuspendedEVSE", reasons: ["UserPause"] });
    });
    return true;
  }

  /** Only the station's process has died: the session goes on here, and shows it. */
  showLife(): void {
    if (this.sessionId !== undefined) this.emit({ kind: "PhasesSwitched" });
  }

  /** The power is back. EVerest may remember the session only to end it; a cable that is still there is a new one. */
  restoreAfterPowerLoss(): void {
    const { sessionId, transaction, random } = this;
    const stillPlugged = this.plugged && random.next() < 0.6;
    Object.assign(this, { sessionId: undefined, plugged: false, token: undefined, transaction: false, charging: "no" });
    if (sessionId !== undefined && transaction && random.next() < 0.5) {
      this.charger.event(this.evseId, { kind: "SessionResumed", sessionId });
      this.charger.event(this.evseId, { kind: "TransactionFinished", sessionId: "", stoppedReason: "PowerLoss" });
    }
    if (stillPlugged) this.plugIn();
  }

  /** Input that no sound hardware gives. None of it may change what is true. */
  misbehave(): void {
    const { charger, evseId, random } = this;
    const stranger = random.uuid();
    const { clock, hardwareEvents } = charger;
    const base = { evseId, connectorId: 1, timestamp: clock.now(), sessionId: stranger };
    const last = this.lastEvent;
    random.pick<() => void>([
      () => last !== undefined && last.sessionId === this.sessionId && charger.event(evseId, last),
      () => hardwareEvents.emit("evse", { ...base, evseId: 99, kind: "ChargingStarted" }),
      () => hardwareEvents.emit("evse", { ...base, kind: "TransactionFinished", stoppedReason: "Local" }),
      () => hardwareEvents.emit("evse", { ...base, kind: "SessionFinished" }),
      () => hardwareEvents.emit("evse", { ...base, kind: "Deauthorized" }),
      () => hardwareEvents.emit("evse", { ...base, sessionId: "", connectorId: 9, kind: "Enabled" }),
      () => hardwareEvents.emit("meter", { evseId: 99, reading: { timestamp: clock.now(), samples: [] } }),
      () => hardwareEvents.emit("evse", { ...base, timestamp: new Date(Number.NaN), kind: "SessionFinished" }),
    ])();
  }

  /** Everybody goes home. */
  leave(): void {
    if (this.transaction) this.finish("Local", this.token);
    if (this.sessionId !== undefined) this.unplug();
  }
}
