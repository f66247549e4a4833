import { expect } from "bun:test";
import type { Action, IdTokenInfoType, IdTokenType, RequestOf } from "../../src/ocpp/v201/index.ts";
import type { ReceivedCall, SentAnswer } from "../../src/sim/csms.ts";
import { Charger, type ChargerOptions } from "./charger.ts";

export type Facts = Readonly<Record<string, unknown>>;
/** Members that a message must carry with these values (nested as in the message). */
export type Expected = Readonly<Record<string, unknown>>;

export const VALID_TOKEN = { idToken: "04A1B2C3D4", type: "ISO14443" } as const;
export const OTHER_TOKEN = { idToken: "04FFEEDDCC", type: "ISO14443" } as const;

export interface TestSystemOptions extends ChargerOptions {
  readonly txStartPoint?: string;
  readonly txStopPoint?: string;
}

const LIMIT_MILLISECONDS = 8_000;

/**
 * The OCA's test system: a CSMS that reads the station's messages in order, and the reusable states of the
 * certification test cases (part 6), played with the simulated hardware on the compiled executable.
 */
export class TestSystem {
  /** Index of the first message that no step has looked at yet. */
  private cursor = 0;
  private plugged = false;
  private authorized = false;
  private started = false;
  private ended = false;
  transactionId = "";

  private constructor(
    readonly charger: Charger,
    private readonly txStartPoint: string,
    private readonly txStopPoint: string,
  ) {}

  static async start(options: TestSystemOptions = {}): Promise<TestSystem> {
    const { txStartPoint = "PowerPathClosed", txStopPoint = "EVConnected,Authorized", patch = {}, ...rest } = options;
    const charger = await Charger.start({
      ...rest,
      patch: {
        ...patch,
        TxCtrlr: { TxStartPoint: txStartPoint, TxStopPoint: txStopPoint, ...patch.TxCtrlr },
        SampledDataCtrlr: { TxUpdatedInterval: 0, TxEndedInterval: 0, ...patch.SampledDataCtrlr },
        AlignedDataCtrlr: { Interval: 0, TxEndedInterval: 0, ...patch.AlignedDataCtrlr },
      },
    });
    const system = new TestSystem(charger, txStartPoint, txStopPoint);
    system.skip();
    return system;
  }

  /** Ends the test; the station must not have violated a schema or a sequence. */
  async stop(): Promise<void> {
    const { csms, everest } = this.charger;
    await this.charger.stop();
    expect([...csms.violations, ...everest.violations]).toEqual([]);
  }

  /** Forgets the messages so far. */
  skip(): void {
    this.cursor = this.charger.csms.calls.length;
  }

  /** The next message of this action with these facts. */
  async receive(action: Action, expected: Expected = {}, limitMilliseconds = LIMIT_MILLISECONDS): Promise<Facts> {
    const fits = (request: Facts): boolean => contains(request, expected);
    const call = await this.charger.csms.waitFor(action, fits, limitMilliseconds, this.cursor);
    this.cursor = this.charger.csms.calls.indexOf(call) + 1;
    if (action === "TransactionEvent") this.noteTransaction(call.request);
    return call.request;
  }

  async receiveInAnyOrder(messages: readonly (readonly [Action, Expected])[]): Promise<void> {
    const from = this.cursor;
    let last = from;
    for (const [action, expected] of messages) {
      this.cursor = from;
      await this.receive(action, expected);
      last = Math.max(last, this.cursor);
    }
    this.cursor = last;
  }

  /** The very next TransactionEvent must carry these facts. */
  async receiveTransactionEvent(expected: Expected, limitMilliseconds = LIMIT_MILLISECONDS): Promise<Facts> {
    const event = await this.receive("TransactionEvent", {}, limitMilliseconds);
    expect(event).toMatchObject(expected);
    return event;
  }

  /** What arrives within a while; none of it may be of this action. */
  async receiveNo(action: Action, milliseconds = 400): Promise<void> {
    await Bun.sleep(milliseconds);
    const since = this.charger.csms.calls.slice(this.cursor).filter((call: ReceivedCall) => call.action === action);
    expect(since.map(({ request }) => request)).toEqual([]);
  }

