import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { AttributeType, ComponentDefinition, VariableDefinition } from "../../../src/device-model/definitions.ts";
import type { SetResult } from "../../../src/device-model/device-model.ts";
import { VariableHandle } from "../../../src/device-model/variable-handle.ts";
import { TestDeviceModel, variable } from "../../support/device-model.ts";

let file: TestDeviceModel;
beforeEach(() => {
  file = new TestDeviceModel();
});
afterEach(() => file.dispose());

const component = (...variables: VariableDefinition[]): readonly ComponentDefinition[] => [
  { name: "Thing", variables },
];
const address = (name: string) => ({ component: "Thing", variable: name });
const set = async (name: string, value: string, attributeType: AttributeType = "Actual"): Promise<SetResult> => {
  const [result] = await file.model.set([{ address: address(name), attributeType, value }], "csms");
  return result ?? { status: "Rejected" };
};
const get = (name: string, type: AttributeType = "Actual") => file.model.get(address(name), type).value;

describe("attributes (part 1, 4.3)", () => {
  const fan: VariableDefinition = {
    name: "FanSpeed",
    characteristics: { dataType: "integer", minLimit: 0, maxLimit: 1000, supportsMonitoring: false },
    attributes: [
      { type: "Actual", mutability: "ReadOnly" },
      { type: "Target", mutability: "ReadWrite" },
      { type: "MinSet", mutability: "ReadWrite", value: "200" },
      { type: "MaxSet", mutability: "ReadWrite", value: "500" },
    ],
  };

  test("a Target stays between MinSet and MaxSet", async () => {
    file.open(component(fan));
    expect(await set("FanSpeed", "600", "Target")).toMatchObject({ status: "Rejected", reasonCode: "ValueTooHigh" });
    expect(await set("FanSpeed", "199", "Target")).toMatchObject({ status: "Rejected", reasonCode: "ValueTooLow" });
    expect(await set("FanSpeed", "500", "Target")).toEqual({ status: "Accepted" });
    expect(await set("FanSpeed", "501", "MinSet")).toMatchObject({ status: "Rejected" });
    expect(await set("FanSpeed", "700", "MaxSet")).toEqual({ status: "Accepted" });
    expect(await set("FanSpeed", "600", "Target")).toEqual({ status: "Accepted" });
    expect([get("FanSpeed"), get("FanSpeed", "Target"), get("FanSpeed", "MaxSet")]).toEqual(["", "600", "700"]);
  });

  test("the station reports an Actual beyond all limits, since it is so", () => {
    file.open(component(fan));
    file.model.write(new VariableHandle(address("FanSpeed"), "number"), 1200, "internal");
    expect(get("FanSpeed")).toBe("1200");
  });

  test("a value that is not persistent is gone after a restart, another one is not", async () => {
    const both = component(variable("Kept", "a"), variable("Gone", "a", { persistent: false }));
    file.open(both);
    expect(await set("Kept", "b")).toEqual({ status: "Accepted" });
    expect(await set("Gone", "b")).toEqual({ status: "Accepted" });
    expect([get("Kept"), get("Gone")]).toEqual(["b", "b"]);
    file.reopen(both);
    expect([get("Kept"), get("Gone")]).toEqual(["b", "a"]);
  });

  test("nobody changes a constant, not even who may write what is read-only", async () => {
    file.open(component(variable("Length", "7", { constant: true })));
    const results = await file.model.set(
      [{ address: address("Length"), attributeType: "Actual", value: "8" }],
      "EVerest",
      { mayWriteReadOnly: true },
    );
    expect(results).toMatchObject([{ status: "Rejected", reasonCode: "ReadOnly" }]);
  });
});

describe("an edited configuration and changed values on restart (STORES 2.2)", () => {
  const configured = (value: string | undefined) => component(variable("Url", value));

  test("what the CSMS has set stays when the file is edited, and the log says so once", async () => {
    file.open(configured("ws://a"));
    await set("Url", "ws://csms");
    file.reopen(configured("ws://b"));
    file.reopen(configured("ws://b"));
    expect(get("Url")).toBe("ws://csms");
    expect(
      file.log.filter((line) => line.includes("Thing.Url was edited in the component configuration")),
    ).toHaveLength(1);
  });

  test("incident of the C++ module: what the stack itself had re-written hid every later edit", () => {
    file.open(configured("ws://a"));
    file.model.write(new VariableHandle(address("Url"), "string"), "ws://a?", "internal");
    expect(file.reopen(configured("ws://a")).get(address("Url"), "Actual").value).toBe("ws://a?");
    expect(file.reopen(configured("ws://b")).get(address("Url"), "Actual").value).toBe("ws://b");
  });

  test("a value that is taken out of the file goes, unless somebody else had set it", async () => {
    file.open([...component(variable("Url", "ws://a"), variable("Other", "x"))]);
    await set("Other", "y");
    file.reopen(component(variable("Url", undefined), variable("Other", undefined)));
    expect([get("Url"), get("Other")]).toEqual(["", "y"]);
  });

  test("a variable that leaves the file and comes back begins anew", async () => {
    file.open(configured("a"));
    await set("Url", "b");
    file.reopen(component());
    expect(file.model.get(address("Url"), "Actual").status).toBe("UnknownVariable");
    file.reopen(configured("c"));
    expect(get("Url")).toBe("c");
  });
});

