import { afterEach, expect, test } from "bun:test";
import type { BootReason } from "../../../src/station/ports.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const resets = () => charger.hardwareCalls.filter(({ name }) => name === "reset").length;

for (const bootReason of ["ApplicationReset", "LocalReset", "Watchdog", "FirmwareUpdate"] satisfies BootReason[])
  test(`incident: a reset that the system calls ${bootReason} was carried out again after each boot (B11.FR.03, FR.04)`, async () => {
    charger = await new InProcessCharger().start();
    expect((await charger.call("Reset", { type: "Immediate" })).body).toEqual({ status: "Accepted" });
    await charger.clock.advance(2_000);
    expect(resets()).toBe(1);
    charger.bootReason = bootReason;
    for (let boot = 0; boot < 2; boot++) {
      charger.crash();
      await charger.start();
      await charger.clock.advance(30_000);
    }
    expect(resets()).toBe(1);
    expect(charger.callsOf("BootNotification").at(-1)).toMatchObject({ reason: bootReason });
  });

test("incident: a reset that was accepted while another one had no effect was forgotten with it (B12.FR.02)", async () => {
  charger = await new InProcessCharger(1, { "OCPPCommCtrlr.ResetRetries": "0" }).start();
  await charger.call("Reset", { type: "Immediate" });
  await charger.clock.advance(30_000);
  expect(resets()).toBe(1);
  expect((await charger.call("Reset", { type: "Immediate" })).body).toEqual({ status: "Accepted" });
  await charger.clock.advance(60_000);
  expect(resets()).toBe(2);
  await charger.clock.advance(120_000);
  expect(resets()).toBe(2);
});
