import { afterEach, expect, test } from "bun:test";
import { pushSettings } from "../../../src/agent/pushed-settings.ts";
import { baseReport } from "../../../src/device-model/reports.ts";
import { TxCtrlr } from "../../../src/device-model/variables.ts";
import { CommandError } from "../../../src/everest/everest-module.ts";
import { addSettingsOf } from "../../support/evse-settings.ts";
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
  pushSettings({ ...charger.context, hardware: { ...hardware, authorization }, logger }, charger.hardwareEvents);
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

const plugAndCharge = async (variables: Record<string, string> = {}) => {
  charger = await new InProcessCharger(1, variables).start();
  charger.hardwareCalls.length = 0;
  pushSettings(charger.context, charger.hardwareEvents);
  await charger.clock.advance(10);
};
/** What the EVSEs were told since the last look: EVSE and settings. */
const toldEvses = (): readonly unknown[] => {
  const told = charger.hardwareCalls.filter(({ name }) => name === "setPlugAndCharge").map(({ args }) => args);
  charger.hardwareCalls.length = 0;
  return told;
};
const setIso15118 = async (variable: string, attributeValue: string, evseId?: number) => {
  const component = { name: "ISO15118Ctrlr", ...(evseId !== undefined && { evse: { id: evseId } }) };
  const { body } = await charger.call("SetVariables", {
    setVariableData: [{ component, variable: { name: variable }, attributeValue }],
  });
  expect(body).toMatchObject({ setVariableResult: [{ attributeStatus: "Accepted" }] });
};

test("every EVSE knows the settings of Plug and Charge, from the start and after each change (BEHAVIOUR 3.2, 16.5)", async () => {
  await plugAndCharge();
  const byDefault = { pncEnabled: true, contractCertificateInstallationEnabled: true };
  expect(toldEvses()).toEqual([
    [1, byDefault],
    [2, byDefault],
  ]);
  await setIso15118("CentralContractValidationAllowed", "true");
  await setIso15118("ContractCertificateInstallationEnabled", "false");
  await setIso15118("PnCEnabled", "false");
  const now = {
    pncEnabled: false,
    centralContractValidationAllowed: true,
    contractCertificateInstallationEnabled: false,
  };
  expect(toldEvses()).toHaveLength(6);
  await setIso15118("Enabled", "false");
  expect(toldEvses()).toEqual([
    [1, now],
    [2, now],
  ]);
});

test("ISO15118Ctrlr.Enabled false: no contract, neither to pay with nor to install", async () => {
  await plugAndCharge({ "ISO15118Ctrlr.Enabled": "false" });
  expect(toldEvses()[0]).toEqual([1, { pncEnabled: false, contractCertificateInstallationEnabled: false }]);
  await setIso15118("Enabled", "true");
  expect(toldEvses()[1]).toEqual([2, { pncEnabled: true, contractCertificateInstallationEnabled: true }]);
});

test("an EVSE that does not answer is told again until it takes the newest settings; the others are told once", async () => {
  charger = await new InProcessCharger(1).start();
  charger.hardwareCalls.length = 0;
  charger.hardwareAnswers.setPlugAndCharge = (evseId) => {
    if (evseId === 2) throw new Error("no answer");
  };
  pushSettings(charger.context, charger.hardwareEvents);
  await charger.clock.advance(200_000);
  const attempts = toldEvses().filter((args) => (args as readonly unknown[])[0] === 2).length;
  expect(attempts).toBeGreaterThan(4);
  expect(attempts).toBeLessThan(9);
  await setIso15118("PnCEnabled", "false");
  delete charger.hardwareAnswers.setPlugAndCharge;
  toldEvses();
  await charger.clock.advance(120_000);
  expect(toldEvses()).toEqual([[2, { pncEnabled: false, contractCertificateInstallationEnabled: true }]]);
});

test("an EVSE that was restarted is told again", async () => {
  await plugAndCharge();
  toldEvses();
  charger.hardwareEvents.emit("evseRestarted", { evseId: 2 });
  await charger.clock.advance(10);
  expect(toldEvses()).toEqual([[2, { pncEnabled: true, contractCertificateInstallationEnabled: true }]]);
});

test("a command that this EVerest does not have is not tried again", async () => {
  charger = await new InProcessCharger(1).start();
  charger.hardwareCalls.length = 0;
  charger.hardwareAnswers.setPlugAndCharge = () => {
    throw new CommandError("NotOffered", "this generation of EVerest has no such command");
  };
  pushSettings(charger.context, charger.hardwareEvents);
  await charger.clock.advance(600_000);
  expect(toldEvses()).toHaveLength(2);
});

test("incident: an EVSE with settings of Plug and Charge of its own was told those of the station", async () => {
  charger = await new InProcessCharger(1).start();
  addSettingsOf(charger, 2, { PnCEnabled: "false", Enabled: "true" });
  charger.hardwareCalls.length = 0;
  pushSettings(charger.context, charger.hardwareEvents);
  const settings = (pncEnabled: boolean, installation = true) => ({
    pncEnabled,
    contractCertificateInstallationEnabled: installation,
  });
  await charger.clock.advance(10);
  expect(toldEvses()).toEqual([
    [1, settings(true)],
    [2, settings(false)],
  ]);
  await setIso15118("PnCEnabled", "true", 2);
  expect(toldEvses()).toEqual([[2, settings(true)]]);
  await setIso15118("Enabled", "false", 2);
  expect(toldEvses()).toEqual([[2, settings(false, false)]]);
  await setIso15118("Enabled", "true", 2);
  toldEvses();
  await setIso15118("Enabled", "false");
  expect(toldEvses()).toEqual([
    [1, settings(false, false)],
    [2, settings(false, false)],
  ]);
});
