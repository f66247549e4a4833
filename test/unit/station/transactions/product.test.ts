/**
 * Every way to begin a session × every set of start points × every set of stop points × every state of the line,
 * against an oracle that knows only which points each step of a session gains and loses (E01.FR.02, FR.03, FR.05, FR.06,
 * E02.FR.06, E06.FR.02, FR.03, FR.06, FR.07).
 */
import { afterAll, describe, expect, test } from "bun:test";
import type { IdTokenEnumType } from "../../../../src/ocpp/v201/index.ts";
import type { PresentedToken } from "../../../../src/station/ports.ts";
import { InProcessCharger, type Payload } from "../../../support/in-process-charger.ts";

type Point = "EVConnected" | "Authorized" | "PowerPathClosed" | "EnergyTransfer";
const POINTS: readonly Point[] = ["EVConnected", "Authorized", "PowerPathClosed", "EnergyTransfer"];
const SETS = Array.from({ length: 2 ** POINTS.length - 1 }, (_, index) =>
  POINTS.filter((_point, bit) => ((index + 1) >> bit) & 1),
);
/** A crash costs a start: for that line one set of each kind, alone and together. */
const FEW_SETS = SETS.filter(({ length }) => length === 1 || length === POINTS.length);
const LINES = ["online", "offline", "reconnect in the middle", "crash in the middle"] as const;
type Line = (typeof LINES)[number];

interface Way {
  readonly name: string;
  readonly plugFirst: boolean;
  readonly token: PresentedToken;
  readonly stop: "Local" | "Remote";
}
const presented = (idToken: string, type: IdTokenEnumType): PresentedToken => ({
  idToken: { idToken, type },
  remote: false,
});
const remote: PresentedToken = { idToken: { idToken: "APP", type: "Central" }, remote: true, remoteStartId: 7 };
const WAYS: readonly Way[] = [
  { name: "RFID first", plugFirst: false, token: presented("CARD", "ISO14443"), stop: "Local" },
  { name: "plug first", plugFirst: true, token: presented("CARD", "ISO14443"), stop: "Local" },
  { name: "remote first", plugFirst: false, token: remote, stop: "Remote" },
  { name: "plug, then remote", plugFirst: true, token: remote, stop: "Remote" },
  { name: "PIN", plugFirst: true, token: presented("1234", "KeyCode"), stop: "Local" },
  { name: "start button", plugFirst: true, token: presented("", "NoAuthorization"), stop: "Local" },
];

interface Step {
  readonly name: "plug" | "authorize" | "charge" | "suspend" | "charge again" | "stop" | "unplug";
  readonly trigger: string;
  readonly state: string;
  readonly gains?: readonly Point[];
  readonly loses?: readonly Point[];
}

function stepsOf({ plugFirst, token, stop }: Way): readonly Step[] {
  const authorized = token.remote ? "RemoteStart" : "Authorized";
  const begin: readonly Step[] = plugFirst
    ? [
        { name: "plug", trigger: "CablePluggedIn", state: "EVConnected", gains: ["EVConnected"] },
        { name: "authorize", trigger: authorized, state: "EVConnected", gains: ["Authorized", "PowerPathClosed"] },
      ]
    : [
        { name: "authorize", trigger: authorized, state: "Idle", gains: ["Authorized"] },
        { name: "plug", trigger: "CablePluggedIn", state: "EVConnected", gains: ["EVConnected", "PowerPathClosed"] },
      ];
  return [
    ...begin,
    { name: "charge", trigger: "ChargingStateChanged", state: "Charging", gains: ["EnergyTransfer"] },
    { name: "suspend", trigger: "ChargingStateChanged", state: "SuspendedEV", loses: ["EnergyTransfer"] },
    { name: "charge again", trigger: "ChargingStateChanged", state: "Charging", gains: ["EnergyTransfer"] },
    {
      name: "stop",
      trigger: stop === "Remote" ? "RemoteStop" : "StopAuthorized",
      state: "EVConnected",
      loses: ["Authorized", "PowerPathClosed", "EnergyTransfer"],
    },
    { name: "unplug", trigger: "EVCommunicationLost", state: "Idle", loses: [...POINTS] },
  ];
}

interface Told {
  readonly step: string;
  readonly event: string;
  readonly seqNo: number;
  readonly token: boolean;
  readonly connector: boolean;
}

