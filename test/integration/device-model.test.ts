import { expect, test } from "bun:test";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { NotifyReportRequest } from "../../src/ocpp/v201/index.ts";
import { Charger, type ChargerOptions } from "../support/charger.ts";

/** EVerest's own files, where the reference material lies beside the worktree. */
const EVEREST_CONFIG = join(import.meta.dir, "../../../shared/reference/everest/component_config");

async function onCharger(options: ChargerOptions, work: (charger: Charger) => Promise<void>): Promise<void> {
  const charger = await Charger.start(options);
  try {
    await work(charger);
    expect(charger.csms.violations).toEqual([]);
  } finally {
    await charger.stop();
  }
}

async function fullInventory(charger: Charger): Promise<NonNullable<NotifyReportRequest["reportData"]>> {
  const from = charger.csms.calls.length;
  await charger.csms.send("GetBaseReport", { requestId: 1, reportBase: "FullInventory" });
  await charger.csms.waitFor("NotifyReport", ({ tbc }) => tbc === false, 10_000, from);
  return charger.csms.calls
    .slice(from)
    .filter(({ action }) => action === "NotifyReport")
    .flatMap(({ request }) => (request as unknown as NotifyReportRequest).reportData ?? []);
}

test.skipIf(!existsSync(EVEREST_CONFIG))(
  "EVerest's own component configuration works unchanged, also with its example EVSEs",
  () =>
    onCharger({ componentConfig: EVEREST_CONFIG }, async (charger) => {
      const entries = await fullInventory(charger);
      expect(entries.length).toBeGreaterThan(300);
      const withoutValue = entries.filter(({ variableAttribute }) =>
        variableAttribute.some(({ mutability, value }) => mutability !== "WriteOnly" && value === undefined),
      );
      expect(withoutValue).toEqual([]);
      expect(entries.filter(({ component }) => component.name === "EVSE" && component.evse?.id === 1)).toHaveLength(
        entries.filter(({ component }) => component.name === "EVSE" && component.evse?.id === 2).length,
      );
      const values = await charger.csms.send("GetVariables", {
        getVariableData: [
          { component: { name: "ChargingStation" }, variable: { name: "Model" } },
          { component: { name: "AuthCacheCtrlr" }, variable: { name: "Policy" } },
          { component: { name: "AuthCacheCtrlr" }, variable: { name: "LifeTime" } },
        ],
      });
      expect(values).toMatchObject({
        response: {
          getVariableResult: [
            { attributeStatus: "Accepted", attributeValue: "EVerestModel" },
            { attributeStatus: "Accepted", attributeValue: "LRU" },
            { attributeStatus: "Accepted", attributeValue: "" },
          ],
        },
      });
    }),
  20_000,
);

test(
  "a broken component configuration refuses the start, names every defect, and leaves the old databases alone",
  () =>
    onCharger({}, async (charger) => {
      await charger.csms.send("SetVariables", {
        setVariableData: [
          { component: { name: "TxCtrlr" }, variable: { name: "EVConnectionTimeOut" }, attributeValue: "77" },
        ],
      });
      await charger.end("SIGTERM");
      const files = ["device_model.db", "everest_device_model.db", "core/cp.db"].map((name) =>
        join(charger.directory, name),
      );
      const before = files.map((path) => readFileSync(path).toString("base64"));
      const standardized = join(charger.directory, "component_config/standardized");
      const txCtrlr = readFileSync(join(standardized, "TxCtrlr.json"), "utf8");
      writeFileSync(join(standardized, "TxCtrlr.json"), txCtrlr.replace('"name"', '"colour": 1,\n  "name"'));
      writeFileSync(join(standardized, "AuthCtrlr.json"), '{"name": "AuthCtrlr",}');
      writeFileSync(
        join(standardized, "ClockCtrlr2.json"),
        readFileSync(join(standardized, "ClockCtrlr.json"), "utf8").replace('"boolean"', '"bool"'),
      );
      rmSync(join(standardized, "DeviceDataCtrlr.json"));
      const ended = new Promise<number | null>((resolve) => charger.spawn().once("exit", (code) => resolve(code)));
      expect(await ended).not.toBe(0);
      expect(charger.log).toContain("TxCtrlr.json:2:3: colour: unknown key");
      expect(charger.log).toMatch(/AuthCtrlr\.json:1:22: a name in double quotes is expected/);
      expect(charger.log).toMatch(/ClockCtrlr2\.json:\d+:\d+: properties\.\w+\.characteristics\.dataType: /);
      expect(files.map((path) => readFileSync(path).toString("base64"))).toEqual(before);
      writeFileSync(join(standardized, "AuthCtrlr.json"), '{"name": "AuthCtrlr", "properties": {}}');
      rmSync(join(standardized, "ClockCtrlr2.json"));
      const again = new Promise<number | null>((resolve) => charger.spawn().once("exit", (code) => resolve(code)));
      expect(await again).not.toBe(0);
      expect(charger.log).toContain("component DeviceDataCtrlr is required, but no file describes it");
      expect(charger.log).toMatch(/AuthCtrlr\.json:1:2: name: the variable AuthorizeRemoteStart is required/);
    }),
  20_000,
);

