import { Database } from "bun:sqlite";
import { afterEach, expect, test } from "bun:test";
import { join } from "node:path";
import { variablesView } from "../../../src/device-model/variables-view.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

test("inspect shows network profiles without their secrets, in the components and in the list", async () => {
  charger = new InProcessCharger();
  charger.network = { canSetUpApnAndVpn: true, configure: async () => ({ status: "Ready" }) };
  await charger.start();
  const connectionData = {
    messageTimeout: 30,
    ocppCsmsUrl: "ws://second:9000",
    ocppInterface: "Wireless0",
    ocppTransport: "JSON",
    ocppVersion: "OCPP20",
    securityProfile: 1,
    apn: { apn: "internet", apnUserName: "user", apnPassword: "secret-1", simPin: 7777777, apnAuthentication: "PAP" },
    vpn: { server: "vpn.example", user: "u", password: "secret-2", key: "secret-3", type: "IPSec" },
  };
  const { body } = await charger.call("SetNetworkProfile", { configurationSlot: 2, connectionData });
  expect(body).toEqual({ status: "Accepted" });
  const database = new Database(join(charger.directory, "dm.db"), { readonly: true });
  const rows = variablesView(database);
  database.close();
  const shown = JSON.stringify(rows);
  expect(shown).toContain("vpn.example");
  expect(shown).not.toMatch(/secret-\d|7777777/);
  const ofSlot = rows.filter(({ component }) => component === "NetworkConfiguration[2]");
  for (const name of ["ApnPassword", "SimPin", "VpnPassword", "VpnKey"])
    expect(ofSlot.find(({ variable }) => variable === name)?.value).toBe("***");
});
