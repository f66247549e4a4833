import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { silentLogger } from "../../../src/log/logger.ts";
import { Connection, type ConnectionProfile } from "../../../src/ocpp/connection.ts";
import type { WebSocketListener } from "../../../src/ocpp/websocket.ts";
import { FakeClock } from "../../support/fake-clock.ts";

let clock: FakeClock;
let connection: Connection | undefined;
let attempts: { readonly slot: number; readonly at: number }[];
let listeners: WebSocketListener[];
let connected: { readonly slot: number; readonly switched: boolean }[];
let reachable: Set<number>;
beforeEach(() => {
  clock = new FakeClock();
  attempts = [];
  listeners = [];
  connected = [];
  reachable = new Set();
});
afterEach(() => connection?.stop("test"));

const profile = (slot: number): ConnectionProfile => ({
  slot,
  url: `ws://host-${slot}`,
  securityProfile: 1,
  ocppInterface: "Wired0",
});
const start = (slots: readonly number[]) => {
  connection = new Connection({
    clock,
    random: { next: () => 0, uuid: () => "" },
    logger: silentLogger,
    profiles: () => slots.map(profile),
    lastConnected: () => undefined,
    attemptsPerProfile: () => 3,
    backOff: () => ({ waitMinimumSeconds: 10, repeatTimes: 2, randomRangeSeconds: 0 }),
    open: async ({ slot }, listener) => {
      attempts.push({ slot, at: clock.monotonicMilliseconds() / 1000 });
      listeners.push(listener);
      clock.after(0, () =>
        reachable.has(slot) ? listener.opened() : listener.closed("refused", { kind: "network", text: "refused" }),
      );
      return { send: () => {}, close: () => {} };
    },
    onConnected: ({ slot }, _transport, switched) => connected.push({ slot, switched }),
    onDisconnected: () => {},
    onMessage: () => {},
    onFailure: () => {},
    onProfileFailed: () => {},
    onAllFailed: () => {},
  });
  connection.start();
};

describe("one profile", () => {
  test("waits 10, 20, 40, 40 … s, and 10 again after a connection (part 4, 5.3 with errata 4)", async () => {
    start([1]);
    await clock.advance(115_000);
    expect(attempts.map(({ at }) => at)).toEqual([0, 10, 30, 70, 110]);
    reachable.add(1);
    await clock.advance(40_000);
    expect(connected).toEqual([{ slot: 1, switched: false }]);
    reachable.clear();
    attempts = [];
    const lostAt = clock.monotonicMilliseconds() / 1000;
    listeners.at(-1)?.closed("lost", undefined);
    await clock.advance(35_000);
    expect(attempts.map(({ at }) => at - lostAt)).toEqual([10, 30]);
  });
});

describe("several profiles (B10)", () => {
  test("B10.FR.03, FR.04, FR.08: three attempts each, in order, and from the first again", async () => {
    start([2, 1]);
    await clock.advance(400_000);
    expect(attempts.slice(0, 9).map(({ slot }) => slot)).toEqual([2, 2, 2, 1, 1, 1, 2, 2, 2]);
  });

  test("B10.FR.10: a connection with another profile than the last one is a switch", async () => {
    reachable.add(1);
    start([1, 2]);
    await clock.advance(1_000);
    reachable = new Set([2]);
    listeners.at(-1)?.closed("lost", undefined);
    await clock.advance(400_000);
    expect(connected).toEqual([
      { slot: 1, switched: false },
      { slot: 2, switched: true },
    ]);
  });
});

test("1,000 stations after a restart of the CSMS: their attempts spread over the random range", async () => {
  const waits: number[] = [];
  const { backOffMilliseconds } = await import("../../../src/ocpp/back-off.ts");
  const { SeededRandom } = await import("../../support/seeded-random.ts");
  for (let station = 0; station < 1_000; station++)
    waits.push(
      backOffMilliseconds(
        0,
        { waitMinimumSeconds: 30, repeatTimes: 3, randomRangeSeconds: 60 },
        new SeededRandom(station),
      ),
    );
  const perSecond = Map.groupBy(waits, (wait) => Math.floor(wait / 1000));
  expect(Math.min(...waits)).toBeGreaterThanOrEqual(30_000);
  expect(Math.max(...[...perSecond.values()].map((group) => group.length))).toBeLessThan(40);
});
