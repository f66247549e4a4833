import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { takeStores } from "../../../src/agent/stores.ts";
import { type ModuleParameters, readParameters } from "../../../src/config/parameters.ts";
import { DeviceModel } from "../../../src/device-model/device-model.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const SHIPPED = join(import.meta.dir, "../../../component_config");
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "stores-"));
  mkdirSync(join(directory, "core"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function parameters(): ModuleParameters {
  const delivered = new Map([
    ["CoreDatabasePath", join(directory, "core")],
    ["DeviceModelDatabasePath", join(directory, "device_model.db")],
    ["EverestDeviceModelDatabasePath", join(directory, "everest.db")],
    ["DeviceModelConfigPath", SHIPPED],
  ]);
  const read = readParameters({
    slot: "OCPP201",
    moduleId: "ocpp",
    delivered,
    options: new Map(),
    environment: {},
    shareDirectory: directory,
  });
  return read.parameters;
}

const take = (deviceModel?: DeviceModel) =>
  takeStores({
    parameters: parameters(),
    shareDirectory: directory,
    clock: new FakeClock(),
    logger: silentLogger,
    ...(deviceModel !== undefined && { deviceModel }),
  });

test("databases are new as long as there is none of them, nor one that is being rescued", async () => {
  const first = await take();
  expect(first.areNew).toBe(true);
  const { core, deviceModel, everestStorage } = first.open();
  for (const store of [core, deviceModel, everestStorage]) store.close();
  first.locks.release();

  const again = await take();
  expect(again.areNew).toBe(false);
  again.locks.release();

  for (const name of ["device_model.db", "everest.db"]) rmSync(join(directory, name));
  renameSync(join(directory, "core/cp.db"), join(directory, "core/cp.db.rescued"));
  const rescued = await take();
  expect(rescued.areNew).toBe(false);
  rescued.locks.release();
});

test("one that is there, whatever it is, is not new", async () => {
  writeFileSync(join(directory, "everest.db"), "");
  const taken = await take();
  expect(taken.areNew).toBe(false);
  taken.locks.release();
});

test("the device model that others have already is the one that is filled", async () => {
  const deviceModel = new DeviceModel(silentLogger);
  const taken = await take(deviceModel);
  const stores = taken.open();
  expect(stores.deviceModel).toBe(deviceModel);
  expect([...deviceModel.allComponents()].length).toBeGreaterThan(0);
  for (const store of [stores.core, stores.deviceModel, stores.everestStorage]) store.close();
  taken.locks.release();
});
