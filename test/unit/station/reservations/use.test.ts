import { afterEach, describe, expect, test } from "bun:test";
import { CARD, FAMILY, OTHER, ReservationRig } from "./support.ts";

let rig: ReservationRig;
afterEach(() => rig.charger.dispose());
const start = async (variables: Record<string, string> = {}, evseCount = 2) => {
  rig = await new ReservationRig(variables, evseCount).start();
};
const events = () => rig.charger.callsOf("TransactionEvent");
const remoteStart = async (more: Record<string, unknown> = {}) => {
  const request = { evseId: 1, remoteStartId: 9, idToken: CARD, ...more };
  const { body } = await rig.charger.call("RequestStartTransaction", request);
  await rig.pass();
  return (body as { status: string }).status;
};
const offered = () => rig.asked("provideToken").map(([token]) => token as Record<string, unknown>);
const ofFamily = () => {
  rig.charger.react = ({ action }) => ({
    answer: action === "Authorize" ? { idTokenInfo: { status: "Accepted", groupIdToken: FAMILY } } : {},
  });
};

describe("H03: a reserved EVSE is used", () => {
  test("H03.FR.01, FR.09, FR.10, errata 2.32 S1: the card first: Available at once, Occupied with the cable, the id told once", async () => {
    await start({ "TxCtrlr.TxStartPoint": "Authorized" });
    await rig.reserve({ evseId: 1 });
    expect(await rig.present(CARD, [1])).toBe("Accepted");
    expect(rig.statuses).toEqual(["1 Reserved", "1 Available"]);
    const token = { idToken: CARD, remote: false };
    rig.charger.event(1, { kind: "SessionStarted", sessionId: "s1", reason: "Authorized", token });
    await rig.pass();
    rig.begin(1);
    await rig.pass();
    expect(rig.statuses.slice(2)).toEqual(["1 Occupied"]);
    expect(events().map(({ reservationId }) => reservationId)).toEqual([1, undefined]); // H01.FR.15
    expect(rig.charger.core.reservations.all()).toEqual([]);
  });

  test("G01.FR.06, FR.09, H03.FR.10, errata 2.32 S1: the cable first: Reserved until the card, then Occupied", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    rig.plugIn(1);
    await rig.pass();
    expect(rig.statuses).toEqual(["1 Reserved"]);
    await rig.present(CARD, [1]);
    expect(rig.statuses).toEqual(["1 Reserved", "1 Occupied"]);
    rig.begin(1);
    await rig.pass();
    expect(events()).toMatchObject([{ eventType: "Started", reservationId: 1 }]);
  });

  test("the card is presented before anybody has asked the CSMS about it: the status does not wait for the answer", async () => {
    await start({ "AuthCtrlr.LocalPreAuthorize": "false" });
    await rig.reserve({ evseId: 1 });
    rig.charger.react = () => "silence";
    void rig.present(CARD, [1]);
    await rig.pass();
    expect(rig.statuses).toEqual(["1 Reserved", "1 Available"]);
  });

  test("in another spelling and with the type that the reader knows", async () => {
    await start();
    await rig.reserve({ evseId: 1, idToken: { idToken: "card", type: "Central" } });
    await rig.present(CARD, [1]);
    expect(rig.status(1)).toBe("Available");
  });

  test("H03.FR.04, FR.08, errata 2.32 S2: by its group, once the CSMS has told it", async () => {
    await start();
    ofFamily();
    await rig.reserve({ evseId: 1, groupIdToken: FAMILY });
    rig.plugIn(1);
    await rig.pass();
    expect(await rig.present(OTHER, [1])).toBe("Accepted");
    expect(rig.charger.callsOf("Authorize")).toHaveLength(1);
    expect(rig.statuses).toEqual(["1 Reserved", "1 Occupied"]);
    rig.begin(1, OTHER);
    await rig.pass();
    expect(events()).toMatchObject([{ reservationId: 1 }]);
  });

  test("H03.FR.05, FR.06, FR.07: of a connector type and of any EVSE by the group that the cache knows", async () => {
    await start();
    ofFamily();
    await rig.present(OTHER, [1]);
    await rig.reserve({ groupIdToken: FAMILY, connectorType: "cType2" });
    await rig.reserve({ id: 2, groupIdToken: FAMILY });
    expect(rig.status(1)).toBe("Reserved");
    expect(await rig.present(OTHER, [1])).toBe("Accepted");
    expect(rig.charger.core.reservations.all()).toMatchObject([{ reservationId: 2 }]);
    expect(rig.charger.callsOf("Authorize")).toHaveLength(1);
    expect([rig.status(1), rig.status(2)]).toEqual(["Available", "Reserved"]);
  });

  test("somebody else is turned away where all EVSEs are kept for others, and lets in where one is not", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    expect(await rig.present(OTHER, [1])).toBe("NotAtThisTime");
    expect(await rig.present(OTHER)).toBe("Accepted");
    expect(await rig.present(OTHER, [2])).toBe("Accepted");
    await rig.reserve({ id: 2 });
    expect(await rig.present(OTHER)).toBe("NotAtThisTime");
    expect([rig.status(1), rig.status(2)]).toEqual(["Reserved", "Reserved"]);
    rig.plugIn(1);
    rig.begin(2, CARD);
    await rig.pass();
    expect(rig.status(1)).toBe("Reserved");
  });

  test("H03.FR.02, FR.03, errata 2.32 S3: of no certain EVSE at an EVSE that is Available", async () => {
    await start();
    await rig.reserve();
    expect(await rig.present(CARD, [2])).toBe("Accepted");
    rig.plugIn(2);
    rig.begin(2);
    await rig.pass();
    expect(rig.statuses).toEqual(["2 Occupied"]);
    expect(events()).toMatchObject([{ reservationId: 1 }]);
  });

  test("one of two reservations of the same card is used by one visit", async () => {
    await start({ "TxCtrlr.TxStartPoint": "Authorized" }, 3);
    await rig.reserve();
    await rig.reserve({ id: 2 });
    await rig.present(CARD, [1]);
    const token = { idToken: CARD, remote: false };
    rig.charger.event(1, { kind: "SessionStarted", sessionId: "s1", reason: "Authorized", token });
    rig.begin(1);
    await rig.pass();
    expect(rig.charger.core.reservations.all()).toMatchObject([{ reservationId: 2 }]);
    rig.charger.event(1, { kind: "TransactionFinished", sessionId: "s1", stoppedReason: "Local" });
    rig.charger.event(1, { kind: "SessionFinished", sessionId: "s1" });
    await rig.pass();
    await rig.present(CARD, [3]);
    rig.charger.event(3, { kind: "SessionStarted", sessionId: "s3", reason: "Authorized", token });
    await rig.pass();
    expect(events().flatMap(({ reservationId }) => reservationId ?? [])).toEqual([1, 2]);
    expect(rig.charger.core.reservations.all()).toEqual([]);
  });

  test("somebody who was authorized before the card's reservation was made used that reservation with the cable", async () => {
    await start({ "TxCtrlr.TxStartPoint": "Authorized" });
    const token = { idToken: CARD, remote: false };
    rig.charger.event(1, { kind: "SessionStarted", sessionId: "s1", reason: "Authorized", token });
    await rig.pass();
    await rig.reserve();
    rig.begin(1);
    await rig.pass();
    expect(rig.charger.core.reservations.all()).toMatchObject([{ reservationId: 1 }]);
    expect(events().map(({ reservationId }) => reservationId)).toEqual([undefined, undefined]);
  });

  test("a refused card has used its reservation, and EVerest is told so", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    rig.charger.react = () => ({ answer: { idTokenInfo: { status: "Blocked" } } });
    expect(await rig.present(CARD, [1])).toBe("Blocked");
    expect(rig.status(1)).toBe("Available");
    expect(rig.asked("cancelReservation")).toEqual([[1]]);
  });

  test("a card at an EVSE that is not the reserved one uses nothing", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    expect(await rig.present(CARD, [2])).toBe("Accepted");
    expect(rig.status(1)).toBe("Reserved");
  });

  test("what only EVerest has noticed: its session names the reservation, or it says Used", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    rig.plugIn(1);
    rig.begin(1, OTHER, { reservationId: 1 });
    await rig.pass();
    expect(rig.status(1)).toBe("Occupied");
    await rig.reserve({ id: 2, evseId: 2 });
    rig.charger.hardwareEvents.emit("reservation", { reservationId: 2, status: "Used" });
    await rig.pass();
    expect(rig.status(2)).toBe("Available");
    expect(rig.updates).toEqual([]);
  });

  test("an EVSE that EVerest gives to somebody else is lost for the reserver, who is told: Removed", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    rig.plugIn(1);
    rig.begin(1, OTHER);
    await rig.pass();
    expect(rig.status(1)).toBe("Occupied");
    expect(rig.updates).toEqual(["1 Removed"]);
    expect(events()).toMatchObject([{ eventType: "Started" }]);
    expect(events()[0]).not.toHaveProperty("reservationId");
  });

  test("a CSMS that takes its time over the card: the EVSE stays taken until it has answered, and the id is told", async () => {
    await start({ "AuthCtrlr.LocalPreAuthorize": "false", "TxCtrlr.TxStartPoint": "Authorized" });
    await rig.reserve({ evseId: 1 });
    const { react } = rig.charger;
    rig.charger.react = (call) => (call.action === "Authorize" ? "silence" : react(call));
    const decision = rig.charger.services.authorization.authorize({ idToken: CARD, evseIds: [1] });
    await rig.pass(25_000);
    expect(await rig.reserve({ id: 2, idToken: OTHER, evseId: 1 })).toBe("Occupied");
    const { messageId } = rig.charger.calls.find(({ action }) => action === "Authorize") ?? {};
    rig.charger.sendText(JSON.stringify([3, messageId, { idTokenInfo: { status: "Accepted" } }]));
    await rig.pass(5_000);
    expect((await decision).idTokenInfo.status).toBe("Accepted");
    const token = { idToken: CARD, remote: false };
    rig.charger.event(1, { kind: "SessionStarted", sessionId: "s1", reason: "Authorized", token });
    await rig.pass();
    expect(events()).toMatchObject([{ eventType: "Started", reservationId: 1 }]);
  });

  test("an authorization of which nothing comes leaves the EVSE free after ten seconds", async () => {
    await start();
    await rig.reserve();
    await rig.reserve({ id: 2, idToken: OTHER });
    await rig.present(CARD, [1]);
    expect([rig.status(1), rig.status(2)]).toEqual(["Available", "Reserved"]);
    await rig.pass(10_000);
    expect([rig.status(1), rig.status(2)]).toEqual(["Available", "Available"]);
  });
});

