/**
 * A charging session in every order, with every start and stop point, on every kind of line: 62 scenarios on the compiled
 * executable in which each pair of values occurs. Checked are all messages of the transaction with their fields, the
 * connector's status and the device model (E01–E12, F01–F03, G01, B04).
 */
import { afterAll, describe, expect, test } from "bun:test";
import { Charger } from "../support/charger.ts";
import type { Facts } from "../support/test-system.ts";

const ORDERS = ["plug", "card", "remote", "pin", "button"] as const;
const STARTS = ["EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer"] as const;
const STOPS = ["EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer", "EVConnected,Authorized"] as const;
/**
 * `offline` from beginning to end; `reconnect`: only while charging begins; `restart`: kill -9 of the station alone;
 * `resumed`, `forgotten`: kill -9 with a power loss, after which EVerest ends the session or knows nothing of it.
 */
const LINES = ["online", "offline", "reconnect", "restart", "resumed", "forgotten"] as const;
/** The same token again, RequestStopTransaction, the cable, or the EV pauses and the cable follows. */
const ENDS = ["token", "remote", "unplug", "pause"] as const;

const SCENARIOS = `
  plug   EVConnected     EVConnected            offline   pause
  plug   EVConnected     Authorized             resumed   unplug
  plug   EVConnected     PowerPathClosed        resumed   unplug
  plug   EVConnected     EVConnected,Authorized offline   unplug
  plug   Authorized      EVConnected            reconnect token
  plug   Authorized      PowerPathClosed        online    token
  plug   Authorized      PowerPathClosed        forgotten unplug
  plug   PowerPathClosed Authorized             restart   pause
  plug   PowerPathClosed EVConnected,Authorized restart   pause
  plug   EnergyTransfer  EVConnected            reconnect remote
  plug   EnergyTransfer  EnergyTransfer         online    remote
  plug   EnergyTransfer  EnergyTransfer         forgotten unplug
  card   EVConnected     PowerPathClosed        forgotten unplug
  card   EVConnected     EVConnected,Authorized restart   token
  card   EVConnected     EVConnected,Authorized forgotten unplug
  card   Authorized      EnergyTransfer         offline   pause
  card   Authorized      EnergyTransfer         restart   remote
  card   PowerPathClosed EVConnected            resumed   unplug
  card   PowerPathClosed Authorized             online    pause
  card   PowerPathClosed Authorized             reconnect remote
  card   PowerPathClosed PowerPathClosed        reconnect unplug
  card   PowerPathClosed EVConnected,Authorized online    token
  card   EnergyTransfer  EVConnected            resumed   unplug
  card   EnergyTransfer  Authorized             offline   pause
  remote EVConnected     EVConnected            online    pause
  remote EVConnected     EVConnected            forgotten unplug
  remote Authorized      Authorized             restart   unplug
  remote Authorized      PowerPathClosed        offline   pause
  remote Authorized      PowerPathClosed        restart   remote
  remote Authorized      EnergyTransfer         online    token
  remote Authorized      EVConnected,Authorized reconnect remote
  remote PowerPathClosed Authorized             resumed   unplug
  remote PowerPathClosed PowerPathClosed        reconnect unplug
  remote PowerPathClosed EnergyTransfer         resumed   unplug
  remote EnergyTransfer  Authorized             offline   token
  remote EnergyTransfer  EnergyTransfer         restart   unplug
  remote EnergyTransfer  EVConnected,Authorized forgotten unplug
  pin    EVConnected     PowerPathClosed        restart   remote
  pin    EVConnected     EnergyTransfer         reconnect token
  pin    EVConnected     EVConnected,Authorized offline   unplug
  pin    Authorized      Authorized             forgotten unplug
  pin    Authorized      EVConnected,Authorized resumed   unplug
  pin    PowerPathClosed EVConnected            offline   pause
  pin    PowerPathClosed EVConnected            restart   remote
  pin    PowerPathClosed EVConnected            forgotten unplug
  pin    PowerPathClosed EnergyTransfer         online    unplug
  pin    PowerPathClosed EVConnected,Authorized online    token
  pin    EnergyTransfer  Authorized             reconnect token
  pin    EnergyTransfer  PowerPathClosed        online    pause
  pin    EnergyTransfer  EVConnected,Authorized resumed   unplug
  button EVConnected     Authorized             online    remote
  button EVConnected     EnergyTransfer         offline   unplug
  button EVConnected     EnergyTransfer         reconnect pause
  button Authorized      EVConnected            online    unplug
  button Authorized      EVConnected            restart   token
  button Authorized      Authorized             forgotten unplug
  button Authorized      EnergyTransfer         resumed   unplug
  button PowerPathClosed PowerPathClosed        offline   token
  button PowerPathClosed EnergyTransfer         forgotten unplug
  button EnergyTransfer  PowerPathClosed        resumed   unplug
  button EnergyTransfer  EVConnected,Authorized reconnect pause
  button EnergyTransfer  EVConnected,Authorized restart   remote
`;

