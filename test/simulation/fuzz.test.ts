import { expect, test } from "bun:test";
import { SeededRandom } from "../../src/lib/random.ts";
import { ACTIONS, type Action, MESSAGE_SCHEMAS } from "../../src/ocpp/v201/index.ts";
import { InProcessCharger } from "../support/in-process-charger.ts";
import { examplesOf } from "../support/message-examples.ts";

const FRAMES = Number(process.env.FUZZ_FRAMES ?? 100_000);
/** Carried out they would end the station's life here, as they should. */
const LEFT_OUT: ReadonlySet<Action> = new Set(["Reset"]);

const WORDS = ["", "x", "\u0000", "💥", "-1", "null", "x".repeat(3_000), "__proto__"] as const;

function mutate(value: unknown, random: SeededRandom): unknown {
  const dice = random.next();
  if (dice < 0.15) return random.pick([null, 7, -1, 1e308, "", [], {}, true, random.pick(WORDS)]);
  if (Array.isArray(value))
    return dice < 0.3 ? [...value, ...value] : value.map((item) => (random.next() < 0.5 ? mutate(item, random) : item));
  if (typeof value === "object" && value !== null) {
    const entries = Object.entries(value).filter(() => random.next() > 0.1);
    if (random.next() < 0.1) entries.push([random.pick(WORDS), 1]);
    return Object.fromEntries(
      entries.map(([key, inner]) => [key, random.next() < 0.3 ? mutate(inner, random) : inner]),
    );
  }
  return value;
}

function mutateText(text: string, random: SeededRandom): string {
  if (random.next() < 0.8) return text;
  const at = random.below(text.length);
  return random.next() < 0.5 ? text.slice(0, at) : text.slice(0, at) + random.pick(WORDS) + text.slice(at + 1);
}

test(`${FRAMES} mutated frames, as calls and as answers: no crash, and whatever could be read is answered`, async () => {
  const random = new SeededRandom(20_260_101);
  const charger = await new InProcessCharger(3).start();
  const actions = ACTIONS.filter((action) => !LEFT_OUT.has(action));
  const examples = new Map(
    actions.map((action) => [action, examplesOf(MESSAGE_SCHEMAS[action].request).valid.map(({ payload }) => payload)]),
  );
  const answers = actions.flatMap((action) =>
    examplesOf(MESSAGE_SCHEMAS[action].response).valid.map(({ payload }) => payload),
  );
  charger.react = () => "silence";
  const readable = new Set<string>();
  for (let count = 0; count < FRAMES; count++) {
    const action = actions[random.below(actions.length)] as Action;
    const payload = random.pick((examples.get(action) ?? [{}]) as [object]);
    const waiting = charger.calls.at(-1)?.messageId ?? "none";
    const frame =
      random.next() < 0.7
        ? [2, `fuzz-${count}`, action, mutate(payload, random)]
        : random.next() < 0.5
          ? [3, waiting, mutate(answers[random.below(answers.length)], random)]
          : [4, waiting, mutate("InternalError", random), "", {}];
    const clean = JSON.stringify(frame);
    const text = mutateText(clean, random);
    if (frame[0] === 2 && text === clean) readable.add(`fuzz-${count}`);
    charger.sendText(text);
    if (count % 500 === 0) await charger.clock.advance(100);
    if (!charger.csms.connected) await charger.clock.advance(5_000);
  }
  await charger.clock.advance(120_000);
  const answered = new Set(charger.answers.map(({ messageId }) => messageId));
  expect([...readable].filter((messageId) => !answered.has(messageId))).toEqual([]);
  expect(charger.log.filter((line) => line.startsWith("critical"))).toEqual([]);
  const { body } = await charger.call("GetVariables", {
    getVariableData: [{ component: { name: "TxCtrlr" }, variable: { name: "TxStartPoint" } }],
  });
  expect(body).toMatchObject({ getVariableResult: [{ attributeStatus: "Accepted" }] });
  charger.dispose();
}, 120_000);
