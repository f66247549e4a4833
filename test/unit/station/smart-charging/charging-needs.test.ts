import { afterEach, describe, expect, test } from "bun:test";
import type { ChargingNeedsType } from "../../../../src/ocpp/v201/index.ts";
import { needsView } from "../../../../src/station/k-smart-charging/needs/needs-store.ts";
import { InProcessCharger, type Payload, type Reaction, type SeenCall } from "../../../support/in-process-charger.ts";
import { driver, profileOf } from "./support.ts";

const AC: ChargingNeedsType = {
  requestedEnergyTransfer: "AC_three_phase",
  acChargingParameters: { energyAmount: 20_000, evMinCurrent: 6, evMaxCurrent: 32, evMaxVoltage: 400 },
};
const asking = (energyAmount: number): ChargingNeedsType => ({
  ...AC,
  acChargingParameters: { energyAmount, evMinCurrent: 6, evMaxCurrent: 32, evMaxVoltage: 400 },
});
const TOKEN = { idToken: { idToken: "CARD", type: "ISO14443" as const }, remote: false };

let charger: InProcessCharger;
let drive: ReturnType<typeof driver>;
/** What the CSMS makes of needs. */
let reaction: Reaction | ((call: SeenCall) => Reaction) = { answer: { status: "Accepted" } };
afterEach(() => charger.dispose());

async function start(variables: Record<string, string> = {}, tellsChargingNeeds = true): Promise<void> {
  reaction = { answer: { status: "Accepted" } };
  charger = new InProcessCharger(1, { "TxCtrlr.TxStartPoint": "PowerPathClosed", ...variables });
  charger.tellsChargingNeeds = tellsChargingNeeds;
  const { react } = charger;
  charger.react = (call) => {
    if (call.action !== "NotifyEVChargingNeeds") return react(call);
    return typeof reaction === "function" ? reaction(call) : reaction;
  };
  await charger.start();
  drive = driver(charger);
  await charger.clock.advance(100);
}

/** An EV that is connected and authorized, but does not charge yet. */
async function authorize(evseId = 1): Promise<string> {
  const session = { sessionId: `s${evseId}` };
  charger.event(evseId, { kind: "SessionStarted", reason: "EVConnected", ...session });
  charger.event(evseId, { kind: "TransactionStarted", token: TOKEN, ...session });
  await charger.clock.advance(10);
  return charger.model.evse(evseId)?.transaction?.transactionId ?? "none";
}

async function need(needs: ChargingNeedsType = AC, evseId = 1): Promise<void> {
  charger.hardwareEvents.emit("chargingNeeds", { evseId, needs });
  await charger.clock.advance(10);
}
const speak = (protocolAgreed: string, evseId = 1): void =>
  charger.hardwareEvents.emit("evInfo", { evseId, protocolAgreed });
const told = (): readonly Payload[] => charger.callsOf("NotifyEVChargingNeeds");
const actions = (): readonly string[] => charger.calls.map(({ action }) => action);
const setTx = (transactionId: string, options: Parameters<typeof profileOf>[1] = {}, evseId = 1) =>
  drive.set(evseId, { id: 50, purpose: "TxProfile", transactionId, ...options });
const isSuch = (text: string) => charger.log.filter((line) => line.includes(text));
const stored = () =>
  charger.core.database
    .query("SELECT VALUE FROM STATION_STATE WHERE KEY = 'charging-needs'")
    .values()
    .flatMap(([text]) => JSON.parse(String(text)) as { evseId: number; state: string; needs: ChargingNeedsType }[]);
const states = () => stored().map(({ evseId, state }) => [evseId, state]);

