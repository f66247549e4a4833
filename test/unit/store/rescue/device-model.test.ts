import { Database } from "bun:sqlite";
import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readComponentConfig } from "../../../../src/device-model/component-config.ts";
import { openDeviceModel } from "../../../../src/device-model/device-model.ts";
import { silentLogger } from "../../../../src/log/logger.ts";
import { flipBytes, PAGE, pagesOf, zeroPage } from "../../../support/damage.ts";
import { FakeClock } from "../../../support/fake-clock.ts";

const clock = new FakeClock();
const components = readComponentConfig(join(import.meta.dir, "../../../../component_config")).filter(
  ({ name }) => name !== "EVSE" && name !== "Connector",
);
let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "rescue-model-"));
  path = join(directory, "device_model.db");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const open = () => openDeviceModel({ path, components, clock, logger: silentLogger });

/** What a CSMS has set, and a monitor; the file as a station leaves it. */
function leave(): number {
  open().deviceModel.close();
  const database = new Database(path);
  const changed = database
    .query("UPDATE VARIABLE_ATTRIBUTE SET VALUE = '77', VALUE_SOURCE = 'csms' WHERE ID % 10 = 0")
    .run().changes;
  const variable = Number(database.query("SELECT min(ID) FROM VARIABLE").values()[0]?.[0]);
  database
    .query(
      `INSERT INTO VARIABLE_MONITORING (ID, VARIABLE_ID, SEVERITY, "TRANSACTION", TYPE_ID, CONFIG_TYPE_ID, VALUE) VALUES (40, ?, 5, 0, 0, 2, 11)`,
    )
    .run(variable);
  database.run("UPDATE sqlite_sequence SET seq = 55 WHERE name = 'VARIABLE_MONITORING'");
  database.close();
  return changed;
}

function count(sql: string): number {
  const database = new Database(path, { readonly: true });
  try {
    return Number(database.query(sql).values()[0]?.[0]);
  } finally {
    database.close();
  }
}

const SET_BY_CSMS = "SELECT count(*) FROM VARIABLE_ATTRIBUTE WHERE VALUE = '77' AND VALUE_SOURCE = 'csms'";

test("values that the CSMS has set, monitors and the ids of monitors outlive a damaged page", () => {
  const before = leave();
  const database = new Database(path, { readonly: true });
  const pages = database
    .query("SELECT pageno FROM dbstat WHERE name = 'VARIABLE_CHARACTERISTICS' AND pagetype = 'leaf'")
    .values();
  database.close();
  zeroPage(path, Number(pages[1]?.[0]));
  const { deviceModel, losses } = open();
  deviceModel.close();
  expect(losses.join()).toMatch(/^device_model\.db was damaged; lost: .*VARIABLE_CHARACTERISTICS/);
  expect(count(SET_BY_CSMS)).toBe(before);
  expect(count("SELECT count(*) FROM VARIABLE_MONITORING")).toBe(1);
  expect(count("SELECT seq FROM sqlite_sequence WHERE name = 'VARIABLE_MONITORING'")).toBe(55);
});

test("each page, one after the other: the station has all its variables, and nothing hangs in the air", () => {
  leave();
  const pages = pagesOf(path);
  const whole = count("SELECT count(*) FROM VARIABLE");
  for (let page = 1; page <= pages; page++) {
    rmSync(directory, { recursive: true });
    directory = mkdtempSync(join(tmpdir(), "rescue-model-"));
    path = join(directory, "device_model.db");
    leave();
    if (page % 2 === 0) zeroPage(path, page);
    else flipBytes(path, (page - 1) * PAGE + 8, 64);
    const { deviceModel } = open();
    deviceModel.close();
    expect([page, count("SELECT count(*) FROM VARIABLE")]).toEqual([page, whole]);
    const database = new Database(path);
    expect(database.query("PRAGMA foreign_key_check").values()).toEqual([]);
    expect(database.query("PRAGMA integrity_check").values()).toEqual([["ok"]]);
    database.close();
  }
}, 60_000);
