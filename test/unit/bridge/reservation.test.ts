import { expect, test } from "bun:test";
import { createReservationPort, toReservationUpdate } from "../../../src/bridge/reservation.ts";
import type { Peer } from "../../../src/everest/everest-module.ts";

const CARD = { idToken: "CARD", type: "ISO14443" } as const;
const FAMILY = { idToken: "FAMILY", type: "Central" } as const;
const ORDER = { reservationId: 3, expiryDateTime: "2030-01-01T02:00:00+02:00", idToken: CARD } as const;

const port = (answer: unknown) => {
  const calls: unknown[] = [];
  const peer = {
    call: async (command: string, args: unknown) => {
      calls.push([command, args]);
      return answer;
    },
  } as unknown as Peer<"reservation">;
  return { calls, port: createReservationPort(peer) };
};

test("a reservation goes to EVerest with UTC and milliseconds, the texts of the tokens and its name of the connector type", async () => {
  const { calls, port: reservation } = port("Accepted");
  expect(await reservation.reserveNow({ ...ORDER, evseId: 2 })).toBe("Accepted");
  await reservation.reserveNow({ ...ORDER, groupIdToken: FAMILY, connectorType: "s309-3P-32A" });
  await reservation.reserveNow({ ...ORDER, connectorType: "sCEE-7-7" });
  const request = { reservation_id: 3, expiry_time: "2030-01-01T00:00:00.000Z", id_token: "CARD" };
  expect(calls).toEqual([
    ["reserve_now", { request: { ...request, evse_id: 2 } }],
    ["reserve_now", { request: { ...request, parent_id_token: "FAMILY", connector_type: "s309_3P_32A" } }],
    ["reserve_now", { request: { ...request, connector_type: "sCEE_7_7" } }],
  ]);
});

test("an answer that nobody knows is no reservation", async () => {
  expect(await port("Perhaps").port.reserveNow(ORDER)).toBe("Rejected");
});

test.each([
  ["ReservedForToken", true],
  ["NotReserved", false],
  ["ReservedForOtherToken", false],
  ["ReservedForOtherTokenAndHasParentToken", false],
  ["Something", false],
])("whether EVerest still keeps a reservation: %s", async (answer, isPlaced) => {
  const { calls, port: reservation } = port(answer);
  expect(await reservation.isPlaced({ ...ORDER, evseId: 1, groupIdToken: FAMILY })).toBe(isPlaced);
  expect(calls).toEqual([
    ["exists_reservation", { request: { evse_id: 1, id_token: "CARD", group_id_token: "FAMILY" } }],
  ]);
});

test("updates with unknown words or ids that OCPP has no room for are passed over", () => {
  expect(toReservationUpdate({ reservation_id: 3, reservation_status: "Expired" })).toEqual({
    reservationId: 3,
    status: "Expired",
  });
  expect(toReservationUpdate({ reservation_id: 3, reservation_status: "Vanished" as never })).toBeUndefined();
  expect(toReservationUpdate({ reservation_id: 2 ** 31, reservation_status: "Expired" })).toBeUndefined();
});

test("without a module nothing is reserved", async () => {
  const none = createReservationPort(undefined);
  expect(none.available).toBe(false);
  expect(none.reserveNow(ORDER)).rejects.toThrow("no module for reservations");
  expect(await none.isReserved(1)).toBe(false);
});
