import { afterEach, describe, expect, test } from "bun:test";
import { silentLogger } from "../../src/log/logger.ts";
import type { BackOffSettings } from "../../src/ocpp/back-off.ts";
import { Connection } from "../../src/ocpp/connection.ts";
import type { WebSocketListener } from "../../src/ocpp/websocket.ts";
import { FakeClock } from "../support/fake-clock.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const PROFILE = { slot: 1, url: "ws://csms.example", securityProfile: 1, ocppInterface: "Wired0" };

/** A CSMS and all its stations; only what matters for the times of reconnecting. */
class Fleet {
  readonly clock = new FakeClock();
  up = true;
  /** Ends each connection as soon as it is open. */
  hangsUp = false;
  /** Seconds of the attempts of each station since `note`. */
  attempts: number[][] = [];
  private since = 0;
  private readonly connections: Connection[] = [];
  private readonly open = new Map<Connection, WebSocketListener>();

  constructor(count: number, backOff: BackOffSettings, attemptsPerProfile = 1_000) {
    for (let index = 0; index < count; index++) this.connections.push(this.station(index, backOff, attemptsPerProfile));
    for (const connection of this.connections) connection.start();
  }

  note(): void {
    this.since = this.clock.monotonicMilliseconds();
    this.attempts = this.connections.map(() => []);
  }

  goDown(): void {
    this.up = false;
    this.note();
    const listeners = [...this.open.values()];
    this.open.clear();
    for (const listener of listeners) listener.closed("code 1006", undefined);
  }

  get connectedCount(): number {
    return this.connections.filter(({ connected }) => connected).length;
  }

  stop(): void {
    for (const connection of this.connections) connection.stop("test");
  }

  private station(index: number, backOff: BackOffSettings, attemptsPerProfile: number): Connection {
    const connection: Connection = new Connection({
      clock: this.clock,
      random: new SeededRandom(index + 1),
      logger: silentLogger,
      profiles: () => [PROFILE],
      lastConnected: () => PROFILE,
      attemptsPerProfile: () => attemptsPerProfile,
      backOff: () => backOff,
      open: async (_profile, listener) => {
        this.attempts[index]?.push((this.clock.monotonicMilliseconds() - this.since) / 1000);
        this.clock.after(0, () => this.answer(connection, listener));
        return { send: () => {}, close: () => {} };
      },
      onConnected: () => {},
      onDisconnected: () => {},
      onMessage: () => {},
      onFailure: () => {},
      onProfileFailed: () => {},
      onAllFailed: () => {},
    });
    return connection;
  }

  private answer(connection: Connection, listener: WebSocketListener): void {
    if (!this.up) return listener.closed("refused", { kind: "network", text: "refused" });
    this.open.set(connection, listener);
    listener.opened();
    if (this.hangsUp) listener.closed("code 1013 try again later", undefined);
  }
}

const fleets: Fleet[] = [];
afterEach(() => {
  for (const fleet of fleets.splice(0)) fleet.stop();
});
const fleet = (...given: ConstructorParameters<typeof Fleet>): Fleet => {
  const made = new Fleet(...given);
  fleets.push(made);
  return made;
};

const STATIONS = 1_000;

describe("1,000 stations after a restart of their CSMS (part 4, 5.3 with errata 4.12)", () => {
  test.each([
    { waitMinimumSeconds: 10, repeatTimes: 3, randomRangeSeconds: 20 },
    { waitMinimumSeconds: 1, repeatTimes: 2, randomRangeSeconds: 2 },
  ])("each waits as the rule says, anew at random, and all together are spread: %o", async (backOff) => {
    const stations = fleet(STATIONS, backOff);
    await stations.clock.advance(60_000);
    expect(stations.connectedCount).toBe(STATIONS);
    const outageSeconds = (backOff.waitMinimumSeconds * 2 ** backOff.repeatTimes + backOff.randomRangeSeconds) * 4;
    stations.goDown();
    await stations.clock.advance(outageSeconds * 1000);
    for (const times of stations.attempts) {
      expect(times.length).toBeGreaterThan(backOff.repeatTimes + 1);
      for (const [attempt, time] of times.entries()) {
        const shortest = backOff.waitMinimumSeconds * 2 ** Math.min(attempt, backOff.repeatTimes);
        const waited = time - (times[attempt - 1] ?? 0);
        expect(waited).toBeGreaterThanOrEqual(shortest - 0.001);
        expect(waited).toBeLessThanOrEqual(shortest + backOff.randomRangeSeconds + 0.001);
      }
    }
    // The first wave is spread over the whole random range: no tenth of it brings more than its share and a half.
    const first = stations.attempts.map(
      ([time = 0]) => (time - backOff.waitMinimumSeconds) / backOff.randomRangeSeconds,
    );
    for (let tenth = 0; tenth < 10; tenth++) {
      const share = first.filter((part) => part >= tenth / 10 && part < (tenth + 1) / 10).length;
      expect(share).toBeLessThan((STATIONS / 10) * 1.5);
    }
    stations.up = true;
    const longest = backOff.waitMinimumSeconds * 2 ** backOff.repeatTimes + backOff.randomRangeSeconds;
    await stations.clock.advance(longest * 1000 + 10);
    expect(stations.connectedCount).toBe(STATIONS);
    // After a success the next loss begins with the shortest wait again.
    await stations.clock.advance(60_000);
    stations.goDown();
    await stations.clock.advance((backOff.waitMinimumSeconds + backOff.randomRangeSeconds) * 1000 + 10);
    expect(stations.attempts.every(([time = Number.POSITIVE_INFINITY]) => time >= backOff.waitMinimumSeconds)).toBe(
      true,
    );
  });
});

describe("a back-off of 0 s makes no storm", () => {
  const none = { waitMinimumSeconds: 0, repeatTimes: 0, randomRangeSeconds: 0 };

  test("of a CSMS that refuses", async () => {
    const stations = fleet(1, none);
    await stations.clock.advance(60_000);
    stations.goDown();
    await stations.clock.advance(60_000);
    const [times = []] = stations.attempts;
    expect(times[0]).toBe(0); // after a connection that lasted there is nothing to spare
    expect(times.length).toBeLessThanOrEqual(121);
  });

  test("of a CSMS that accepts every connection and ends it at once", async () => {
    const stations = fleet(1, none);
    stations.hangsUp = true;
    await stations.clock.advance(60_000);
    stations.goDown();
    stations.up = true;
    await stations.clock.advance(60_000);
    expect(stations.attempts[0]?.length).toBeLessThanOrEqual(121);
  });
});
