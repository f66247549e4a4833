import { afterEach, expect, test } from "bun:test";
import { energy, Rig, samplesOf } from "./support.ts";

let rig: Rig;
afterEach(() => rig.charger.dispose());

const YEAR_MILLISECONDS = 31_536_000_000;
const HOUR_MILLISECONDS = 3_600_000;
const RESUME_WINDOW_MILLISECONDS = 20_000;

const jump = (milliseconds: number) =>
  rig.charger.clock.jumpTo(new Date(rig.charger.clock.now().getTime() + milliseconds));
const timeSpentCharging = () =>
  (rig.events.at(-1)?.transactionInfo as { timeSpentCharging?: number } | undefined)?.timeSpentCharging;
const charging = async () => {
  rig = await Rig.start();
  await rig
    .reading([energy(1_000)])
    .plug()
    .begin()
    .charge()
    .pass(5_000);
};

test.each([
  ["a year forward billed 31,536,011 s", YEAR_MILLISECONDS],
  ["an hour back billed 2 s", -HOUR_MILLISECONDS],
])("incident: eleven seconds of charging in which the clock was set %s", async (_what, milliseconds) => {
  await charging();
  jump(milliseconds);
  await rig.pass(6_000);
  rig.finish("Local");
  expect(timeSpentCharging()).toBe(11);
});

test("a clock that is set between a pause and the charging after it counts neither", async () => {
  await charging();
  rig.suspend();
  jump(HOUR_MILLISECONDS);
  await rig.pass(3_000);
  await rig.charge().pass(6_000);
  rig.finish("Local");
  expect(timeSpentCharging()).toBe(11);
});

test("a restart: what was counted stays, the time in between is that of the wall clock", async () => {
  await charging();
  jump(YEAR_MILLISECONDS);
  await rig.pass(115_000); // Written down at the full minutes.
  rig.charger.crash();
  await rig.charger.clock.advance(30_000);
  await rig.charger.start();
  rig.charge();
  await rig.pass(10_000);
  rig.finish("Local");
  expect(timeSpentCharging()).toBe(160);
});

test("a restart with a clock that was set back: of the time since the last minute nothing is known", async () => {
  await charging();
  await rig.pass(115_000);
  rig.charger.crash();
  jump(-YEAR_MILLISECONDS);
  await rig.charger.start();
  rig.charge();
  await rig.pass(10_000);
  rig.finish("Local");
  expect(timeSpentCharging()).toBe(130);
});

test("a session that did not survive is counted to its last minute, wherever the clock was set before", async () => {
  await charging();
  jump(-HOUR_MILLISECONDS);
  await rig.pass(115_000);
  await rig.crash();
  await rig.pass(RESUME_WINDOW_MILLISECONDS + 100);
  expect(rig.brief.at(-1)).toBe("Ended AbnormalCondition EVConnected PowerLoss");
  expect(timeSpentCharging()).toBeGreaterThanOrEqual(119);
  expect(timeSpentCharging()).toBeLessThanOrEqual(180);
});

test("incident: after an hour back the value kept before it was told as that of the end", async () => {
  rig = await Rig.start({ "SampledDataCtrlr.TxEndedInterval": "10" });
  await rig
    .reading([energy(1_000)])
    .plug()
    .begin()
    .charge()
    .pass(60_000);
  jump(-HOUR_MILLISECONDS);
  await rig.reading([energy(2_000)]).pass(1_000);
  rig.finish("Local");
  expect(samplesOf(rig.events.at(-1)).at(-1)).toMatchObject({ context: "Transaction.End", value: 2_000 });
});
