import { afterEach, describe, expect, test } from "bun:test";
import { EVSE } from "../../../../src/device-model/variables.ts";
import { CARD, OTHER, ReservationRig } from "./support.ts";

let rig: ReservationRig;
afterEach(() => rig.charger.dispose());
const start = async (variables: Record<string, string> = {}, evseCount = 2, connectors = 1) => {
  rig = await new ReservationRig(variables, evseCount, connectors).start();
};
const told = (reservationId: number, status: "Expired" | "Removed" | "Cancelled" | "Placed") =>
  rig.charger.hardwareEvents.emit("reservation", { reservationId, status });

describe("H04: a reservation that ends unused", () => {
  test("H04.FR.01–03: expired: the EVSE is Available, the CSMS hears it once, EVerest gives it up", async () => {
    await start();
    await rig.reserve({ evseId: 1, expiryDateTime: rig.inSeconds(90) });
    await rig.pass(89_000);
    expect(rig.updates).toEqual([]);
    await rig.pass(2_000);
    told(1, "Expired");
    await rig.pass();
    expect(rig.statuses).toEqual(["1 Reserved", "1 Available"]);
    expect(rig.updates).toEqual(["1 Expired"]);
    expect(rig.asked("cancelReservation")).toEqual([[1]]);
    expect(await rig.present(OTHER, [1])).toBe("Accepted");
  });

  test("EVerest may say it first", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    told(1, "Placed");
    told(1, "Expired");
    await rig.pass(700_000);
    expect(rig.updates).toEqual(["1 Expired"]);
  });

  test("H04.FR.01: while offline: told when the CSMS is back", async () => {
    await start();
    await rig.reserve({ evseId: 1, expiryDateTime: rig.inSeconds(60) });
    rig.charger.reachable = false;
    rig.charger.disconnect();
    await rig.pass(120_000);
    expect(rig.status(1)).toBe("Available");
    rig.charger.reachable = true;
    await rig.pass(200_000);
    expect(rig.updates).toEqual(["1 Expired"]);
    expect(rig.statuses.slice(-2)).toEqual(["1 Available", "2 Available"]);
  });

  test("H04.FR.01: over a restart: told by the next run, and never Reserved there", async () => {
    await start();
    await rig.reserve({ evseId: 1, expiryDateTime: rig.inSeconds(60) });
    rig.charger.crash();
    rig.charger.calls.length = 0;
    await rig.pass(120_000);
    await rig.charger.start();
    await rig.pass(1_000);
    expect(rig.statuses).toEqual(["1 Available", "2 Available"]);
    expect(rig.updates).toEqual(["1 Expired"]);
    await rig.restart();
    expect(rig.updates).toEqual([]);
  });

  test("a clock that is set forward lets it expire within a minute", async () => {
    await start();
    await rig.reserve({ evseId: 1, expiryDateTime: rig.inSeconds(36_000) });
    rig.charger.clock.jumpTo(rig.inSeconds(36_000));
    await rig.pass(60_000);
    expect(rig.updates).toEqual(["1 Expired"]);
  });

  test("of a reservation that another program has made the CSMS hears as well, once, and of nothing else", async () => {
    await start();
    told(77, "Cancelled");
    told(78, "Placed");
    told(77, "Expired");
    await rig.pass();
    expect(rig.updates).toEqual(["77 Expired"]);
  });

  test("what somebody at the charger cancels is Removed for the CSMS", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    told(1, "Cancelled");
    await rig.pass();
    expect(rig.updates).toEqual(["1 Removed"]);
    expect(rig.status(1)).toBe("Available");
  });

  test("a replaced reservation that EVerest reports as cancelled does not take the new one with it", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    rig.charger.hardwareAnswers.reserveNow = () => {
      told(1, "Cancelled");
      told(1, "Placed");
      return "Accepted";
    };
    expect(await rig.reserve({ evseId: 2 })).toBe("Accepted");
    expect(rig.updates).toEqual([]);
    expect(rig.status(2)).toBe("Reserved");
  });
});

