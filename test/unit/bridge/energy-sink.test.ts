import { expect, test } from "bun:test";
import { toChargingSchedules, toExternalLimits } from "../../../src/bridge/energy-sink.ts";
import { Teller } from "../../../src/bridge/teller.ts";
import type { ChargingLimits } from "../../../src/station/ports.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const START = new Date("2026-03-01T12:00:00.000Z");
const limitsOf = (limit: number, more: Partial<ChargingLimits> = {}): ChargingLimits => ({
  evseId: 1,
  unit: "A",
  durationSeconds: 600,
  start: START,
  periods: [
    { startSeconds: 0, limit },
    { startSeconds: 300, limit: 10, numberOfPhases: 1, phaseToUse: 2, stackLevel: 4 },
  ],
  ...more,
});

test("set_external_limits: current or power, with the number of phases where it is known (BEHAVIOUR 10.3)", () => {
  const source = "ocpp/OCPP_set_external_limits";
  const imported = (unit: "A" | "W") => toExternalLimits(limitsOf(16, { unit }), source).schedule_import;
  expect(imported("A")).toEqual([
    {
      timestamp: "2026-03-01T12:00:00.000Z",
      limits_to_root: {},
      limits_to_leaves: { ac_max_current_A: { value: 16, source } },
    },
    {
      timestamp: "2026-03-01T12:05:00.000Z",
      limits_to_root: {},
      limits_to_leaves: { ac_max_current_A: { value: 10, source }, ac_max_phase_count: { value: 1, source } },
    },
  ]);
  expect(imported("W").map(({ limits_to_leaves }) => limits_to_leaves)).toEqual([
    { total_power_W: { value: 16, source } },
    { total_power_W: { value: 10, source }, ac_max_phase_count: { value: 1, source } },
  ]);
});

test("charging_schedules (BEHAVIOUR 10.2)", () => {
  expect(toChargingSchedules([limitsOf(16)])).toEqual({
    schedules: [
      {
        evse: 1,
        charging_rate_unit: "A",
        duration: 600,
        start_schedule: "2026-03-01T12:00:00.000Z",
        charging_schedule_period: [
          { start_period: 0, limit: 16 },
          { start_period: 300, limit: 10, number_phases: 1, phase_to_use: 2, stack_level: 4 },
        ],
      },
    ],
  });
});

const setUp = (answers: ("yes" | "no" | "silence")[]) => {
  const clock = new FakeClock();
  const asked: number[] = [];
  const log: string[] = [];
  const note = (message: string) => void log.push(message);
  const ask = ({ periods }: ChargingLimits): Promise<void> => {
    asked.push(periods[0]?.limit ?? -1);
    const answer = answers.shift() ?? "yes";
    if (answer === "silence")
      return new Promise((_, reject) => clock.after(10_000, () => reject(new Error("no answer"))));
    return answer === "yes" ? Promise.resolve() : Promise.reject(new Error("busy"));
  };
  const logger = { debug: note, info: note, warn: note, error: note, critical: note };
  return { clock, asked, log, sink: new Teller({ tell: ask, about: () => "Limits", clock, logger }) };
};

test("a sink that fails is asked again, less and less often, until it takes the limits", async () => {
  const { clock, asked, log, sink } = setUp(["no", "no", "no", "yes"]);
  void sink.set(limitsOf(16));
  await clock.advance(2_000);
  expect(asked).toEqual([16, 16]);
  await clock.advance(4_000);
  expect(asked).toEqual([16, 16, 16]);
  await clock.advance(600_000);
  expect(asked).toEqual([16, 16, 16, 16]);
  expect(log).toHaveLength(3);
  expect(clock.pendingTimerCount).toBe(0);
});

test("a silent sink does not keep newer limits from being asked; only the newest are", async () => {
  const { clock, asked, sink } = setUp(["silence", "yes"]);
  void sink.set(limitsOf(16));
  void sink.set(limitsOf(20));
  void sink.set(limitsOf(25));
  await clock.advance(9_999);
  expect(asked).toEqual([16]);
  await clock.advance(1);
  expect(asked).toEqual([16, 25]);
});

test("new limits do not wait for the next attempt with the old ones", async () => {
  const { clock, asked, sink } = setUp(["no", "yes"]);
  void sink.set(limitsOf(16));
  await clock.advance(100);
  void sink.set(limitsOf(6));
  await clock.advance(60_000);
  expect(asked).toEqual([16, 6]);
});
