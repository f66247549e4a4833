import { afterEach, describe, expect, test } from "bun:test";
import { CARD, OTHER, ReservationRig } from "./support.ts";

let rig: ReservationRig;
afterEach(() => rig.charger.dispose());
const start = async (variables: Record<string, string> = {}) => {
  rig = await new ReservationRig(variables).start();
};
/** By which transaction each reservation was told. */
const told = () =>
  rig.charger
    .callsOf("TransactionEvent")
    .filter(({ reservationId }) => reservationId !== undefined)
    .map(
      ({ reservationId, transactionInfo }) =>
        `${reservationId} ${(transactionInfo as { transactionId: string }).transactionId}`,
    );
/** A whole visit with a session of its own. */
const visit = async (
  sessionId: string,
  more: { reservationId?: number } = {},
  idToken: typeof CARD | typeof OTHER = CARD,
) => {
  const token = { idToken, remote: false };
  rig.charger.event(1, { kind: "SessionStarted", sessionId, reason: "EVConnected" });
  rig.charger.event(1, { kind: "TransactionStarted", sessionId, token, ...more });
  await rig.pass();
  rig.charger.event(1, { kind: "TransactionFinished", sessionId, stoppedReason: "Local" });
  rig.charger.event(1, { kind: "SessionFinished", sessionId });
  await rig.pass();
};

/** The reserver comes, and his transaction ends while the cable is still plugged in. */
async function useAndFinish(): Promise<void> {
  await rig.reserve();
  await rig.present(CARD, [1]);
  rig.plugIn(1);
  rig.begin(1);
  await rig.pass();
  rig.charger.event(1, { kind: "TransactionFinished", sessionId: "s1", stoppedReason: "Local" });
}