describe("H01: what is out of order", () => {
  test("H01.FR.16: a reserved EVSE that becomes Faulted: Removed, and Available when it is repaired", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    rig.fault(1);
    await rig.pass();
    expect(rig.updates).toEqual(["1 Removed"]);
    expect(rig.asked("cancelReservation")).toEqual([[1]]);
    rig.fault(1, "cleared");
    await rig.pass();
    expect(rig.statuses).toEqual(["1 Reserved", "1 Faulted", "1 Available"]);
  });

  test("H01.FR.17: a reserved EVSE that becomes Unavailable: Removed", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    await rig.charger.call("ChangeAvailability", { operationalStatus: "Inoperative", evse: { id: 1 } });
    await rig.pass();
    expect(rig.updates).toEqual(["1 Removed"]);
    expect(rig.status(1)).toBe("Unavailable");
  });

  test("H01.FR.16: of no certain EVSE: only when none is left for it, and then the newest", async () => {
    await start({}, 3);
    await rig.reserve();
    await rig.reserve({ id: 2, idToken: OTHER });
    rig.fault(3);
    await rig.pass();
    expect(rig.updates).toEqual([]);
    expect([rig.status(1), rig.status(2)]).toEqual(["Reserved", "Reserved"]);
    rig.fault(1);
    await rig.pass();
    expect(rig.updates).toEqual(["2 Removed"]);
    expect(rig.status(2)).toBe("Reserved");
    rig.fault(2);
    await rig.pass();
    expect(rig.updates).toEqual(["2 Removed", "1 Removed"]);
  });

  test("an EVSE that others use does not take a reservation away", async () => {
    await start();
    await rig.reserve();
    rig.plugIn(1);
    rig.begin(1, OTHER);
    await rig.pass(60_000);
    expect(rig.updates).toEqual([]);
    expect(rig.status(2)).toBe("Reserved");
  });

  test("B11.FR.05: a reset takes no reservation away; OnIdle waits also for one of no certain EVSE", async () => {
    await start();
    await rig.reserve();
    const reset = async (type: string) => (await rig.charger.call("Reset", { type })).body;
    expect(await reset("OnIdle")).toEqual({ status: "Scheduled" });
    await rig.pass();
    expect(await rig.present(CARD, [1])).toBe("Accepted");
    await rig.reserve({ id: 2, evseId: 2 });
    expect(await reset("Immediate")).toEqual({ status: "Accepted" });
    await rig.restart();
    expect(rig.statuses).toEqual(["1 Available", "2 Reserved"]);
    expect(rig.updates).toEqual([]);
  });
});

test("B11.FR.05, FR.08: the reset of an EVSE took its reservation, because the hardware side needs a while to enable it", async () => {
  await start();
  await rig.reserve({ evseId: 2 });
  rig.charger.deviceModel.write(EVSE.AllowReset.at(2), true, "internal");
  rig.charger.hardwareAnswers.enableConnector = (_evse, _connector, operative) =>
    new Promise((resolve) => rig.charger.clock.after(operative === true ? 5_000 : 10, () => resolve(operative)));
  expect((await rig.charger.call("Reset", { type: "Immediate", evseId: 2 })).body).toEqual({ status: "Accepted" });
  for (let second = 0; second < 20; second += 1) {
    rig.plugIn(1);
    rig.charger.event(1, { kind: "SessionFinished", sessionId: "s1" });
    await rig.pass(1_000);
  }
  expect(rig.statuses.filter((one) => one.startsWith("2"))).toEqual(["2 Reserved", "2 Unavailable", "2 Reserved"]);
  expect(rig.updates).toEqual([]);
});

test("an EVSE that EVerest frees without a word is asked about, and reserved again there", async () => {
  await start();
  await rig.reserve({ evseId: 1 });
  rig.charger.hardwareAnswers.isPlaced = () => false;
  rig.charger.event(1, { kind: "ReservationEnded" });
  await rig.pass();
  expect(rig.asked("reserveNow")).toHaveLength(2);
  expect(rig.statuses).toEqual(["1 Reserved"]);
});

