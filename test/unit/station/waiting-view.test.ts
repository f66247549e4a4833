import { afterEach, beforeEach, expect, test } from "bun:test";
import { BLOCKS } from "../../../src/station/station.ts";
import type { DatabaseView, ViewRow } from "../../../src/store/database-view.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
beforeEach(async () => {
  charger = await new InProcessCharger().start();
});
afterEach(() => charger.dispose());

/** As `inspect waiting` reads it: from the database, without any block. */
const waiting = (): readonly ViewRow[] =>
  BLOCKS.flatMap(({ views }) => Object.entries<DatabaseView>(views)).flatMap(([name, view]) =>
    name === "waiting" ? view(charger.core.database) : [],
  );

test("a reset, a change of availability, an update and a certificate that wait are shown from the database alone", async () => {
  expect(waiting()).toEqual([]);
  charger.event(1, { kind: "TransactionStarted", sessionId: "s1" });
  charger.event(1, { kind: "ChargingStarted", sessionId: "s1" });
  await charger.call("ChangeAvailability", { operationalStatus: "Inoperative", evse: { id: 1 } });
  await charger.call("Reset", { type: "OnIdle" });
  charger.hardwareEvents.emit("firmwareStatus", { state: "Downloading", requestId: 7 });
  await charger.call("TriggerMessage", { requestedMessage: "SignChargingStationCertificate" });
  expect(waiting().toSorted((one, other) => String(one.what).localeCompare(String(other.what)))).toEqual([
    { what: "availability Inoperative", evse: 1, state: "waits" },
    { what: "certificate ChargingStationCertificate", evse: null, state: "asked for" },
    { what: "firmware update 7", evse: null, state: "Downloading" },
    { what: "reset OnIdle", evse: null, state: "waits" },
  ]);
  expect(charger.services.idleness.hindrances()).toEqual(["session: EVSE 1", "firmware update: 7 (Downloading)"]);
});
