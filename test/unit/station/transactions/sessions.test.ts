import { afterEach, describe, expect, test } from "bun:test";
import type { Payload } from "../../../support/in-process-charger.ts";
import { card, current, energy, Rig, samplesOf, signed } from "./support.ts";

let rig: Rig;
afterEach(() => rig.charger.dispose());

const points = (start: string, stop: string) => ({ "TxCtrlr.TxStartPoint": start, "TxCtrlr.TxStopPoint": stop });
const transactionIds = () =>
  rig.events.map(({ transactionInfo }) => (transactionInfo as { transactionId: string }).transactionId);
const setPoint = (name: string, attributeValue: string) =>
  rig.charger.call("SetVariables", {
    setVariableData: [{ component: { name: "TxCtrlr" }, variable: { name }, attributeValue }],
  });

describe("points that change while a session runs (E01)", () => {
  test("a start point that holds already starts with the next event", async () => {
    rig = await Rig.start(points("EnergyTransfer", "Authorized"));
    await rig.plug().begin().pass();
    await setPoint("TxStartPoint", "PowerPathClosed");
    await rig.charge().finish("Local").pass();
    expect(rig.brief).toEqual(["Started ChargingStateChanged Charging", "Ended StopAuthorized EVConnected Local"]);
  });

  test("incident: a stop point that comes to hold no more does not start the next transaction in the same session", async () => {
    rig = await Rig.start(points("EVConnected", "Authorized"));
    await rig.plug().begin().charge().finish("Local").pass();
    const told = rig.events.length;
    await rig.unplug().pass();
    expect(rig.events).toHaveLength(told);
  });
});

describe("further transactions of a session (E01.FR.08, E02.FR.08)", () => {
  test("energy that flows again begins another one, with an id, a token and numbers of its own", async () => {
    rig = await Rig.start(points("EnergyTransfer", "EnergyTransfer"));
    await rig.plug().begin().charge().suspend().charge().finish("Local").pass();
    expect(rig.brief).toEqual([
      "Started ChargingStateChanged Charging",
      "Ended ChargingStateChanged SuspendedEV StoppedByEV",
      "Started ChargingStateChanged Charging",
      "Ended StopAuthorized EVConnected Local",
    ]);
    const [first, , second] = transactionIds();
    expect(first).toBe("s");
    expect(second).not.toBe("s");
    expect(rig.events.map(({ seqNo }) => seqNo)).toEqual([0, 1, 0, 1]);
    expect(rig.events[2]).toMatchObject({ idToken: { idToken: "CARD" }, evse: { id: 1, connectorId: 1 } });
  });

  test("a session id that does not fit into transactionId is not used as one", async () => {
    rig = await Rig.start();
    const long = "x".repeat(37);
    await rig.plug(long).begin(long).pass();
    expect(transactionIds()[0]).toHaveLength(36);
  });

  test("a second token in a running transaction is told, too (E02.FR.20)", async () => {
    rig = await Rig.start(points("EVConnected", "EVConnected"));
    await rig.plug().begin("s", card("A")).pass();
    rig.charger.event(1, { kind: "Deauthorized", sessionId: "s" });
    await rig.begin("s", card("B")).pass();
    expect(rig.events.map(({ idToken }) => (idToken as { idToken: string } | undefined)?.idToken)).toEqual([
      undefined,
      "A",
      undefined,
      "B",
    ]);
  });
});

