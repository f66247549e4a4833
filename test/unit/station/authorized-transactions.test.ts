import { afterEach, describe, expect, test } from "bun:test";
import { answerTokens, card, goOffline, present } from "../../support/authorization.ts";
import { InProcessCharger, type Payload } from "../../support/in-process-charger.ts";

/** What becomes of transactions that a token has begun: refused later (C15), master pass, remote start. */
let charger: InProcessCharger;
afterEach(() => charger.dispose());

const calls = (name: string) => charger.hardwareCalls.filter((call) => call.name === name).map(({ args }) => args);
const events = () => charger.callsOf("TransactionEvent");
const lastInfo = () => events().at(-1)?.transactionInfo as Payload;
const event = (kind: "ChargingStarted" | "SuspendedEVSE") =>
  charger.event(1, { kind, sessionId: "s", reasons: ["UserPause"] } as never);

const chargeOffline = async (variables: Record<string, string>) => {
  charger = await new InProcessCharger(1, { "AuthCtrlr.OfflineTxForUnknownIdEnabled": "true", ...variables }).start();
  await charger.clock.advance(100);
  goOffline(charger);
  expect((await present(charger, card("STRANGER"))).idTokenInfo.status).toBe("Accepted"); // C15.FR.08
  charger.meter(1, 1_000);
  charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
  const token = { idToken: card("STRANGER"), remote: false };
  charger.event(1, { kind: "TransactionStarted", sessionId: "s", token });
  event("ChargingStarted");
  answerTokens(charger, { status: "Invalid" });
  charger.reachable = true;
  await charger.clock.advance(120_000);
  expect(events()[0]).toMatchObject({ eventType: "Started", offline: true, idToken: card("STRANGER") }); // C15.FR.02
};
const finish = async () => {
  charger.event(1, { kind: "TransactionFinished", sessionId: "s", stoppedReason: "DeAuthorized" });
  await charger.clock.advance(100);
};

describe("StopTxOnInvalidId", () => {
  test("the transaction ends where its stop point says so (C15.FR.04)", async () => {
    await chargeOffline({ "TxCtrlr.TxStopPoint": "Authorized" });
    expect(calls("stopTransaction")[0]).toEqual([1, "DeAuthorized"]);
    await finish();
    expect(events().at(-1)).toMatchObject({ eventType: "Ended", triggerReason: "Deauthorized" });
    expect(lastInfo().stoppedReason).toBe("DeAuthorized");
  });

  test("elsewhere it goes on without energy (C15.FR.03)", async () => {
    await chargeOffline({ "TxCtrlr.TxStopPoint": "EVConnected" });
    expect(calls("stopTransaction")[0]).toEqual([1, "DeAuthorized"]);
    await finish();
    expect(events().at(-1)).toMatchObject({ eventType: "Updated", triggerReason: "Deauthorized" });
    expect(lastInfo().chargingState).toBe("EVConnected");
  });
});

describe("without StopTxOnInvalidId", () => {
  test("no energy is left: charging is suspended by the EVSE at once (C15.FR.06)", async () => {
    await chargeOffline({ "TxCtrlr.StopTxOnInvalidId": "false", "TxCtrlr.MaxEnergyOnInvalidId": "0" });
    expect(calls("pauseCharging")).toEqual([[1]]);
    expect(calls("stopTransaction")).toEqual([]);
    event("SuspendedEVSE");
    await charger.clock.advance(100);
    expect(events().at(-1)).toMatchObject({ eventType: "Updated", triggerReason: "ChargingStateChanged" });
    expect(lastInfo().chargingState).toBe("SuspendedEVSE");
  });

  test("MaxEnergyOnInvalidId lets so much more through (C15.FR.07)", async () => {
    await chargeOffline({ "TxCtrlr.StopTxOnInvalidId": "false", "TxCtrlr.MaxEnergyOnInvalidId": "500" });
    charger.meter(1, 1_499);
    expect(calls("pauseCharging")).toEqual([]);
    charger.meter(1, 1_500);
    expect(calls("pauseCharging")).toEqual([[1]]);
  });
});

