import { expect, test } from "bun:test";
import * as v from "valibot";
import { Refusal, serveCommand } from "../../../src/everest/served-command.ts";
import type { Logger } from "../../../src/log/logger.ts";
import { silentLogger } from "../../../src/log/logger.ts";

type Handler = (args: unknown) => unknown;

async function answersTo(handler: Handler, origin: string, args: unknown, isBeside = false) {
  const published: { topic: string; data: unknown }[] = [];
  const lines: string[] = [];
  const note = (message: string): void => void lines.push(message);
  const logger: Logger = { ...silentLogger, warn: note, error: note };
  const serve = serveCommand({
    topic: "t/cmd/c",
    moduleId: "ocpp",
    schema: v.object({ word: v.string() }),
    handler,
    refuse: () => "no",
    publish: (topic, message) => published.push({ topic, data: JSON.parse(message).data.data }),
    logger,
    isBeside,
  });
  await serve(JSON.stringify({ msg_type: "Cmd", data: { id: "1", origin, args } }), "t/cmd/c");
  return { published, lines };
}

const NO = [{ topic: "t/cmd/c/response/auth", data: { id: "1", origin: "ocpp", retval: "no" } }];

test.each<[string, Handler, unknown, RegExp]>([
  ["arguments that cannot be read", () => "yes", { word: 7 }, /cannot be read: word/],
  ["a handler that throws", () => Promise.reject(new Error("broken")), { word: "x" }, /failed: .*broken/s],
  [
    "a refusal",
    () => {
      throw new Refusal("unknown word");
    },
    { word: "x" },
    /is refused: unknown word$/,
  ],
])("%s: the regular negative answer, since an error answer ends a caller in C++ (PROTOCOL 11.3)", async (...given) => {
  const [, handler, args, line] = given;
  const { published, lines } = await answersTo(handler, "auth", args);
  expect(published).toEqual(NO);
  expect(lines).toEqual([expect.stringMatching(line)]);
});

test("a call beside others does not hold up the next one, and is answered all the same", async () => {
  const decided = Promise.withResolvers<string>();
  const { published } = await answersTo(() => decided.promise, "auth", { word: "x" }, true);
  expect(published).toEqual([]);
  decided.resolve("yes");
  await Bun.sleep(0);
  expect(published).toMatchObject([{ data: { retval: "yes" } }]);
});

test.each(["", "#", "auth/x", "a\0", "a".repeat(70_000)])(
  "nothing is done for a caller whose name cannot be answered",
  async (origin) => {
    let calls = 0;
    const { published, lines } = await answersTo(() => ++calls, origin, { word: "x" });
    expect([calls, published]).toEqual([0, []]);
    expect(lines).toHaveLength(1);
    expect(lines[0]?.length).toBeLessThan(250);
  },
);
