import { afterEach, describe, expect, test } from "bun:test";
import { CARD, FAMILY, OTHER, ReservationRig } from "./support.ts";

let rig: ReservationRig;
afterEach(() => rig.charger.dispose());
const start = async (variables: Record<string, string> = {}, evseCount = 2) => {
  rig = await new ReservationRig(variables, evseCount).start();
};
const placed = () =>
  (rig.charger.core.reservations.all() as { reservationId: number }[]).map((one) => one.reservationId);
const remoteStart = async (more: Record<string, unknown> = {}) => {
  const { body } = await rig.charger.call("RequestStartTransaction", { remoteStartId: 9, idToken: OTHER, ...more });
  await rig.pass();
  return (body as { status: string }).status;
};

describe("H01.FR.07, H03.FR.01, FR.03: a reservation of no certain EVSE opens none that is kept for somebody else", () => {
  test("it is not used at an EVSE that is reserved for another card (seeds 6662, 7665), and stays good for the others", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    await rig.reserve({ id: 2, idToken: OTHER });
    expect(await rig.present(OTHER, [1])).toBe("NotAtThisTime");
    expect(await rig.present(OTHER, [1])).toBe("NotAtThisTime");
    expect([rig.status(1), rig.status(2)]).toEqual(["Reserved", "Reserved"]);
    expect(placed()).toEqual([1, 2]);
    expect(await rig.present(OTHER, [2])).toBe("Accepted");
    expect(await rig.present(CARD, [1])).toBe("Accepted");
    expect(placed()).toEqual([]);
  });

  test("at a reader of all EVSEs it is used", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    await rig.reserve({ id: 2, idToken: OTHER });
    expect(await rig.present(OTHER)).toBe("Accepted");
    expect(placed()).toEqual([1]);
  });

  test("with a cable at the reserved EVSE, and after a restart", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    await rig.reserve({ id: 2, idToken: OTHER });
    rig.plugIn(1);
    await rig.restart();
    expect(await rig.present(OTHER, [1])).toBe("NotAtThisTime");
    expect(placed()).toEqual([1, 2]);
  });

  test("H03.FR.06: nor by the group", async () => {
    await start();
    rig.charger.react = ({ action }) => ({
      answer: action === "Authorize" ? { idTokenInfo: { status: "Accepted", groupIdToken: FAMILY } } : {},
    });
    await rig.reserve({ evseId: 1 });
    await rig.reserve({ id: 2, idToken: { idToken: "THIRD", type: "ISO14443" }, groupIdToken: FAMILY });
    expect(await rig.present(OTHER, [1])).toBe("NotAtThisTime");
    expect(placed()).toEqual([1, 2]);
    expect(await rig.present(OTHER, [2])).toBe("Accepted");
    expect(placed()).toEqual([1]);
  });

  test("F01.FR.21: nor by a remote start, which without an EVSE takes the other one", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    await rig.reserve({ id: 2, idToken: OTHER });
    expect(await remoteStart({ evseId: 1 })).toBe("Rejected");
    expect(placed()).toEqual([1, 2]);
    expect(await remoteStart()).toBe("Accepted");
    expect(rig.asked("provideToken")).toMatchObject([[{ evseId: 2 }]]);
    expect(placed()).toEqual([1]);
  });

  test("whoever has reserved an EVSE and any other one besides uses the first where it is", async () => {
    await start();
    await rig.reserve();
    await rig.reserve({ id: 2, evseId: 1 });
    await rig.present(CARD, [1]);
    expect(placed()).toEqual([1]);
    expect(rig.status(2)).toBe("Reserved");
  });

  test("EVerest has let its driver in all the same: it is used, and the other one is told Removed", async () => {
    await start();
    await rig.reserve({ evseId: 1 });
    await rig.reserve({ id: 2, idToken: OTHER });
    rig.plugIn(1);
    rig.begin(1, OTHER);
    await rig.pass();
    expect(placed()).toEqual([]);
    expect(rig.updates).toEqual(["1 Removed"]);
    expect(rig.charger.callsOf("TransactionEvent")).toMatchObject([{ reservationId: 2 }]);
  });
});

describe("H01.FR.07: where strangers have left fewer EVSEs than were promised", () => {
  /** EVerest has let somebody in at EVSE 2. */
  const loseOther = async () => {
    const token = { idToken: { idToken: "STRANGER", type: "ISO14443" } as const, remote: false };
    rig.charger.event(2, { kind: "SessionStarted", sessionId: "s2", reason: "Authorized", token });
    await rig.pass();
    expect(placed()).toEqual([1, 2]);
  };

  test("the older of two reservations of no certain EVSE may have the last one", async () => {
    await start();
    await rig.reserve({ id: 2 });
    await rig.pass(1_000);
    await rig.reserve({ id: 1, idToken: OTHER });
    await loseOther();
    expect(await rig.present(OTHER, [1])).toBe("NotAtThisTime");
    expect(await rig.present(CARD, [1])).toBe("Accepted");
  });

  test("a reserved EVSE is that of its reserver, also beside an older reservation of no certain EVSE", async () => {
    await start();
    await rig.reserve({ id: 2 });
    await rig.pass(1_000);
    await rig.reserve({ id: 1, idToken: OTHER, evseId: 1 });
    await loseOther();
    expect(await rig.present(CARD, [1])).toBe("NotAtThisTime");
    expect(await rig.present(OTHER, [1])).toBe("Accepted");
  });
});
