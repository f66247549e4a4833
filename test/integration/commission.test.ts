import { expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { Charger } from "../support/charger.ts";

const SHIPPED = join(import.meta.dir, "../../component_config/standardized");
const ComponentFile = v.looseObject({
  properties: v.record(
    v.string(),
    v.looseObject({
      variable_name: v.string(),
      attributes: v.array(v.looseObject({ value: v.optional(v.unknown()) })),
    }),
  ),
});

/** A copy of a shipped file in `custom/` with other values, as docs/COMMISSION.md says. */
function customize(directory: string, file: string, values: Readonly<Record<string, string | number>>): void {
  const content = v.parse(ComponentFile, JSON.parse(readFileSync(join(SHIPPED, file), "utf8")));
  for (const { variable_name, attributes } of Object.values(content.properties)) {
    const [attribute] = attributes;
    if (attribute !== undefined && variable_name in values) attribute.value = values[variable_name];
  }
  mkdirSync(join(directory, "custom"), { recursive: true });
  writeFileSync(join(directory, "custom", file), JSON.stringify(content));
}

test("a station that is described as docs/COMMISSION.md says connects with its identity, password and data", async () => {
  const shipped = v.parse(ComponentFile, JSON.parse(readFileSync(join(SHIPPED, "InternalCtrlr.json"), "utf8")));
  const list = shipped.properties.NetworkConnectionProfiles?.attributes[0]?.value;
  const charger = await Charger.start({
    stopped: true,
    csms: { password: "commissioned-by-hand" },
    // As shipped, where another charger would have the way in it already.
    patch: { InternalCtrlr: { NetworkConnectionProfiles: String(list) } },
  });
  try {
    const config = join(charger.directory, "component_config");
    customize(config, "NetworkConfiguration_1.json", {
      OcppCsmsUrl: charger.csms.url,
      SecurityProfile: 1,
      Identity: "STATION-7",
      BasicAuthPassword: "commissioned-by-hand",
      OcppInterface: "Any",
    });
    customize(config, "InternalCtrlr.json", { ChargePointModel: "Post 22", ChargePointVendor: "Maker" });
    await charger.startStation();
    expect(charger.csms.lastHandshake?.url).toBe("/STATION-7");
    const boot = await charger.csms.waitFor("BootNotification");
    expect(boot.request).toMatchObject({ chargingStation: { model: "Post 22", vendorName: "Maker" } });
    expect(charger.log).toContain(`Connected to ${charger.csms.url} (slot 1)`);
  } finally {
    await charger.stop();
  }
}, 30_000);
