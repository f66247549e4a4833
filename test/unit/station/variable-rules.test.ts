import { afterEach, expect, test } from "bun:test";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

/** The list of a vendor's configuration may promise more than the station can do. */
async function set(variable: string, value: string): Promise<unknown> {
  charger = await new InProcessCharger().start();
  const found = charger.deviceModel.find({ component: "TxCtrlr", variable });
  if (typeof found !== "string")
    found.characteristics = {
      ...found.characteristics,
      valuesList: "ParkingBayOccupancy,EVConnected,Authorized,DataSigned",
    };
  const [result] = await charger.deviceModel.set(
    [{ address: { component: "TxCtrlr", variable }, attributeType: "Actual", value }],
    "csms",
  );
  return result?.status;
}

test.each([
  ["TxStartPoint", "ParkingBayOccupancy", "Rejected"],
  ["TxStartPoint", "EVConnected,ParkingBayOccupancy", "Rejected"],
  ["TxStartPoint", "", "Rejected"],
  ["TxStartPoint", "DataSigned", "Accepted"],
  ["TxStopPoint", "DataSigned", "Rejected"],
  ["TxStopPoint", "", "Rejected"],
  ["TxStopPoint", "EVConnected, Authorized", "Accepted"],
])(
  "flaw of the C++ module: points that nothing here reaches end transactions never or at once: %s %s is %s (B05.FR.07)",
  async (variable, value, status) => {
    expect(await set(variable, value)).toBe(status);
  },
);

test.each([
  ["AuthCtrlr", "MasterPassGroupId", "POLICE-7@city.example", "Accepted"],
  ["AuthCtrlr", "MasterPassGroupId", "", "Accepted"],
  ["AuthCtrlr", "MasterPassGroupId", "x".repeat(37), "Rejected"],
  ["AuthCtrlr", "MasterPassGroupId", "Polizei Köln", "Rejected"],
])(
  "incident: any text was taken as an identifier: %s.%s %p is %s (part 2, 2.1.4)",
  async (name, variable, value, status) => {
    charger = await new InProcessCharger().start();
    const found = charger.deviceModel.find({ component: name, variable });
    // The file of a vendor may leave the limit out.
    if (typeof found !== "string") found.characteristics = { dataType: "string", supportsMonitoring: false };
    const address = { component: name, variable };
    const [result] = await charger.deviceModel.set([{ address, attributeType: "Actual", value }], "csms");
    expect(result?.status).toBe(status as "Accepted");
  },
);
