/** OCA certification test cases B.20–B.41 (reset) for charging stations, and what they leave out, on the compiled executable. */
import { afterAll, describe, expect, test } from "bun:test";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OTHER_TOKEN, onCharger, type TestSystem, VALID_TOKEN } from "../support/test-system.ts";

async function until(condition: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 500 && !condition(); attempt++) await Bun.sleep(20);
  expect(condition()).toBe(true);
}

const resets = (system: TestSystem) => system.charger.everest.recorded("reset").map(({ scheduled }) => scheduled);

/** What EVerest's System does after its command: everything ends and starts again. */
async function reboot(system: TestSystem, reason: string): Promise<void> {
  system.charger.everest.answer("system.get_boot_reason", () => reason);
  await system.charger.end("SIGTERM");
  system.skip();
  await system.charger.startStation();
  await system.receive("BootNotification", { reason });
}

const reserve = (system: TestSystem, event: "ReservationStart" | "ReservationEnd") =>
  system.charger.everest.bus.variable("evse_manager_1", "evse", "session_event", { uuid: "", timestamp: "", event });

test("TC_B_23_CS, B11.FR.02, B12.FR.06: an EVSE that was made Inoperative is Unavailable after the reset", () =>
  onCharger({}, async (system) => {
    await system.send("ChangeAvailability", { operationalStatus: "Inoperative", evse: { id: 1 } });
    await system.receive("StatusNotification", { evseId: 1, connectorStatus: "Unavailable" });
    await system.send("Reset", { type: "OnIdle" }, { status: "Accepted" });
    await until(() => resets(system).length === 1);
    await reboot(system, "RemoteReset");
    await system.receive("StatusNotification", { evseId: 1, connectorStatus: "Unavailable" });
    await system.receive("StatusNotification", { evseId: 2, connectorStatus: "Available" });
  }));

test("TC_B_24_CS, B11.FR.05: a reserved EVSE is Reserved after the reset; OnIdle waits for the reservation", () =>
  onCharger({ optionalModules: true }, async (system) => {
    await reserve(system, "ReservationStart");
    await system.receive("StatusNotification", { evseId: 1, connectorStatus: "Reserved" });
    await system.send("Reset", { type: "OnIdle" }, { status: "Scheduled" }); // B11.FR.07
    await system.send("Reset", { type: "Immediate" }, { status: "Accepted" });
    await until(() => resets(system).length === 1);
    await reboot(system, "RemoteReset");
    await system.receive("StatusNotification", { evseId: 1, connectorStatus: "Reserved" });
    await reserve(system, "ReservationEnd");
    await system.receive("StatusNotification", { evseId: 1, connectorStatus: "Available" });
  }));

describe("an EVSE whose component file allows its reset (B11.FR.10)", () => {
  const directory = mkdtempSync(join(tmpdir(), "component-config-"));
  afterAll(() => rmSync(directory, { recursive: true }));
  cpSync(join(import.meta.dir, "../../component_config"), directory, { recursive: true });
  writeFileSync(
    join(directory, "custom", "EVSE_1.json"),
    JSON.stringify({
      name: "EVSE",
      evse_id: 1,
      properties: {
        AllowReset: {
          variable_name: "AllowReset",
          characteristics: { supportsMonitoring: false, dataType: "boolean" },
          attributes: [{ type: "Actual", mutability: "ReadOnly", value: true }],
        },
      },
    }),
  );
  /** What EVSEs were told, after what each of them is told at the start. */
  const switched = (system: TestSystem) =>
    system.charger.everest
      .recorded("enable_disable")
      .slice(system.charger.everest.evses.length)
      .map(({ cmd_source }) => (cmd_source as { enable_state: string }).enable_state);

  test("TC_B_25_CS, B11.FR.08: without a transaction it is reset at once, and the other is not", () =>
    onCharger({ componentConfig: directory }, async (system) => {
      await system.send("Reset", { type: "OnIdle", evseId: 2 }, { status: "Rejected" });
      await system.send("Reset", { type: "OnIdle", evseId: 1 }, { status: "Accepted" });
      await until(() => switched(system).length === 2);
      expect(switched(system)).toEqual(["Disable", "Enable"]);
      expect(resets(system)).toEqual([]);
    }));

  test("TC_B_26_CS, B12.FR.07: OnIdle waits for its transaction, not for its cable", () =>
    onCharger({ componentConfig: directory }, async (system) => {
      await system.charge();
      await system.send("Reset", { type: "OnIdle", evseId: 1 }, { status: "Scheduled" });
      expect(switched(system)).toEqual([]);
      await system.stopAuthorizedLocally();
      await until(() => switched(system).length === 2);
    }));

  test("TC_B_27_CS, B12.FR.08: Immediate ends its transaction first", () =>
    onCharger({ componentConfig: directory }, async (system) => {
      await system.charge();
      await system.send("Reset", { type: "Immediate", evseId: 1 }, { status: "Accepted" });
      await system.receive("TransactionEvent", {
        eventType: "Ended",
        triggerReason: "ResetCommand",
        transactionInfo: { stoppedReason: "ImmediateReset" },
      });
      await until(() => switched(system).length === 2);
      expect(resets(system)).toEqual([]);
    }));
});

