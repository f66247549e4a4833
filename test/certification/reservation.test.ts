/**
 * Block H for charging stations on the compiled executable, with an Auth that behaves as EVerest's: the OCA's test cases
 * that errata 5 and 6.2 name, and the requirements that no case covers.
 */
import { describe, expect, test } from "bun:test";
import type { RequestOf } from "../../src/ocpp/v201/index.ts";
import {
  OTHER_TOKEN,
  onCharger,
  type TestSystem,
  type TestSystemOptions,
  VALID_TOKEN,
} from "../support/test-system.ts";

const GROUP = { idToken: "FAMILY", type: "Central" } as const;
const OPTIONS: TestSystemOptions = { optionalModules: true };
const onReservingCharger = (scenario: (system: TestSystem) => Promise<void>, more: TestSystemOptions = {}) =>
  onCharger({ ...OPTIONS, ...more }, scenario);

const inSeconds = (seconds: number): string => new Date(Date.now() + seconds * 1000).toISOString();
const reserve = (system: TestSystem, more: Partial<RequestOf<"ReserveNow">> = {}, status = "Accepted") =>
  system.send("ReserveNow", { id: 1, expiryDateTime: inSeconds(600), idToken: VALID_TOKEN, ...more }, { status });
const status = (system: TestSystem, evseId: number, connectorStatus: string) =>
  system.receive("StatusNotification", { evseId, connectorStatus });
const present = (system: TestSystem, token: typeof VALID_TOKEN | typeof OTHER_TOKEN = VALID_TOKEN, evseId = 1) =>
  system.charger.everest.presentToken({ value: token.idToken, type: token.type }, evseId);
const cancel = (system: TestSystem, expected = "Accepted", reservationId = 1) =>
  system.send("CancelReservation", { reservationId }, { status: expected });

