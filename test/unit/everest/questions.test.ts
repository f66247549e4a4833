import { expect, test } from "bun:test";
import * as v from "valibot";
import { InPart } from "../../../src/everest/in-part.ts";
import { Questions } from "../../../src/everest/questions.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

test("incident: a question beyond the broker's packet limit kept its CALL waiting to the end", async () => {
  const clock = new FakeClock();
  const logger = silentLogger;
  const questions = new Questions({ clock, logger, random: new SeededRandom(1), inPart: new InPart(logger) });
  const question = {
    about: "DataTransfer",
    topic: "data/cmd/transfer",
    limitMilliseconds: 20_000,
    schema: v.unknown(),
  };
  await expect(questions.ask(question, () => false)).rejects.toThrow("the broker does not take");
  expect(clock.pendingTimerCount).toBe(0);
});
