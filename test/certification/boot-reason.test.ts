/** B01.FR.09: why the station booted, on the compiled executable. */
import { expect, test } from "bun:test";
import { onCharger } from "../support/test-system.ts";

test.each([
  ["ApplicationReset", "ResetOrReboot"],
  ["FirmwareUpdate", "FirmwareUpdated"],
  ["LocalReset", "ResetOrReboot"],
  ["PowerUp", "StartupOfTheDevice"],
  ["RemoteReset", "ResetOrReboot"],
  ["ScheduledReset", "ResetOrReboot"],
  ["Watchdog", "ResetOrReboot"],
])("B01.FR.09: %s, told by EVerest's System, with the security event %s", (reason, type) =>
  onCharger({ stopped: true }, async (system) => {
    system.charger.everest.answer("system.get_boot_reason", () => reason);
    await system.charger.startStation();
    await system.receive("BootNotification", { reason });
    await system.receive("SecurityEventNotification", { type });
  }),
);

test("B01.FR.01: modem, serial number and firmware version are told as far as they are known", () =>
  onCharger(
    { stopped: true, patch: { InternalCtrlr: { ICCID: "8931440400000000000", IMSI: "204046620000000" } } },
    async (system) => {
      await system.charger.startStation();
      const { chargingStation } = await system.receive("BootNotification");
      expect(chargingStation).toEqual({
        model: expect.any(String),
        vendorName: expect.any(String),
        serialNumber: "012345678",
        firmwareVersion: "1.0",
        modem: { iccid: "8931440400000000000", imsi: "204046620000000" },
      });
    },
  ));