interface Scenario {
  readonly order: (typeof ORDERS)[number];
  readonly start: (typeof STARTS)[number];
  readonly stop: (typeof STOPS)[number];
  readonly line: (typeof LINES)[number];
  readonly end: (typeof ENDS)[number];
}

const CABLE_FIRST = {
  EVConnected: [["Started CablePluggedIn EVConnected @1/1"], ["Updated Authorized EVConnected token"]],
  Authorized: [[], ["Started Authorized EVConnected token @1/1"]],
  PowerPathClosed: [[], ["Started Authorized EVConnected token @1/1"]],
  EnergyTransfer: [[], []],
} as const;
const TOKEN_FIRST = {
  EVConnected: [[], ["Started CablePluggedIn EVConnected token @1/1"]],
  Authorized: [["Started Authorized Idle token @1"], ["Updated CablePluggedIn EVConnected @1/1"]],
  PowerPathClosed: [[], ["Started CablePluggedIn EVConnected token @1/1"]],
  EnergyTransfer: [[], []],
} as const;
const REMOTE_FIRST = {
  EVConnected: [[], ["Started RemoteStart EVConnected token @1/1"]],
  Authorized: [["Started RemoteStart Idle token @1"], ["Updated CablePluggedIn EVConnected @1/1"]],
  PowerPathClosed: [[], ["Started RemoteStart EVConnected token @1/1"]],
  EnergyTransfer: [[], []],
} as const;
/** What is told with the first and with the second step of the driver (E01–E03, F01, F02). */
const BEGINNING = {
  plug: CABLE_FIRST,
  pin: CABLE_FIRST,
  button: CABLE_FIRST,
  card: TOKEN_FIRST,
  remote: REMOTE_FIRST,
} as const;

function whenEnergyFlows({ order, start }: Scenario): string {
  if (start !== "EnergyTransfer") return "Updated ChargingStateChanged Charging";
  return `Started ${order === "remote" ? "RemoteStart" : "ChargingStateChanged"} Charging token @1/1`;
}

/** What is told when the driver or the EV stops, and when the cable is out (E06–E10, F03). */
function ending({ stop, end }: Scenario): readonly (readonly string[])[] {
  const unplugged = "Ended EVCommunicationLost Idle EVDisconnected";
  const goesOn = stop === "EVConnected";
  switch (end) {
    case "token":
      return goesOn
        ? [["Updated StopAuthorized EVConnected token"], ["Ended EVCommunicationLost Idle Local"]]
        : [["Ended StopAuthorized EVConnected Local token"], []];
    case "remote":
      return goesOn
        ? [["Updated RemoteStop EVConnected"], ["Ended EVCommunicationLost Idle Remote"]]
        : [["Ended RemoteStop EVConnected Remote"], []];
    case "pause":
      return stop === "EnergyTransfer"
        ? [["Ended ChargingStateChanged SuspendedEV StoppedByEV"], []]
        : [["Updated ChargingStateChanged SuspendedEV"], [unplugged]];
    case "unplug":
      return [[], [unplugged]];
  }
}

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