describe("H01.FR.15, E03.FR.03: a reservation is told with one transaction for each time that it was placed", () => {
  test("one that EVerest names in a later session, since it has missed the first (seeds 5741, 7167), is not told again", async () => {
    await start();
    await rig.reserve();
    await rig.present(CARD, [1]);
    await visit("first");
    await visit("second", { reservationId: 1 });
    expect(told()).toEqual(["1 first"]);
    expect(rig.charger.callsOf("TransactionEvent").map(({ eventType }) => eventType)).toEqual([
      "Started",
      "Ended",
      "Started",
      "Ended",
    ]);
  });

  test("nor after a restart", async () => {
    await start();
    await rig.reserve();
    await rig.present(CARD, [1]);
    await visit("first");
    await rig.restart();
    await visit("second", { reservationId: 1 });
    expect(told()).toEqual([]);
    expect(rig.charger.callsOf("TransactionEvent")).toHaveLength(2);
  });

  test("what a card has used is told where EVerest names an older one", async () => {
    await start();
    await visit("first", { reservationId: 1 });
    await rig.reserve({ id: 2 });
    await rig.present(CARD, [1]);
    await visit("second", { reservationId: 1 });
    expect(told()).toEqual(["1 first", "2 second"]);
  });

  test("nor with the next transaction of the session that has told it", async () => {
    await start({ "TxCtrlr.TxStartPoint": "Authorized", "TxCtrlr.TxStopPoint": "Authorized" });
    await useAndFinish();
    rig.begin(1, OTHER);
    await rig.pass();
    expect(told()).toEqual(["1 s1"]);
    expect(rig.charger.callsOf("TransactionEvent").filter(({ eventType }) => eventType === "Started")).toHaveLength(2);
  });

  test("another driver of the same transaction has used another one, which is told with it, too", async () => {
    await start({ "TxCtrlr.TxStartPoint": "EVConnected", "TxCtrlr.TxStopPoint": "EVConnected" });
    await useAndFinish();
    await rig.reserve({ id: 2, idToken: OTHER });
    await rig.present(OTHER, [1]);
    rig.begin(1, OTHER);
    await rig.pass();
    expect(told()).toEqual(["1 s1", "2 s1"]);
  });

  test("placed anew it is told anew", async () => {
    await start();
    await rig.reserve();
    await visit("first", { reservationId: 1 });
    await rig.reserve();
    await visit("second", { reservationId: 1 });
    await visit("third", { reservationId: 1 });
    expect(told()).toEqual(["1 first", "1 second"]);
  });

  test("a ReserveNow that is refused places nothing anew", async () => {
    await start();
    await visit("first", { reservationId: 1 });
    rig.charger.hardwareAnswers.reserveNow = () => "Rejected";
    expect(await rig.reserve()).toBe("Rejected");
    await visit("second", { reservationId: 1 });
    expect(told()).toEqual(["1 first"]);
  });

  test("used by a card, but the process was killed before the transaction: told when EVerest names it", async () => {
    await start();
    await rig.reserve();
    await rig.present(CARD, [1]);
    expect(rig.charger.core.reservations.all()).toEqual([]);
    await rig.restart();
    await visit("first", { reservationId: 1 });
    await visit("second", { reservationId: 1 });
    expect(told()).toEqual(["1 first"]);
  });

  test("of another source than the CSMS it is told once, and once more when that has placed it anew", async () => {
    await start();
    await visit("first", { reservationId: 77 });
    await visit("second", { reservationId: 77 });
    expect(told()).toEqual(["77 first"]);
    rig.charger.hardwareEvents.emit("reservation", { reservationId: 77, status: "Placed" });
    await visit("third", { reservationId: 77 });
    expect(told()).toEqual(["77 first", "77 third"]);
  });

  test("that EVerest has placed one of ours late does not place it anew", async () => {
    await start();
    await rig.reserve();
    await rig.present(CARD, [1]);
    await visit("first");
    rig.charger.hardwareEvents.emit("reservation", { reservationId: 1, status: "Placed" });
    await visit("second", { reservationId: 1 });
    expect(told()).toEqual(["1 first"]);
  });

  test("named with the card and again with the cable, it is told with the first event of that transaction, over a restart too", async () => {
    await start({ "TxCtrlr.TxStartPoint": "Authorized" });
    await rig.reserve();
    const token = { idToken: CARD, remote: false };
    const named = { token, reservationId: 1 };
    rig.charger.event(1, { kind: "SessionStarted", sessionId: "s1", reason: "Authorized", ...named });
    await rig.pass();
    expect(told()).toEqual(["1 s1"]);
    await rig.restart();
    rig.begin(1, CARD, { reservationId: 1 });
    await rig.pass();
    const events = rig.charger.callsOf("TransactionEvent");
    expect(events.map(({ eventType, seqNo }) => [eventType, seqNo])).toEqual([["Updated", 1]]);
    expect(told()).toEqual([]);
  });

  test("named before the transaction begins it is told with it, over a restart too", async () => {
    await start();
    await rig.reserve();
    const token = { idToken: CARD, remote: false };
    const named = { token, reservationId: 1 };
    rig.charger.event(1, { kind: "SessionStarted", sessionId: "s1", reason: "Authorized", ...named });
    await rig.restart();
    rig.begin(1, CARD, { reservationId: 1 });
    await rig.pass();
    expect(told()).toEqual(["1 s1"]);
  });

  test("what is told and that it was told are one: where the second cannot be stored both are told later", async () => {
    await start();
    await rig.reserve();
    const { database } = rig.charger.core;
    database.run(
      "CREATE TRIGGER FULL BEFORE INSERT ON STATION_STATE WHEN NEW.KEY = 'reservations.told' BEGIN SELECT RAISE(ABORT, 'full'); END",
    );
    rig.plugIn(1);
    rig.begin(1, CARD, { reservationId: 1 });
    await rig.pass();
    expect(rig.charger.callsOf("TransactionEvent")).toEqual([]);
    database.run("DROP TRIGGER FULL");
    await rig.pass(60_000);
    expect(told()).toEqual(["1 s1"]);
  });

  test("the latest 100 are remembered", async () => {
    await start();
    for (let id = 1; id <= 101; id++) await visit(`visit${id}`, { reservationId: id });
    await visit("again", { reservationId: 2 });
    expect(told()).not.toContain("2 again");
    await visit("oldest", { reservationId: 1 });
    expect(told().at(-1)).toBe("1 oldest");
  });
});
