import { expect, test } from "bun:test";
import { decideNeeds, type NeedsFacts } from "../../../../src/station/k-smart-charging/needs/needs-timing.ts";

const CHARGING: NeedsFacts = {
  nowMilliseconds: 100_000,
  sinceMilliseconds: 100_000,
  tellings: [],
  evConnected: true,
  authorized: true,
  hasTransaction: true,
  eventsWait: false,
  canLeave: true,
};

test.each<[string, Partial<NeedsFacts>, string, number | undefined]>([
  ["at once", {}, "tell", undefined],
  ["not offline", { canLeave: false }, "keep", undefined],
  ["not of an EV that has left", { evConnected: false, hasTransaction: false }, "drop", undefined],
  ["even if only the transaction is left", { evConnected: false }, "tell", undefined],
  ["after the start of the transaction", { hasTransaction: false, sinceMilliseconds: 98_000 }, "wait", 3_000],
  [
    "without a transaction that does not start",
    { hasTransaction: false, sinceMilliseconds: 95_000 },
    "tell",
    undefined,
  ],
  [
    "not where nobody may charge",
    { hasTransaction: false, authorized: false, sinceMilliseconds: 95_000 },
    "drop",
    undefined,
  ],
  ["K15.FR.16: behind the events of the transaction", { eventsWait: true, sinceMilliseconds: 99_000 }, "wait", 9_000],
  ["but not behind a backlog for ever", { eventsWait: true, sinceMilliseconds: 90_000 }, "tell", undefined],
  ["a third time in a minute", { tellings: [50_000, 99_000] }, "tell", undefined],
  ["not a fourth time", { tellings: [50_000, 99_000, 99_500] }, "wait", 10_000],
  ["a fourth time after a minute", { tellings: [40_000, 99_000, 99_500] }, "tell", undefined],
])("needs are told %s", (_, facts, kind, milliseconds) => {
  const decision = decideNeeds({ ...CHARGING, ...facts });
  expect(decision.kind).toBe(kind as typeof decision.kind);
  if (decision.kind === "wait") expect(decision.milliseconds).toBe(milliseconds ?? -1);
});