/** What the CSMS must be told. */
function expected(way: Way, start: readonly Point[], stop: readonly Point[]): readonly Told[] {
  const told: Told[] = [];
  let open = false;
  let seqNo = 0;
  const known = { connected: false, authorized: false, token: false, connector: false, remote: false };
  for (const { name, trigger, state, gains = [], loses = [] } of stepsOf(way)) {
    known.connected ||= name === "plug";
    known.authorized ||= name === "authorize";
    const starts = !open && gains.some((point) => start.includes(point));
    const ends: boolean = open && loses.some((point) => name === "unplug" || stop.includes(point));
    if (!starts && !open) continue;
    if (starts) Object.assign(known, { token: false, connector: false, remote: false });
    if (starts) seqNo = 0;
    const stopped = name === "suspend" ? "StoppedByEV" : way.stop;
    // F02.FR.21: the first event of a remote start says so, whatever it is.
    const first =
      way.token.remote && known.authorized && !known.remote && ["plug", "charge", "charge again"].includes(name);
    known.remote ||= known.authorized;
    const kind = starts ? "Started" : ends ? "Ended" : "Updated";
    told.push({
      step: name,
      event: `${kind} ${first ? "RemoteStart" : trigger} ${state}${ends ? ` ${stopped}` : ""}`,
      seqNo: seqNo++,
      token: (known.authorized && !known.token && name !== "stop") || (name === "stop" && way.stop === "Local"),
      connector: known.connected && !known.connector,
    });
    known.token ||= known.authorized;
    known.connector ||= known.connected;
    open = !ends;
  }
  return told;
}

class Play {
  private sessions = 0;
  private wattHours = 1_000;
  readonly created = new Map<string, boolean>();

  constructor(
    readonly charger: InProcessCharger,
    readonly line: Line,
  ) {}

  async setPoints(start: readonly Point[], stop: readonly Point[]): Promise<void> {
    const set = (name: string, points: readonly Point[]) => ({
      component: { name: "TxCtrlr" },
      variable: { name },
      attributeValue: points.join(","),
    });
    const { body } = await this.charger.call("SetVariables", {
      setVariableData: [set("TxStartPoint", start), set("TxStopPoint", stop)],
    });
    expect(JSON.stringify(body).match(/"Accepted"/g)).toHaveLength(2);
  }

  private async turn(step: Step, steps: readonly Step[]): Promise<void> {
    const { charger, line } = this;
    if ((line === "offline" && step.name !== "unplug") || line === "reconnect in the middle") {
      const away = line === "offline" || step.name === "suspend";
      if (away && charger.reachable) {
        charger.reachable = false;
        charger.disconnect();
      }
    }
    if (line === "reconnect in the middle" && step.name === "charge again") {
      charger.reachable = true;
      await charger.clock.advance(600_000);
    }
    // Before another step of each session: with the sets and ways every step has its turn.
    if (line === "crash in the middle" && step === steps[this.sessions % steps.length]) {
      charger.crash();
      await charger.start();
    }
  }

  private act(step: Step, way: Way, sessionId: string): void {
    const { charger } = this;
    const { plugFirst, token, stop } = way;
    this.wattHours += 10;
    charger.meter(1, this.wattHours);
    if (step.name === (plugFirst ? "plug" : "authorize"))
      charger.event(1, {
        kind: "SessionStarted",
        sessionId,
        reason: plugFirst ? "EVConnected" : "Authorized",
        ...(!plugFirst && { token }),
      });
    else if (step.name === "plug" || step.name === "authorize")
      charger.event(1, { kind: "TransactionStarted", sessionId, token });
    else if (step.name === "suspend") charger.event(1, { kind: "SuspendedEV", sessionId });
    else if (step.name === "stop")
      charger.event(1, {
        kind: "TransactionFinished",
        sessionId,
        stoppedReason: stop,
        ...(stop === "Local" && { token }),
      });
    else if (step.name === "unplug") charger.event(1, { kind: "SessionFinished", sessionId });
    else charger.event(1, { kind: "ChargingStarted", sessionId });
  }

  /** One session from begin to end; resolves to the events that the CSMS got, each once. */
  async session(way: Way): Promise<{ readonly events: readonly Payload[]; readonly statuses: readonly string[] }> {
    const { charger } = this;
    const sessionId = `${way.name} ${this.sessions++}`;
    const before = charger.calls.length;
    const statuses: string[] = [];
    const steps = stepsOf(way);
    for (const step of steps) {
      await this.turn(step, steps);
      const connected = charger.csms.connected;
      this.act(step, way, sessionId);
      this.created.set(step.name, !connected);
      statuses.push(charger.model.connector(1, 1)?.status ?? "");
      await charger.clock.advance(100);
    }
    charger.reachable = true;
    await charger.clock.advance(charger.csms.connected ? 100 : 600_000);
    const seen = new Map<string, Payload>();
    for (const { action, payload } of charger.calls.slice(before))
      if (action === "TransactionEvent")
        seen.set(`${(payload.transactionInfo as Payload).transactionId}/${payload.seqNo}`, payload);
    return { events: [...seen.values()], statuses };
  }
}

