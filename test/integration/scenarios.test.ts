/**
 * A charging session in every order, with every start and stop point, on every kind of line: 70 scenarios on the compiled
 * executable in which each pair of values occurs, in turn with EVerest of May and of August 2026 in both places. Checked are all messages of the transaction with their fields, the
 * connector's status and the device model (E01–E12, F01–F03, G01, B04).
 */
import { afterAll, describe, expect, test } from "bun:test";
import { Charger, SURROUNDINGS } from "../support/charger.ts";
import {
  BEGINNING,
  ENDS,
  ending,
  isCableFirst,
  LINES,
  ORDERS,
  type Scenario,
  SESSION_SCENARIOS,
  STARTS,
  STOPS,
  whenEnergyFlows,
} from "../support/session-scenarios.ts";
import type { Facts } from "../support/test-system.ts";

interface TransactionEvent extends Facts {
  readonly eventType: string;
  readonly triggerReason: string;
  readonly seqNo: number;
  readonly timestamp: string;
  readonly offline?: boolean;
  readonly transactionInfo: {
    readonly transactionId: string;
    readonly chargingState?: string;
    readonly stoppedReason?: string;
    readonly remoteStartId?: number;
  };
  readonly idToken?: { readonly idToken: string; readonly type: string };
  readonly evse?: { readonly id: number; readonly connectorId?: number };
  readonly meterValue?: readonly {
    readonly sampledValue: readonly { readonly value: number; readonly context: string; readonly measurand: string }[];
  }[];
}

/** The event in one line. */
function summary({ eventType, triggerReason, transactionInfo, idToken, evse }: TransactionEvent): string {
  const place = evse && `@${evse.id}${evse.connectorId === undefined ? "" : `/${evse.connectorId}`}`;
  const { chargingState, stoppedReason } = transactionInfo;
  return [eventType, triggerReason, chargingState, stoppedReason, idToken && "token", place].filter(Boolean).join(" ");
}

type Surroundings = (typeof SURROUNDINGS)[number];
const shared = new Map<Surroundings, Charger>();
afterAll(() => Promise.all([...shared.values()].map((one) => one.stop())));

/** One charger of each kind for all scenarios; a new one after a failure, whose traces would be in the way. */
async function charger(surroundings: Surroundings): Promise<Charger> {
  const station =
    shared.get(surroundings) ??
    (await Charger.start({
      ...surroundings,
      patch: {
        AuthCtrlr: { OfflineTxForUnknownIdEnabled: true, AuthorizeRemoteStart: true },
        SampledDataCtrlr: { TxUpdatedInterval: 0, TxEndedInterval: 0 },
        AlignedDataCtrlr: { Interval: 0, TxEndedInterval: 0 },
      },
    }));
  shared.set(surroundings, station);
  return station;
}

const TOKEN_TYPE = {
  plug: "ISO14443",
  card: "ISO14443",
  remote: "ISO14443",
  pin: "KeyCode",
  button: "NoAuthorization",
};

/** Plays one scenario step by step and reads what the CSMS gets. */
class Play {
  private readonly from: number;
  private readonly idToken: { readonly idToken: string; readonly type: string };
  private expected: string[] = [];
  /** Events that were created while there was no connection. */
  private readonly createdOffline = new Set<number>();
  private offline = false;

  constructor(
    private readonly charger: Charger,
    private readonly scenario: Scenario,
    private readonly number: number,
  ) {
    this.from = charger.csms.calls.length;
    const type = TOKEN_TYPE[scenario.order];
    this.idToken = { idToken: type === "NoAuthorization" ? "" : `TOKEN${number}`, type };
  }