describe("values that live elsewhere", () => {
  const addModule = (value: string, writer: (value: string) => Promise<SetResult>) => {
    const storage = [...file.model.allComponents()][0]?.store.storage;
    if (storage === undefined) throw new Error("no storage");
    file.model.addComponents([{ name: "Module", instance: "m", variables: [variable("power", value)] }], storage, {
      source: "EVEREST",
      writerFor: () => (_variable, written) => writer(written),
    });
  };
  const open = (writer: (value: string) => Promise<SetResult>) => {
    file.open(component(variable("Own", "1")));
    addModule("1", writer);
  };
  const power = { component: "Module", componentInstance: "m", variable: "power" };

  test.each(["Accepted", "RebootRequired", "Rejected"] as const)(
    "%s is the answer of who keeps them",
    async (status) => {
      open(async () => ({ status }));
      expect(await file.model.set([{ address: power, attributeType: "Actual", value: "2" }], "csms")).toEqual([
        { status },
      ]);
      expect(file.model.get(power, "Actual").value).toBe(status === "Rejected" ? "1" : "2");
    },
  );

  test("a writer that fails is Rejected, and what was decided before is durable while it takes its time", async () => {
    let fail: (error: Error) => void = () => {};
    open(() => new Promise((_resolve, reject) => (fail = reject)));
    const results = file.model.set(
      [
        { address: address("Own"), attributeType: "Actual", value: "2" },
        { address: power, attributeType: "Actual", value: "2" },
      ],
      "csms",
    );
    while (get("Own") !== "2") await Promise.resolve();
    fail(new Error("the manager does not answer"));
    expect(await results).toMatchObject([{ status: "Accepted" }, { status: "Rejected", reasonCode: "InternalError" }]);
  });

  test("what the source says at the start counts more than an earlier change", async () => {
    open(async () => ({ status: "Accepted" }));
    await file.model.set([{ address: power, attributeType: "Actual", value: "2" }], "csms");
    addModule("3", async () => ({ status: "Accepted" }));
    expect(file.model.get(power, "Actual").value).toBe("3");
  });
});

test("a start without changes writes nothing to the disk", async () => {
  const configuration = component(
    variable("Number", "1", { dataType: "integer", unit: "s", minLimit: 0 }),
    variable("Unset", undefined, { persistent: false }),
  );
  file.open(configuration);
  await set("Number", "2");
  file.reopen(configuration);
  file.model.close();
  const before = readFileSync(join(file.directory, "device_model.db"));
  file.open(configuration);
  file.model.close();
  expect(readFileSync(join(file.directory, "device_model.db")).equals(before)).toBe(true);
  file.open(component(variable("Number", "1", { dataType: "integer", unit: "ms" })));
  expect(get("Number")).toBe("2");
});

test("names are found without regard to case; an empty instance is none", () => {
  file.open(component(variable("Name", "v"), variable("Name", "w", { instance: "i" })));
  expect(file.model.get({ component: "THING", variable: "nAME", instance: "" }, "Actual").value).toBe("v");
  expect(file.model.get({ component: "Thing", variable: "Name", instance: "I" }, "Actual").value).toBe("w");
});

test("a listener that fails does not keep the others from hearing of a change", async () => {
  file.open(component(variable("Name", "v")));
  const handle = new VariableHandle(address("Name"), "string");
  const heard: string[] = [];
  file.model.onChange(handle, () => {
    throw new Error("deaf");
  });
  file.model.onChange(handle, ({ oldValue, value }) => heard.push(`${oldValue} → ${value}`));
  expect(await set("Name", "w")).toEqual({ status: "Accepted" });
  await set("Name", "w");
  expect(heard).toEqual(["v → w"]);
});