describe("a restart", () => {
  test("B01.FR.13: Reserved from the first status on; EVerest is asked whether it remembers", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    await rig.restart();
    expect(rig.statuses).toEqual(["1 Reserved", "2 Available"]);
    expect(rig.asked("isPlaced")).toHaveLength(1);
    expect(rig.asked("reserveNow")).toEqual([]);
    await rig.pass(60_000);
    expect(rig.statuses).toHaveLength(2);
    expect(await rig.present(OTHER, [1])).toBe("NotAtThisTime");
    expect(await rig.present(CARD, [1])).toBe("Accepted");
    expect(rig.status(1)).toBe("Available");
  });

  test("what EVerest has forgotten is made again there", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    rig.charger.hardwareAnswers.isPlaced = () => false;
    await rig.restart();
    expect(rig.asked("reserveNow")).toMatchObject([[{ reservationId: 1, evseId: 1 }]]);
    await rig.pass(60_000);
    expect(rig.asked("reserveNow")).toHaveLength(1);
    expect(rig.status(1)).toBe("Reserved");
  });

  test("EVerest does not answer: asked again until it does; what it refuses three times is Removed", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    rig.charger.hardwareAnswers.isPlaced = () => {
      throw new Error("no answer within 3 s");
    };
    await rig.restart(100_000);
    expect(rig.asked("isPlaced").length).toBeGreaterThan(3);
    expect(rig.status(1)).toBe("Reserved");
    rig.charger.hardwareAnswers.isPlaced = () => false;
    rig.charger.hardwareAnswers.reserveNow = () => "Occupied";
    await rig.pass(30_000);
    expect(rig.updates).toEqual([]);
    await rig.pass(40_000);
    expect(rig.updates).toEqual(["1 Removed"]);
    expect(rig.status(1)).toBe("Available");
  });

  test("H01.FR.01: without a module for reservations none is made or kept, and ReservationCtrlr.Available says so", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    rig.charger.hasReservationModule = false;
    await rig.restart();
    expect(rig.updates).toEqual(["1 Removed"]);
    expect(rig.status(1)).toBe("Available");
    expect(await rig.reason({ evseId: 1 })).toBe("Rejected NotEnabled");
    expect(await rig.cancel()).toBe("Rejected");
    const available = () =>
      rig.charger.deviceModel.get({ component: "ReservationCtrlr", variable: "Available" }, "Actual").value;
    expect(available()).toBe("false");
    rig.charger.hasReservationModule = true;
    await rig.restart();
    expect(available()).toBe("true");
  });

  test("a row that nobody can read is passed over", async () => {
    await start();
    rig.charger.core.reservations.save(4, { reservationId: "four" });
    const placedAt = rig.inSeconds(0);
    rig.charger.core.reservations.save(6, {
      reservationId: 6,
      expiryDateTime: "never",
      idToken: CARD,
      evseId: 1,
      placedAt,
    });
    rig.charger.core.database.run("INSERT INTO STATION_RESERVATION VALUES (5, 'nonsense')");
    await rig.restart();
    expect(rig.statuses).toEqual(["1 Available", "2 Available"]);
  });
});

test("a full disk: ReserveNow is refused and taken back at EVerest; an expiry is told when there is room again", async () => {
  await start();
  await rig.reserve({ evseId: 1, expiryDateTime: rig.inSeconds(60) });
  const { core } = rig.charger;
  core.database.run(
    "CREATE TEMP TRIGGER full BEFORE INSERT ON STATION_RESERVATION BEGIN SELECT RAISE(FAIL, 'disk is full'); END",
  );
  core.database.run(
    "CREATE TEMP TRIGGER full2 BEFORE INSERT ON TRANSACTION_QUEUE BEGIN SELECT RAISE(FAIL, 'disk is full'); END",
  );
  const request = { id: 2, expiryDateTime: rig.inSeconds(600), idToken: CARD, evseId: 2 };
  expect((await rig.charger.call("ReserveNow", request)).kind).toBe("error");
  await rig.pass();
  expect(rig.asked("cancelReservation")).toEqual([[2]]);
  expect(rig.status(2)).toBe("Available");
  await rig.pass(90_000);
  expect(rig.updates).toEqual([]);
  core.database.run("DROP TRIGGER full2");
  await rig.pass(10_000);
  expect(rig.updates).toEqual(["1 Expired"]);
});

test("N09, N10: a customer's reservations are told, and stay until they are over", async () => {
  await start();
  await rig.reserve({ evseId: 1 });
  await rig.charger.call("CustomerInformation", {
    requestId: 1,
    report: true,
    clear: true,
    idToken: CARD,
  });
  await rig.pass(5_000);
  const data = rig.charger
    .callsOf("NotifyCustomerInformation")
    .map(({ data }) => data)
    .join("");
  expect(data).toContain('"reservationId":1');
  expect(rig.status(1)).toBe("Reserved");
});
