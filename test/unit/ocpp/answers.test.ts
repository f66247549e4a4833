import { expect, test } from "bun:test";
import { ToldOnce } from "../../../src/log/told-once.ts";
import { CallSchedule } from "../../../src/ocpp/call-schedule.ts";
import { RpcSession } from "../../../src/ocpp/rpc.ts";
import { FakeClock } from "../../support/fake-clock.ts";

test("incident: one answer that could not be handed over left every later CALL of the CSMS unanswered", async () => {
  const clock = new FakeClock();
  const sent: string[] = [];
  const log: string[] = [];
  let broken = true;
  const logger = {
    debug: () => {},
    info: () => {},
    warn: () => {},
    error: (text: string) => log.push(text),
    critical: (text: string) => log.push(text),
  };
  const session = new RpcSession({
    clock,
    logger,
    schedule: new CallSchedule(clock),
    oddities: new ToldOnce(logger),
    send: (text) => {
      if (broken) throw new Error("the socket is broken");
      sent.push(text);
    },
    handlerOf: () => ({ handle: () => ({ response: { status: "Accepted" } as never }), handling: {} }),
    admission: () => undefined,
    onMessage: () => {},
    onInvalidMessage: () => {},
    onCallEnded: () => {},
  });
  session.receive('[2,"1","ClearCache",{}]');
  await clock.advance(1);
  broken = false;
  session.receive('[2,"2","ClearCache",{}]');
  await clock.advance(1);
  expect(sent).toEqual(['[3,"2",{"status":"Accepted"}]']);
  expect(log.some((line) => line.includes("ClearCache") && line.includes("the socket is broken"))).toBe(true);
});