test("C01.FR.21: good at other EVSEs only is not good here, also when an event's answer says so", async () => {
  charger = await new InProcessCharger().start();
  await charger.clock.advance(100);
  answerTokens(charger, { status: "Accepted", evseId: [2] });
  charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
  charger.event(1, { kind: "TransactionStarted", sessionId: "s", token: { idToken: card("A"), remote: false } });
  await charger.clock.advance(100);
  expect(calls("stopTransaction")).toEqual([[1, "DeAuthorized"]]);
});

test("every answer about the token of a transaction is told to the hardware side (BEHAVIOUR 24, 11)", async () => {
  charger = await new InProcessCharger(1, { "TxCtrlr.TxStartPoint": "EVConnected" }).start();
  await charger.clock.advance(100);
  const groupIdToken = card("FAMILY", "Central");
  answerTokens(charger, { status: "Accepted", groupIdToken });
  charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
  charger.event(1, { kind: "TransactionStarted", sessionId: "s", token: { idToken: card("A"), remote: false } });
  await charger.clock.advance(100);
  // Told with the second event of the transaction, which names no EVSE any more.
  expect(calls("publishValidationUpdate")).toEqual([
    [{ evseId: 1, idTokenInfo: { status: "Accepted", groupIdToken } }],
  ]);
});

test("C01.FR.26, C08.FR.02: nobody plugs in in time: the authorization ends, and with it the transaction", async () => {
  charger = await new InProcessCharger(1, { "TxCtrlr.TxStartPoint": "Authorized" }).start();
  await charger.clock.advance(100);
  const token = { idToken: card("A"), remote: false };
  charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "Authorized", token });
  expect(charger.model.evse(1)?.authorized).toBe(true);
  charger.event(1, { kind: "Deauthorized", sessionId: "s" });
  expect(charger.model.evse(1)?.authorized).toBe(false);
  await charger.clock.advance(100);
  expect(events().at(-1)).toMatchObject({ eventType: "Ended", triggerReason: "EVConnectTimeout" });
});

test("a remote start by the app: id and token are told once, nobody is asked (C05.FR.03, FR.05)", async () => {
  charger = await new InProcessCharger(1, { "TxCtrlr.TxStartPoint": "EVConnected" }).start();
  await charger.clock.advance(100);
  const token = { idToken: card("APP", "Central"), remote: true, remoteStartId: 7 };
  charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
  charger.event(1, { kind: "TransactionStarted", sessionId: "s", token });
  event("ChargingStarted");
  await charger.clock.advance(100);
  expect(events().filter(({ idToken }) => idToken !== undefined)).toMatchObject([
    { triggerReason: "RemoteStart", idToken: card("APP", "Central"), transactionInfo: { remoteStartId: 7 } },
  ]);
  expect(charger.callsOf("Authorize")).toEqual([]);
});

test("a master pass starts nothing from afar (C12.FR.09, C16.FR.03); its stop is told as such (C16.FR.06, FR.07)", async () => {
  charger = await new InProcessCharger(1, { "AuthCtrlr.MasterPassGroupId": "Police" }).start();
  await charger.clock.advance(100);
  const request = { evseId: 1, remoteStartId: 1, idToken: card("X"), groupIdToken: card("POLICE", "Central") };
  expect((await charger.call("RequestStartTransaction", request)).body).toMatchObject({ status: "Rejected" });
  charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
  charger.event(1, { kind: "TransactionStarted", sessionId: "s", token: { idToken: card("A"), remote: false } });
  const token = { idToken: card("OFFICER"), remote: false };
  charger.event(1, { kind: "TransactionFinished", sessionId: "s", stoppedReason: "MasterPass", token });
  await charger.clock.advance(100);
  expect(events().at(-1)).toMatchObject({
    eventType: "Ended",
    triggerReason: "StopAuthorized",
    idToken: card("OFFICER"),
    transactionInfo: { stoppedReason: "MasterPass" },
  });
});