describe("K15: needs are told", () => {
  test("not where smart charging is switched off: no profile could come of it", async () => {
    await start({ "SmartChargingCtrlr.Enabled": "false" });
    await authorize();
    await need();
    await charger.clock.advance(10_000);
    expect(told()).toEqual([]);
    expect(isSuch("no smart charging")).toHaveLength(1);
  });

  test("K15.FR.01, FR.16: to the CSMS, behind the event that tells who charges", async () => {
    await start();
    drive.forget();
    await authorize();
    await need();
    expect(told()).toEqual([{ evseId: 1, chargingNeeds: AC }]);
    const started = charger.calls.findIndex(({ payload }) => payload.idToken !== undefined);
    expect(started).toBeGreaterThanOrEqual(0);
    expect(started).toBeLessThan(actions().indexOf("NotifyEVChargingNeeds"));
    expect(states()).toEqual([[1, "Accepted"]]);
  });

  test("an EV that is quicker than the event with which its transaction starts", async () => {
    await start();
    charger.event(1, { kind: "SessionStarted", reason: "EVConnected", sessionId: "s1" });
    await need();
    expect(told()).toEqual([]);
    await authorize();
    await charger.clock.advance(10);
    expect(told()).toEqual([{ evseId: 1, chargingNeeds: AC }]);
  });

  test("where the transaction starts later than the needs come, they are told all the same", async () => {
    await start({ "TxCtrlr.TxStartPoint": "EnergyTransfer" });
    expect(await authorize()).toBe("none");
    await need();
    await charger.clock.advance(5_000);
    expect(told()).toHaveLength(1);
    charger.event(1, { kind: "ChargingStarted", sessionId: "s1" });
    await charger.clock.advance(10);
    const transactionId = charger.model.evse(1)?.transaction?.transactionId ?? "";
    expect(stored()).toMatchObject([{ evseId: 1, transactionId, state: "Accepted" }]);
    expect(await setTx(transactionId)).toEqual({ status: "Accepted" });
  });

  test("inspect shows them", async () => {
    await start();
    const transactionId = await authorize();
    await need({ ...AC, departureTime: "2026-01-01T18:00:00.000Z" });
    expect(needsView(charger.core.database)).toEqual([
      {
        evse: 1,
        transactionId,
        receivedAt: expect.any(String),
        transfer: "AC_three_phase",
        energyWattHours: 20_000,
        departureTime: "2026-01-01T18:00:00.000Z",
        state: "Accepted",
      },
    ]);
  });

  test("several EVs at once, each in its own exchange", async () => {
    await start();
    await authorize(1);
    await authorize(2);
    reaction = ({ payload }) => (payload.evseId === 1 ? "silence" : { answer: { status: "Processing" } });
    await need(asking(1), 1);
    await need(asking(2), 2);
    await charger.clock.advance(31_000);
    expect(told().map(({ evseId }) => evseId)).toEqual([1, 2]);
    expect(states().toSorted()).toEqual([
      [1, "Unanswered"],
      [2, "Processing"],
    ]);
  });

  test.each([
    ["of an EVSE that does not exist", async () => need(AC, 9)],
    ["where no EV is connected", async () => need()],
    [
      "of an EV whose transaction is over",
      async () => {
        await authorize();
        charger.event(1, { kind: "TransactionFinished", stoppedReason: "Local", sessionId: "s1" });
        await charger.clock.advance(10);
        await need();
      },
    ],
    [
      "of an EV that has left",
      async () => {
        await authorize();
        await drive.endTransaction(1);
        await need();
      },
    ],
  ])("needs %s are logged and change nothing", async (_, act) => {
    await start();
    await act();
    await charger.clock.advance(10_000);
    expect(told()).toEqual([]);
    expect(stored()).toEqual([]);
    expect(isSuch("harging needs of an EV at EVSE")).toHaveLength(1);
  });
});