describe("H03: remote start on a reserved EVSE", () => {
  const UNASKED = { "AuthCtrlr.AuthorizeRemoteStart": "false" };

  test("H03.FR.09, errata 2.32: by the reserver: Available with the answer, and the reservation is told", async () => {
    await start({ "TxCtrlr.TxStartPoint": "Authorized" });
    await rig.reserve({ evseId: 1 });
    expect(await remoteStart()).toBe("Accepted");
    expect(rig.status(1)).toBe("Available");
    const token = { idToken: CARD, remote: true, remoteStartId: 9 };
    rig.charger.event(1, { kind: "SessionStarted", sessionId: "s1", reason: "Authorized", token });
    await rig.pass();
    expect(events()).toMatchObject([{ reservationId: 1, transactionInfo: { remoteStartId: 9 } }]);
  });

  test("F01.FR.21: by somebody else Rejected without asking anybody; without an EVSE the other one is taken", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    expect(await remoteStart({ idToken: OTHER })).toBe("Rejected");
    expect(rig.asked("isReservedForOther")).toEqual([]);
    expect(await remoteStart({ idToken: OTHER, evseId: undefined })).toBe("Accepted");
    expect(offered()).toMatchObject([{ evseId: 2 }]);
    expect(rig.status(1)).toBe("Reserved");
  });

  test("without an EVSE the reserver gets the one that is reserved", async () => {
    await start();
    await rig.reserve({ evseId: 2 });
    expect(await remoteStart({ evseId: undefined })).toBe("Accepted");
    expect(offered()).toMatchObject([{ evseId: 2 }]);
    expect(rig.status(2)).toBe("Available");
  });

  test("H03.FR.04, F01.FR.22: with the group that the CSMS names", async () => {
    await start(UNASKED);
    await rig.reserve({ evseId: 1, groupIdToken: FAMILY });
    expect(await remoteStart({ idToken: OTHER, groupIdToken: FAMILY })).toBe("Accepted");
    expect(rig.status(1)).toBe("Available");
    expect(offered()).toMatchObject([{ prevalidated: true }]);
  });

  test("H03.FR.08: a group that nobody has named is asked for before anything starts", async () => {
    await start(UNASKED);
    ofFamily();
    await rig.reserve({ evseId: 1, groupIdToken: FAMILY });
    expect(await remoteStart({ idToken: OTHER })).toBe("Accepted");
    expect(offered()).toMatchObject([{ prevalidated: false }]);
    expect(rig.status(1)).toBe("Reserved");
    expect(await rig.present(OTHER, [1])).toBe("Accepted");
    expect(rig.status(1)).toBe("Available");
  });
});
