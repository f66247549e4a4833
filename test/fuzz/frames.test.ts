import { heapStats } from "bun:jsc";
import { afterEach, describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { type GenericSchema, safeParse } from "valibot";
import { withoutOddMembers } from "../../src/lib/tolerant-reading.ts";
import { ACTIONS, type Action, MESSAGE_SCHEMAS } from "../../src/ocpp/v201/index.ts";
import { InProcessCharger, type SeenCall } from "../support/in-process-charger.ts";
import { mutatedFrame, mutatedPayload, randomValue } from "../support/mutations.ts";
import { SeededRandom } from "../support/seeded-random.ts";

/** A third of them are broken CALLs, a third CALLs of which some are in order, a third answers to the station's own CALLs. */
const FRAMES = Number(process.env.FUZZ_FRAMES ?? 100_000);
const SHARE = Math.ceil(FRAMES / 3);
/** Carried out it would end the station's life here, as it should. */
const LEFT_OUT: ReadonlySet<Action> = new Set(["Reset"]);
const CALLABLE = ACTIONS.filter((action) => !LEFT_OUT.has(action)) as unknown as readonly [Action, ...Action[]];
/** All of part 4, table 8, but InternalError, which would be a mistake of this program. */
const ERROR_CODES: ReadonlySet<unknown> = new Set([
  "FormatViolation",
  "GenericError",
  "MessageTypeNotSupported",
  "NotImplemented",
  "NotSupported",
  "OccurrenceConstraintViolation",
  "PropertyConstraintViolation",
  "ProtocolError",
  "RpcFrameworkError",
  "SecurityError",
  "TypeConstraintViolation",
]);
const HEAP_GROWTH_LIMIT_BYTES = 32 * 1024 * 1024;

let charger: InProcessCharger;
afterEach(() => charger.dispose());

/** Everything durable of the station: the rows of its database and the values of its device model. */
function stateOf({ core, deviceModel }: InProcessCharger): string {
  const hash = createHash("sha256");
  const tables = core.database.query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").values();
  for (const [table] of tables) hash.update(JSON.stringify(core.database.query(`SELECT * FROM "${table}"`).values()));
  for (const component of deviceModel.allComponents())
    for (const variable of component.variables.values())
      for (const { type, value } of variable.attributes.values())
        hash.update(JSON.stringify([component.key, variable.key, type, value]));
  return hash.digest("hex");
}

/** `null` stands for a payload without members (part 4, 4.1.5). */
function fits(schema: GenericSchema, payload: unknown): boolean {
  return !Array.isArray(payload) && safeParse(schema, payload ?? {}).success;
}

function isAcceptable(text: string): boolean {
  try {
    const [type, messageId, action, payload, ...rest] = JSON.parse(text) as readonly unknown[];
    if (type !== 2 || typeof messageId !== "string" || rest.length > 0) return false;
    const schemas = ACTIONS.includes(action as Action) ? MESSAGE_SCHEMAS[action as Action] : undefined;
    return schemas !== undefined && fits(schemas.request, payload);
  } catch {
    return false;
  }
}

/** Forgets what the test itself keeps, so that only the station's memory is measured. */
function heapBytes(): number {
  charger.calls.length = 0;
  charger.answers.length = 0;
  charger.hardwareCalls.length = 0;
  charger.log.length = 0;
  Bun.gc(true);
  return heapStats().heapSize;
}

const criticalLines = () => charger.log.filter((line) => /^critical|^error .* failed: /.test(line));

async function expectAlive(): Promise<void> {
  charger.react = () => "silence";
  if (!charger.csms.connected) await charger.clock.advance(600_000);
  const { body } = await charger.call("GetVariables", {
    getVariableData: [{ component: { name: "OCPPCommCtrlr" }, variable: { name: "ActiveNetworkProfile" } }],
  });
  expect(body).toMatchObject({ getVariableResult: [{ attributeStatus: "Accepted" }] });
}

describe(`${FRAMES} mutated frames`, () => {
  test("CALLs that break a rule are answered with an error and change nothing", async () => {
    const random = new SeededRandom(20_260_101);
    charger = await new InProcessCharger(3).start();
    await charger.clock.advance(10_000);
    const before = stateOf(charger);
    let heap = 0;
    let sent = 0;
    for (let count = 0; count < SHARE; count++) {
      const action = random.pick(CALLABLE);
      const schema = MESSAGE_SCHEMAS[action].request;
      const name =
        random.next() < 0.02 ? random.pick(["constructor", "__proto__", "", "Unknown", "bootNotification"]) : action;
      const text =
        random.next() < 0.3
          ? mutatedFrame([2, `fuzz-${count}`, name, randomValue(schema as never, random)], random)
          : JSON.stringify([2, `fuzz-${count}`, name, mutatedPayload(schema, random)]);
      if (isAcceptable(text)) continue;
      sent++;
      charger.sendText(text);
      if (count % 16 === 0) await charger.clock.advance(0);
      if (count % 5_000 === 0) expect(stateOf(charger)).toBe(before);
      if (count === Math.floor(SHARE / 5)) heap = heapBytes();
    }
    await charger.clock.advance(0);
    expect(sent).toBeGreaterThan(SHARE / 2);
    expect(charger.answers.filter(({ kind, body }) => kind !== "error" || !ERROR_CODES.has(body))).toEqual([]);
    expect(criticalLines()).toEqual([]);
    expect(stateOf(charger)).toBe(before);
    expect(heapBytes() - heap).toBeLessThan(HEAP_GROWTH_LIMIT_BYTES);
    await expectAlive();
  }, 120_000);

  test("CALLs of all kinds: every one is answered once, the running transaction loses no number", async () => {
    const random = new SeededRandom(20_260_102);
    charger = await new InProcessCharger(4).start();
    charger.event(1, { kind: "SessionStarted", reason: "EVConnected", sessionId: "fuzz-session" });
    charger.event(1, { kind: "TransactionStarted", sessionId: "fuzz-session" });
    await charger.clock.advance(5_000);
    const expected = new Set<string>();
    charger.csms.events.on("disconnected", () => expected.clear());
    const sequence = new Set<number>();
    const note = ({ action, payload }: SeenCall): void => {
      if (action === "TransactionEvent") sequence.add(payload.seqNo as number);
    };
    const timers = charger.clock.pendingTimerCount;
    let heap = 0;
    for (let count = 0; count < SHARE; count++) {
      const action = random.pick(CALLABLE);
      const schema = MESSAGE_SCHEMAS[action].request;
      const payload = random.next() < 0.5 ? randomValue(schema as never, random) : mutatedPayload(schema, random);
      expected.add(`fuzz-${count}`);
      charger.sendText(JSON.stringify([2, `fuzz-${count}`, action, payload]));
      await charger.clock.advance(count % 50 === 0 ? 500 : 0);
      if (!charger.csms.connected) await charger.clock.advance(60_000);
      if (count % 200 === 0) charger.meter(1, count);
      if (count % 2_000 !== 0) continue;
      await charger.clock.advance(120_000);
      for (const { messageId, kind, body } of charger.answers) {
        expect(expected.delete(messageId) || !messageId.startsWith("fuzz")).toBe(true);
        if (kind === "error") expect(ERROR_CODES.has(body)).toBe(true);
      }
      expect([...expected]).toEqual([]);
      expect(criticalLines()).toEqual([]);
      charger.calls.forEach(note);
      const size = heapBytes();
      if (count === 10_000) heap = size;
    }
    expect(charger.clock.pendingTimerCount).toBeLessThan(timers + 100);
    if (heap > 0) expect(heapBytes() - heap).toBeLessThan(HEAP_GROWTH_LIMIT_BYTES);
    charger.event(1, { kind: "TransactionFinished", stoppedReason: "EVDisconnected", sessionId: "fuzz-session" });
    charger.event(1, { kind: "SessionFinished", sessionId: "fuzz-session" });
    await charger.clock.advance(3_600_000);
    charger.calls.forEach(note);
    expect([...sequence].sort((one, other) => one - other)).toEqual(Array.from({ length: sequence.size }, (_, n) => n));
    await expectAlive();
  }, 120_000);

  test("answers to the station's own CALLs: only a right one settles a message, and none is lost", async () => {
    const random = new SeededRandom(20_260_103);
    charger = new InProcessCharger(5, {
      "OCPPCommCtrlr.MessageAttempts": "1000000",
      "OCPPCommCtrlr.MessageAttemptInterval": "0",
    });
    const outstanding: SeenCall[] = [];
    charger.react = (call) => {
      outstanding.splice(0, 1, call); // an older one has timed out
      return "silence";
    };
    await charger.start();
    let lastBootAnswer: unknown;
    charger.events.on("accepted", () => expect(lastBootAnswer).toBe("Accepted"));
    const settled = new Set<string>();
    const again: string[] = [];
    let created = 0;
    for (let count = 0; count < SHARE; count++) {
      if (outstanding.length === 0 && charger.csms.registration !== "Accepted") await charger.clock.advance(70_000);
      if (outstanding.length === 0) {
        charger.context.events.emit("securityEvent", { type: `Fuzz${created++}`, critical: true });
        if (created % 10 === 0) void charger.csms.call("Heartbeat", {}, { beforeAccepted: true });
        await charger.clock.advance(0);
      }
      const call = outstanding.pop();
      if (call === undefined) continue;
      const schema = MESSAGE_SCHEMAS[call.action as Action].response;
      const type = String(call.payload.type);
      if (type.startsWith("Fuzz") && settled.has(type)) again.push(type);
      const payload = random.next() < 0.3 ? randomValue(schema as never, random) : mutatedPayload(schema, random);
      // Members that nobody knows and optional ones without content do not make it a wrong one.
      const isRight = fits(
        schema,
        withoutOddMembers(schema, payload, () => {}),
      );
      const frame = [3, call.messageId, payload];
      if (call.action === "BootNotification")
        lastBootAnswer = isRight ? (payload as { readonly status: string }).status : undefined;
      const dice = random.next();
      if (dice < 0.1) charger.sendText(mutatedFrame([3, `foreign-${count}`, payload], random));
      if (dice < 0.2) charger.sendText(JSON.stringify([4, `foreign-${count}`, "GenericError", "", {}]));
      charger.sendText(
        dice < 0.9 ? JSON.stringify(frame) : JSON.stringify([4, call.messageId, "GenericError", "", {}]),
      );
      if (dice < 0.9 && isRight && call.action === "SecurityEventNotification") settled.add(type);
      await charger.clock.advance(0);
      if (count % 1_000 === 0) await charger.clock.advance(10_000);
      if (!charger.csms.connected) await charger.clock.advance(5_000);
    }
    expect(again).toEqual([]);
    expect(criticalLines()).toEqual([]);
    charger.react = (call) => {
      if (call.action === "SecurityEventNotification") settled.add(String(call.payload.type));
      const currentTime = charger.clock.now().toISOString();
      return { answer: call.action === "BootNotification" ? { currentTime, interval: 300, status: "Accepted" } : {} };
    };
    charger.disconnect();
    await charger.clock.advance(3_600_000);
    expect(Array.from({ length: created }, (_, index) => `Fuzz${index}`).filter((type) => !settled.has(type))).toEqual(
      [],
    );
    expect(charger.csms.durableQueueLength).toBe(0);
    await expectAlive();
  }, 120_000);
});