describe("what the CSMS answers", () => {
  test.each<[string, Reaction, string, string]>([
    ["Processing", { answer: { status: "Processing" } }, "Processing", "the CSMS has answered Processing"],
    ["Rejected", { answer: { status: "Rejected" } }, "Rejected", "the CSMS has answered Rejected"],
    ["a CALLERROR", { error: "InternalError" }, "Unanswered", "the CSMS has not answered"],
    ["an unknown status", { answer: { status: "Maybe" } }, "Unanswered", "the CSMS has not answered"],
    ["nothing", "silence", "Unanswered", "the CSMS has not answered"],
  ])(
    "%s: the EV charges within what the EVSE may give, and a profile is a renegotiation",
    async (_, answer, state, why) => {
      await start();
      reaction = answer;
      await drive.set(1, { id: 1, periods: [[0, 8]] });
      const transactionId = await authorize();
      drive.forget();
      await need();
      await charger.clock.advance(40_000);
      expect(states()).toEqual([[1, state]]);
      expect(isSuch(why)).toHaveLength(1);
      expect(told()).toHaveLength(1);
      expect(await drive.composite(1)).toMatchObject([{ limit: 8 }]);
      // K16.FR.01: whatever the CSMS has answered, a later profile is Accepted, and in force.
      expect(await setTx(transactionId, { periods: [[0, 7]] })).toEqual({ status: "Accepted" });
      expect(await drive.composite(1)).toMatchObject([{ limit: 7 }]);
    },
  );

  test("Accepted, but no profile within the 60 s that an EV waits", async () => {
    await start();
    await authorize();
    await need();
    await charger.clock.advance(59_900);
    expect(isSuch("no profile has come in time")).toEqual([]);
    await charger.clock.advance(200);
    expect(isSuch("no profile has come in time")).toHaveLength(1);
  });

  test("a CSMS that is silent is not asked again for a minute: everything else would wait", async () => {
    await start();
    reaction = "silence";
    await authorize();
    await need(asking(1));
    await charger.clock.advance(31_000);
    await need(asking(2));
    await charger.clock.advance(58_000);
    expect(told()).toHaveLength(1);
    await charger.clock.advance(3_000);
    expect(told()).toHaveLength(2);
  });

  test("a profile in time: nobody waits any more", async () => {
    await start();
    const transactionId = await authorize();
    await need();
    await setTx(transactionId);
    await charger.clock.advance(70_000);
    expect(isSuch("no profile has come in time")).toEqual([]);
  });

  test("what an EV has told is over with its transaction, though it stays", async () => {
    await start();
    await authorize();
    await need();
    charger.event(1, { kind: "TransactionFinished", stoppedReason: "Local", sessionId: "s1" });
    await charger.clock.advance(10);
    expect(charger.model.evse(1)?.evConnected).toBe(true);
    expect(charger.model.evse(1)?.chargingNeedsTold).toBe(false);
    expect(stored()).toEqual([]);
  });

  test("an answer after the EV has gone changes nothing", async () => {
    await start();
    reaction = "silence";
    await authorize();
    await need();
    await drive.endTransaction(1);
    await charger.clock.advance(40_000);
    expect(isSuch("came after it was over")).toHaveLength(1);
    expect(stored()).toEqual([]);
    expect(charger.model.evse(1)?.chargingNeedsTold).toBe(false);
  });
});