  async run(): Promise<void> {
    const { order, start, stop, line } = this.scenario;
    await this.setVariables({ TxStartPoint: start, TxStopPoint: stop });
    await this.evse.publishPowermeter();
    const [first, second] = BEGINNING[order][start];
    if (line === "offline" && order !== "remote") await this.goOffline();
    await this.step(() => this.firstStep(), first);
    if (line === "offline" && order === "remote") await this.goOffline();
    await this.step(() => this.secondStep(), second);
    if (line === "reconnect") await this.goOffline();
    await this.step(() => this.evse.startCharging(), [whenEnergyFlows(this.scenario)]);
    if (line === "reconnect") await this.comeBack();
    if (line === "resumed" || line === "forgotten") await this.losePower();
    else await this.end();
    await this.check();
  }

  private get evse() {
    return this.charger.everest.evse(1);
  }

  private async end(): Promise<void> {
    const { line } = this.scenario;
    if (line !== "offline") await this.expectConnectorState("Occupied");
    if (line === "restart") {
      await this.charger.end("SIGKILL");
      await this.charger.startStation();
    }
    const [stopped, unplugged] = ending(this.scenario);
    await this.step(() => this.stop(), stopped ?? []);
    await this.step(() => this.evse.unplug(), unplugged ?? []);
    if (line === "offline") await this.comeBack();
  }

  /** The driver has left when EVerest resumes the session; or a session of its own begins with the cable still in. */
  private async losePower(): Promise<void> {
    const isResumed = this.scenario.line === "resumed";
    await this.charger.end("SIGKILL");
    this.evse.losePower(isResumed);
    if (isResumed) await this.evse.unplug();
    await this.charger.startStation();
    const resumed = isResumed ? ["Updated AbnormalCondition Charging"] : [];
    await this.step(async () => {}, [...resumed, "Ended AbnormalCondition EVConnected PowerLoss"]);
    if (isResumed) return;
    const begins = this.scenario.start.includes("EVConnected");
    await this.step(async () => {}, begins ? ["Started CablePluggedIn EVConnected @1/1"] : []);
    await this.step(() => this.evse.unplug(), begins ? ["Ended EVCommunicationLost Idle EVDisconnected"] : []);
  }

  private firstStep(): Promise<unknown> {
    if (this.scenario.order === "remote") return this.requestStart();
    return this.scenario.order === "card" ? this.present() : this.evse.plugIn();
  }

  private secondStep(): Promise<unknown> {
    return isCableFirst(this.scenario) ? this.present() : this.evse.plugIn();
  }

  private async stop(): Promise<unknown> {
    switch (this.scenario.end) {
      case "token":
        return this.present("Stopped");
      case "remote": {
        const { transactionId } = this.events()[0]?.transactionInfo ?? { transactionId: "" };
        const answer = await this.charger.csms.send("RequestStopTransaction", { transactionId });
        return expect(answer).toEqual({ kind: "response", response: { status: "Accepted" } });
      }
      case "pause":
        return this.evse.pause("EV");
      case "unplug":
        return undefined;
    }
  }

  private async present(outcome = "Accepted"): Promise<void> {
    const { idToken, type } = this.idToken;
    expect(await this.charger.everest.presentToken({ value: idToken, type })).toBe(outcome);
  }

  private async requestStart(): Promise<void> {
    const idToken = { ...this.idToken, type: "ISO14443" as const };
    const request = { evseId: 1, remoteStartId: this.number, idToken };
    const answer = await this.charger.csms.send("RequestStartTransaction", request);
    expect(answer).toEqual({ kind: "response", response: { status: "Accepted" } });
    await this.charger.csms.waitFor("Authorize", undefined, 5_000, this.from); // AuthorizeRemoteStart
    await until(() => this.evse.isAuthorized);
  }

  /** Does something and waits for what must be told of it, as far as somebody listens. */
  private async step(action: () => Promise<unknown>, told: readonly string[]): Promise<void> {
    await action();
    for (const index of told.keys()) if (this.offline) this.createdOffline.add(this.expected.length + index);
    this.expected = [...this.expected, ...told];
    if (!this.offline) await this.awaitEvents();
  }

  private awaitEvents(): Promise<void> {
    return until(
      () => this.events().length >= this.expected.length,
      () => this.events().map(summary).join("; "),
    );
  }

