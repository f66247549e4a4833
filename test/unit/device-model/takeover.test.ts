import { Database } from "bun:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hardwareComponents } from "../../../src/bridge/device-model-components.ts";
import { readComponentConfig } from "../../../src/device-model/component-config.ts";
import type { ComponentDefinition } from "../../../src/device-model/definitions.ts";
import { type DeviceModel, openDeviceModel } from "../../../src/device-model/device-model.ts";
import { DeviceModelStorage } from "../../../src/device-model/storage.ts";
import { silentLogger } from "../../../src/log/logger.ts";
import { variable } from "../../support/device-model.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { copyLibocppDatabase, makeLibocppDatabase } from "../../support/libocpp-databases.ts";

const COMPONENTS = readComponentConfig(join(import.meta.dir, "../../../component_config"));
const clock = new FakeClock();
let directory: string;
let path: string;
let deviceModel: DeviceModel | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "dm-takeover-"));
  path = join(directory, "device_model_storage.db");
});
afterEach(() => {
  deviceModel?.close();
  deviceModel = undefined;
  rmSync(directory, { recursive: true, force: true });
});

const told: string[] = [];
const open = (components: readonly ComponentDefinition[] = COMPONENTS): DeviceModel => {
  const logger = { ...silentLogger, warn: (message: string) => void told.push(message) };
  deviceModel = openDeviceModel({ path, components, clock, logger }).deviceModel;
  return deviceModel;
};
const value = (component: string, variable: string): string | undefined => {
  const found = deviceModel?.find({ component, variable });
  return found === undefined || typeof found === "string" ? found : deviceModel?.valueOf(found, "Actual");
};
const rows = (sql: string) => {
  const database = new Database(path, { readonly: true });
  try {
    return database.query(sql).values();
  } finally {
    database.close();
  }
};
const MONITORS = `SELECT m.ID, v.NAME, m.SEVERITY, m."TRANSACTION", m.TYPE_ID, m.CONFIG_TYPE_ID, m.VALUE, m.REFERENCE_VALUE
  FROM VARIABLE_MONITORING m JOIN VARIABLE v ON v.ID = m.VARIABLE_ID ORDER BY m.ID`;

/** What makes a station reachable, in a file of libocpp with one schema version. */
function makeDeviceModel(version: number): void {
  makeLibocppDatabase(path, "device_model", version, (database) => {
    const values = [
      ["SecurityCtrlr", "BasicAuthPassword", 1, "csms", "a password of the CSMS"],
      ["InternalCtrlr", "NetworkConnectionProfiles", 2, "internal", '[{"configurationSlot":1}]'],
      ["OCPPCommCtrlr", "HeartbeatInterval", 2, "csms", "123"],
      ["OCPPCommCtrlr", "WebSocketPingInterval", 2, "default", "77"],
      ["TxCtrlr", "EVConnectionTimeOut", 2, "some_module", "55"],
      ["GoneCtrlr", "Gone", 2, "csms", "x"],
    ] as const;
    for (const [component, variable, mutability, source, text] of values) {
      const known = database.query("SELECT ID FROM COMPONENT WHERE NAME = ?").values(component)[0]?.[0];
      const componentId =
        known ?? database.query("INSERT INTO COMPONENT (NAME) VALUES (?)").run(component).lastInsertRowid;
      const variableId = database
        .query("INSERT INTO VARIABLE (NAME, COMPONENT_ID) VALUES (?, ?)")
        .run(variable, Number(componentId)).lastInsertRowid;
      database
        .query("INSERT INTO VARIABLE_CHARACTERISTICS (DATATYPE_ID, VARIABLE_ID, SUPPORTS_MONITORING) VALUES (0, ?, 1)")
        .run(variableId);
      database
        .query(
          "INSERT INTO VARIABLE_ATTRIBUTE (VARIABLE_ID, MUTABILITY_ID, PERSISTENT, CONSTANT, TYPE_ID, VALUE_SOURCE, VALUE) VALUES (?, ?, 1, 0, NULL, ?, ?)",
        )
        .run(variableId, mutability, source, text);
      if (variable === "HeartbeatInterval")
        database
          .query(
            'INSERT INTO VARIABLE_MONITORING (ID, VARIABLE_ID, SEVERITY, "TRANSACTION", TYPE_ID, CONFIG_TYPE_ID, VALUE, REFERENCE_VALUE) VALUES (41, ?, 5, 0, 2, 2, 3.5, ?)',
          )
          .run(variableId, "120");
    }
  });
}