describe("the profile of the CSMS", () => {
  const three = (transactionId: string, id = 50) => {
    const salesTariff = {
      id: 1,
      salesTariffDescription: "night",
      numEPriceLevels: 1,
      salesTariffEntry: [{ relativeTimeInterval: { start: 0 }, ePriceLevel: 1 }],
    };
    const [schedule] = profileOf(charger.clock.now()).chargingSchedule;
    return {
      ...profileOf(charger.clock.now(), { id, purpose: "TxProfile", transactionId }),
      chargingSchedule: [10, 8, 6].map((limit, index) => ({
        ...schedule,
        id: index + 1,
        chargingSchedulePeriod: [{ startPeriod: 0, limit }],
        ...(index === 0 && { salesTariff }),
      })),
    };
  };

  test("three schedules with a SalesTariff are kept and reported; the first is in force", async () => {
    await start();
    const transactionId = await authorize();
    const chargingProfile = three(transactionId);
    const set = () => charger.call("SetChargingProfile", { evseId: 1, chargingProfile });
    // K01.FR.34: not before the EV has told its needs.
    expect((await set()).body).toMatchObject({ status: "Rejected", statusInfo: { reasonCode: "InvalidSchedule" } });
    await need();
    expect((await set()).body).toEqual({ status: "Accepted" });
    expect(await drive.composite(1)).toMatchObject([{ limit: 10 }]);
    await drive.get({ chargingProfile: { chargingProfileId: [50] } });
    await charger.clock.advance(10);
    expect(charger.callsOf("ReportChargingProfiles").at(-1)).toMatchObject({ chargingProfile: [chargingProfile] });
    expect(isSuch("EVerest cannot hand a charging profile on to an EV")).toHaveLength(1);
    expect(charger.services.statusViews.read().charging).toMatchObject({
      needs: [
        {
          evseId: 1,
          state: "Accepted",
          alternatives: [10, 8, 6].map((limit) => ({ chargingSchedulePeriod: [{ limit }] })),
        },
      ],
    });
  });

  test("K15.FR.17: a TxProfile before the needs of an EV that speaks ISO 15118 is Rejected", async () => {
    await start();
    charger.event(1, { kind: "SessionStarted", reason: "EVConnected", sessionId: "s1" });
    speak("urn:iso:15118:2:2013:MsgDef,2,0");
    const transactionId = await authorize();
    expect(await setTx(transactionId)).toEqual({
      status: "Rejected",
      statusInfo: { reasonCode: "InvalidMessageSeq", additionalInfo: "NotifyEVChargingNeedsNotSentYet" },
    });
    expect(charger.core.chargingProfiles.list()).toEqual([]);
    expect(await drive.set(1, { id: 2 })).toEqual({ status: "Accepted" });
    await need();
    expect(await setTx(transactionId)).toEqual({ status: "Accepted" });
  });

  test("K15.FR.17: likewise where the EV has authorized itself with its contract", async () => {
    await start();
    charger.event(1, { kind: "SessionStarted", reason: "EVConnected", sessionId: "s1" });
    const token = { idToken: { idToken: "DE-PNX-C12345678-9", type: "eMAID" as const }, remote: false };
    charger.event(1, { kind: "TransactionStarted", token, sessionId: "s1" });
    await charger.clock.advance(10);
    const transactionId = charger.model.evse(1)?.transaction?.transactionId ?? "none";
    expect(await setTx(transactionId)).toMatchObject({ statusInfo: { reasonCode: "InvalidMessageSeq" } });
    await need();
    expect(await setTx(transactionId)).toEqual({ status: "Accepted" });
  });

  test.each<[string, (transactionId: string) => Promise<void> | void]>([
    ["of an EV that speaks DIN 70121", () => speak("urn:din:70121:2012:MsgDef,2,0")],
    ["of an EV of which nothing is known", () => {}],
    [
      "when energy flows already",
      () => {
        speak("urn:iso:15118:2:2013:MsgDef,2,0");
        charger.event(1, { kind: "ChargingStarted", sessionId: "s1" });
      },
    ],
    [
      "a minute later, when no needs will come any more",
      async () => {
        speak("urn:iso:15118:2:2013:MsgDef,2,0");
        await charger.clock.advance(60_000);
      },
    ],
  ])("K15.FR.17: it is Accepted %s", async (_, act) => {
    await start();
    const transactionId = await authorize();
    await act(transactionId);
    expect(await setTx(transactionId)).toEqual({ status: "Accepted" });
  });

  test("incident: an EV with a contract got no profile for a minute where no extension of EVerest tells needs (K15.FR.17)", async () => {
    await start({}, false);
    charger.event(1, { kind: "SessionStarted", reason: "EVConnected", sessionId: "s1" });
    const token = { idToken: { idToken: "DE-PNX-C12345678-9", type: "eMAID" as const }, remote: false };
    charger.event(1, { kind: "TransactionStarted", token, sessionId: "s1" });
    await charger.clock.advance(10);
    const transactionId = charger.model.evse(1)?.transaction?.transactionId ?? "none";
    expect(await setTx(transactionId)).toEqual({ status: "Accepted" });
  });

  test("K15.FR.17: what the next EV speaks is not what the last one spoke", async () => {
    await start();
    speak("urn:iso:15118:2:2013:MsgDef,2,0");
    await authorize();
    await drive.endTransaction(1);
    expect(await setTx(await authorize())).toEqual({ status: "Accepted" });
  });

  test("K16.FR.01, FR.11: a new profile is Accepted, and a lower limit reaches the hardware at once", async () => {
    await start();
    const transactionId = await drive.startTransaction(1);
    await need();
    await setTx(transactionId, { periods: [[0, 16]] });
    await charger.clock.advance(61_000);
    drive.forget();
    expect(await setTx(transactionId, { periods: [[0, 6]] })).toEqual({ status: "Accepted" });
    expect(drive.told().flat()).toContainEqual([1, 6]);
  });
});

