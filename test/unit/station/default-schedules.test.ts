import { afterEach, expect, test } from "bun:test";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

test("without profiles the default limits are told, the station's as their sum, at every interval (BEHAVIOUR 10.1)", async () => {
  charger = await new InProcessCharger(1).start();
  await charger.clock.advance(100);
  const told = () =>
    charger.hardwareCalls
      .filter(({ name }) => name === "setLimits")
      .map(({ args: [limits] }) =>
        (limits as { evseId: number; periods: { limit: number }[] }[]).map(({ evseId, periods }) => [
          evseId,
          periods[0]?.limit,
        ]),
      );
  expect(told()).toEqual([
    [
      [0, 96],
      [1, 48],
      [2, 48],
    ],
  ]);
  await charger.clock.advance(61_000);
  expect(told()).toHaveLength(3);
});
