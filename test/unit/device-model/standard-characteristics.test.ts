import { expect, test } from "bun:test";
import type { ComponentDefinition } from "../../../src/device-model/definitions.ts";
import { withStandardCharacteristics } from "../../../src/device-model/standard-characteristics.ts";
import { variable } from "../../support/device-model.ts";

const complete = (name: string, ...variables: ComponentDefinition["variables"]) =>
  withStandardCharacteristics({ name, variables }).variables;

test("what a file leaves out of the standardized characteristics is added", () => {
  const [heartbeat, policy] = [
    complete("OCPPCommCtrlr", variable("HeartbeatInterval", "5", { dataType: "integer" }))[0],
    complete("AuthCacheCtrlr", variable("Policy", undefined, { dataType: "OptionList", valuesList: "LRU,LFU" }))[0],
  ];
  expect(heartbeat?.characteristics).toMatchObject({ minLimit: 1, unit: "s" });
  expect(policy?.attributes[0]?.value).toBe("LRU");
});

test("what a file says stays, and variables of others are not touched", () => {
  const own = variable("HeartbeatInterval", "5", { dataType: "integer", minLimit: 3, unit: "min" });
  expect(complete("OCPPCommCtrlr", own)[0]?.characteristics).toEqual(own.characteristics);
  expect(complete("AuthCacheCtrlr", variable("Policy", "FIFO"))[0]?.attributes[0]?.value).toBe("FIFO");
  expect(complete("VendorCtrlr", own)).toEqual([own]);
});

test("a value that is in effect does not stand in for an attribute that is not Actual", () => {
  expect(
    complete("AuthCacheCtrlr", variable("Policy", undefined, { type: "Target" }))[0]?.attributes[0],
  ).not.toHaveProperty("value");
});