function describeEvent(event: Payload): string {
  const { chargingState, stoppedReason } = event.transactionInfo as Record<string, string | undefined>;
  return [event.eventType, event.triggerReason, chargingState, stoppedReason]
    .filter((part) => part !== undefined)
    .join(" ");
}

const contexts = (event: Payload | undefined): string[] =>
  ((event?.meterValue ?? []) as { sampledValue: { context: string }[] }[]).map(
    ({ sampledValue }) => sampledValue[0]?.context ?? "",
  );
const registers = (event: Payload): number[] =>
  ((event.meterValue ?? []) as { sampledValue: { value: number; measurand?: string }[] }[]).flatMap(
    ({ sampledValue }) =>
      sampledValue.flatMap(({ value, measurand }) => (measurand === "Energy.Active.Import.Register" ? [value] : [])),
  );

function check(
  play: Play,
  way: Way,
  start: readonly Point[],
  stop: readonly Point[],
  events: readonly Payload[],
): void {
  const told = expected(way, start, stop);
  // E01.FR.15, FR.18, FR.19, E02.FR.13, FR.15, E06.FR.15, E07.FR.05, FR.06, E08.FR.04
  expect(events.map(describeEvent)).toEqual(told.map(({ event }) => event));
  expect(events.map(({ seqNo }) => seqNo)).toEqual(told.map(({ seqNo }) => seqNo)); // E01.FR.07, E02.FR.07, E03.FR.06, E04.FR.04, E06.FR.14, E07.FR.11, E08.FR.08
  expect(events.map(({ idToken }) => idToken !== undefined)).toEqual(told.map(({ token }) => token)); // E01.FR.10, E03.FR.01, E07.FR.02
  expect(events.map(({ evse }) => (evse as Payload | undefined)?.connectorId !== undefined)).toEqual(
    told.map(({ connector }) => connector), // E01.FR.16
  );
  // E04.FR.02, E08.FR.05, FR.06, E11.FR.01, FR.02, E12.FR.01, FR.02
  if (play.line !== "crash in the middle")
    expect(events.map(({ offline }) => offline === true)).toEqual(
      told.map(({ step }) => play.created.get(step) === true), // E04.FR.03, E08.FR.07
    );
  for (const event of events) {
    // E01.FR.09, E02.FR.09, E03.FR.07, E04.FR.05
    if (event.eventType === "Started") expect(contexts(event)).toEqual(["Transaction.Begin"]);
    if (event.eventType === "Ended") {
      expect([contexts(event)[0], contexts(event).at(-1)]).toEqual(["Transaction.Begin", "Transaction.End"]); // E06.FR.11, E07.FR.08, E08.FR.09, E12.FR.07
      const values = registers(event);
      expect(values).toEqual([...values].sort((one, other) => one - other)); // J02.FR.16
    }
    if (way.token.remote && event.idToken !== undefined)
      expect((event.transactionInfo as Payload).remoteStartId).toBe(7); // F01.FR.25, F02.FR.01
  }
}

describe.each(LINES)("%s (E01–E04, E06–E08, E11, E12)", (line) => {
  let charger: InProcessCharger | undefined;
  afterAll(() => charger?.dispose());

  test.each(WAYS)("$name: all start and stop points", async (way) => {
    charger?.dispose();
    charger = await new InProcessCharger(1, {
      "SampledDataCtrlr.TxUpdatedInterval": "0",
      "AlignedDataCtrlr.Interval": "0",
    }).start();
    await charger.clock.advance(100);
    const play = new Play(charger, line);
    const sets = line === "crash in the middle" ? FEW_SETS : SETS;
    for (const start of sets)
      for (const stop of sets) {
        await play.setPoints(start, stop);
        const { events, statuses } = await play.session(way);
        try {
          check(play, way, start, stop, events);
        } catch (error) {
          throw new Error(`start ${start}, stop ${stop}: ${(error as Error).message}`);
        }
        // E02.FR.05: the connector is occupied from the plug on and free in the end.
        expect(statuses).toEqual(
          stepsOf(way).map(({ name }, index) =>
            name === "unplug" || (index === 0 && !way.plugFirst) ? "Available" : "Occupied",
          ),
        );
        expect(charger.model.evse(1)?.transaction).toBeUndefined();
        expect(charger.csms.durableQueueLength).toBe(0);
      }
  });
});