  /** Without those that came again because the station was killed before it had forgotten them. */
  private events(): readonly TransactionEvent[] {
    const events = this.charger.csms.calls
      .slice(this.from)
      .filter(({ action }) => action === "TransactionEvent")
      .map(({ request }) => request as TransactionEvent);
    const keyOf = ({ transactionInfo, seqNo }: TransactionEvent) => `${transactionInfo.transactionId}/${seqNo}`;
    return [...new Map(events.toReversed().map((event) => [keyOf(event), event])).values()].toReversed();
  }

  /** Resolves when the station has noticed. */
  private async goOffline(): Promise<void> {
    const losses = () => this.charger.log.split("Connection to the CSMS lost").length;
    const before = losses();
    this.charger.csms.refuseWith = 503;
    this.charger.csms.drop();
    await until(() => losses() > before);
    this.offline = true;
  }

  private async comeBack(): Promise<void> {
    this.charger.csms.refuseWith = undefined;
    await until(() => this.charger.csms.connected);
    this.offline = false;
    await this.awaitEvents();
  }

  private async setVariables(values: Readonly<Record<string, string>>): Promise<void> {
    const setVariableData = Object.entries(values).map(([name, attributeValue]) => ({
      component: { name: "TxCtrlr" },
      variable: { name },
      attributeValue,
    }));
    const answer = await this.charger.csms.send("SetVariables", { setVariableData });
    const accepted = setVariableData.map(() => ({ attributeStatus: "Accepted" }));
    expect(answer).toMatchObject({ kind: "response", response: { setVariableResult: accepted } });
  }

  private async expectConnectorState(state: "Available" | "Occupied"): Promise<void> {
    const variable = { name: "AvailabilityState" };
    const getVariableData = [
      { component: { name: "Connector", evse: { id: 1, connectorId: 1 } }, variable },
      { component: { name: "EVSE", evse: { id: 1 } }, variable },
    ];
    const answer = await this.charger.csms.send("GetVariables", { getVariableData });
    const results = [{ attributeValue: state }, { attributeValue: state }];
    expect(answer).toMatchObject({ kind: "response", response: { getVariableResult: results } });
  }

  private async check(): Promise<void> {
    const { csms } = this.charger;
    if (this.scenario.line !== "offline") await until(() => this.statuses().at(-1) === "Available");
    await this.expectConnectorState("Available");
    const queue = await csms.send("GetTransactionStatus", {});
    expect(queue).toEqual({ kind: "response", response: { messagesInQueue: false } });
    expect(this.events().map(summary)).toEqual(this.expected);
    expect(csms.violations).toEqual([]);
    this.checkFields();
    this.checkStatuses();
    this.checkAuthorizations();
  }

  private checkFields(): void {
    const { line, order } = this.scenario;
    const events = this.events();
    const ended = events.findIndex(({ eventType }) => eventType === "Ended");
    for (const transaction of [events.slice(0, ended + 1), events.slice(ended + 1)]) {
      expect(transaction.map(({ seqNo }) => seqNo)).toEqual(transaction.map((_, index) => index));
      const ids = new Set(transaction.map(({ transactionInfo }) => transactionInfo.transactionId));
      expect(ids.size).toBeLessThanOrEqual(1);
      const times = transaction.map(({ timestamp }) => Date.parse(timestamp));
      expect(times).toEqual([...times].sort((a, b) => a - b));
    }
    for (const { idToken } of events) if (idToken !== undefined) expect(idToken).toEqual(this.idToken);
    const remoteStartIds = events.slice(0, ended + 1).map(({ transactionInfo }) => transactionInfo.remoteStartId);
    expect(new Set(remoteStartIds)).toEqual(new Set([order === "remote" ? this.number : undefined]));
    if (line === "online" || line === "offline" || line === "reconnect")
      expect(events.map(({ offline }) => offline ?? false)).toEqual(
        events.map((_, index) => this.createdOffline.has(index)),
      );
    this.checkRegisters(events.slice(0, ended + 1));
  }

