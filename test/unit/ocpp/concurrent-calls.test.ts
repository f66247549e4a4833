import { expect, test } from "bun:test";
import { silentLogger } from "../../../src/log/logger.ts";
import { ToldOnce } from "../../../src/log/told-once.ts";
import { CallSchedule } from "../../../src/ocpp/call-schedule.ts";
import { type Handling, RpcSession } from "../../../src/ocpp/rpc.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** A session whose handlers answer when the test says so. */
function createScene(handling: Partial<Record<string, Handling<never>>> = {}) {
  const clock = new FakeClock();
  const schedule = new CallSchedule(clock);
  const answered: string[] = [];
  const begun: string[] = [];
  const finish: (() => void)[] = [];
  const connect = () =>
    new RpcSession({
      clock,
      logger: silentLogger,
      schedule,
      oddities: new ToldOnce(silentLogger),
      send: (text) => {
        const [kind, messageId, code] = JSON.parse(text) as [number, string, unknown];
        answered.push(kind === 3 ? messageId : `${messageId} ${String(code)}`);
      },
      handlerOf: (action) => ({
        handle: () => {
          begun.push(action);
          return new Promise((resolve) => finish.push(() => resolve({ response: { status: "Accepted" } as never })));
        },
        handling: (handling[action] ?? {}) as never,
      }),
      admission: () => undefined,
      onMessage: () => {},
      onInvalidMessage: () => {},
      onCallEnded: () => {},
    });
  const session = connect();
  let next = 1;
  return {
    clock,
    answered,
    begun,
    finish,
    session,
    connect,
    call: async (action: string, payload: unknown = {}, messageId = String(next++)) => {
      session.receive(JSON.stringify([2, messageId, action, payload]));
      await clock.advance(0);
    },
  };
}
const UNLOCK = { evseId: 1, connectorId: 1 };

test("CALLs are handled in their order as long as each is quick", async () => {
  const { begun, call, clock, finish, answered } = createScene();
  await call("ClearCache");
  await call("GetLocalListVersion");
  expect(begun).toEqual(["ClearCache"]);
  finish[0]?.();
  await clock.advance(0);
  expect(begun).toEqual(["ClearCache", "GetLocalListVersion"]);
  expect(answered).toEqual(["1"]);
});

test("a handler that waits for the hardware kept every later CALL waiting: now for a second at most", async () => {
  const { begun, call, clock } = createScene();
  await call("GetLog", {
    logType: "DiagnosticsLog",
    requestId: 1,
    log: { remoteLocation: "ftp://x" },
  });
  await call("ClearCache");
  await clock.advance(999);
  expect(begun).toEqual(["GetLog"]);
  await clock.advance(1);
  expect(begun).toEqual(["GetLog", "ClearCache"]);
  await call("ClearCache"); // of the same lane: not before the one before it is over
  await clock.advance(5_000);
  expect(begun).toEqual(["GetLog", "ClearCache"]);
});

test("CALLs beside others do not let them wait; those of one lane keep their order", async () => {
  const handling = { UnlockConnector: { lane: ({ evseId }: typeof UNLOCK) => String(evseId), beside: true } };
  const { begun, call, clock, finish } = createScene(handling as never);
  await call("UnlockConnector", UNLOCK);
  await call("UnlockConnector", UNLOCK);
  await call("ClearCache");
  await call("UnlockConnector", { ...UNLOCK, evseId: 2 });
  expect(begun).toEqual(["UnlockConnector", "ClearCache"]);
  finish[1]?.();
  await clock.advance(0);
  expect(begun).toEqual(["UnlockConnector", "ClearCache", "UnlockConnector"]);
  finish[0]?.();
  await clock.advance(0);
  expect(begun).toEqual(["UnlockConnector", "ClearCache", "UnlockConnector", "UnlockConnector"]);
});

test("a CALL that came twice while it ran was carried out twice (part 4, 4.2.3)", async () => {
  const { answered, begun, call, clock, finish } = createScene();
  await call("ClearCache", {}, "same");
  await call("ClearCache", {}, "same");
  expect(answered).toEqual(["same RpcFrameworkError"]);
  finish[0]?.();
  await clock.advance(2_000);
  expect(answered).toEqual(["same RpcFrameworkError", "same"]);
  expect(begun).toEqual(["ClearCache"]);
  await call("ClearCache", {}, "same"); // after the answer it is a new one
  expect(begun).toHaveLength(2);
});

test("32 CALLs may be waiting or handled; one more is refused, and so is one that waits with the same id", async () => {
  const { answered, call } = createScene();
  for (let index = 0; index < 33; index++) await call("ClearCache");
  expect(answered).toEqual(["33 GenericError"]);
  await call("ClearCache", {}, "20");
  expect(answered).toEqual(["33 GenericError", "20 RpcFrameworkError"]);
});

test("a handler that never returns is answered below the CSMS's usual time-out, and its lane goes on", async () => {
  const { answered, begun, call, clock, finish } = createScene();
  await call("ClearCache");
  await call("ClearCache");
  await clock.advance(28_000);
  expect(answered).toEqual(["1 InternalError"]);
  expect(begun).toHaveLength(2);
  finish[0]?.(); // too late: the answer is given
  await clock.advance(0);
  expect(answered).toEqual(["1 InternalError"]);
});

test("what waits when the connection is lost is not carried out; what runs keeps its lane", async () => {
  const { begun, call, clock, connect, finish, session } = createScene();
  await call("ClearCache");
  await call("GetLocalListVersion");
  session.close();
  const next = connect();
  next.receive('[2,"new","ClearCache",{}]');
  await clock.advance(3_000);
  expect(begun).toEqual(["ClearCache"]);
  finish[0]?.();
  await clock.advance(0);
  expect(begun).toEqual(["ClearCache", "ClearCache"]);
});
