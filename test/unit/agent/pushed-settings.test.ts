import { afterEach, expect, test } from "bun:test";
import { pushSettings } from "../../../src/agent/pushed-settings.ts";
import { baseReport } from "../../../src/device-model/reports.ts";
import { TxCtrlr } from "../../../src/device-model/variables.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const start = async (value: string) => {
  charger = await new InProcessCharger(1, { "TxCtrlr.EVConnectionTimeOut": value }).start();
  const told: number[] = [];
  const warnings: string[] = [];
  const { hardware, logger } = charger.context;
  const authorization = {
    ...hardware.authorization,
    setConnectionTimeout: async (seconds: number) => void told.push(seconds),
  };
  Object.assign(charger.deviceModel, { logger: { ...logger, warn: (text: string) => void warnings.push(text) } });
  pushSettings(charger.deviceModel, { ...hardware, authorization }, logger);
  return { told, warnings };
};
const set = async (value: string): Promise<string> => {
  const [result] = await charger.deviceModel.set(
    [{ address: TxCtrlr.EVConnectionTimeOut, attributeType: "Actual", value }],
    "csms",
  );
  return `${result?.status} ${result?.reasonCode ?? ""}`.trim();
};

test("incident: EVConnectionTimeOut was Accepted beyond what EVerest's Auth takes, which went on with another", async () => {
  const { told } = await start("60");
  expect(await set("9")).toBe("Rejected ValueTooLow"); // B05.FR.08
  expect(await set("3")).toBe("Rejected ValueTooLow");
  expect(await set("301")).toBe("Rejected ValueTooHigh");
  expect(await set("3600")).toBe("Rejected ValueTooHigh");
  expect(await set("10")).toBe("Accepted");
  expect(await set("300")).toBe("Accepted");
  expect(told).toEqual([60, 10, 300]);
  const entry = [...baseReport(charger.deviceModel, "FullInventory", 2_500)].find(
    ({ variable }) => variable.name === "EVConnectionTimeOut",
  );
  expect(entry?.variableCharacteristics).toMatchObject({ minLimit: 10, maxLimit: 300 });
});

test.each([
  ["3600", 300],
  ["3", 10],
])(
  "a configured EVConnectionTimeOut of %s is told at the start and reads as what is in force",
  async (value, inForce) => {
    const { told, warnings } = await start(value);
    expect(told).toEqual([inForce]);
    expect(charger.deviceModel.read(TxCtrlr.EVConnectionTimeOut)).toBe(inForce);
    expect(warnings.join("\n")).toContain(`is ${value}; the hardware side takes 10 to 300: ${inForce} is in force`);
  },
);
