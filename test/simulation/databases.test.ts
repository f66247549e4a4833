import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { readComponentConfig } from "../../src/device-model/component-config.ts";
import { RELEASES } from "../../src/sim/everest/release.ts";
import { AgentCharger, type AgentChargerOptions } from "../support/agent-charger.ts";
import { DATABASE_SITUATIONS, type DatabasePaths, LEFT_BEHIND } from "../support/database-situations.ts";

const PASSWORD = "DEADBEEFDEADBEEF";
/** As shipped, since an edited file would count more than what the station itself wrote; it leads nowhere here. */
const SHIPPED_PROFILES = readComponentConfig(join(import.meta.dir, "../../component_config"))
  .find(({ name }) => name === "InternalCtrlr")
  ?.variables.find(({ name }) => name === "NetworkConnectionProfiles")?.attributes[0]?.value;
const CARD = { value: "04A1B2C3", type: "ISO14443" };

let charger: AgentCharger | undefined;
afterEach(async () => {
  await charger?.stop();
  charger = undefined;
});

const pathsOf = (directory: string): DatabasePaths => ({
  core: join(directory, "core/cp.db"),
  deviceModel: join(directory, "device_model.db"),
  everest: join(directory, "everest_device_model.db"),
});

async function read({ csms }: AgentCharger, name: string, variable: string, instance?: string): Promise<unknown> {
  const component = { name, ...(instance !== undefined && { instance }) };
  const answer = await csms.send("GetVariables", { getVariableData: [{ component, variable: { name: variable } }] });
  return (answer as { response: { getVariableResult: { attributeValue?: string }[] } }).response.getVariableResult[0]
    ?.attributeValue;
}

async function playSession({ everest, csms }: AgentCharger): Promise<void> {
  const from = csms.calls.length;
  const evse = everest.evse(1);
  await evse.plugIn();
  expect(await everest.presentToken(CARD)).toBe("Accepted");
  await evse.startCharging();
  await evse.unplug();
  await csms.waitFor("TransactionEvent", ({ eventType }) => eventType === "Ended", 5_000, from);
}

function look<T>(path: string, sql: string): T[][] {
  const database = new Database(path, { readonly: true });
  try {
    return database.query(sql).values() as T[][];
  } finally {
    database.close();
  }
}

const SLOTS: readonly AgentChargerOptions[] = [
  ...RELEASES.map((release) => ({ release })),
  { release: "2026-08", slot: "OCPPmulti" },
];

for (const options of SLOTS)
  describe(`EVerest of ${options.release}, in the slot of ${options.slot ?? "OCPP201"}`, () => {
    for (const situation of DATABASE_SITUATIONS)
      test(`databases: ${situation.name}`, async () => {
        // Only what is left behind knows the way to the CSMS; there was more than one EVSE before.
        const files = situation.isLeft
          ? {
              InternalCtrlr: { NetworkConnectionProfiles: SHIPPED_PROFILES ?? "" },
              SecurityCtrlr: { BasicAuthPassword: "not-the-right-password" },
            }
          : {};
        charger = await AgentCharger.prepare({ ...options, evseCount: 1, patch: files });
        const station = charger;
        const { csms, directory } = station;
        const paths = pathsOf(directory);
        situation.prepare(paths, { url: csms.url, password: PASSWORD });

        await station.startStation();
        if (situation.transactionId !== undefined) {
          const { transactionId } = situation;
          await csms.waitFor("TransactionEvent", ({ seqNo }) => seqNo === 2);
          const left = csms.calls.filter(
            ({ request }) =>
              (request.transactionInfo as { transactionId?: string } | undefined)?.transactionId === transactionId,
          );
          expect(left.slice(0, 3).map(({ request }) => [request.seqNo, request.offline])).toEqual([
            [0, true],
            [1, true],
            [2, true],
          ]);
          expect(await read(station, "TxCtrlr", "EVConnectionTimeOut")).toBe(LEFT_BEHIND.connectionTimeoutSeconds);
          expect(await csms.send("GetLocalListVersion", {})).toMatchObject({
            response: { versionNumber: LEFT_BEHIND.localListVersion },
          });
        }
        expect(await read(station, "NetworkConfiguration", "OcppCsmsUrl", "1")).toBe(csms.url);
        expect(await read(station, "InternalCtrlr", "NetworkConnectionProfiles")).toContain(csms.url);
        await playSession(station);

        await station.stopStation();
        await station.startStation();
        await playSession(station);
        await station.stopStation();
        expect(csms.violations).toEqual([]);
        expect(station.everest.violations).toEqual([]);
        expect(look(paths.core, "PRAGMA user_version")).toEqual([[situation.coreVersion]]);
        expect(look(paths.everest, "SELECT DISTINCT EVSE_ID FROM COMPONENT WHERE NAME = 'EVSE'")).toEqual([[1]]);
        if (situation.coreVersion === 7)
          expect(look(paths.core, "SELECT CONTROL_ID FROM DER_CONTROLS")).toEqual([["der-1"]]);
      }, 20_000);
  });
