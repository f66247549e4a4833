import { InProcessCharger, type Payload } from "../../../support/in-process-charger.ts";

export const CARD = { idToken: "CARD", type: "ISO14443" } as const;
export const OTHER = { idToken: "OTHER", type: "ISO14443" } as const;
export const FAMILY = { idToken: "FAMILY", type: "Central" } as const;
const AFTER_BOOT_MILLISECONDS = 1_000;

/** A station with what it tells the CSMS about reservations, and what Auth's side of the bus does with them. */
export class ReservationRig {
  readonly charger: InProcessCharger;

  constructor(variables: Record<string, string> = {}, evseCount = 2, connectorsPerEvse = 1) {
    this.charger = new InProcessCharger(1, variables, evseCount, connectorsPerEvse);
  }

  async start(): Promise<this> {
    await this.charger.start();
    await this.pass(AFTER_BOOT_MILLISECONDS);
    this.charger.calls.length = 0;
    return this;
  }

  pass(milliseconds = 100): Promise<void> {
    return this.charger.clock.advance(milliseconds);
  }

  inSeconds(seconds: number): string {
    return new Date(this.charger.clock.now().getTime() + seconds * 1000).toISOString();
  }

  async reserve(more: Record<string, unknown> = {}): Promise<unknown> {
    const request = { id: 1, expiryDateTime: this.inSeconds(600), idToken: CARD, ...more };
    const { body } = await this.charger.call("ReserveNow", request);
    await this.pass();
    return (body as Payload).status;
  }

  async reason(more: Record<string, unknown> = {}): Promise<unknown> {
    const request = { id: 1, expiryDateTime: this.inSeconds(600), idToken: CARD, ...more };
    const { body } = await this.charger.call("ReserveNow", request);
    const { status, statusInfo } = body as { status: string; statusInfo?: { reasonCode: string } };
    return `${status} ${statusInfo?.reasonCode}`;
  }

  async cancel(reservationId = 1): Promise<unknown> {
    const { body } = await this.charger.call("CancelReservation", { reservationId });
    await this.pass();
    return (body as Payload).status;
  }

  /** A card is presented; resolves to what the station says of it. */
  async present(idToken: { idToken: string; type: "ISO14443" | "Central" }, evseIds?: readonly number[]) {
    const decision = this.charger.services.authorization.authorize({ idToken, ...(evseIds && { evseIds }) });
    await this.pass();
    return (await decision).idTokenInfo.status;
  }

  plugIn(evseId = 1): void {
    this.charger.event(evseId, { kind: "SessionStarted", sessionId: `s${evseId}`, reason: "EVConnected" });
  }

  begin(evseId: number, idToken: typeof CARD | typeof OTHER = CARD, more: { reservationId?: number } = {}): void {
    const token = { idToken, remote: false };
    this.charger.event(evseId, { kind: "TransactionStarted", sessionId: `s${evseId}`, token, ...more });
  }

  fault(evseId: number, state: "raised" | "cleared" = "raised"): void {
    this.charger.hardwareEvents.emit("error", {
      state,
      origin: `evse${evseId}`,
      type: "evse_manager/Inoperative",
      subType: "",
      description: "",
      message: "",
      severity: "High",
      timestamp: this.charger.clock.now(),
      evseId,
      inoperative: true,
      component: "EVSE",
      variable: "Problem",
    });
  }

  async restart(milliseconds = AFTER_BOOT_MILLISECONDS): Promise<void> {
    this.charger.crash();
    this.charger.calls.length = 0;
    this.charger.hardwareCalls.length = 0;
    await this.charger.start();
    await this.pass(milliseconds);
  }

  get statuses(): readonly string[] {
    return this.charger
      .callsOf("StatusNotification")
      .map(({ evseId, connectorStatus }) => `${evseId} ${connectorStatus}`);
  }

  get updates(): readonly string[] {
    return this.charger
      .callsOf("ReservationStatusUpdate")
      .map(({ reservationId, reservationUpdateStatus }) => `${reservationId} ${reservationUpdateStatus}`);
  }

  asked(name: string): readonly (readonly unknown[])[] {
    return this.charger.hardwareCalls.filter((call) => call.name === name).map(({ args }) => args);
  }

  status(evseId: number): string | undefined {
    return this.charger.model.connector(evseId, 1)?.status;
  }
}
