import { afterEach, expect, test } from "bun:test";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

test("actions of later issues are not supported, unknown ones not implemented, and nothing is Accepted in vain", async () => {
  charger = await new InProcessCharger(1).start();
  await charger.clock.advance(100);
  expect((await charger.call("PublishFirmware", {})).body).toBe("NotSupported");
  expect((await charger.call("MakeCoffee", {})).body).toBe("NotImplemented");
});
