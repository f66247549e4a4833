import { expect, test } from "bun:test";
import { returnMemoryAfterBacklog } from "../../../src/agent/drained-memory.ts";
import { Emitter } from "../../../src/lib/events.ts";
import type { CsmsLink } from "../../../src/ocpp/csms-link.ts";
import { FakeClock } from "../../support/fake-clock.ts";

function rig() {
  const clock = new FakeClock();
  const events = new Emitter() as unknown as CsmsLink["events"];
  const link = { events, durableQueueLength: 0 };
  const rigged = { collections: 0 };
  returnMemoryAfterBacklog(link, clock, () => void rigged.collections++);
  const deliver = async (from: number): Promise<number> => {
    for (link.durableQueueLength = from; link.durableQueueLength > 0; ) {
      link.durableQueueLength--;
      events.emit("callEnded", {} as never);
    }
    await clock.advance(10_000);
    return rigged.collections;
  };
  return { deliver };
}

test("memory is returned once when a backlog has been delivered", async () => {
  const { deliver } = rig();
  expect(await deliver(1_000)).toBe(1);
  expect(await deliver(1_000)).toBe(2);
});

test("single messages, however many, are no reason for a pause", async () => {
  const { deliver } = rig();
  for (let message = 0; message < 500; message++) expect(await deliver(1)).toBe(0);
});
