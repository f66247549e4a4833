import { afterAll, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localAddressFor } from "../../../src/agent/network-interface.ts";
import { openDeviceModel } from "../../../src/device-model/device-model.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const directory = mkdtempSync(join(tmpdir(), "interfaces-"));
afterAll(() => rmSync(directory, { recursive: true }));

/** A device model in which InternalCtrlr.IFace has these values, by instance ("" for none). */
function deviceModelWith(values: Readonly<Record<string, string>>) {
  const variables = Object.entries(values).map(([instance, value]) => ({
    name: "IFace",
    ...(instance !== "" && { instance }),
    characteristics: { dataType: "string" as const, supportsMonitoring: false },
    attributes: [{ type: "Actual" as const, mutability: "ReadOnly" as const, value }],
  }));
  return openDeviceModel({
    path: join(directory, `${Bun.hash(JSON.stringify(values))}.db`),
    components: [{ name: "InternalCtrlr", variables }],
    clock: new FakeClock(),
    logger: silentLogger,
  }).deviceModel;
}
const addressOf = async (
  values: Readonly<Record<string, string>>,
  ocppInterface = "Wired0",
  url = "ws://csms.example",
) => {
  const deviceModel = deviceModelWith(values);
  try {
    return await localAddressFor({ deviceModel, network: undefined }, { slot: 1, ocppInterface }, url);
  } finally {
    deviceModel.close();
  }
};

test("nothing is set out: the routes of the operating system decide", async () => {
  expect(await addressOf({})).toBeUndefined();
  expect(await addressOf({ "": "" })).toBeUndefined();
});

test("an interface of the profile goes before the one for all", async () => {
  const values = { "": "10.0.0.9", Wireless0: "lo" };
  expect(await addressOf(values, "Wireless0")).toBe("127.0.0.1");
  expect(await addressOf(values, "Wired0")).toBe("10.0.0.9");
});

test("an interface that is not there makes the attempt fail, so that the next profile gets its turn", async () => {
  expect(addressOf({ Wireless0: "wwan9" }, "Wireless0")).rejects.toThrow("wwan9");
});
