import { afterEach, describe, expect, test } from "bun:test";
import { CARD, FAMILY, OTHER, ReservationRig } from "./support.ts";

let rig: ReservationRig;
afterEach(() => rig.charger.dispose());
const start = async (variables: Record<string, string> = {}, evseCount = 2, connectors = 1) => {
  rig = await new ReservationRig(variables, evseCount, connectors).start();
};

describe("H01: ReserveNow", () => {
  test("H01.FR.03, FR.23: a certain EVSE is Reserved with all its connectors, after the answer", async () => {
    await start({}, 2, 2);
    rig.charger.hardwareAnswers.reserveNow = () => {
      rig.charger.event(1, { kind: "ReservationStarted" });
      return "Accepted";
    };
    const { calls } = rig.charger;
    rig.charger.sendText(
      JSON.stringify([2, "r", "ReserveNow", { id: 7, expiryDateTime: rig.inSeconds(60), idToken: CARD, evseId: 1 }]),
    );
    await Promise.resolve();
    expect(calls.filter(({ action }) => action === "StatusNotification")).toEqual([]);
    await rig.pass();
    expect(rig.charger.answers.at(-1)?.body).toEqual({ status: "Accepted" });
    expect(rig.statuses).toEqual(["1 Reserved", "1 Reserved"]);
    expect(rig.asked("reserveNow")[0]?.[0]).toMatchObject({ reservationId: 7, evseId: 1, idToken: CARD });
  });

  test("the status that EVerest tells while it is asked does not overtake the answer", async () => {
    await start();
    let isAnswered = false;
    rig.charger.hardwareAnswers.reserveNow = async () => {
      rig.charger.event(1, { kind: "ReservationStarted" });
      await Promise.resolve();
      isAnswered = rig.statuses.length > 0;
      return "Accepted";
    };
    expect(await rig.reserve({ evseId: 1 })).toBe("Accepted");
    expect(isAnswered).toBe(false);
    expect(rig.statuses).toEqual(["1 Reserved"]);
  });

  test("H01.FR.01, FR.18, FR.19: switched off, nobody there, EVSE not named: Rejected with the reason, nobody asked", async () => {
    await start({ "ReservationCtrlr.Enabled": "false" });
    expect(await rig.reason({ evseId: 1 })).toBe("Rejected NotEnabled");
    rig.charger.dispose();
    await start({ "ReservationCtrlr.Available": "false" });
    expect(await rig.reason({ evseId: 1 })).toBe("Rejected NotEnabled");
    rig.charger.dispose();
    await start({ "ReservationCtrlr.NonEvseSpecific": "false" });
    expect(await rig.reason()).toBe("Rejected UnsupportedParam");
    expect(await rig.reason({ connectorType: "cType2" })).toBe("Rejected UnsupportedParam");
    expect(rig.asked("reserveNow")).toEqual([]);
    expect(await rig.reserve({ evseId: 1 })).toBe("Accepted");
  });

  test("what can be no reservation: expired already, unknown EVSE or connector type, also one that EVerest has no word for", async () => {
    await start();
    expect(await rig.reason({ evseId: 1, expiryDateTime: rig.inSeconds(-1) })).toBe("Rejected InvalidValue");
    for (const evseId of [3, 0, -1, 2_147_483_647]) expect(await rig.reason({ evseId })).toBe("Rejected UnknownEvse");
    for (const connectorType of ["cCCS2", "Undetermined", "sCEE-7-7"])
      expect(await rig.reason({ connectorType })).toBe("Rejected UnknownConnectorType");
    expect((await rig.charger.call("ReserveNow", { id: 1, connectorType: "cMCS" })).kind).toBe("error");
    expect(rig.asked("reserveNow")).toEqual([]);
    for (const id of [0, -2_147_483_648, 2_147_483_647]) {
      expect(await rig.reserve({ id, evseId: 1 })).toBe("Accepted");
      expect(await rig.cancel(id)).toBe("Accepted");
    }
  });

  test("H01.FR.11: Occupied where a cable is in, somebody is authorized or somebody else has reserved", async () => {
    await start();
    rig.plugIn(1);
    await rig.pass();
    expect(await rig.reserve({ evseId: 1 })).toBe("Occupied");
    rig.charger.event(2, {
      kind: "SessionStarted",
      sessionId: "s2",
      reason: "Authorized",
      token: { idToken: OTHER, remote: false },
    });
    await rig.pass();
    expect(await rig.reserve({ evseId: 2 })).toBe("Occupied");
    expect(await rig.reserve()).toBe("Occupied");
    rig.charger.event(1, { kind: "SessionFinished", sessionId: "s1" });
    await rig.pass();
    expect(await rig.reserve({ evseId: 1 })).toBe("Accepted");
    expect(await rig.reserve({ id: 2, evseId: 1 })).toBe("Occupied");
    expect(rig.asked("reserveNow")).toHaveLength(1);
  });

  test("H01.FR.12, FR.14: Faulted and Unavailable where all that is meant is", async () => {
    await start();
    rig.fault(1);
    await rig.pass();
    expect(await rig.reserve({ evseId: 1 })).toBe("Faulted");
    expect(await rig.reserve()).toBe("Accepted");
    await rig.cancel();
    await rig.charger.call("ChangeAvailability", { operationalStatus: "Inoperative", evse: { id: 2 } });
    await rig.pass();
    expect(await rig.reserve({ evseId: 2 })).toBe("Unavailable");
    expect(await rig.reserve()).toBe("Unavailable");
    rig.fault(2);
    await rig.pass();
    expect(await rig.reserve()).toBe("Faulted");
  });

  test.each(["Faulted", "Occupied", "Rejected", "Unavailable"])("what EVerest answers counts: %s", async (answer) => {
    await start();
    rig.charger.hardwareAnswers.reserveNow = () => answer;
    expect(await rig.reserve({ evseId: 1 })).toBe(answer);
    expect(rig.statuses).toEqual([]);
    rig.charger.hardwareAnswers.reserveNow = () => "Accepted";
    expect(await rig.reserve({ evseId: 1 })).toBe("Accepted");
  });

  test("a module that does not answer: Rejected, and what it may have made after all is taken back", async () => {
    await start();
    rig.charger.hardwareAnswers.reserveNow = () => {
      throw new Error("no answer within 15 s");
    };
    expect(await rig.reason({ evseId: 1 })).toBe("Rejected InternalError");
    expect(rig.asked("cancelReservation")).toEqual([[1]]);
    expect(rig.charger.core.reservations.all()).toEqual([]);
    expect(rig.statuses).toEqual([]);
  });

  test("H01.FR.02: the same id replaces, and frees the EVSE of the replaced one", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    expect(await rig.reserve({ evseId: 2, idToken: OTHER })).toBe("Accepted");
    expect(rig.statuses).toEqual(["1 Reserved", "1 Available", "2 Reserved"]);
    expect(rig.charger.core.reservations.all()).toMatchObject([{ reservationId: 1, evseId: 2, idToken: OTHER }]);
    expect(await rig.reserve({ evseId: 2, groupIdToken: FAMILY })).toBe("Accepted");
    expect(rig.updates).toEqual([]);
  });

  test("H01.FR.02: a replacement that EVerest refuses leaves the old one, which is made again there", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    const answers = ["Unavailable", "Accepted"];
    rig.charger.hardwareAnswers.reserveNow = () => answers.shift();
    rig.charger.hardwareAnswers.isPlaced = () => false;
    expect(await rig.reserve({ evseId: 2 })).toBe("Unavailable");
    expect(rig.status(1)).toBe("Reserved");
    expect(rig.asked("reserveNow").map(([order]) => (order as { evseId: number }).evseId)).toEqual([1, 2, 1]);
    expect(rig.updates).toEqual([]);
  });

  test("two for the same EVSE at once: one is Accepted", async () => {
    await start();
    rig.charger.hardwareAnswers.reserveNow = () =>
      new Promise((resolve) => rig.charger.clock.after(3_000, () => resolve("Accepted")));
    for (const id of [1, 2])
      rig.charger.sendText(
        JSON.stringify([
          2,
          `r${id}`,
          "ReserveNow",
          { id, expiryDateTime: rig.inSeconds(60), idToken: CARD, evseId: 1 },
        ]),
      );
    await rig.pass(10_000);
    const answers = rig.charger.answers.map(({ messageId, body }) => [messageId, (body as { status: string }).status]);
    expect(Object.fromEntries(answers)).toMatchObject({ r1: "Accepted", r2: "Occupied" });
  });
});