  /** Sends a CALL whose answer must carry these facts. */
  async send<A extends Action>(action: A, request: RequestOf<A>, expected: Expected = {}): Promise<Facts> {
    const answer: SentAnswer = await this.charger.csms.send(action, request);
    expect(answer).toMatchObject({ kind: "response", response: expected });
    return (answer.kind === "response" ? answer.response : {}) as Facts;
  }

  async sendForError(action: Action, request: unknown, code: string): Promise<void> {
    expect(await this.charger.csms.sendRaw(action, request)).toMatchObject({ kind: "error", code });
  }

  async setVariable(component: string, variable: string, attributeValue: string, status = "Accepted"): Promise<void> {
    await this.send(
      "SetVariables",
      { setVariableData: [{ component: { name: component }, variable: { name: variable }, attributeValue }] },
      { setVariableResult: [{ attributeStatus: status }] },
    );
  }

  async getVariable(component: string, variable: string): Promise<string | undefined> {
    const { getVariableResult } = (await this.send("GetVariables", {
      getVariableData: [{ component: { name: component }, variable: { name: variable } }],
    })) as { getVariableResult: readonly { attributeStatus: string; attributeValue?: string }[] };
    return getVariableResult[0]?.attributeValue;
  }

  /** Answers every AuthorizeRequest and event with a token with this idTokenInfo. */
  answerTokensWith(idTokenInfo: IdTokenInfoType): void {
    this.charger.csms.on("Authorize", () => ({ idTokenInfo }));
    this.charger.csms.on("TransactionEvent", ({ idToken }) => (idToken === undefined ? {} : { idTokenInfo }));
  }

  // Reusable states

  async evConnectedPreSession(evseId = 1): Promise<void> {
    this.plugged = true;
    await this.charger.everest.evse(evseId).plugIn();
    await this.receive("StatusNotification", { evseId, connectorStatus: "Occupied" });
    if (this.startsAt("EVConnected") || this.started || (this.startsAt("PowerPathClosed") && this.authorized))
      await this.receiveTransactionEvent({
        eventType: this.nextType(),
        triggerReason: "CablePluggedIn",
        evse: { id: evseId, connectorId: 1 },
        transactionInfo: { chargingState: "EVConnected" },
      });
  }

  /** A: the token is presented at the charger. */
  async authorizedLocally(options: { token?: IdTokenType; asksCsms?: boolean; evseId?: number } = {}): Promise<void> {
    const { token = VALID_TOKEN, asksCsms = true, evseId = 1 } = options;
    const presented = { value: token.idToken, type: token.type };
    expect(await this.charger.everest.presentToken(presented, evseId)).toBe("Accepted");
    if (asksCsms) await this.receive("Authorize", { idToken: token });
    await this.tellAuthorized("Authorized", token);
  }

  /** B: RequestStartTransaction. */
  async authorizedRemotely(options: { asksCsms?: boolean; evseId?: number } = {}): Promise<void> {
    const { asksCsms = false, evseId = 1 } = options;
    await this.send(
      "RequestStartTransaction",
      { evseId, remoteStartId: 4711, idToken: VALID_TOKEN },
      { status: "Accepted" },
    );
    if (asksCsms) await this.receive("Authorize", { idToken: VALID_TOKEN });
    await this.tellAuthorized("RemoteStart", VALID_TOKEN, { remoteStartId: 4711 });
  }

  /** Authorized15118: the EV authorizes itself with its contract certificate. Resolves to what the CSMS was asked. */
  async authorized15118(emaid: string, certificate: string, options: { evseId?: number } = {}): Promise<Facts> {
    const { evseId = 1 } = options;
    expect(await this.charger.everest.presentContract(emaid, { certificate }, evseId)).toBe("Accepted");
    const idToken: IdTokenType = { idToken: emaid, type: "eMAID" };
    const asked = await this.receive("Authorize", { idToken });
    await this.tellAuthorized("Authorized", idToken);
    return asked;
  }

