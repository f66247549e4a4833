import { afterEach, beforeEach, expect, test } from "bun:test";
import { cpSync, mkdtempSync, readdirSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readComponentConfig } from "../../../src/device-model/component-config.ts";
import { type DeviceModel, openDeviceModel } from "../../../src/device-model/device-model.ts";
import { configuredSlots } from "../../../src/device-model/network-configuration.ts";
import { NetworkConfiguration } from "../../../src/device-model/variables.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { FakeClock } from "../../support/fake-clock.ts";

let directory: string;
let deviceModel: DeviceModel | undefined;
const told: string[] = [];
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "slots-"));
  told.length = 0;
  cpSync(join(import.meta.dir, "../../../component_config"), directory, { recursive: true });
});
afterEach(() => {
  deviceModel?.close();
  deviceModel = undefined;
  rmSync(directory, { recursive: true, force: true });
});

const open = (): DeviceModel => {
  deviceModel = openDeviceModel({
    path: join(directory, "dm.db"),
    components: readComponentConfig(directory),
    clock: new FakeClock(),
    logger: { ...silentLogger, warn: (message) => void told.push(message) },
  }).deviceModel;
  return deviceModel;
};
const property = (variable_name: string, value?: string) => ({
  variable_name,
  characteristics: { dataType: "string" },
  attributes: [{ mutability: "ReadWrite", ...(value !== undefined && { value }) }],
});
const writeSlot = (instance: string, ...properties: ReturnType<typeof property>[]) =>
  writeFileSync(
    join(directory, `custom/NetworkConfiguration_${instance}.json`),
    JSON.stringify({ name: "NetworkConfiguration", instance, properties: { ...properties } }),
  );

test("without files for them there are the slots that NetworkConfigurationPriority may name", () => {
  for (const name of readdirSync(join(directory, "standardized")))
    if (name.startsWith("NetworkConfiguration")) unlinkSync(join(directory, "standardized", name));
  const model = open();
  expect(configuredSlots(model)).toEqual([1, 2]);
  model.writeAll([[NetworkConfiguration.OcppCsmsUrl.ofInstance(2), "ws://csms"]], "csms");
  model.close();
  expect(open().read(NetworkConfiguration.OcppCsmsUrl.ofInstance(2))).toBe("ws://csms");
});

test("a component with half of its variables is told and completed, so that a profile can be stored in it", () => {
  writeSlot("2", property("OcppCsmsUrl", "ws://of-the-file"), property("Identity"));
  const model = open();
  expect(
    told.filter((line) => line.includes("NetworkConfiguration[2] is described without SecurityProfile")),
  ).toHaveLength(1);
  expect(model.read(NetworkConfiguration.OcppCsmsUrl.ofInstance(2))).toBe("ws://of-the-file");
  model.writeAll([[NetworkConfiguration.SecurityProfile.ofInstance(2), "3"]], "csms");
  model.close();
  expect(open().read(NetworkConfiguration.SecurityProfile.ofInstance(2))).toBe(3);
});

test("a component whose instance is no slot is no slot, and does no harm", () => {
  writeSlot("first", property("OcppCsmsUrl", "ws://nowhere"));
  writeSlot("-1", property("OcppCsmsUrl", "ws://nowhere"));
  expect(configuredSlots(open())).toEqual([1, 2]);
});
