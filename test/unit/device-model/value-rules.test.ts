import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import type { Characteristics, DataType } from "../../../src/device-model/definitions.ts";
import type { SetOptions } from "../../../src/device-model/device-model.ts";
import { TestDeviceModel, variable } from "../../support/device-model.ts";

let file: TestDeviceModel;
beforeEach(() => {
  file = new TestDeviceModel();
});
afterEach(() => file.dispose());

const address = { component: "Thing", variable: "Value" };
const thing = (value: string | undefined, rest: Partial<Characteristics> & { dataType: DataType }) => [
  { name: "Thing", variables: [variable("Value", value, rest)] },
];
const present = () => file.model.get(address, "Actual").value;
const set = async (value: string, options: SetOptions = {}): Promise<string> => {
  const [result] = await file.model.set([{ address, attributeType: "Actual", value }], "someone", options);
  return result?.status === "Rejected" ? `${result.reasonCode}` : `${result?.status}`;
};

test.each([
  ["integer", "033", "InvalidValue"],
  ["integer", "008", "InvalidValue"],
  ["integer", "+34", "InvalidValue"],
  ["integer", "-0", "InvalidValue"],
  ["integer", "1e3", "InvalidValue"],
  ["integer", " 5", "InvalidValue"],
  ["integer", "99999999999", "InvalidValue"],
  ["integer", "2147483648", "InvalidValue"],
  ["integer", "-2147483649", "InvalidValue"],
  ["integer", "2147483647", "Accepted"],
  ["integer", "-2147483648", "Accepted"],
  ["integer", "0", "Accepted"],
  ["decimal", "0.1234567", "InvalidValue"],
  ["decimal", "0.123456", "Accepted"],
  ["decimal", "+1.5", "InvalidValue"],
  ["decimal", "01.5", "InvalidValue"],
  ["decimal", ".5", "InvalidValue"],
  ["decimal", "-0.5", "Accepted"],
  ["dateTime", "2026-02-30T00:00:00Z", "InvalidValue"],
  ["dateTime", "2026-02-28T24:00:00Z", "InvalidValue"],
  ["dateTime", "2026-02-28T00:00:00", "InvalidValue"],
  ["dateTime", "2026-02-28 00:00:00Z", "InvalidValue"],
  ["dateTime", "2026-02-28T00:00:00.1234Z", "InvalidValue"],
  ["dateTime", "2026-02-28T00:00:00.123+02:00", "Accepted"],
  ["boolean", "TRUE", "InvalidValue"],
  ["boolean", "1", "InvalidValue"],
  ["boolean", "true", "Accepted"],
] as const)(
  "incident: values were taken in forms that part 2, 2.1.4 does not know: %s %s is %s",
  async (dataType, value, outcome) => {
    file.open(thing(undefined, { dataType }));
    expect(await set(value)).toBe(outcome);
    // A module of EVerest is held to the same, but for the resolution of what it has measured.
    expect(await set(value, { mayWriteReadOnly: true })).toBe(value === "0.1234567" ? "Accepted" : outcome);
  },
);

test("lengths are counted in characters: one beyond the Basic Multilingual Plane is one", async () => {
  file.open(thing("", { dataType: "string", maxLimit: 4 }));
  expect(await set("🔌🔌🔌🔌", { longestValue: 4 })).toBe("Accepted");
  expect(await set("🔌🔌🔌🔌🔌")).toBe("TooLargeElement");
  expect(await set("🔌🔌🔌🔌", { longestValue: 3 })).toBe("TooLargeElement");
});

test.each([
  ["033", "33", "stored in another form than 33"],
  ["+34", "34", "stored in another form than 34"],
  ["99999999999", "60", "stored as what is no integer"],
  ["5", "5", "is 5, which is below 10"],
])("a database of libocpp with %s reads as %s, and that is told", (stored, read, told) => {
  const described = thing("60", { dataType: "integer", minLimit: 10 });
  file.open(described);
  file.model.close();
  const database = new Database(join(file.directory, "device_model.db"));
  database.run("UPDATE VARIABLE_ATTRIBUTE SET VALUE = ?, VALUE_SOURCE = 'csms'", [stored]);
  database.close();
  file.open(described);
  expect(present()).toBe(read);
  expect(file.log.join("")).toContain(`Thing.Value ${told.startsWith("stored") ? "was " : ""}${told}`);
});

test("a text of a component file that is longer than its limit is told, not shown", () => {
  file.open(thing("a secret that is too long", { dataType: "string", maxLimit: 10 }));
  expect(file.log.join("")).toContain("The value of Thing.Value is longer than 10 characters");
  expect(file.log.join("")).not.toContain("secret");
});