describe("a certain EVSE", () => {
  test("H01.FR.03, FR.23, H03.FR.01, FR.09, FR.10, H01.FR.15: reserved and used by its card", () =>
    onReservingCharger(
      async (system) => {
        await reserve(system, { evseId: 1 });
        await status(system, 1, "Reserved");
        expect(await present(system)).toBe("Accepted");
        await status(system, 1, "Available");
        await system.receiveTransactionEvent({ eventType: "Started", reservationId: 1, idToken: VALID_TOKEN });
        await system.charger.everest.evse(1).plugIn();
        await status(system, 1, "Occupied");
        const event = await system.receiveTransactionEvent({ eventType: "Updated" });
        expect(event).not.toHaveProperty("reservationId");
        await system.receiveNo("ReservationStatusUpdate");
      },
      { txStartPoint: "Authorized" },
    ));

  test("errata 2.28, 2.32: with the cable first it stays Reserved until the card comes", () =>
    onReservingCharger(
      async (system) => {
        await reserve(system, { evseId: 1 });
        await status(system, 1, "Reserved");
        await system.charger.everest.evse(1).plugIn();
        await system.receiveTransactionEvent({ eventType: "Started", triggerReason: "CablePluggedIn" });
        await system.receiveNo("StatusNotification");
        expect(await present(system, OTHER_TOKEN)).toBe("NotAtThisTime");
        await system.receiveNo("StatusNotification");
        expect(await present(system)).toBe("Accepted");
        await status(system, 1, "Occupied");
        await system.receiveTransactionEvent({ eventType: "Updated", reservationId: 1, idToken: VALID_TOKEN });
      },
      { txStartPoint: "EVConnected" },
    ));

  test("H03.FR.04, FR.08: used by a card of the group", () =>
    onReservingCharger(async (system) => {
      system.answerTokensWith({ status: "Accepted", groupIdToken: GROUP });
      await reserve(system, { evseId: 1, groupIdToken: GROUP });
      await status(system, 1, "Reserved");
      expect(await present(system, OTHER_TOKEN)).toBe("Accepted");
      await system.receive("Authorize", { idToken: OTHER_TOKEN });
      await status(system, 1, "Available");
      await system.charger.everest.evse(1).plugIn();
      await system.receiveTransactionEvent({ eventType: "Started", reservationId: 1, idToken: OTHER_TOKEN });
    }));

  test("errata 2.32, F01.FR.21, FR.22: remote start by the reserver, not by another", () =>
    onReservingCharger(
      async (system) => {
        await reserve(system, { evseId: 1 });
        await status(system, 1, "Reserved");
        const start = (idToken: typeof VALID_TOKEN | typeof OTHER_TOKEN, expected: string) =>
          system.send("RequestStartTransaction", { evseId: 1, remoteStartId: 7, idToken }, { status: expected });
        await start(OTHER_TOKEN, "Rejected");
        await start(VALID_TOKEN, "Accepted");
        await status(system, 1, "Available");
        await system.receiveTransactionEvent({ eventType: "Started", triggerReason: "RemoteStart", reservationId: 1 });
      },
      { txStartPoint: "Authorized", patch: { AuthCtrlr: { AuthorizeRemoteStart: false } } },
    ));

  test("H01.FR.02: the same id replaces", () =>
    onReservingCharger(async (system) => {
      await reserve(system, { evseId: 1 });
      await status(system, 1, "Reserved");
      await reserve(system, { evseId: 2, idToken: OTHER_TOKEN });
      await system.receiveInAnyOrder([
        ["StatusNotification", { evseId: 1, connectorStatus: "Available" }],
        ["StatusNotification", { evseId: 2, connectorStatus: "Reserved" }],
      ]);
      await cancel(system);
      await status(system, 2, "Available");
    }));

  test("H01.FR.11, FR.12, FR.14: Occupied, Faulted, Unavailable", () =>
    onReservingCharger(async (system) => {
      await reserve(system, { evseId: 1 });
      await status(system, 1, "Reserved");
      await reserve(system, { id: 2, evseId: 1 }, "Occupied");
      await system.charger.everest.evse(2).plugIn();
      await status(system, 2, "Occupied");
      await reserve(system, { id: 2, evseId: 2 }, "Occupied");
      await system.charger.everest.evse(2).unplug();
      await status(system, 2, "Available");
      await system.charger.everest.evse(2).error("evse_manager/Inoperative", "Active");
      await status(system, 2, "Faulted");
      await reserve(system, { id: 2, evseId: 2 }, "Faulted");
      await system.charger.everest.evse(2).error("evse_manager/Inoperative", "ClearedByModule");
      await status(system, 2, "Available");
      await system.send(
        "ChangeAvailability",
        { operationalStatus: "Inoperative", evse: { id: 2 } },
        { status: "Accepted" },
      );
      await status(system, 2, "Unavailable");
      await reserve(system, { id: 2, evseId: 2 }, "Unavailable");
    }));

  test("H01.FR.16, FR.17: Removed when it becomes Faulted or Unavailable", () =>
    onReservingCharger(async (system) => {
      await reserve(system, { evseId: 1 });
      await reserve(system, { id: 2, evseId: 2 });
      await status(system, 2, "Reserved");
      await system.charger.everest.evse(1).error("evse_manager/Inoperative", "Active");
      await system.receiveInAnyOrder([
        ["StatusNotification", { evseId: 1, connectorStatus: "Faulted" }],
        ["ReservationStatusUpdate", { reservationId: 1, reservationUpdateStatus: "Removed" }],
      ]);
      await system.send(
        "ChangeAvailability",
        { operationalStatus: "Inoperative", evse: { id: 2 } },
        { status: "Accepted" },
      );
      await system.receiveInAnyOrder([
        ["StatusNotification", { evseId: 2, connectorStatus: "Unavailable" }],
        ["ReservationStatusUpdate", { reservationId: 2, reservationUpdateStatus: "Removed" }],
      ]);
    }));

  test("H04.FR.01–03: expired", () =>
    onReservingCharger(async (system) => {
      await reserve(system, { evseId: 1, expiryDateTime: inSeconds(2) });
      await status(system, 1, "Reserved");
      await system.receiveInAnyOrder([
        ["StatusNotification", { evseId: 1, connectorStatus: "Available" }],
        ["ReservationStatusUpdate", { reservationId: 1, reservationUpdateStatus: "Expired" }],
      ]);
      await system.receiveNo("ReservationStatusUpdate");
      expect(await present(system, OTHER_TOKEN)).toBe("Accepted");
    }));

  test("TC_H_17_CS, H02.FR.02–04: cancelled; H02.FR.01: an unknown one", () =>
    onReservingCharger(async (system) => {
      await cancel(system, "Rejected");
      await reserve(system, { evseId: 1 });
      await status(system, 1, "Reserved");
      await cancel(system);
      await status(system, 1, "Available");
      await system.receiveNo("ReservationStatusUpdate");
    }));
});

