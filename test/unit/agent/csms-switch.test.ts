import { beforeEach, expect, test } from "bun:test";
import { CsmsSwitch } from "../../../src/agent/csms-switch.ts";
import { FakeClock } from "../../support/fake-clock.ts";

let clock: FakeClock;
let done: string[];
let csms: CsmsSwitch;
beforeEach(() => {
  clock = new FakeClock();
  done = [];
  csms = new CsmsSwitch({ start: () => done.push("start"), stop: (reason) => done.push(reason) }, clock);
});

test("the station connects after DelayOcppStart, without one at once", async () => {
  csms.startAfter(5_000);
  await clock.advance(4_999);
  expect(done).toEqual([]);
  await clock.advance(1);
  expect(done).toEqual(["start"]);
  csms.startAfter(0);
  expect(done).toEqual(["start", "start"]);
});

test("incident: a stop during DelayOcppStart was undone when the delay was over", async () => {
  csms.startAfter(5_000);
  csms.stop("stopped by another module");
  await clock.advance(60_000);
  expect(done).toEqual(["stopped by another module"]);
  csms.start();
  expect(done.at(-1)).toBe("start");
});

test("a stop before the start of the station holds as well", async () => {
  csms.stop("disconnected by external control");
  csms.startAfter(0);
  csms.startAfter(5_000);
  await clock.advance(60_000);
  expect(done).toEqual(["disconnected by external control"]);
});

test("a restart during the delay connects at once, and only once", async () => {
  csms.startAfter(5_000);
  csms.stop("restarted by another module");
  csms.start();
  await clock.advance(60_000);
  expect(done).toEqual(["restarted by another module", "start"]);
});
