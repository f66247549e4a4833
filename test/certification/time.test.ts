/** B01.FR.06 and G02.FR.06 on the compiled executable: the CSMS's time reaches EVerest's System. */

import { expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { onCharger, type TestSystem } from "../support/test-system.ts";

const setTimes = (system: TestSystem) =>
  system.charger.everest.recorded("set_system_time").map(({ timestamp }) => String(timestamp));

async function until(condition: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 500 && !condition(); attempt++) await Bun.sleep(20);
  expect(condition()).toBe(true);
}

test("B01.FR.06: an hour ahead, the clock is set at the boot and at each heartbeat, and the correction is reported", () =>
  onCharger({ stopped: true }, async (system) => {
    const { csms } = system.charger;
    const currentTime = "2030-06-01T12:00:00.250Z";
    csms.on("BootNotification", () => ({ currentTime, interval: 1, status: "Accepted" }));
    csms.on("Heartbeat", () => ({ currentTime: "2030-06-01T12:00:01.000+00:00" }));
    await system.charger.startStation();
    await system.receive("SecurityEventNotification", { type: "SettingSystemTime" });
    await system.receive("Heartbeat"); // B01.FR.04
    await until(() => setTimes(system).length >= 2);
    const [atBoot, atHeartbeat] = setTimes(system);
    expect(atBoot).toMatch(/^2030-06-01T12:00:00\.\d+Z$/);
    expect(Date.parse(atBoot ?? "")).toBeGreaterThanOrEqual(Date.parse(currentTime));
    expect(atHeartbeat).toMatch(/^2030-06-01T12:00:01\.\d+Z$/);
  }));

test("G02.FR.06: another TimeSource leaves the clock alone", () =>
  onCharger({ patch: { ClockCtrlr: { TimeSource: "NTP" } } }, async (system) => {
    system.charger.csms.on("Heartbeat", () => ({ currentTime: "2030-06-01T12:00:00Z" }));
    await system.send("TriggerMessage", { requestedMessage: "Heartbeat" }, { status: "Accepted" });
    await system.receive("Heartbeat");
    await system.receiveNo("SecurityEventNotification");
    expect(setTimes(system)).toEqual([]);
  }));

const hasGit = existsSync(join(import.meta.dir, "../../.git"));

test.skipIf(!hasGit)(
  "incident: the System got any time of a CSMS; none before the commit (skipped without git) or after 2099",
  () =>
    onCharger({ stopped: true }, async (system) => {
      const { csms } = system.charger;
      const times = ["1970-01-01T00:00:00.000Z", "2026-01-01T00:00:00.000Z", "9999-12-31T23:59:59.000Z"];
      csms.on("BootNotification", () => ({ currentTime: times[0] ?? "", interval: 1, status: "Accepted" }));
      csms.on("Heartbeat", () => ({ currentTime: times.shift() ?? "2030-06-01T12:00:01.000Z" }));
      await system.charger.startStation();
      await until(() => setTimes(system).length > 0);
      expect(times).toEqual([]);
      expect(setTimes(system)[0]).toMatch(/^2030-06-01T/);
    }),
);