describe("H01: no certain EVSE", () => {
  test("H01.FR.04, FR.07, FR.20: free EVSEs are Reserved once there are as many reservations", async () => {
    await start();
    expect(await rig.reserve()).toBe("Accepted");
    expect(rig.statuses).toEqual([]);
    expect(await rig.reserve({ id: 2, idToken: OTHER })).toBe("Accepted");
    expect(rig.statuses).toEqual(["1 Reserved", "2 Reserved"]);
    expect(await rig.reserve({ id: 3 })).toBe("Occupied");
  });

  test("H01.FR.07: the last free EVSE is Reserved when others take the rest, and Available again when they leave", async () => {
    await start();
    await rig.reserve();
    rig.plugIn(1);
    await rig.pass();
    expect(rig.statuses).toEqual(["1 Occupied", "2 Reserved"]);
    rig.charger.event(1, { kind: "SessionFinished", sessionId: "s1" });
    await rig.pass();
    expect(rig.statuses.slice(2)).toEqual(["1 Available", "2 Available"]);
  });

  test("H01.FR.06, FR.09, FR.24: of a connector type only EVSEs that have it", async () => {
    await start({}, 3);
    const [, second, third] = rig.charger.context.hardware.evses;
    for (const [evse, type] of [
      [second, "cCCS2"],
      [third, "s309_1P_16A"],
    ] as const)
      Object.assign(evse?.connectors[0] ?? {}, { connectorType: type });
    expect(await rig.reserve({ connectorType: "cCCS2" })).toBe("Accepted");
    expect(rig.statuses).toEqual(["2 Reserved"]);
    expect(await rig.reserve({ id: 2, connectorType: "cCCS2" })).toBe("Occupied");
    expect(await rig.reserve({ id: 3, connectorType: "s309-1P-16A" })).toBe("Accepted");
    expect(rig.statuses).toEqual(["2 Reserved", "3 Reserved"]);
    expect(await rig.reserve({ id: 4 })).toBe("Accepted");
    expect(rig.status(1)).toBe("Reserved");
    expect(await rig.reserve({ id: 5 })).toBe("Occupied");
  });

  test("a certain EVSE that an earlier reservation of no certain EVSE needs is Occupied", async () => {
    await start();
    await rig.reserve();
    await rig.reserve({ id: 2, evseId: 1 });
    expect(rig.status(2)).toBe("Reserved");
    expect(await rig.reserve({ id: 3, evseId: 2 })).toBe("Occupied");
  });
});

