import { describe, expect, test } from "bun:test";
import { MessageRecorder, shownMessage } from "../../../src/agent/web/message-recorder.ts";
import { MeterRecorder, meterFacts } from "../../../src/agent/web/meter-recorder.ts";
import { Recent } from "../../../src/agent/web/recent.ts";
import { Emitter } from "../../../src/lib/events.ts";
import type { HardwareEvents } from "../../../src/station/ports.ts";
import { FakeClock } from "../../support/fake-clock.ts";

describe("the newest entries", () => {
  const numbersSince = (recent: Recent<{ text: string }>, number: number) =>
    recent.since(number).map((entry) => entry.number);

  test("are limited in number and in characters; numbers go on", () => {
    const recent = new Recent<{ text: string }>(3, 100, ({ text }) => text.length);
    for (let count = 0; count < 5; count++) recent.add({ text: "x" });
    expect([recent.last, numbersSince(recent, 0)]).toEqual([5, [3, 4, 5]]);
    expect([numbersSince(recent, 4), numbersSince(recent, 5), numbersSince(recent, 99)]).toEqual([[5], [], []]);
    expect([recent.find(2), recent.find(3)?.number, recent.find(6)]).toEqual([undefined, 3, undefined]);
    recent.add({ text: "y".repeat(100) });
    expect(numbersSince(recent, 0)).toEqual([6]);
    recent.add({ text: "z".repeat(101) });
    expect([recent.last, numbersSince(recent, 0)]).toEqual([7, []]);
    recent.add({ text: "a" });
    expect(numbersSince(recent, 0)).toEqual([8]);
  });
});

describe("messages on the page", () => {
  const take = async (
    recorder: MessageRecorder,
    clock: FakeClock,
    ...messages: Parameters<MessageRecorder["take"]>[0][]
  ) => {
    for (const message of messages) recorder.take(message);
    await clock.advance(0);
  };

  test("an answer knows its CALL and the round trip, in both directions with the same id", async () => {
    const clock = new FakeClock();
    const recorder = new MessageRecorder(clock);
    recorder.take({ direction: "sent", text: '[2,"1","Heartbeat",{}]', name: "Heartbeat", messageId: "1" });
    recorder.take({ direction: "received", text: '[2,"1","Reset",{}]', name: "Reset", messageId: "1" });
    await clock.advance(40);
    await take(
      recorder,
      clock,
      { direction: "received", text: '[3,"1",{}]', name: "HeartbeatResponse", messageId: "1" },
      { direction: "sent", text: '[4,"1","InternalError","",{}]', name: "CALLERROR", messageId: "1" },
      { direction: "received", text: '[3,"9",{}]', name: "CALLRESULT", messageId: "9" },
    );
    expect(
      recorder.messages.since(2).map(({ action, roundTripMilliseconds }) => [action, roundTripMilliseconds]),
    ).toEqual([
      ["Heartbeat", 40],
      ["Reset", 40],
      ["CALLRESULT", undefined],
    ]);
  });

  test("neither a password nor a whole token is kept", async () => {
    const clock = new FakeClock();
    const recorder = new MessageRecorder(clock);
    const text =
      '[2,"1","SetVariables",{"setVariableData":[{"component":{"name":"SecurityCtrlr"},"variable":{"name":"BasicAuthPassword"},"attributeValue":"hunter2hunter2"}],"idToken":{"idToken":"04A1B2C3D4E5F6","type":"ISO14443"}}]';
    await take(recorder, clock, { direction: "received", text, name: "SetVariables", messageId: "1" });
    const kept = `${recorder.messages.text(1)}${JSON.stringify(recorder.messages.since(0))}`;
    expect(kept).not.toContain("hunter2");
    expect(kept).not.toContain("04A1B2C3");
    expect(kept).toContain("…E5F6");
  });

  test.each([
    ['{"idToken":{"idToken":"1234","type":"Local"}}', '{"idToken":{"idToken":"…","type":"Local"}}'],
    ['{"idToken":{"idToken":"","type":"NoAuthorization"}}', '{"idToken":{"idToken":"","type":"NoAuthorization"}}'],
    [
      '{"groupIdToken":{"idToken":"GROUP-0001","type":"Central"}}',
      '{"groupIdToken":{"idToken":"…0001","type":"Central"}}',
    ],
    ['{"idToken":{"idToken":"12345678","type":"KeyCode"}}', '{"idToken":{"idToken":"***","type":"KeyCode"}}'],
  ])("%s is shown as %s", (text, shown) => expect(shownMessage(text)).toBe(shown));

  test("large messages and floods cost what they may, and no more", async () => {
    const clock = new FakeClock();
    const recorder = new MessageRecorder(clock);
    for (let count = 0; count < 2_000; count++)
      recorder.take({
        direction: "received",
        text: `[3,"${count}",{"a":"${"x".repeat(50_000)}"}]`,
        name: "x".repeat(9_999),
      });
    await clock.advance(0);
    const kept = recorder.messages.since(0);
    expect(kept.length).toBeLessThanOrEqual(500);
    const characters = kept.reduce(
      (sum, { number, name }) => sum + name.length + (recorder.messages.text(number)?.length ?? 0),
      0,
    );
    expect(characters).toBeLessThan(1_100_000);
  });
});

describe("meters on the page", () => {
  const at = (seconds: number) => new Date(1_767_225_600_000 + seconds * 1_000);

  test("what the meter tells as a whole goes before the sum of its phases; what flows back is negative", () => {
    const power = (value: number, phase?: "L1" | "L2") => ({
      value,
      measurand: "Power.Active.Import" as const,
      ...(phase !== undefined && { phase }),
    });
    expect(meterFacts({ timestamp: at(0), samples: [power(1, "L1"), power(2, "L2")] }).watts).toBe(3);
    expect(meterFacts({ timestamp: at(0), samples: [power(1, "L1"), power(5)] }).watts).toBe(5);
    const exported = { value: 7, measurand: "Power.Active.Export" as const };
    expect(meterFacts({ timestamp: at(0), samples: [exported] }).watts).toBe(-7);
    expect(meterFacts({ timestamp: at(0), samples: [] }).watts).toBeUndefined();
  });

  test("ten minutes at one reading a second; a clock that is set back begins anew", () => {
    const events = new Emitter<HardwareEvents>();
    const recorder = new MeterRecorder(events);
    const read = (seconds: number): void =>
      events.emit("meter", { evseId: 1, reading: { timestamp: at(seconds), samples: [] } });
    for (let tenth = 0; tenth < 7_000; tenth++) read(tenth / 10);
    expect(recorder.history(1).seconds).toHaveLength(600);
    read(10);
    expect(recorder.history(1)).toEqual({ seconds: [at(10).getTime() / 1_000], watts: [null], wattHours: [null] });
    expect(recorder.history(2).seconds).toEqual([]);
  });
});