let shared: Charger | undefined;
afterAll(() => shared?.stop());

/** One charger for all scenarios; a new one after a failure, whose traces would be in the way. */
async function charger(): Promise<Charger> {
  shared ??= await Charger.start({
    patch: {
      AuthCtrlr: { OfflineTxForUnknownIdEnabled: true, AuthorizeRemoteStart: true },
      SampledDataCtrlr: { TxUpdatedInterval: 0, TxEndedInterval: 0 },
      AlignedDataCtrlr: { Interval: 0, TxEndedInterval: 0 },
    },
  });
  return shared;
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
    await this.step(async () => {}, [`Ended AbnormalCondition ${isResumed ? "EVConnected" : "Charging"} PowerLoss`]);
    if (isResumed) return;
    const begins = this.scenario.start === "EVConnected";
    await this.step(async () => {}, begins ? ["Started CablePluggedIn EVConnected @1/1"] : []);
    await this.step(() => this.evse.unplug(), begins ? ["Ended EVCommunicationLost Idle EVDisconnected"] : []);
  }

  private firstStep(): Promise<unknown> {
    if (this.scenario.order === "remote") return this.requestStart();
    return this.scenario.order === "card" ? this.present() : this.evse.plugIn();
  }

  private secondStep(): Promise<unknown> {
    return BEGINNING[this.scenario.order] === CABLE_FIRST ? this.present() : this.evse.plugIn();
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
    for (const _ of told) if (this.offline) this.createdOffline.add(this.expected.length + this.createdOffline.size);
    this.expected = [...this.expected, ...told];
    if (!this.offline) await this.awaitEvents();
  }

  private awaitEvents(): Promise<void> {
    return until(
      () => this.events().length >= this.expected.length,
      () => this.events().map(summary).join("; "),
    );
  }

  private events(): readonly TransactionEvent[] {
    return this.charger.csms.calls
      .slice(this.from)
      .filter(({ action }) => action === "TransactionEvent")
      .map(({ request }) => request as TransactionEvent);
  }

  private async goOffline(): Promise<void> {
    const gone = new Promise<void>((resolve) => {
      const unsubscribe = this.charger.csms.events.on("disconnected", () => {
        unsubscribe();
        resolve();
      });
    });
    this.charger.csms.refuseWith = 503;
    this.charger.csms.drop();
    await gone;
    this.offline = true;
    await until(() => this.charger.log.includes("")); // the station notices with the next turn
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

  private checkStatuses(): void {
    const statuses = this.charger.csms.calls
      .slice(this.from)
      .filter(({ action, request }) => action === "StatusNotification" && request.evseId === 1)
      .map(({ request }) => request.connectorStatus);
    const { line } = this.scenario;
    if (line === "offline") expect(statuses).toEqual(this.scenario.order === "remote" ? [] : []);
    else if (line === "online" || line === "reconnect") expect(statuses).toEqual(["Occupied", "Available"]);
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

const scenarios = SCENARIOS.trim()
  .split("\n")
  .map((row): Scenario => {
    const [order, start, stop, line, end] = row.trim().split(/\s+/);
    return { order, start, stop, line, end } as Scenario;
  });

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
                !scenarios.some((scenario) => scenario[one] === value && scenario[other] === otherValue),
            )
            .map((otherValue) => `${one} ${value}, ${other} ${otherValue}`),
        ),
      ),
  );
  expect(missing).toEqual([]);
});

describe("sessions", () => {
  for (const [index, scenario] of scenarios.entries()) {
    const { order, start, stop, line, end } = scenario;
    test(`${order} first, ${start} to ${stop}, ${line}, ended by ${end}`, async () => {
      const station = await charger();
      try {
        await new Play(station, scenario, index + 1).run();
      } catch (error) {
        shared = undefined;
        await station.stop();
        throw error;
      }
    });
  }
});
