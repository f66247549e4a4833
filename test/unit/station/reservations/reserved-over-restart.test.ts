import { afterEach, describe, expect, test } from "bun:test";
import { InProcessCharger } from "../../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const statuses = () =>
  charger.callsOf("StatusNotification").map(({ evseId, connectorStatus }) => `${evseId} ${connectorStatus}`);
const restart = async () => {
  charger.crash();
  charger.calls.length = 0;
  await charger.start();
  await charger.clock.advance(1_000);
};
const startReserved = async () => {
  charger = await new InProcessCharger().start();
  charger.event(1, { kind: "ReservationStarted", reservationId: 5 });
  await charger.clock.advance(1_000);
};

describe("B01.FR.13, B11.FR.05: Reserved outlasts a restart", () => {
  test("and stays when the hardware side has kept the reservation", async () => {
    await startReserved();
    charger.hardwareAnswers.isReserved = (evseId) => evseId === 1;
    await restart();
    expect(statuses()).toEqual(["1 Reserved", "2 Available"]);
    await charger.clock.advance(60_000);
    expect(statuses()).toHaveLength(2);
  });

  test("until the hardware side says that it is gone", async () => {
    await startReserved();
    await restart();
    await charger.clock.advance(30_000);
    expect(statuses()).toEqual(["1 Reserved", "2 Available", "1 Available"]);
    await restart();
    expect(statuses()).toEqual(["1 Available", "2 Available"]);
  });

  test("until the hardware side answers, if it does not at first", async () => {
    await startReserved();
    charger.hardwareAnswers.isReserved = () => {
      throw new Error("no answer");
    };
    await restart();
    await charger.clock.advance(30_000);
    expect(statuses()).toEqual(["1 Reserved", "2 Available"]);
    charger.hardwareAnswers.isReserved = () => false;
    await charger.clock.advance(30_000);
    expect(statuses().at(-1)).toBe("1 Available");
  });

  test("but not a reservation that was used or given up before", async () => {
    await startReserved();
    charger.event(1, { kind: "ReservationEnded", reservationId: 5 });
    await restart();
    expect(statuses()).toEqual(["1 Available", "2 Available"]);
  });

  test("and a reservation that the hardware side makes anew is not asked for", async () => {
    await startReserved();
    await restart();
    charger.event(1, { kind: "ReservationStarted", reservationId: 5 });
    await charger.clock.advance(60_000);
    expect(statuses()).toEqual(["1 Reserved", "2 Available"]);
    expect(charger.hardwareCalls.filter(({ name }) => name === "isReserved")).toEqual([]);
  });
});
