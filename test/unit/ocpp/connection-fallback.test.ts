import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { silentLogger } from "../../../src/log/logger.ts";
import { Connection, type ConnectionProfile } from "../../../src/ocpp/connection.ts";
import type { WebSocketListener } from "../../../src/ocpp/websocket.ts";
import { FakeClock } from "../../support/fake-clock.ts";

let clock: FakeClock;
let connection: Connection;
let slots: readonly number[];
let lastConnected: ConnectionProfile | undefined;
let tried: number[];
let urls: string[];
let closes: number;
let switches: boolean[];
let reachable: Set<number>;
let listener: WebSocketListener | undefined;

const profile = (slot: number, url = `ws://host-${slot}`): ConnectionProfile => ({
  slot,
  url,
  securityProfile: 1,
  ocppInterface: "Wired0",
});
let profileOf: (slot: number) => ConnectionProfile;

beforeEach(() => {
  clock = new FakeClock();
  lastConnected = undefined;
  profileOf = profile;
  tried = [];
  urls = [];
  closes = 0;
  switches = [];
  reachable = new Set();
  connection = new Connection({
    clock,
    random: { next: () => 0, uuid: () => "" },
    logger: silentLogger,
    profiles: () => slots.map((slot) => profileOf(slot)),
    lastConnected: () => lastConnected,
    attemptsPerProfile: () => 2,
    backOff: () => ({ waitMinimumSeconds: 1, repeatTimes: 0, randomRangeSeconds: 0 }),
    open: async ({ slot, url }, opening) => {
      tried.push(slot);
      urls.push(url);
      clock.after(0, () => {
        if (!reachable.has(slot)) return opening.closed("refused", { kind: "network", text: "refused" });
        listener = opening;
        opening.opened();
      });
      return {
        send: () => {},
        close: () => {
          closes++;
        },
      };
    },
    onConnected: (_profile, _transport, switched) => switches.push(switched),
    onDisconnected: () => {},
    onMessage: () => {},
    onFailure: () => {},
    onProfileFailed: () => {},
    onAllFailed: () => {},
  });
});
afterEach(() => connection.stop("test"));

const lose = () => listener?.closed("lost", undefined);
const connectWith = async (...priority: readonly number[]) => {
  slots = priority;
  connection.start();
  await clock.advance(500);
  tried = [];
};

describe("when every profile of the list has failed", () => {
  test("B10.FR.07, FR.09: the profile that worked last is tried although it is not in the list any more", async () => {
    lastConnected = profile(1);
    slots = [2, 3];
    connection.start();
    await clock.advance(9_500);
    expect(tried).toEqual([2, 2, 3, 3, 1, 1, 2, 2, 3, 3]); // B10.FR.03, FR.08
  });

  test("B10.FR.07: it is not tried twice in a row when it was the last or is the first of the list", async () => {
    lastConnected = profile(1);
    slots = [2, 1];
    connection.start();
    await clock.advance(5_500);
    expect(tried).toEqual([2, 2, 1, 1, 2, 2]);
    connection.stop("test");
    tried = [];
    slots = [1, 2];
    connection.start();
    await clock.advance(5_500);
    expect(tried).toEqual([1, 1, 2, 2, 1, 1]);
  });

  test("B10.FR.09: a list without any profile that can be used leaves the one that worked last", async () => {
    lastConnected = profile(1);
    slots = [];
    connection.start();
    await clock.advance(3_500);
    expect(tried).toEqual([1, 1, 1, 1]);
  });

  test("B10.FR.07: a slot that was overwritten is tried as it was when it worked", async () => {
    lastConnected = profile(1, "ws://good");
    profileOf = (slot) => profile(slot, "ws://mistyped");
    slots = [1];
    connection.start();
    await clock.advance(4_500);
    expect(urls).toEqual(["ws://mistyped", "ws://mistyped", "ws://good", "ws://good", "ws://mistyped"]);
  });
});

describe("when the connection is lost", () => {
  test("B10.FR.03: the profile that worked gets its attempts first, then the others", async () => {
    reachable.add(2);
    await connectWith(1, 2);
    await clock.advance(5_000);
    tried = [];
    reachable.clear();
    lose();
    await clock.advance(6_500);
    expect(tried).toEqual([2, 2, 1, 1, 2, 2]);
  });

  test("B10.FR.01: a changed list leaves the connection alone and counts from its loss on", async () => {
    reachable = new Set([1, 2]);
    await connectWith(1);
    slots = [2, 1];
    await clock.advance(60_000);
    expect([tried, closes]).toEqual([[], 0]);
    lose();
    await clock.advance(1_500);
    expect(tried).toEqual([2]);
    expect(switches).toEqual([false, true]);
  });

  test("B10.FR.10: the same slot with another URL is another profile", async () => {
    reachable.add(1);
    await connectWith(1);
    profileOf = (slot) => profile(slot, "ws://new-host");
    lose();
    await clock.advance(1_500);
    expect(switches).toEqual([false, true]);
  });
});