describe("no certain EVSE", () => {
  test("TC_H_08_CS, H01.FR.04, H03.FR.03: accepted and used", () =>
    onReservingCharger(async (system) => {
      await reserve(system);
      await system.receiveNo("StatusNotification");
      await system.authorizedLocally({ token: VALID_TOKEN, evseId: 2 });
      await system.charger.everest.evse(2).plugIn();
      await system.receiveTransactionEvent({ eventType: "Started", reservationId: 1 });
    }));

  test("H01.FR.07, FR.20, H02.FR.05, FR.06: as many reservations as EVSEs", () =>
    onReservingCharger(async (system) => {
      await reserve(system);
      await reserve(system, { id: 2, idToken: OTHER_TOKEN });
      await status(system, 1, "Reserved");
      await status(system, 2, "Reserved");
      await reserve(system, { id: 3 }, "Occupied");
      await cancel(system);
      await status(system, 1, "Available");
      await status(system, 2, "Available");
    }));

  test("TC_H_13_CS, H01.FR.19: not supported; H01.FR.01: switched off", () =>
    onReservingCharger(
      async (system) => {
        await reserve(system, {}, "Rejected");
        await reserve(system, { evseId: 1 });
        await cancel(system);
        await system.setVariable("ReservationCtrlr", "Enabled", "false");
        await reserve(system, { evseId: 1 }, "Rejected");
        expect(await system.getVariable("ReservationCtrlr", "Available")).toBe("true");
        expect(await system.getVariable("ReservationCtrlr", "NonEvseSpecific")).toBe("false");
      },
      { patch: { ReservationCtrlr: { NonEvseSpecific: false } } },
    ));

  test("TC_H_15_CS, H01.FR.06, H03.FR.02: a connector type; one that is not there is Rejected", () =>
    onReservingCharger(async (system) => {
      await reserve(system, { connectorType: "cCCS2" }, "Rejected");
      await reserve(system, { connectorType: "sCEE-7-7" }, "Rejected");
      await reserve(system, { connectorType: "cType2" });
      await system.authorizedLocally({ token: VALID_TOKEN });
      await system.charger.everest.evse(1).plugIn();
      await system.receiveTransactionEvent({ eventType: "Started", reservationId: 1 });
    }));

  test("TC_H_16_CS, H01.FR.09, FR.24: as many reservations as connectors of the type", () =>
    onReservingCharger(async (system) => {
      await reserve(system, { connectorType: "cType2" });
      await reserve(system, { id: 2, connectorType: "cType2" });
      await status(system, 1, "Reserved");
      await status(system, 2, "Reserved");
    }));

  test("nobody keeps reservations in this charger: Rejected, and Available is false", () =>
    onCharger({}, async (system) => {
      await reserve(system, { evseId: 1 }, "Rejected");
      await cancel(system, "Rejected");
      expect(await system.getVariable("ReservationCtrlr", "Available")).toBe("false");
    }));
});

test("what Auth says of a reservation that another program has made is told; unknown words are not", () =>
  onReservingCharger(async (system) => {
    const say = (reservation_id: number, reservation_status: string) =>
      system.charger.everest.bus.variable("reservation", "main", "reservation_update", {
        reservation_id,
        reservation_status,
      });
    await say(77, "Vanished");
    await say(77, "Placed");
    await say(78, "Removed");
    await system.receive("ReservationStatusUpdate", { reservationId: 78, reservationUpdateStatus: "Removed" });
    const told = system.charger.csms.calls.filter(({ action }) => action === "ReservationStatusUpdate");
    expect(told).toHaveLength(1);
  }));

describe("over kill -9", () => {
  test("B01.FR.13: Reserved from the first status on; what Auth has forgotten is made again there", () =>
    onReservingCharger(async (system) => {
      await reserve(system, { evseId: 1, groupIdToken: GROUP });
      await status(system, 1, "Reserved");
      await system.charger.end("SIGKILL");
      system.charger.everest.reservations.forget();
      system.skip();
      await system.charger.startStation();
      await status(system, 1, "Reserved");
      for (let tries = 0; system.charger.everest.recorded("reserve_now").length < 2 && tries < 100; tries++)
        await Bun.sleep(50);
      const [first, again] = system.charger.everest.recorded("reserve_now");
      expect(again).toEqual(first ?? {});
      expect(await present(system, OTHER_TOKEN)).toBe("NotAtThisTime");
      expect(await present(system)).toBe("Accepted");
      await status(system, 1, "Available");
    }));

  test("H04.FR.01: what expired meanwhile is told by the next run", () =>
    onReservingCharger(async (system) => {
      await reserve(system, { evseId: 1, expiryDateTime: inSeconds(2) });
      await status(system, 1, "Reserved");
      await system.charger.end("SIGKILL");
      system.charger.everest.reservations.forget();
      await Bun.sleep(2_000);
      system.skip();
      await system.charger.startStation();
      await system.receiveInAnyOrder([
        ["StatusNotification", { evseId: 1, connectorStatus: "Available" }],
        ["ReservationStatusUpdate", { reservationId: 1, reservationUpdateStatus: "Expired" }],
      ]);
    }));
});
