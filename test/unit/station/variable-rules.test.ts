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
