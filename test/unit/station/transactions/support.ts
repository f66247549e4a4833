import type { SampledValueType } from "../../../../src/ocpp/v201/index.ts";
import type { PresentedToken } from "../../../../src/station/ports.ts";
import { InProcessCharger, type Payload, type Reaction } from "../../../support/in-process-charger.ts";

export const card = (idToken = "CARD"): PresentedToken => ({ idToken: { idToken, type: "ISO14443" }, remote: false });

/** A station with its sessions in short words. Readings by time are off unless a test asks for them. */
export class Rig {
  private constructor(readonly charger: InProcessCharger) {}

  static async start(variables: Readonly<Record<string, string>> = {}): Promise<Rig> {
    const charger = await new InProcessCharger(1, {
      "SampledDataCtrlr.TxUpdatedInterval": "0",
      "SampledDataCtrlr.TxEndedInterval": "0",
      "AlignedDataCtrlr.Interval": "0",
      "AlignedDataCtrlr.TxEndedInterval": "0",
      ...variables,
    }).start();
    await charger.clock.advance(100);
    return new Rig(charger);
  }

  plug(sessionId = "s", more: { reservationId?: number } = {}): this {
    this.charger.event(1, { kind: "SessionStarted", sessionId, reason: "EVConnected", ...more });
    return this;
  }
  present(sessionId = "s", token = card()): this {
    this.charger.event(1, { kind: "SessionStarted", sessionId, reason: "Authorized", token });
    return this;
  }
  begin(sessionId = "s", token = card(), more: { reservationId?: number } = {}): this {
    this.charger.event(1, { kind: "TransactionStarted", sessionId, token, ...more });
    return this;
  }
  charge(sessionId = "s"): this {
    this.charger.event(1, { kind: "ChargingStarted", sessionId });
    return this;
  }
  suspend(sessionId = "s"): this {
    this.charger.event(1, { kind: "SuspendedEV", sessionId });
    return this;
  }
  finish(stoppedReason: "Local" | "Remote" | "EVDisconnected" | "DeAuthorized" | "GroundFault", sessionId = "s"): this {
    this.charger.event(1, { kind: "TransactionFinished", sessionId, stoppedReason, token: card() });
    return this;
  }
  unplug(sessionId = "s"): this {
    this.charger.event(1, { kind: "SessionFinished", sessionId });
    return this;
  }

  reading(samples: readonly SampledValueType[], evseId = 1): this {
    this.charger.hardwareEvents.emit("meter", {
      evseId,
      reading: { timestamp: this.charger.clock.now(), samples },
    });
    return this;
  }

  async pass(milliseconds = 100): Promise<this> {
    await this.charger.clock.advance(milliseconds);
    return this;
  }
  async crash(): Promise<this> {
    this.charger.crash();
    await this.charger.start();
    return this.pass();
  }

  answerEvents(answer: (event: Payload) => unknown): this {
    this.charger.react = ({ action, payload }): Reaction => ({
      answer:
        action === "TransactionEvent"
          ? answer(payload)
          : action === "BootNotification"
            ? { currentTime: this.charger.clock.now().toISOString(), interval: 300, status: "Accepted" }
            : {},
    });
    return this;
  }

  get events(): readonly Payload[] {
    return this.charger.callsOf("TransactionEvent");
  }
  get brief(): readonly string[] {
    return this.events.map(({ eventType, triggerReason, transactionInfo }) => {
      const { chargingState, stoppedReason } = transactionInfo as Record<string, string | undefined>;
      return [eventType, triggerReason, chargingState, stoppedReason].filter((part) => part !== undefined).join(" ");
    });
  }
  commands(name: string): readonly (readonly unknown[])[] {
    return this.charger.hardwareCalls.filter((call) => call.name === name).map(({ args }) => args);
  }
}

export const energy = (value: number, more: Partial<SampledValueType> = {}): SampledValueType => ({
  value,
  measurand: "Energy.Active.Import.Register",
  location: "Outlet",
  unitOfMeasure: { unit: "Wh" },
  ...more,
});
export const current = (phase: "L1" | "L2" | "L3", value: number): SampledValueType => ({
  value,
  measurand: "Current.Import",
  phase,
});
export const signed = (publicKey = ""): Pick<SampledValueType, "signedMeterValue"> => ({
  signedMeterValue: { signedMeterData: "DATA", signingMethod: "ECDSA", encodingMethod: "OCMF", publicKey },
});

export interface ToldSample {
  readonly context: string;
  readonly value: number;
  readonly measurand: string;
  readonly phase?: string;
  readonly signedMeterValue?: { readonly publicKey: string };
}
export const samplesOf = (event: Payload | undefined): readonly ToldSample[] =>
  ((event?.meterValue ?? []) as { sampledValue: ToldSample[] }[]).flatMap(({ sampledValue }) => sampledValue);
