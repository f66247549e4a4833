import { afterEach, describe, expect, test } from "bun:test";
import { silentLogger } from "../../../src/log/logger.ts";
import type { CsmsLink } from "../../../src/ocpp/csms-link.ts";
import { assemble, type Complete, creationOrder } from "../../../src/station/assembly.ts";
import { type AnyBlock, declareBlock, type Given } from "../../../src/station/block.ts";
import type { StationContext } from "../../../src/station/context.ts";
import { remoteStop } from "../../../src/station/f-remote-control/remote-stop.ts";
import { createStationModel } from "../../../src/station/model/station-model.ts";
import { BLOCKS } from "../../../src/station/station.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

const context = undefined as unknown as StationContext;

function shuffled(seed: number): readonly AnyBlock[] {
  const random = new SeededRandom(seed);
  return BLOCKS.map((block) => ({ block, key: random.next() }))
    .toSorted((one, other) => one.key - other.key)
    .map(({ block }) => block);
}

describe("what a block declares", () => {
  test("a service that was not asked for, not declared or not given does not compile", () => {
    // @ts-expect-error `transactions` is used, but not needed
    declareBlock({ name: "x", letter: "A", create: ({ transactions }) => ({ stop: () => transactions }) });
    // @ts-expect-error `resets` is provided, but not declared
    declareBlock({ name: "x", letter: "A", create: () => ({ provides: { resets: { isPending: () => false } } }) });
    // @ts-expect-error `resets` is declared, but not provided
    declareBlock({ name: "x", letter: "A", provides: ["resets"], create: () => ({}) });
    // @ts-expect-error nobody listens to what is declared to be heard
    declareBlock({ name: "x", letter: "A", hears: { "station.accepted": "reading" }, create: () => ({}) });
    expect(BLOCKS.length).toBeGreaterThan(30);
  });

  test("a list without an owner for each service, or with two, does not compile", () => {
    type Without<Service> = Exclude<(typeof BLOCKS)[number], { readonly provides: readonly Service[] }>;
    type IsComplete<Blocks extends readonly AnyBlock[]> = Complete<Blocks> extends Blocks ? true : false;
    const complete: IsComplete<typeof BLOCKS> = true;
    const lacking: IsComplete<readonly Without<"transactions">[]> = false;
    const doubled: IsComplete<readonly [...typeof BLOCKS, typeof remoteStop, (typeof BLOCKS)[0]]> = false;
    expect([complete, lacking, doubled]).toEqual([true, false, false]);
  });

  test("names are given once", () => {
    expect(new Set(BLOCKS.map(({ name }) => name)).size).toBe(BLOCKS.length);
  });
});

describe("the order of creation", () => {
  test("whoever provides comes before whoever needs, however the list is shuffled", () => {
    for (let seed = 1; seed <= 50; seed++) {
      const created = new Set<string>();
      for (const block of creationOrder(shuffled(seed))) {
        const own = BLOCKS.flatMap(({ provides }) => [...provides] as string[]);
        for (const need of block.needs) if (own.includes(need)) expect(created.has(need)).toBe(true);
        for (const service of block.provides) created.add(service);
      }
    }
  });

  test("blocks that need each other are told with their path", () => {
    const ring = [
      { name: "reset", needs: ["bootReason"], provides: ["resets"] },
      { name: "boot-reason", needs: ["transactions"], provides: ["bootReason"] },
      { name: "transactions", needs: ["bootReason"], provides: ["transactions"] },
    ] as const;
    expect(() => creationOrder(ring)).toThrow("blocks need each other: boot-reason → transactions → boot-reason");
  });
});

describe("the order of hearing", () => {
  const chargers: InProcessCharger[] = [];
  afterEach(() => {
    for (const charger of chargers.splice(0)) charger.dispose();
  });

  const said = (charger: InProcessCharger): readonly unknown[] =>
    charger.calls.flatMap(({ action, payload }) =>
      action === "StatusNotification"
        ? [payload.connectorStatus]
        : action === "TransactionEvent"
          ? [payload.eventType]
          : [],
    );

  const releaseFirst = BLOCKS.toSorted((one) => (one.name === "connector-release" ? -1 : 0));
  test.each([
    ["with the release before the transactions", releaseFirst],
    ...[1, 2, 3, 4, 5].map((seed) => [`shuffled with seed ${seed}`, shuffled(seed)] as const),
  ] as const)(
    "Occupied comes before Started and Ended before Available because of the phase: blocks %s",
    async (_, blocks) => {
      const points = { "TxCtrlr.TxStartPoint": "EVConnected", "TxCtrlr.TxStopPoint": "EVConnected" };
      const charger = new InProcessCharger(1, points, 1);
      chargers.push(charger);
      charger.blocks = blocks;
      await charger.start();
      charger.calls.length = 0;
      charger.event(1, { kind: "SessionStarted", reason: "EVConnected", sessionId: "s1" });
      await charger.clock.advance(50);
      charger.event(1, { kind: "SessionFinished", sessionId: "s1" });
      await charger.clock.advance(50);
      expect(said(charger)).toEqual(["Occupied", "Started", "Ended", "Available"]);
    },
  );

  test("all phases are heard in their order, whoever was created first", async () => {
    const heard: string[] = [];
    const listener = (phase: "reading" | "status" | "transaction" | "release" | "follow-up") =>
      declareBlock({
        name: phase,
        letter: "A",
        hears: { "hardware.publicKey": phase },
        create: () => ({ hears: { "hardware.publicKey": () => void heard.push(phase) } }),
      });
    const charger = new InProcessCharger();
    const blocks = [
      listener("follow-up"),
      listener("release"),
      listener("transaction"),
      listener("status"),
      listener("reading"),
    ];
    const station = assemble(blocks, context, {
      hardware: charger.hardwareEvents,
      station: charger.events,
      link: { on: () => () => {} } as unknown as CsmsLink["events"],
    });
    await station.start();
    charger.hardwareEvents.emit("publicKey", { evseId: 1, publicKey: "" });
    expect(heard).toEqual(["reading", "status", "transaction", "release", "follow-up"]);
    station.stop();
    charger.hardwareEvents.emit("publicKey", { evseId: 1, publicKey: "" });
    expect(heard).toHaveLength(5);
  });
});

test("a block is created with just what it needs", async () => {
  const handlers = new Map<string, (request: never) => unknown>();
  const noted: unknown[] = [];
  const model = createStationModel([{ evseId: 1, connectors: [{ connectorId: 1 }] }]);
  const [evse] = model.evses;
  if (evse === undefined) throw new Error("no EVSE");
  evse.transaction = { transactionId: "t1", evseId: 1, connectorId: 1, sessionId: "s1", authorized: false };
  remoteStop.create({
    clock: new FakeClock(),
    logger: silentLogger,
    model,
    csms: {
      registration: "Accepted",
      handle: (action: string, handler: (request: never) => unknown) => handlers.set(action, handler),
    },
    transactions: { noteTrigger: (...args: unknown[]) => void noted.push(args) },
  } as unknown as Given<"transactions">);
  const answer = (await handlers.get("RequestStopTransaction")?.({ transactionId: "t1" } as never)) as {
    readonly response: unknown;
    readonly afterResponse: () => void;
  };
  answer.afterResponse();
  expect(answer.response).toEqual({ status: "Accepted" });
  expect(noted).toEqual([[1, "RemoteStop"]]);
});