  async energyTransferStarted(evseId = 1): Promise<void> {
    await this.charger.everest.evse(evseId).startCharging();
    await this.receiveTransactionEvent({
      eventType: this.nextType(),
      triggerReason: "ChargingStateChanged",
      transactionInfo: { chargingState: "Charging" },
    });
  }

  async stopAuthorizedLocally(token: IdTokenType = VALID_TOKEN): Promise<void> {
    await this.charger.everest.presentToken({ value: token.idToken, type: token.type });
    await this.tellStop("StopAuthorized", "Local");
  }

  async stopAuthorizedRemotely(): Promise<void> {
    await this.send("RequestStopTransaction", { transactionId: this.transactionId }, { status: "Accepted" });
    await this.tellStop("RemoteStop", "Remote");
  }

  async evDisconnected(evseId = 1): Promise<void> {
    this.plugged = false;
    this.authorized = false;
    await this.charger.everest.evse(evseId).unplug();
    const endedByDisconnecting = this.started && !this.ended;
    await this.receiveInAnyOrder([
      ["StatusNotification", { evseId, connectorStatus: "Available" }],
      ...(endedByDisconnecting
        ? [
            [
              "TransactionEvent",
              {
                eventType: "Ended",
                triggerReason: "EVCommunicationLost",
                transactionInfo: { chargingState: "Idle" },
              },
            ] as const,
          ]
        : []),
    ]);
  }

  /** From an idle EVSE to one that charges. */
  async charge(by: "local" | "remote" = "local"): Promise<void> {
    await this.evConnectedPreSession();
    if (by === "local") await this.authorizedLocally();
    else await this.authorizedRemotely();
    await this.energyTransferStarted();
  }

  private startsAt(point: string): boolean {
    return this.txStartPoint.split(",").includes(point);
  }

  private stopsAt(...points: readonly string[]): boolean {
    return this.txStopPoint.split(",").some((point) => points.includes(point));
  }

  private nextType(): "Started" | "Updated" {
    return this.started ? "Updated" : "Started";
  }

  private async tellAuthorized(triggerReason: string, token: IdTokenType, info: Facts = {}): Promise<void> {
    this.authorized = true;
    if (!this.started && !this.startsAt("Authorized") && !(this.startsAt("PowerPathClosed") && this.plugged)) return;
    await this.receiveTransactionEvent({
      eventType: this.nextType(),
      triggerReason,
      idToken: token,
      transactionInfo: info,
    });
  }

  /** The stop may be told in two events: the trigger, then the charging state; the last of them ends the transaction. */
  private async tellStop(triggerReason: string, stoppedReason: string): Promise<void> {
    const first = await this.receiveTransactionEvent({ triggerReason });
    const ends = this.stopsAt("Authorized", "PowerPathClosed", "EnergyTransfer");
    if (!ends) return expect(first.eventType).toBe("Updated") as undefined;
    const last = first.eventType === "Ended" ? first : await this.receiveTransactionEvent({ eventType: "Ended" });
    expect(last).toMatchObject({ transactionInfo: { stoppedReason } });
  }

  private noteTransaction({ eventType, transactionInfo }: Facts): void {
    this.transactionId = (transactionInfo as { transactionId: string }).transactionId;
    this.started = true;
    this.ended = eventType === "Ended";
    if (this.ended) this.started = false;
  }
}

/** Is everything of `expected` in `actual`? */
function contains(actual: unknown, expected: unknown): boolean {
  if (typeof expected !== "object" || expected === null) return actual === expected;
  if (typeof actual !== "object" || actual === null) return false;
  return Object.entries(expected).every(([key, value]) => contains((actual as Facts)[key], value));
}

/** Runs one test case on a charger of its own. */
export async function onCharger(
  options: TestSystemOptions,
  scenario: (system: TestSystem) => Promise<void>,
): Promise<void> {
  const system = await TestSystem.start(options);
  try {
    await scenario(system);
  } catch (error) {
    await system.charger.stop();
    throw error;
  }
  await system.stop();
}