describe("bad input from the hardware side", () => {
  test("a session that ends without a word is ended when the next one begins (E01.FR.14)", async () => {
    rig = await Rig.start();
    await rig.plug("one").begin("one", card("A")).charge("one").pass(5_000);
    await rig.plug("two").begin("two", card("B")).pass();
    expect(rig.brief).toEqual([
      "Started Authorized EVConnected",
      "Updated ChargingStateChanged Charging",
      "Ended AbnormalCondition Charging Other",
      "Started Authorized EVConnected",
    ]);
    expect(transactionIds()).toEqual(["one", "one", "one", "two"]);
    expect(rig.events[3]).toMatchObject({ idToken: { idToken: "B" } });
  });

  test("what arrives late of a session that is over changes nothing", async () => {
    rig = await Rig.start();
    await rig.plug("one").begin("one").finish("Local", "one").unplug("one").pass();
    await rig.charge("one").unplug("one").plug("two").begin("two").pass();
    const told = rig.events.length;
    await rig.finish("Local", "one").unplug("one").pass();
    expect(rig.events).toHaveLength(told);
    expect(rig.charger.model.evse(1)?.transaction?.transactionId).toBe("two");
  });

  test("the same event twice is told once", async () => {
    rig = await Rig.start(points("EVConnected", "EVConnected"));
    await rig.plug().plug().begin().begin().charge().charge().pass();
    expect(rig.brief).toEqual([
      "Started CablePluggedIn EVConnected",
      "Updated Authorized EVConnected",
      "Updated ChargingStateChanged Charging",
    ]);
  });

  test("energy without a beginning is a transaction all the same", async () => {
    rig = await Rig.start();
    await rig.charge().finish("Local").unplug().pass();
    expect(rig.brief).toEqual(["Started ChargingStateChanged Charging", "Ended StopAuthorized EVConnected Local"]);
  });

  test("unknown EVSEs are nothing, unknown connectors the first one", async () => {
    rig = await Rig.start();
    const { hardwareEvents, clock } = rig.charger;
    const base = { kind: "SessionStarted", reason: "EVConnected", timestamp: clock.now() } as const;
    hardwareEvents.emit("evse", { ...base, evseId: 99, connectorId: 1, sessionId: "x" });
    hardwareEvents.emit("meter", { evseId: 99, reading: { timestamp: clock.now(), samples: [energy(1)] } });
    hardwareEvents.emit("evse", { ...base, evseId: 1, connectorId: 7, sessionId: "s" });
    await rig.begin().pass();
    expect(rig.events).toMatchObject([{ evse: { id: 1, connectorId: 1 } }]);
  });

  test("an end without a session leaves no ghost", async () => {
    rig = await Rig.start();
    rig.charger.event(1, { kind: "TransactionFinished", sessionId: "", stoppedReason: "PowerLoss" });
    await rig.pass();
    expect(rig.charger.model.evse(1)?.sessionId).toBeUndefined();
    expect(rig.events).toEqual([]);
  });

  test("times in whole seconds do not step behind the event before", async () => {
    rig = await Rig.start();
    await rig.pass(350);
    rig.plug().begin();
    const before = rig.charger.clock.now();
    rig.charger.hardwareEvents.emit("evse", {
      kind: "ChargingStarted",
      evseId: 1,
      connectorId: 1,
      sessionId: "s",
      timestamp: new Date(Math.floor(before.getTime() / 1000) * 1000),
    });
    await rig.pass();
    expect(rig.events[1]?.timestamp).toBe(before.toISOString());
  });
});

describe("reasons and triggers of the end (E06.FR.08, FR.15, FR.16, E15.FR.04, FR.05)", () => {
  const finish = (
    stoppedReason: "GroundFault" | "StoppedByEV" | "TimeLimitReached" | "EnergyLimitReached" | "Timeout",
  ) => rig.charger.event(1, { kind: "TransactionFinished", sessionId: "s", stoppedReason });

  test("a fault ends the transaction wherever its stop point is", async () => {
    rig = await Rig.start(points("PowerPathClosed", "EVConnected"));
    rig.plug().begin().charge();
    finish("GroundFault");
    await rig.pass();
    expect(rig.brief.at(-1)).toBe("Ended AbnormalCondition EVConnected GroundFault");
  });

  test.each([
    ["StoppedByEV", "StopAuthorized"],
    ["TimeLimitReached", "TimeLimitReached"],
    ["EnergyLimitReached", "EnergyLimitReached"],
  ] as const)("%s: %s, Updated or Ended as the stop point says", async (reason, trigger) => {
    rig = await Rig.start(points("PowerPathClosed", "EVConnected"));
    rig.plug().begin().charge();
    finish(reason);
    await rig.unplug().pass();
    expect(rig.brief.slice(-2)).toEqual([`Updated ${trigger} EVConnected`, `Ended EVCommunicationLost Idle ${reason}`]);
  });

  test.each(["UnlockCommand", "ResetCommand"] as const)("a stop by %s says so", async (cause) => {
    rig = await Rig.start();
    rig.plug().begin().charge();
    rig.charger.event(1, { kind: "TransactionFinished", sessionId: "s", stoppedReason: "Other", cause });
    await rig.pass();
    expect(rig.brief.at(-1)).toBe(`Ended ${cause} EVConnected Other`);
  });

  test("UnlockConnector in a transaction without authorization is an event of it (E02.FR.16, FR.17, E03.FR.12)", async () => {
    rig = await Rig.start(points("EVConnected", "EVConnected"));
    await rig.plug().pass();
    await rig.charger.call("TriggerMessage", { requestedMessage: "Heartbeat" });
    void rig.charger.call("UnlockConnector", { evseId: 1, connectorId: 1 }).catch(() => {});
    await rig.pass(2_000);
    expect(rig.brief).toEqual(["Started CablePluggedIn EVConnected", "Updated UnlockCommand EVConnected"]);
  });

  test("only a token that stopped the transaction is told with its end (E07.FR.02)", async () => {
    rig = await Rig.start();
    await rig.plug().begin().finish("Remote").pass();
    expect(rig.events.at(-1)?.idToken).toBeUndefined();
  });

  test("E03.FR.05, E10.FR.02: nobody plugs in, the session just ends", async () => {
    rig = await Rig.start(points("Authorized", "EVConnected"));
    await rig.present().unplug().pass();
    expect(rig.brief).toEqual(["Started Authorized Idle", "Ended EVConnectTimeout Idle Timeout"]);
  });

  test("E09.FR.01: unplugged at the EV's side the authorization ends (stop point Authorized)", async () => {
    rig = await Rig.start(points("Authorized", "Authorized"));
    await rig.plug().begin().charge().finish("EVDisconnected").pass();
    expect(rig.brief.at(-1)).toBe("Ended EVCommunicationLost Idle EVDisconnected");
  });
});