describe("H02: CancelReservation", () => {
  test("H02.FR.02–04: the EVSE is Available again, without ReservationStatusUpdate", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    rig.charger.hardwareAnswers.cancelReservation = () => {
      rig.charger.event(1, { kind: "ReservationEnded" });
      rig.charger.hardwareEvents.emit("reservation", { reservationId: 1, status: "Cancelled" });
      return true;
    };
    expect(await rig.cancel()).toBe("Accepted");
    expect(rig.statuses).toEqual(["1 Reserved", "1 Available"]);
    await rig.pass(700_000);
    expect(rig.updates).toEqual([]);
    expect(rig.charger.core.reservations.all()).toEqual([]);
  });

  test("H02.FR.05, FR.06: of no certain EVSE: all that were kept for it are Available again", async () => {
    await start();
    await rig.reserve();
    await rig.reserve({ id: 2 });
    expect(await rig.cancel()).toBe("Accepted");
    expect(rig.statuses).toEqual(["1 Reserved", "2 Reserved", "1 Available", "2 Available"]);
  });

  test("H02.FR.01: an unknown one is Rejected, one that only EVerest knows is cancelled there", async () => {
    await start();
    rig.charger.hardwareAnswers.cancelReservation = (id) => id === 5;
    expect(await rig.cancel(1)).toBe("Rejected");
    expect(await rig.cancel(5)).toBe("Accepted");
  });

  test("one that EVerest has forgotten is cancelled all the same; without an answer it stays", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    rig.charger.hardwareAnswers.cancelReservation = () => {
      throw new Error("no answer within 10 s");
    };
    expect(await rig.cancel()).toBe("Rejected");
    expect(rig.status(1)).toBe("Reserved");
    expect(rig.asked("isPlaced").length).toBeGreaterThan(0);
    rig.charger.hardwareAnswers.cancelReservation = () => false;
    expect(await rig.cancel()).toBe("Accepted");
    expect(rig.status(1)).toBe("Available");
  });
});