test(
  "an edited profile counts at the next start, a value of the CSMS stays (STORES 2.2)",
  () =>
    onCharger({}, async (charger) => {
      const profiles = { component: { name: "InternalCtrlr" }, variable: { name: "NetworkConnectionProfiles" } };
      const timeOut = { component: { name: "TxCtrlr" }, variable: { name: "EVConnectionTimeOut" } };
      const values = async () => {
        const answer = await charger.csms.send("GetVariables", { getVariableData: [profiles, timeOut] });
        const { getVariableResult } = (answer as { response: { getVariableResult: { attributeValue: string }[] } })
          .response;
        return getVariableResult.map(({ attributeValue }) => attributeValue);
      };
      await charger.csms.send("SetNetworkProfile", {
        configurationSlot: 2,
        connectionData: {
          ocppVersion: "OCPP20",
          ocppTransport: "JSON",
          ocppCsmsUrl: "ws://elsewhere.example/ocpp",
          messageTimeout: 12,
          securityProfile: 1,
          ocppInterface: "Wired0",
        },
      });
      await charger.csms.send("SetVariables", { setVariableData: [{ ...timeOut, attributeValue: "77" }] });
      expect((await values())[0]).toContain("elsewhere.example");
      await charger.end("SIGTERM");
      const edit = (file: string, from: string, to: string) => {
        const path = join(charger.directory, "component_config/standardized", file);
        writeFileSync(path, readFileSync(path, "utf8").replace(from, to));
      };
      edit("InternalCtrlr.json", 'messageTimeout\\":30', 'messageTimeout\\":31');
      edit("TxCtrlr.json", '"value": 120', '"value": 60');
      await charger.startStation();
      const [edited = "", kept] = await values();
      expect(edited).toContain('"messageTimeout":31');
      // The edited list does not speak of slot 2, which the CSMS has set.
      expect(edited).toContain("elsewhere.example");
      expect(kept).toBe("77");
      expect(charger.log).toContain("TxCtrlr.EVConnectionTimeOut was edited in the component configuration");
    }),
  20_000,
);

test(
  "EVerest's store: parameters of modules are read and written where they live; a vehicle is described",
  () =>
    onCharger({ stopped: true, optionalModules: true }, async (charger) => {
      const parameter = (name: string, value: unknown, mutability: string) => ({
        name,
        value,
        characteristics: { datatype: typeof value === "boolean" ? "bool" : "string", mutability },
      });
      const { everest, csms } = charger;
      everest.moduleParameters = {
        evse_manager_1: {
          "!module": [
            parameter("evse_id", "DE*PNX*E1", "ReadOnly"),
            parameter("session_logging", false, "ReadWrite"),
            parameter("admin_password", "hidden", "ReadWrite"),
          ],
        },
      };
      await charger.startStation();
      const component = { name: "EvseManager", instance: "evse_manager_1", evse: { id: 1 } };
      const set = async (name: string, attributeValue: string) => {
        const answer = await csms.send("SetVariables", {
          setVariableData: [{ component, variable: { name }, attributeValue }],
        });
        return (answer as { response: { setVariableResult: { attributeStatus: string }[] } }).response
          .setVariableResult[0]?.attributeStatus;
      };
      expect(await set("session_logging", "true")).toBe("RebootRequired");
      expect(await set("session_logging", "maybe")).toBe("Rejected");
      expect(await set("evse_id", "DE*PNX*E2")).toBe("Rejected");
      everest.parameterStatus = "Rejected";
      expect(await set("session_logging", "false")).toBe("Rejected");
      expect(everest.changedParameters).toEqual(
        ["true", "false"].map((value) => ({
          identifier: {
            module_id: "evse_manager_1",
            module_implementation_id: "!module",
            configuration_parameter_name: "session_logging",
          },
          value,
        })),
      );
      const protocol = (uri: string, priority: number) => ({
        protocol_namespace: uri,
        version_number_major: 2,
        version_number_minor: 0,
        schema_id: 1,
        priority,
      });
      await everest.bus.variable("iso15118", "main", "ev_info", {
        supported_protocols: { Protocols: [protocol("urn:iso:15118:2", 1)] },
        selected_protocol: protocol("urn:iso:15118:2", 1),
        evcc_id: "AA:BB:CC:DD:EE:FF",
      });
      for (let attempt = 0; attempt < 100; attempt++) {
        const entries = await fullInventory(charger);
        const value = (name: string, variable: string, instance?: string) =>
          entries.find(
            (entry) =>
              entry.component.name === name &&
              entry.component.evse?.id === 1 &&
              entry.variable.name === variable &&
              entry.variable.instance === instance,
          )?.variableAttribute[0];
        if (value("ConnectedEV", "ProtocolAgreed")?.value === "") continue;
        expect(value("ConnectedEV", "ProtocolSupportedByEV", "1")?.value).toBe("urn:iso:15118:2,2,0");
        expect(value("EVSE", "ISO15118EvseId")?.value).toBe("DE*PNX*E1");
        expect(value("EvseManager", "admin_password")).toEqual({
          type: "Actual",
          mutability: "WriteOnly",
          persistent: true,
          constant: false,
        });
        expect(value("EvseManager", "session_logging")?.value).toBe("true");
        return;
      }
      throw new Error("the vehicle was never described");
    }),
  30_000,
);