  /** Both ends of the transaction carry the register, and it never runs backwards. */
  private checkRegisters(events: readonly TransactionEvent[]): void {
    const registers = (event: TransactionEvent | undefined) =>
      (event?.meterValue ?? []).flatMap(({ sampledValue }) =>
        sampledValue.filter(({ measurand }) => measurand === "Energy.Active.Import.Register"),
      );
    expect(registers(events[0])).toMatchObject([{ context: "Transaction.Begin" }]);
    const told = registers(events.at(-1));
    expect(told[0]?.context).toBe("Transaction.Begin");
    expect(told.at(-1)?.context).toBe("Transaction.End");
    const values = told.map(({ value }) => value);
    expect(values).toEqual([...values].sort((a, b) => a - b));
  }

  private statuses(): readonly unknown[] {
    return this.charger.csms.calls
      .slice(this.from)
      .filter(({ action, request }) => action === "StatusNotification" && request.evseId === 1)
      .map(({ request }) => request.connectorStatus);
  }

  /** After a restart the station tells what it knows, so the status may come more than once. */
  private checkStatuses(): void {
    const statuses = this.statuses();
    const { line } = this.scenario;
    if (line === "offline") expect(statuses).toEqual([]);
    else if (line === "online" || line === "reconnect") expect(statuses).toEqual(["Occupied", "Available"]);
    else if (line === "restart") expect(statuses).toEqual(["Occupied", "Occupied", "Available"]);
    else {
      expect(statuses[0]).toBe("Occupied");
      expect(statuses.at(-1)).toBe("Available");
    }
  }

  /** The CSMS is asked about a token once, and not about one that it need not know (C02). */
  private checkAuthorizations(): void {
    const { line, order } = this.scenario;
    const asked = this.charger.csms.calls
      .slice(this.from)
      .flatMap(({ action, request }) => (action === "Authorize" ? [request.idToken] : []));
    const isAsked = order !== "button" && (line !== "offline" || order === "remote");
    expect(asked).toEqual(isAsked ? [this.idToken] : []);
  }
}

async function until(condition: () => boolean, seen: () => string = () => ""): Promise<void> {
  for (let attempt = 0; attempt < 1_000 && !condition(); attempt++) await Bun.sleep(5);
  if (!condition()) throw new Error(`what must happen does not happen; seen: ${seen()}`);
}

test("every pair of values that can meet is in the table", () => {
  const dimensions = { order: ORDERS, start: STARTS, stop: STOPS, line: LINES, end: ENDS };
  const names = Object.keys(dimensions) as (keyof Scenario)[];
  const isImpossible = (values: readonly string[]) =>
    (values.includes("offline") && values.includes("remote") && !ORDERS.includes(values[0] as "plug")) ||
    (/resumed|forgotten/.test(values[0] ?? "") && values[1] !== "unplug");
  const missing = names.flatMap((one, index) =>
    names
      .slice(index + 1)
      .flatMap((other) =>
        dimensions[one].flatMap((value) =>
          dimensions[other]
            .filter(
              (otherValue) =>
                !isImpossible([value, otherValue]) &&
                !SESSION_SCENARIOS.some((scenario) => scenario[one] === value && scenario[other] === otherValue),
            )
            .map((otherValue) => `${one} ${value}, ${other} ${otherValue}`),
        ),
      ),
  );
  expect(missing).toEqual([]);
});

describe("sessions", () => {
  for (const [index, scenario] of SESSION_SCENARIOS.entries()) {
    const { order, start, stop, line, end } = scenario;
    test(`${order} first, ${start} to ${stop}, ${line}, ended by ${end}`, async () => {
      const surroundings = SURROUNDINGS[index % SURROUNDINGS.length] ?? SURROUNDINGS[0];
      const station = await charger(surroundings);
      try {
        await new Play(station, scenario, index + 1).run();
      } catch (error) {
        shared.delete(surroundings);
        await station.stop();
        throw error;
      }
    });
  }
});
