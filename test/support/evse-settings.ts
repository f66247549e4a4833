import { join } from "node:path";
import { DeviceModelStorage } from "../../src/device-model/storage.ts";
import type { InProcessCharger } from "./in-process-charger.ts";

/** Gives one EVSE an ISO15118Ctrlr of its own, with these booleans, as a component file may. */
export function addSettingsOf(
  { context, deviceModel, directory }: InProcessCharger,
  evseId: number,
  values: Readonly<Record<string, string>>,
): void {
  const { clock, logger } = context;
  const storage = new DeviceModelStorage({ path: join(directory, `evse-${evseId}.db`), clock, logger });
  const variables = Object.entries(values).map(([name, value]) => ({
    name,
    characteristics: { dataType: "boolean", supportsMonitoring: true } as const,
    attributes: [{ type: "Actual", mutability: "ReadWrite", value } as const],
  }));
  deviceModel.addComponents([{ name: "ISO15118Ctrlr", evseId, variables }], storage, { source: null });
}