describe("K16, K17: renegotiation", () => {
  test("errata 6.2.80: only limits of others than the CSMS are told as ChargingRateChanged to it", async () => {
    await start({ "SmartChargingCtrlr.ExternalControlSignalsEnabled": "true" });
    const changes = () =>
      charger.callsOf("TransactionEvent").filter((one) => one.triggerReason === "ChargingRateChanged");
    const transactionId = await drive.startTransaction(1);
    await need();
    await setTx(transactionId, { periods: [[0, 16]] });
    await setTx(transactionId, { periods: [[0, 12]] });
    await drive.clear({ chargingProfileId: 50 });
    await charger.clock.advance(100);
    expect(changes()).toEqual([]);
    const periods = [{ startSeconds: 0, limit: 6 }];
    charger.hardwareEvents.emit("externalLimit", { source: "EMS", evseId: 1, kind: "set", unit: "A", periods });
    await charger.clock.advance(100);
    expect(changes()).toHaveLength(1);
  });

  test("K16.FR.09: an EV that repeats its needs after a later profile is not told again", async () => {
    await start();
    const transactionId = await authorize();
    await need();
    await setTx(transactionId);
    await charger.clock.advance(61_000);
    await setTx(transactionId, { periods: [[0, 6]] });
    await need();
    expect(told()).toHaveLength(1);
    // K17.FR.01: other needs are its own wish.
    await need(asking(5_000));
    expect(told()).toHaveLength(2);
    await charger.clock.advance(61_000);
    await need(asking(5_000));
    expect(told()).toHaveLength(3);
  });

  test("K17.FR.01: an EV that renegotiates is told again, and its needs are the newest", async () => {
    await start();
    const transactionId = await drive.startTransaction(1);
    await need();
    await setTx(transactionId);
    await need(asking(9_000));
    expect(told().map(({ chargingNeeds }) => chargingNeeds)).toEqual([AC, asking(9_000)]);
    expect(stored()).toMatchObject([{ needs: asking(9_000), state: "Accepted" }]);
  });

  test("an EV that renegotiates every 100 ms: three times a minute, then the newest; the disk has its rest", async () => {
    await start();
    await authorize();
    let commits = 0;
    const { unitOfWork } = charger.core;
    const run = unitOfWork.run.bind(unitOfWork);
    unitOfWork.run = (decide) => {
      commits++;
      return run(decide);
    };
    for (let count = 1; count <= 590; count++) {
      charger.hardwareEvents.emit("chargingNeeds", { evseId: 1, needs: asking(count) });
      await charger.clock.advance(100);
    }
    expect(told()).toHaveLength(3);
    expect(commits).toBeLessThan(25);
    await charger.clock.advance(2_000);
    expect(told()).toHaveLength(4);
    expect(told().at(-1)).toMatchObject({ chargingNeeds: asking(590) });
    expect(charger.log.length).toBeLessThan(20);
  });

  test("needs that come while the CSMS is asked wait for its answer", async () => {
    await start();
    await authorize();
    reaction = "silence";
    await need(asking(1));
    await need(asking(2));
    await need(asking(3));
    expect(told()).toHaveLength(1);
    reaction = { answer: { status: "Accepted" } };
    charger.sendText(JSON.stringify([3, charger.calls.at(-1)?.messageId, { status: "Accepted" }]));
    await charger.clock.advance(10);
    expect(told().map(({ chargingNeeds }) => chargingNeeds)).toEqual([asking(1), asking(3)]);
    expect(states()).toEqual([[1, "Accepted"]]);
  });
});