test("TC_B_41_CS OnIdle with two transactions: the EVSE that is freed first is Available, and takes nobody", () =>
  onCharger({}, async (system) => {
    await system.charge();
    await system.charger.everest.evse(2).plugIn();
    await system.charger.everest.presentToken({ value: OTHER_TOKEN.idToken, type: OTHER_TOKEN.type }, 2);
    await system.receive("TransactionEvent", { eventType: "Started", evse: { id: 2 } });
    await system.send("Reset", { type: "OnIdle" }, { status: "Scheduled" });
    await system.stopAuthorizedLocally();
    await system.evDisconnected();
    await system.send(
      "RequestStartTransaction",
      { evseId: 1, remoteStartId: 1, idToken: VALID_TOKEN },
      { status: "Rejected" },
    );
    await system.receiveNo("StatusNotification");
    expect(resets(system)).toEqual([]);
    await system.charger.everest.evse(2).unplug();
    await until(() => resets(system).length === 1);
    expect(resets(system)).toEqual([true]);
  }));

test("B11.FR.09, B12.FR.09: EVerest cannot reset a single EVSE, and the station says so", () =>
  onCharger({}, async (system) => {
    await system.send("Reset", { type: "OnIdle", evseId: 1 }, { status: "Rejected" });
    await system.charge();
    await system.send("Reset", { type: "Immediate", evseId: 1 }, { status: "Rejected" });
    await system.receiveNo("TransactionEvent");
  }));

test("B11.FR.06: the system does not allow a reset", () =>
  onCharger({}, async (system) => {
    system.charger.everest.answer("system.is_reset_allowed", () => false);
    await system.send("Reset", { type: "Immediate" }, { status: "Rejected" });
    expect(resets(system)).toEqual([]);
  }));

test("B12.FR.01, FR.03: a scheduled reset outlasts kill -9 in the middle of the transaction", () =>
  onCharger({}, async (system) => {
    await system.charge();
    await system.send("Reset", { type: "OnIdle" }, { status: "Scheduled" });
    await until(() => system.charger.everest.recorded("enable_disable").length > 2);
    await system.charger.end("SIGKILL");
    system.skip();
    await system.charger.startStation();
    await system.charger.everest.evse(1).pause("EV");
    await system.receive("TransactionEvent", { transactionInfo: { chargingState: "SuspendedEV" } });
    expect(resets(system)).toEqual([]);
    await system.charger.everest.evse(1).unplug();
    await system.receive("TransactionEvent", { eventType: "Ended" });
    await until(() => resets(system).length === 1);
    expect(resets(system)).toEqual([true]);
  }));

test(
  "B12.FR.04, FR.05: an Ended event that was not confirmed before the reset comes after it, once more",
  () =>
    onCharger({}, async (system) => {
      await system.charge();
      system.charger.csms.on("TransactionEvent", () => undefined);
      await system.send("Reset", { type: "Immediate" }, { status: "Accepted" }); // B12.FR.02
      const ended = {
        eventType: "Ended",
        triggerReason: "ResetCommand",
        transactionInfo: { stoppedReason: "ImmediateReset" },
      };
      await system.receive("TransactionEvent", ended);
      await until(() => resets(system).length === 1);
      system.charger.csms.on("TransactionEvent", () => ({}));
      await reboot(system, "RemoteReset"); // B01.FR.03, B11.FR.03, FR.04
      await system.receive("TransactionEvent", ended);
    }),
  20_000,
);