describe("a device model that libocpp left (STORES 2)", () => {
  for (const version of [1, 2, 3])
    test(`schema version ${version}: what somebody set stays, and so do monitors`, () => {
      makeDeviceModel(version);
      open();
      expect(rows("PRAGMA user_version")).toEqual([[3]]);
      expect(value("SecurityCtrlr", "BasicAuthPassword")).toBe("a password of the CSMS");
      expect(value("InternalCtrlr", "NetworkConnectionProfiles")).toBe('[{"configurationSlot":1}]');
      expect(value("OCPPCommCtrlr", "HeartbeatInterval")).toBe("123");
      expect(value("TxCtrlr", "EVConnectionTimeOut")).toBe("55");
      // Nobody set it: the file decides.
      expect(value("OCPPCommCtrlr", "WebSocketPingInterval")).not.toBe("77");
      expect(value("GoneCtrlr", "Gone")).toBe("UnknownComponent");
      expect(rows(MONITORS)).toEqual([[41, "HeartbeatInterval", 5, 0, 2, 2, 3.5, "120"]]);
      expect(readdirSync(directory).filter((file) => file.includes(".before-"))).toHaveLength(1);
    });

  test("components that vanished from the files are kept, unused and told; EVSEs of example files are not (CHANGES c.10)", () => {
    makeDeviceModel(3);
    const database = new Database(path);
    database.run("INSERT INTO COMPONENT (NAME, EVSE_ID) VALUES ('EVSE', 7)");
    database.run("INSERT INTO COMPONENT (NAME, EVSE_ID, CONNECTOR_ID) VALUES ('Connector', 7, 1)");
    database.close();
    for (let start = 0; start < 2; start++) {
      told.length = 0;
      open();
      expect(value("GoneCtrlr", "Gone")).toBe("UnknownComponent");
      expect(told.filter((line) => line.includes("kept unused"))).toEqual([expect.stringContaining("GoneCtrlr")]);
      deviceModel?.close();
      deviceModel = undefined;
    }
    expect(
      rows(`SELECT a.VALUE, a.VALUE_SOURCE FROM VARIABLE_ATTRIBUTE a JOIN VARIABLE v ON v.ID = a.VARIABLE_ID
            WHERE v.NAME = 'Gone'`),
    ).toEqual([["x", "csms"]]);
    expect(rows("SELECT NAME FROM COMPONENT WHERE NAME IN ('EVSE', 'Connector')")).toEqual([]);
    // Described again, it has the value that the CSMS gave it.
    const gone = { name: "GoneCtrlr", variables: [variable("Gone", "from the file")] };
    open([...COMPONENTS, gone]);
    expect(value("GoneCtrlr", "Gone")).toBe("x");
  });

  test("the copy has what the component configuration does not describe any more", () => {
    makeDeviceModel(3);
    open();
    const [copy = ""] = readdirSync(directory).filter((file) => file.includes(".before-"));
    const database = new Database(join(directory, copy), { readonly: true });
    expect(database.query("SELECT NAME FROM COMPONENT WHERE NAME = 'GoneCtrlr'").values()).toEqual([["GoneCtrlr"]]);
    database.close();
  });

  test("a recorded file keeps its values and loses no variable; an edit made later counts", () => {
    copyLibocppDatabase("device_model_storage-after-csms-session.db", path);
    open();
    expect(value("OCPPCommCtrlr", "HeartbeatInterval")).toBe("120");
    expect(value("InternalCtrlr", "NetworkConnectionProfiles")).toContain("ws://127.0.0.1:35305");
    expect(value("SecurityCtrlr", "SecurityProfile")).toBe("1");
    deviceModel?.close();
    const edited = COMPONENTS.map((component) => ({
      ...component,
      variables: component.variables.map((variable) =>
        variable.name === "NetworkConnectionProfiles"
          ? { ...variable, attributes: variable.attributes.map((attribute) => ({ ...attribute, value: "[]" })) }
          : variable,
      ),
    }));
    open(edited);
    expect(value("InternalCtrlr", "NetworkConnectionProfiles")).toBe("[]");
    expect(value("OCPPCommCtrlr", "HeartbeatInterval")).toBe("120");
  });
});

test("the EVerest store: rows that the flaw of its writer left are cleaned up, values stay (STORES 3)", () => {
  makeLibocppDatabase(path, "device_model", 3, (database) => {
    database.run("INSERT INTO COMPONENT (ID, NAME, EVSE_ID) VALUES (1, 'ConnectedEV', 1), (2, 'EVSE', 1)");
    for (let index = 0; index < 20; index++) database.run("INSERT INTO VARIABLE (NAME, COMPONENT_ID) VALUES ('', 1)");
    database.run("INSERT INTO VARIABLE (ID, NAME, COMPONENT_ID, SOURCE) VALUES (100, 'AllowReset', 2, 'EVEREST')");
    database.run("INSERT INTO VARIABLE_CHARACTERISTICS (DATATYPE_ID, VARIABLE_ID) VALUES (4, 100)");
    database.run(
      "INSERT INTO VARIABLE_ATTRIBUTE (VARIABLE_ID, MUTABILITY_ID, TYPE_ID, VALUE_SOURCE, VALUE) VALUES (100, 2, 0, 'csms', 'true')",
    );
  });
  const storage = new DeviceModelStorage({ path, clock, logger: silentLogger });
  const attributes = storage.apply(
    hardwareComponents([{ evseId: 1, connectors: [{ connectorId: 1 }] }], { capabilitiesOf: () => ({}) }),
    "EVEREST",
  );
  storage.close();
  expect(rows("SELECT count(*) FROM VARIABLE WHERE NAME = ''")).toEqual([[0]]);
  expect([...attributes].find(([key]) => key.includes("allowreset"))?.[1]).toMatchObject({
    value: "true",
    source: "csms",
  });
});

test("the EVerest store: EVSEs and connectors that are no more are removed, so that August's libocpp can start on it", () => {
  const hardware = (count: number) =>
    hardwareComponents(
      Array.from({ length: count }, (_, index) => ({ evseId: index + 1, connectors: [{ connectorId: 1 }] })),
      { capabilitiesOf: () => ({}) },
    );
  for (const count of [3, 1]) {
    open();
    const storage = new DeviceModelStorage({ path: join(directory, "everest.db"), clock, logger: silentLogger });
    deviceModel?.addComponents(hardware(count), storage, { source: "EVEREST" });
    deviceModel?.close();
    deviceModel = undefined;
  }
  const database = new Database(join(directory, "everest.db"), { readonly: true });
  expect(database.query("SELECT DISTINCT EVSE_ID FROM COMPONENT WHERE EVSE_ID > 0").values()).toEqual([[1]]);
  database.close();
});
