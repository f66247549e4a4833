import { afterEach, describe, expect, test } from "bun:test";
import { AVAILABILITY, MonitoredCharger } from "./support.ts";

let station: MonitoredCharger;
afterEach(() => station.charger.dispose());

const jump = (milliseconds: number) =>
  station.charger.clock.jumpTo(new Date(station.charger.clock.now().getTime() + milliseconds));
const times = () => station.events().map(({ timestamp }) => timestamp.slice(11, 19));

describe("periodic monitors", () => {
  test("N08.FR.04–06: every two seconds from when it was set, whatever the value does", async () => {
    station = await MonitoredCharger.start();
    const id = await station.monitor("Periodic", 2, AVAILABILITY);
    await station.charger.clock.advance(10_000);
    const events = station.events();
    expect(events.length).toBe(5);
    expect(events[0]).toMatchObject({ trigger: "Periodic", variableMonitoringId: id, actualValue: "Available" });
    expect(events[0]?.cleared).toBeUndefined();
    expect(station.charger.callsOf("NotifyEvent").every(({ seqNo }) => seqNo === 0)).toBe(true);
  });

  test("SetVariables of a monitored variable beside a periodic monitor does not loop", async () => {
    station = await MonitoredCharger.start();
    const threshold = { component: { name: "OCPPCommCtrlr" }, variable: { name: "OfflineThreshold" } };
    await station.monitor("Periodic", 60, threshold);
    const id = await station.monitor("Delta", 1, threshold);
    await station.call("SetVariables", { setVariableData: [{ ...threshold, attributeValue: "77" }] });
    expect(station.told()).toEqual([`${id}:77`]);
  });

  test("N08.FR.07: clock-aligned ones by the wall clock, over its being set forward and back", async () => {
    station = await MonitoredCharger.start();
    await station.monitor("PeriodicClockAligned", 900);
    await station.charger.clock.advance(1_800_000);
    expect(times()).toEqual(["00:15:00", "00:30:00"]);
    jump(3 * 3_600_000);
    await station.charger.clock.advance(60_000);
    expect(times().length).toBe(1);
    jump(-3 * 3_600_000);
    await station.charger.clock.advance(900_000);
    expect(times()).toEqual(["00:45:00"]);
  });

  test("a period is counted by the clock that never jumps", async () => {
    station = await MonitoredCharger.start();
    await station.monitor("Periodic", 100);
    await station.charger.clock.advance(50_000);
    jump(-3_600_000);
    await station.charger.clock.advance(51_000);
    expect(times().length).toBe(1);
    jump(7_200_000);
    await station.charger.clock.advance(50_000);
    expect(times().length).toBe(0);
  });

  test("a long period goes on over a restart, and one that ended meanwhile is told once", async () => {
    station = await MonitoredCharger.start();
    await station.monitor("Periodic", 600);
    await station.charger.clock.advance(500_000);
    station.charger.crash();
    await station.restart();
    await station.charger.clock.advance(100_000);
    expect(times().length).toBe(1);
    station.charger.crash();
    await station.charger.clock.advance(3_600_000);
    await station.restart();
    expect(times().length).toBe(1);
    await station.charger.clock.advance(590_000);
    expect(times().length).toBe(0);
  });

  test("a replaced one begins anew; a removed one is silent", async () => {
    station = await MonitoredCharger.start();
    const id = await station.monitor("Periodic", 10);
    await station.charger.clock.advance(8_000);
    await station.monitor("Periodic", 5, { id });
    await station.charger.clock.advance(4_000);
    expect(times().length).toBe(0);
    await station.charger.clock.advance(1_500);
    expect(times().length).toBe(1);
    await station.call("ClearVariableMonitoring", { id: [id] });
    await station.charger.clock.advance(60_000);
    expect(times().length).toBe(0);
  });

  test("many that are due at once are told together, in messages of a size that the CSMS takes", async () => {
    station = await MonitoredCharger.start({ "InternalCtrlr.MaxMessageSize": "2000" });
    const items = [1, 2].flatMap((id) =>
      Array.from({ length: 10 }, (_, severity) => ({
        component: { name: "EVSE", evse: { id } },
        type: "PeriodicClockAligned" as const,
        value: 900,
        severity,
      })),
    );
    await station.set(...items);
    await station.charger.clock.advance(900_000);
    const messages = station.charger.callsOf("NotifyEvent");
    expect(station.events().length).toBe(20);
    expect(messages.map(({ seqNo, tbc }) => [seqNo, tbc ?? false])).toEqual(
      messages.map((_, index) => [index, index < messages.length - 1]),
    );
    expect(messages.every((message) => JSON.stringify(message).length <= 2_000)).toBe(true);
  });

  test("N08.FR.03: offline those up to OfflineQueuingSeverity are queued", async () => {
    station = await MonitoredCharger.start({ "MonitoringCtrlr.OfflineQueuingSeverity": "4" });
    const kept = await station.monitor("Periodic", 10, { severity: 4 });
    await station.monitor("Periodic", 10, { severity: 5 });
    station.charger.reachable = false;
    station.charger.disconnect();
    await station.charger.clock.advance(35_000);
    expect(station.charger.core.normalQueue.length).toBe(3);
    station.charger.reachable = true;
    await station.charger.clock.advance(1);
    station.charger.crash();
    await station.charger.start();
    await station.charger.clock.advance(1_000);
    expect(station.told().filter((one) => one === `${kept}:0`).length).toBeGreaterThanOrEqual(3);
  });
});