describe("offline and after a restart", () => {
  test("K15.FR.15, K17.FR.15: offline the TxDefaultProfile holds; the newest needs are told when the CSMS is back", async () => {
    await start();
    await drive.set(1, { id: 1, periods: [[0, 8]] });
    await drive.startTransaction(1);
    charger.reachable = false;
    charger.disconnect();
    drive.forget();
    await need(asking(1));
    await need(asking(2));
    await charger.clock.advance(20_000);
    expect(told()).toEqual([]);
    expect(isSuch("there is no connection to the CSMS")).toHaveLength(1);
    charger.hardwareEvents.emit("capabilities", { evseId: 1, maxPhaseCount: 3, maxCurrentAmperes: 32 });
    await charger.clock.advance(31_000);
    expect(drive.told().flat()).toContainEqual([1, 8]);
    charger.reachable = true;
    await charger.clock.advance(120_000);
    expect(told().map(({ chargingNeeds }) => chargingNeeds)).toEqual([asking(2)]);
    expect(states()).toEqual([[1, "Accepted"]]);
  });

  test("a connection that breaks before the answer: told again over the next one", async () => {
    await start();
    await authorize();
    reaction = "silence";
    await need();
    reaction = { answer: { status: "Accepted" } };
    charger.disconnect();
    await charger.clock.advance(120_000);
    expect(told()).toHaveLength(2);
    expect(states()).toEqual([[1, "Accepted"]]);
  });

  test("with QueueAllMessages they are told once all the same", async () => {
    await start({ "OCPPCommCtrlr.QueueAllMessages": "true" });
    await authorize();
    const { react } = charger;
    charger.react = (call) => (call.action === "StatusNotification" ? "silence" : react(call));
    // Behind a message that is not answered they wait in memory until the connection breaks.
    charger.event(2, { kind: "SessionStarted", reason: "EVConnected", sessionId: "s2" });
    await need();
    expect(told()).toEqual([]);
    charger.react = react;
    charger.disconnect();
    await charger.clock.advance(120_000);
    expect(told()).toHaveLength(1);
  });

  test("of an EV that left while there was no connection nothing is told later", async () => {
    await start();
    await authorize();
    charger.reachable = false;
    charger.disconnect();
    await need();
    await drive.endTransaction(1);
    charger.reachable = true;
    await charger.clock.advance(120_000);
    expect(told()).toEqual([]);
    expect(stored()).toEqual([]);
  });

  test("K15.FR.16: after time offline they are told behind all events of the transaction", async () => {
    await start();
    charger.reachable = false;
    charger.disconnect();
    await drive.startTransaction(1);
    await need();
    for (let count = 0; count < 10; count++) {
      charger.event(1, { kind: "SuspendedEV", sessionId: "s1" });
      charger.event(1, { kind: "ChargingStarted", sessionId: "s1" });
      await charger.clock.advance(2_000);
    }
    charger.reachable = true;
    drive.forget();
    await charger.clock.advance(120_000);
    expect(charger.callsOf("TransactionEvent").length).toBeGreaterThan(20);
    expect(actions().lastIndexOf("TransactionEvent")).toBeLessThan(actions().indexOf("NotifyEVChargingNeeds"));
  });

  const restart = async (): Promise<void> => {
    charger.crash();
    charger.calls.length = 0;
    charger.reachable = true;
    await charger.start();
    charger.event(1, { kind: "SessionResumed", sessionId: "s1" });
    await charger.clock.advance(30_000);
  };

  test("kill -9 offline: the needs are told after the restart, of many the newest", async () => {
    await start();
    await drive.startTransaction(1);
    charger.reachable = false;
    charger.disconnect();
    for (let count = 1; count <= 30; count++) await need(asking(count));
    await charger.clock.advance(5_000);
    await restart();
    expect(told().map(({ chargingNeeds }) => chargingNeeds)).toEqual([asking(30)]);
  });

  test("kill -9 while needs wait because there were many: the newest are told, not forgotten for an older answer", async () => {
    await start();
    await drive.startTransaction(1);
    for (let count = 1; count <= 3; count++) await need(asking(count));
    reaction = "silence";
    await charger.clock.advance(60_000);
    await need(asking(4));
    await need(asking(5));
    await charger.clock.advance(95_000);
    expect(told().at(-1)).toMatchObject({ chargingNeeds: asking(5) });
    await restart();
    expect(told().at(0)).toMatchObject({ chargingNeeds: asking(5) });
  });

  test("kill -9 between needs and answer: they are told again as long as the transaction goes on", async () => {
    await start();
    const transactionId = await drive.startTransaction(1);
    reaction = "silence";
    await need();
    reaction = { answer: { status: "Accepted" } };
    await restart();
    expect(charger.model.evse(1)?.transaction?.transactionId).toBe(transactionId);
    expect(told()).toEqual([{ evseId: 1, chargingNeeds: AC }]);
    expect(states()).toEqual([[1, "Accepted"]]);
  });

  test("kill -9 after the answer: several schedules are still allowed, nothing is told again", async () => {
    await start();
    await drive.startTransaction(1);
    await need();
    await restart();
    expect(told()).toEqual([]);
    expect(charger.model.evse(1)?.chargingNeedsTold).toBe(true);
  });

  test("a stored value that nobody can read is ignored", async () => {
    await start();
    charger.core.keyValues.set("charging-needs", [{ evseId: "one" }]);
    charger.crash();
    await charger.start();
    expect(isSuch('The stored state "charging-needs" cannot be read')).toHaveLength(1);
    await authorize();
    await need();
    expect(told()).toHaveLength(1);
  });
});
