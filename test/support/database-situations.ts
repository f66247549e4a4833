import { Database } from "bun:sqlite";
import { cpSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { copyLibocppDatabase, makeLibocppDatabase, queueTransactionEvent } from "./libocpp-databases.ts";

/** Where a station has its three databases. */
export interface DatabasePaths {
  readonly core: string;
  readonly deviceModel: string;
  readonly everest: string;
}

/** The way to the CSMS, which only the databases know. */
export interface WayToCsms {
  readonly url: string;
  readonly password: string;
}

/** Databases on which a station may find itself when it starts. */
export interface DatabaseSituation {
  readonly name: string;
  /** False: there is nothing, so the component configuration must know the way to the CSMS. */
  readonly isLeft: boolean;
  readonly prepare: (paths: DatabasePaths, way: WayToCsms) => void;
  /** `user_version` of cp.db afterwards. */
  readonly coreVersion: 6 | 7;
  /** Transaction of which three events are queued. */
  readonly transactionId?: string;
}

/** What the CSMS had set in every one of them that is not fresh. */
export const LEFT_BEHIND = { connectionTimeoutSeconds: "77", localListVersion: 12 } as const;

const OWN_FIXTURES = join(import.meta.dir, "../fixtures/own-db");

type Row = readonly [component: string, instance: string | null, variable: string, source: string, value: string];

/** Rows as libocpp writes them; data type and mutability do not matter, the component configuration tells them again. */
function insertVariables(database: Database, rows: readonly Row[], evseId: number | null = null): void {
  for (const [component, instance, variable, source, value] of rows) {
    const known = database
      .query("SELECT ID FROM COMPONENT WHERE NAME = ? AND INSTANCE IS ? AND EVSE_ID IS ?")
      .values(component, instance, evseId)[0]?.[0];
    const componentId =
      known ??
      database
        .query("INSERT INTO COMPONENT (NAME, INSTANCE, EVSE_ID) VALUES (?, ?, ?)")
        .run(component, instance, evseId).lastInsertRowid;
    const { lastInsertRowid } = database
      .query("INSERT INTO VARIABLE (NAME, COMPONENT_ID) VALUES (?, ?)")
      .run(variable, Number(componentId));
    database
      .query("INSERT INTO VARIABLE_CHARACTERISTICS (DATATYPE_ID, VARIABLE_ID, SUPPORTS_MONITORING) VALUES (0, ?, 1)")
      .run(lastInsertRowid);
    database
      .query(
        `INSERT INTO VARIABLE_ATTRIBUTE (VARIABLE_ID, MUTABILITY_ID, PERSISTENT, CONSTANT, TYPE_ID, VALUE_SOURCE, VALUE)
         VALUES (?, 2, 1, 0, 0, ?, ?)`,
      )
      .run(lastInsertRowid, source, value);
  }
}

function profileList(url: string): string {
  const connectionData = {
    messageTimeout: 30,
    ocppCsmsUrl: url,
    ocppInterface: "Wired0",
    ocppTransport: "JSON",
    ocppVersion: "OCPP20",
    securityProfile: 1,
  };
  return JSON.stringify([{ configurationSlot: 1, connectionData }]);
}

/** A device-model file of May's libocpp, or of August's, which has the profiles in components. */
function makeDeviceModel(path: string, version: number, { url, password }: WayToCsms, isAugust: boolean): void {
  makeLibocppDatabase(path, "device_model", version, (database) =>
    insertVariables(database, [
      ["SecurityCtrlr", null, "BasicAuthPassword", "csms", password],
      ["TxCtrlr", null, "EVConnectionTimeOut", "csms", LEFT_BEHIND.connectionTimeoutSeconds],
      ["InternalCtrlr", null, "NetworkConnectionProfiles", "internal", isAugust ? "" : profileList(url)],
      ["OCPPCommCtrlr", null, "NetworkConfigurationPriority", "internal", "1"],
      ...(isAugust
        ? ([
            ["NetworkConfiguration", "1", "OcppCsmsUrl", "internal", url],
            ["NetworkConfiguration", "1", "SecurityProfile", "internal", "1"],
            ["NetworkConfiguration", "1", "OcppInterface", "internal", "Wired0"],
            ["NetworkConfiguration", "1", "OcppTransport", "internal", "JSON"],
            ["NetworkConfiguration", "1", "MessageTimeout", "internal", "30"],
            ["NetworkConfiguration", "1", "Identity", "internal", "cp001"],
            ["NetworkConfiguration", "1", "BasicAuthPassword", "internal", password],
          ] as const)
        : []),
    ]),
  );
}

/** More EVSEs than there are today. */
function makeEverestStore(path: string, version: number): void {
  makeLibocppDatabase(path, "device_model", version, (database) => {
    for (let evseId = 1; evseId <= 4; evseId++)
      insertVariables(database, [["EVSE", null, "AvailabilityState", "internal", "Available"]], evseId);
  });
}

const LIBOCPP_TRANSACTION = "left-by-libocpp";

function fillCore(database: Database): void {
  database.run("UPDATE AUTH_LIST_VERSION SET VERSION = 12");
  database.run("INSERT OR REPLACE INTO AVAILABILITY VALUES (0, 0, 'Operative'), (4, 0, 'Inoperative')");
  for (const [seqNo, eventType, triggerReason] of [
    [0, "Started", "CablePluggedIn"],
    [1, "Updated", "ChargingStateChanged"],
    [2, "Ended", "EVDeparted"],
  ] as const)
    queueTransactionEvent(database, {
      eventType,
      timestamp: `2026-01-01T00:00:0${seqNo}.000Z`,
      triggerReason,
      seqNo,
      transactionInfo: { transactionId: LIBOCPP_TRANSACTION },
      evse: { id: 1, connectorId: 1 },
    });
}

function libocpp(coreVersion: number, deviceModelVersion: number, isAugust = false): DatabaseSituation {
  return {
    name: `libocpp's, core ${coreVersion}, device model ${deviceModelVersion}`,
    isLeft: true,
    coreVersion: coreVersion === 7 ? 7 : 6,
    transactionId: LIBOCPP_TRANSACTION,
    prepare: (paths, way) => {
      mkdirSync(dirname(paths.core), { recursive: true });
      if (coreVersion < 7) makeLibocppDatabase(paths.core, "core", coreVersion, fillCore);
      else
        copyLibocppDatabase("cp-v7-made-from-description.db", paths.core, (database) => {
          for (const table of ["TRANSACTION_QUEUE", "TRANSACTIONS", "METER_VALUE_ITEMS", "METER_VALUES"])
            database.run(`DELETE FROM ${table}`);
          fillCore(database);
        });
      makeDeviceModel(paths.deviceModel, deviceModelVersion, way, isAugust);
      makeEverestStore(paths.everest, deviceModelVersion);
    },
  };
}

const OWN: DatabaseSituation = {
  name: "our own of before August's generation was known",
  isLeft: true,
  coreVersion: 6,
  transactionId: "left-by-own",
  prepare: (paths, { url, password }) => {
    mkdirSync(dirname(paths.core), { recursive: true });
    cpSync(join(OWN_FIXTURES, "cp.db"), paths.core);
    cpSync(join(OWN_FIXTURES, "device_model_storage.db"), paths.deviceModel);
    cpSync(join(OWN_FIXTURES, "everest_device_model_storage.db"), paths.everest);
    const database = new Database(paths.deviceModel);
    const set = database.query(
      "UPDATE VARIABLE_ATTRIBUTE SET VALUE = ? WHERE VARIABLE_ID IN (SELECT ID FROM VARIABLE WHERE NAME = ?)",
    );
    set.run(profileList(url), "NetworkConnectionProfiles");
    set.run("1", "NetworkConfigurationPriority");
    set.run(password, "BasicAuthPassword");
    database.close();
  },
};

/** None at all, libocpp's of every version, and those of this program before it knew of August's generation. */
export const DATABASE_SITUATIONS: readonly DatabaseSituation[] = [
  { name: "none", isLeft: false, coreVersion: 6, prepare: () => {} },
  libocpp(1, 1),
  libocpp(2, 1),
  libocpp(3, 2),
  libocpp(4, 2),
  libocpp(5, 3),
  libocpp(6, 3),
  libocpp(7, 3, true),
  OWN,
];
