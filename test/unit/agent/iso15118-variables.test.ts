import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { followIso15118 } from "../../../src/agent/iso15118-variables.ts";
import { hardwareComponents } from "../../../src/bridge/device-model-components.ts";
import { baseReport } from "../../../src/device-model/reports.ts";
import { DeviceModelStorage } from "../../../src/device-model/storage.ts";
import type { ChargingNeedsType } from "../../../src/ocpp/v201/index.ts";
import { addSettingsOf } from "../../support/evse-settings.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const start = async (variables: Record<string, string> = {}, ofFirstEvse: Record<string, string> = {}) => {
  charger = await new InProcessCharger(1, variables).start();
  if (Object.keys(ofFirstEvse).length > 0) addSettingsOf(charger, 1, ofFirstEvse);
  const { clock, logger } = charger.context;
  const extensions = hardwareComponents(charger.context.hardware.evses, {
    capabilitiesOf: () => ({}),
    extensionEvseIds: [1, 2],
  }).filter(({ name }) => name === "ISO15118Ctrlr");
  const storage = new DeviceModelStorage({ path: join(charger.directory, "extensions.db"), clock, logger });
  charger.deviceModel.addComponents(extensions, storage, { source: "EVEREST" });
  followIso15118(charger.context, charger.hardwareEvents);
};
const value = (variable: string, evseId?: number): string | undefined => {
  const result = charger.deviceModel.get(
    { component: "ISO15118Ctrlr", variable, ...(evseId !== undefined && { evseId }) },
    "Actual",
  );
  return "value" in result ? result.value : result.status;
};
const modes = () => [undefined, 1, 2].map((evseId) => value("RequestedEnergyTransferMode", evseId));
const want = (evseId: number, requestedEnergyTransfer: ChargingNeedsType["requestedEnergyTransfer"]): void =>
  charger.hardwareEvents.emit("chargingNeeds", { evseId, needs: { requestedEnergyTransfer } });

test("RequestedEnergyTransferMode: of each EVSE what its EV asks for, of the station what was asked for last", async () => {
  await start();
  expect(modes()).toEqual(["Undetermined", "Undetermined", "Undetermined"]);
  want(1, "DC");
  want(2, "AC_three_phase");
  expect(modes()).toEqual(["AC_three_phase", "DC", "AC_three_phase"]);
  charger.event(1, { kind: "SessionFinished" });
  expect(modes()).toEqual(["AC_three_phase", "Undetermined", "AC_three_phase"]);
  charger.event(2, { kind: "SessionFinished" });
  expect(modes()).toEqual(["Undetermined", "Undetermined", "Undetermined"]);
});

test("MaxScheduleEntries: as many periods as a schedule may have here, 1,024 at most", async () => {
  await start({ "SmartChargingCtrlr.PeriodsPerSchedule": "24" });
  expect(value("MaxScheduleEntries")).toBe("24");
  charger.dispose();
  await start({ "SmartChargingCtrlr.PeriodsPerSchedule": "5000", "ISO15118Ctrlr.MaxScheduleEntries": "7" });
  expect(value("MaxScheduleEntries")).toBe("1024");
});

describe("RequestMeteringReceipt", () => {
  const set = async (attributeValue: string) => {
    const { body } = await charger.call("SetVariables", {
      setVariableData: [
        { component: { name: "ISO15118Ctrlr" }, variable: { name: "RequestMeteringReceipt" }, attributeValue },
      ],
    });
    return (body as { setVariableResult: unknown[] }).setVariableResult[0];
  };

  test("what EVerest cannot do is not Accepted (B05.FR.07)", async () => {
    await start();
    expect(value("RequestMeteringReceipt")).toBe("false");
    expect(await set("true")).toMatchObject({
      attributeStatus: "Rejected",
      attributeStatusInfo: { reasonCode: "UnsupportedParam" },
    });
    expect(await set("false")).toMatchObject({ attributeStatus: "Accepted" });
  });

  test("nor told as if it were, whatever a file wants", async () => {
    await start({ "ISO15118Ctrlr.RequestMeteringReceipt": "true" });
    expect(value("RequestMeteringReceipt")).toBe("false");
  });
});

test("the component is complete: every variable of the appendices is told with a list or a value that fits it", async () => {
  await start();
  const told = [...baseReport(charger.deviceModel, "FullInventory", 2_500)].filter(
    ({ component }) => component.name === "ISO15118Ctrlr" && component.evse === undefined,
  );
  expect(told.map(({ variable }) => variable.name).sort()).toEqual([
    "Available",
    "CentralContractValidationAllowed",
    "ContractCertificateInstallationEnabled",
    "ContractValidationOffline",
    "CountryName",
    "Enabled",
    "MaxScheduleEntries",
    "OrganizationName",
    "PnCEnabled",
    "RequestMeteringReceipt",
    "RequestedEnergyTransferMode",
    "SeccId",
    "V2GCertificateInstallationEnabled",
  ]);
  const mode = told.find(({ variable }) => variable.name === "RequestedEnergyTransferMode");
  expect(mode?.variableCharacteristics?.valuesList?.split(",")).toContain(String(mode?.variableAttribute[0]?.value));
});

test("incident: settings of Plug and Charge that a component file has for an EVSE were lost where there is an extension", async () => {
  await start({}, { PnCEnabled: "false" });
  expect([value("PnCEnabled", 1), value("RequestedEnergyTransferMode", 1)]).toEqual(["false", "Undetermined"]);
  const { body } = await charger.call("SetVariables", {
    setVariableData: [
      {
        component: { name: "ISO15118Ctrlr", evse: { id: 1 } },
        variable: { name: "PnCEnabled" },
        attributeValue: "true",
      },
    ],
  });
  expect(body).toMatchObject({ setVariableResult: [{ attributeStatus: "Accepted" }] });
  expect([value("PnCEnabled", 1), value("PnCEnabled", 2)]).toEqual(["true", "UnknownVariable"]);
  const reported = [...baseReport(charger.deviceModel, "FullInventory", 2_500)].filter(
    ({ component }) => component.name === "ISO15118Ctrlr" && component.evse?.id === 1,
  );
  expect(reported.map(({ variable }) => variable.name).sort()).toEqual([
    "Enabled",
    "PnCEnabled",
    "RequestedEnergyTransferMode",
    "ServiceRenegotiationSupport",
  ]);
});