describe("what is told once", () => {
  test("a reservation is told with the token that it was made for, not with the cable (E01.FR.13, E02.FR.03, E03.FR.03)", async () => {
    rig = await Rig.start(points("EVConnected", "EVConnected"));
    await rig.plug("s", { reservationId: 5 }).begin("s", card(), { reservationId: 5 }).charge().pass();
    expect(rig.events.map(({ reservationId }) => reservationId)).toEqual([undefined, 5, undefined]);
  });

  test("numberOfPhasesUsed as soon as the meter shows it, and when it changes (E02.FR.18, FR.19, E03.FR.13, FR.14)", async () => {
    rig = await Rig.start({ "SampledDataCtrlr.TxUpdatedInterval": "10" });
    const phases = (...amperes: readonly number[]) =>
      rig.reading([
        energy(1),
        ...amperes.map((value, index) => current((["L1", "L2", "L3"] as const)[index] ?? "L1", value)),
      ]);
    phases(0, 0, 0);
    rig.plug().begin().charge();
    phases(16, 16, 16);
    await rig.pass(10_500);
    phases(16, 0, 0);
    await rig.pass(20_000);
    expect(rig.events.map(({ numberOfPhasesUsed }) => numberOfPhasesUsed)).toEqual([
      undefined,
      undefined,
      3,
      1,
      undefined,
    ]);
  });
});

describe("DataSigned as start point (E01.FR.04)", () => {
  const signing = { ...points("DataSigned", "EVConnected"), "SampledDataCtrlr.SignReadings": "true" };
  const startedBySignature = (event: Payload | undefined): void => {
    expect(event).toMatchObject({ eventType: "Started", triggerReason: "SignedDataReceived" });
    expect(samplesOf(event)[0]).toMatchObject({
      context: "Transaction.Begin",
      signedMeterValue: { signedMeterData: "DATA" },
    });
  };

  test("the signature that comes with the event starts it", async () => {
    rig = await Rig.start(signing);
    rig.plug();
    rig.charger.event(1, {
      kind: "TransactionStarted",
      sessionId: "s",
      token: card(),
      meter: { timestamp: rig.charger.clock.now(), samples: [energy(5, signed())] },
    });
    await rig.pass();
    startedBySignature(rig.events[0]);
    expect(rig.events[0]).toMatchObject({ idToken: { idToken: "CARD" } });
  });

  test("the meter signs later, by itself", async () => {
    rig = await Rig.start(signing);
    await rig
      .reading([energy(5)])
      .plug()
      .begin()
      .charge()
      .pass();
    expect(rig.events).toEqual([]);
    await rig
      .reading([energy(6, signed())])
      .reading([energy(7, signed())])
      .pass();
    expect(rig.events).toHaveLength(1);
    startedBySignature(rig.events[0]);
  });

  test("without SignReadings it is no start point", async () => {
    rig = await Rig.start({ ...signing, "SampledDataCtrlr.SignReadings": "false" });
    await rig
      .plug()
      .begin()
      .reading([energy(6, signed())])
      .charge()
      .pass();
    expect(rig.events).toEqual([]);
  });
});
