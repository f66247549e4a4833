import { Database } from "bun:sqlite";
import { afterEach, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { DeviceModel } from "../../../src/device-model/device-model.ts";
import {
  InternalCtrlr,
  NetworkConfiguration,
  OCPPCommCtrlr,
  SecurityCtrlr,
} from "../../../src/device-model/variables.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const CONNECTION_DATA = {
  messageTimeout: 30,
  ocppCsmsUrl: "ws://other:9000/path",
  ocppInterface: "Wired0",
  ocppTransport: "JSON",
  ocppVersion: "OCPP20",
  securityProfile: 1,
};
type Result = { attributeStatus: string; attributeValue?: string; attributeStatusInfo?: { reasonCode: string } };
const component = (slot: number) => ({ name: "NetworkConfiguration", instance: String(slot) });

type Item = readonly [slot: number, variable: string, value: string];

async function set(items: readonly Item[]): Promise<readonly Result[]> {
  const { body } = await charger.call("SetVariables", {
    setVariableData: items.map(([slot, name, attributeValue]) => ({
      component: component(slot),
      variable: { name },
      attributeValue,
    })),
  });
  return (body as { setVariableResult: Result[] }).setVariableResult;
}
const outcome = ({ attributeStatus, attributeStatusInfo }: Result): string =>
  attributeStatusInfo === undefined ? attributeStatus : `${attributeStatus} ${attributeStatusInfo.reasonCode}`;
const outcomes = async (...items: readonly Item[]) => (await set(items)).map(outcome);
async function setOf(name: string, variable: string, attributeValue: string): Promise<string> {
  const { body } = await charger.call("SetVariables", {
    setVariableData: [{ component: { name }, variable: { name: variable }, attributeValue }],
  });
  return (body as { setVariableResult: Result[] }).setVariableResult.map(outcome).join();
}
async function get(slot: number, name: string): Promise<string | undefined> {
  const { body } = await charger.call("GetVariables", {
    getVariableData: [{ component: component(slot), variable: { name } }],
  });
  return (body as { getVariableResult: Result[] }).getVariableResult[0]?.attributeValue;
}
const setProfile = async (changes: object = {}, configurationSlot = 2) =>
  (await charger.call("SetNetworkProfile", { configurationSlot, connectionData: { ...CONNECTION_DATA, ...changes } }))
    .body as { status: string; statusInfo?: { reasonCode: string } };
const list = (): readonly { configurationSlot: number; connectionData: Record<string, unknown> }[] =>
  JSON.parse(charger.deviceModel.stored(InternalCtrlr.NetworkConnectionProfiles) || "[]");
const urlsOfList = () => list().map((entry) => [entry.configurationSlot, entry.connectionData.ocppCsmsUrl]);
const urlOf = (slot: number) => charger.deviceModel.read(NetworkConfiguration.OcppCsmsUrl.ofInstance(slot)) ?? "";

/** Something else than this program has the device-model file in between. */
function withDatabase<T>(work: (database: Database) => T): T {
  const database = new Database(join(charger.directory, "dm.db"));
  try {
    return work(database);
  } finally {
    database.close();
  }
}
const ATTRIBUTE = `SELECT a.ID FROM VARIABLE_ATTRIBUTE a JOIN VARIABLE v ON v.ID = a.VARIABLE_ID
  JOIN COMPONENT c ON c.ID = v.COMPONENT_ID WHERE c.NAME = ?1 AND c.INSTANCE IS ?2 AND v.NAME = ?3`;
function write(database: Database, name: string, instance: string | null, variable: string, value: string): void {
  database
    .query(`UPDATE VARIABLE_ATTRIBUTE SET VALUE = ?4, VALUE_SOURCE = 'internal' WHERE ID IN (${ATTRIBUTE})`)
    .run(name, instance, variable, value);
}
/** May's libocpp, and with `keepsComponents` our older versions: they know the list only. */
function playOlderProgram(profiles: unknown, keepsComponents = false): void {
  withDatabase((database) => {
    database.run("PRAGMA foreign_keys = ON");
    if (!keepsComponents) database.run("DELETE FROM COMPONENT WHERE NAME = 'NetworkConfiguration'");
    write(database, "InternalCtrlr", null, "NetworkConnectionProfiles", JSON.stringify(profiles));
  });
}
/** August's libocpp: it empties the list at each start. */
function playAugust(change: (database: Database) => void = () => {}): void {
  withDatabase((database) => {
    write(database, "InternalCtrlr", null, "NetworkConnectionProfiles", "");
    change(database);
  });
}

describe("the components NetworkConfiguration (CHANGES c.8)", () => {
  test("a fresh station takes the list over, and the list stays as it was", async () => {
    charger = await new InProcessCharger().start();
    const before = list();
    expect(await get(1, "OcppCsmsUrl")).toBe("ws://localhost:9000");
    expect([await get(1, "MessageTimeout"), await get(1, "OcppInterface")]).toEqual(["30", "Wired0"]);
    expect(await get(2, "OcppCsmsUrl")).toBe("");
    charger.crash();
    await charger.start();
    expect(list()).toEqual(before);
    expect(charger.log.filter((line) => line.includes("taken over from the list"))).toHaveLength(1);
  });

  test("known of EVerest's suite: SetNetworkProfile shows in NetworkConfiguration[2].OcppCsmsUrl, and in the list", async () => {
    charger = await new InProcessCharger().start();
    expect(await setProfile()).toEqual({ status: "Accepted" });
    expect(await get(2, "OcppCsmsUrl")).toBe(CONNECTION_DATA.ocppCsmsUrl);
    expect(urlsOfList()).toEqual([
      [1, "ws://localhost:9000"],
      [2, CONNECTION_DATA.ocppCsmsUrl],
    ]);
    expect(list()[1]?.connectionData).toEqual(CONNECTION_DATA);
  });

  test("what is connected is told as 2.0.1, and the list says it in May's word", async () => {
    charger = await new InProcessCharger().start();
    expect(await get(1, "OcppVersion")).toBe("OCPP201");
    expect(list()[0]?.connectionData.ocppVersion).toBe("OCPP20");
  });

  test("a profile that is written over leaves nothing of the one before", async () => {
    charger = new InProcessCharger();
    charger.network = { canSetUpApnAndVpn: true, configure: async () => ({ status: "Ready" }) };
    await charger.start();
    const vpn = { server: "s", user: "u", password: "vpn-password", key: "k", type: "IPSec", group: "g" };
    const apn = {
      apn: "internet",
      apnAuthentication: "PAP",
      simPin: 1234,
      apnPassword: "apn-password",
      useOnlyPreferredNetwork: true,
    };
    expect(await setProfile({ apn, vpn })).toEqual({ status: "Accepted" });
    expect([await get(2, "ApnEnabled"), await get(2, "VpnEnabled"), await get(2, "Apn")]).toEqual([
      "true",
      "true",
      "internet",
    ]);
    expect(list()[1]?.connectionData).toEqual({ ...CONNECTION_DATA, apn, vpn });
    expect(await setProfile()).toEqual({ status: "Accepted" });
    expect([await get(2, "ApnEnabled"), await get(2, "VpnUser"), await get(2, "Apn")]).toEqual(["false", "", ""]);
    expect(list()[1]?.connectionData).toEqual(CONNECTION_DATA);
  });

  test("secrets of a profile are not to be read, neither in the component nor in the list", async () => {
    charger = new InProcessCharger();
    charger.network = { canSetUpApnAndVpn: true, configure: async () => ({ status: "Ready" }) };
    await charger.start();
    const vpn = { server: "s", user: "u", password: "secret-1", key: "secret-2", type: "IPSec" };
    const apn = {
      apn: "a",
      apnAuthentication: "PAP",
      simPin: 7777777,
      apnPassword: "secret-3",
      useOnlyPreferredNetwork: false,
    };
    await setProfile({ apn, vpn });
    expect(await outcomes([2, "BasicAuthPassword", "secret-4-which-is-long"])).toEqual(["Accepted"]);
    await charger.call("GetBaseReport", { requestId: 1, reportBase: "FullInventory" });
    await charger.clock.advance(500);
    const { body } = await charger.call("GetVariables", {
      getVariableData: [
        { component: { name: "InternalCtrlr" }, variable: { name: "NetworkConnectionProfiles" } },
        ...["ApnPassword", "SimPin", "VpnPassword", "VpnKey", "BasicAuthPassword"].map((name) => ({
          component: component(2),
          variable: { name },
        })),
      ],
    });
    const told = JSON.stringify([body, charger.callsOf("NotifyReport")]);
    expect(told).toContain("ocppCsmsUrl");
    expect(told).not.toMatch(/secret-\d|7777777/);
    expect(charger.log.join("\n")).not.toMatch(/secret-\d|7777777/);

    // Written back as it was read, the list takes no secret away.
    const read = (body as { getVariableResult: Result[] }).getVariableResult[0]?.attributeValue ?? "";
    expect(await setOf("InternalCtrlr", "NetworkConnectionProfiles", read)).toBe("Accepted");
    expect(list()[1]?.connectionData).toEqual({
      ...CONNECTION_DATA,
      apn,
      vpn,
      basicAuthPassword: "secret-4-which-is-long",
    });
  });

  test("a list that the CSMS writes as a whole replaces the profiles of the slots", async () => {
    charger = await new InProcessCharger().start();
    await setProfile();
    const only = [{ configurationSlot: 1, connectionData: { ...CONNECTION_DATA, ocppCsmsUrl: "ws://third:1" } }];
    expect(await setOf("InternalCtrlr", "NetworkConnectionProfiles", JSON.stringify(only))).toBe("Accepted");
    expect([urlOf(1), urlOf(2)]).toEqual(["ws://third:1", ""]);
    expect(urlsOfList()).toEqual([[1, "ws://third:1"]]);
  });
});

describe("SetNetworkProfile: checks in August's order", () => {
  test.each([
    [{}, 3, "InvalidConfSlot"],
    [{ securityProfile: 1, ocppTransport: "SOAP" }, 2, "NoSecurityDowngrade"],
    [{ securityProfile: 2, ocppCsmsUrl: "ws://other" }, 2, "InvalidNetworkConf"],
    [{ securityProfile: 3, ocppCsmsUrl: "wss://other" }, 2, "InvalidNetworkConf"],
  ])("%p to slot %d is %s", async (changes, slot, reasonCode) => {
    charger = await new InProcessCharger().start();
    charger.deviceModel.write(SecurityCtrlr.SecurityProfile, 2, "internal");
    expect(await setProfile(changes, slot)).toMatchObject({ status: "Rejected", statusInfo: { reasonCode } });
    expect([urlOf(2), urlsOfList().length]).toEqual(["", 1]);
  });

  test("a higher security profile needs its certificates beforehand (A05.FR.02, FR.03)", async () => {
    charger = await new InProcessCharger().start();
    const wss = { securityProfile: 2, ocppCsmsUrl: "wss://other" };
    expect(await setProfile(wss)).toMatchObject({
      status: "Rejected",
      statusInfo: { reasonCode: "InvalidNetworkConf" },
    });
    charger.hardwareAnswers.isCaInstalled = () => true;
    expect(await setProfile(wss)).toEqual({ status: "Accepted" });
  });
});

test("slots without a list of them are not made without end", async () => {
  charger = await new InProcessCharger().start();
  const variable = charger.deviceModel.find(OCPPCommCtrlr.NetworkConfigurationPriority);
  if (typeof variable === "string") throw new Error(variable);
  const { valuesList: _, ...others } = variable.characteristics;
  variable.characteristics = others;
  const statuses: string[] = [];
  for (let slot = 1; slot <= 40; slot++) statuses.push((await setProfile({}, slot * 1_000)).status);
  expect(statuses.filter((status) => status === "Accepted")).toHaveLength(30);
  expect(await setProfile({}, 1_000)).toEqual({ status: "Accepted" });
  const many = Array.from({ length: 3 }, (_one, slot) => ({
    configurationSlot: 5 + slot,
    connectionData: { ocppCsmsUrl: "ws://a", securityProfile: 1 },
  }));
  expect(await setOf("InternalCtrlr", "NetworkConnectionProfiles", JSON.stringify(many))).toBe(
    "Rejected InvalidNetworkConf",
  );
});

describe("SetVariables on the components", () => {
  test("the active slot and those of the priority list are PriorityNetworkConf; other slots can be made", async () => {
    charger = await new InProcessCharger().start();
    expect(await outcomes([1, "OcppCsmsUrl", "ws://other"], [1, "MessageTimeout", "5"])).toEqual([
      "Rejected PriorityNetworkConf",
      "Rejected PriorityNetworkConf",
    ]);
    const items = Object.entries({ OcppCsmsUrl: "ws://second:9000", SecurityProfile: "1", MessageTimeout: "20" });
    expect(await outcomes(...items.map(([name, value]) => [2, name, value] as const))).toEqual([
      "Accepted",
      "Accepted",
      "Accepted",
    ]);
    expect(urlsOfList()[1]).toEqual([2, "ws://second:9000"]);
    expect(await setOf("OCPPCommCtrlr", "NetworkConfigurationPriority", "2,1")).toBe("Accepted");
    expect(await outcomes([2, "OcppCsmsUrl", "ws://other"])).toEqual(["Rejected PriorityNetworkConf"]);
    charger.disconnect();
    await charger.clock.advance(5_000);
    expect(charger.attempts.at(-1)).toMatchObject({ slot: 2, url: "ws://second:9000" });
  });

  test("URL and security profile must fit each other, in one request in any order", async () => {
    charger = await new InProcessCharger().start();
    charger.hardwareAnswers.isCaInstalled = () => true;
    await outcomes([2, "SecurityProfile", "1"], [2, "OcppCsmsUrl", "ws://second"]);
    expect(await outcomes([2, "OcppCsmsUrl", "wss://second"])).toEqual(["Rejected InvalidNetworkConf"]);
    expect(await outcomes([2, "SecurityProfile", "2"])).toEqual(["Rejected InvalidNetworkConf"]);
    expect(await outcomes([2, "OcppCsmsUrl", "wss://second"], [2, "SecurityProfile", "2"])).toEqual([
      "Accepted",
      "Accepted",
    ]);
    expect(await outcomes([2, "SecurityProfile", "1"], [2, "OcppCsmsUrl", "ws://second"])).toEqual([
      "Accepted",
      "Accepted",
    ]);
    // A security profile that is none does not make the URL fit.
    expect(await outcomes([2, "OcppCsmsUrl", "wss://second"], [2, "SecurityProfile", "9"])).toEqual([
      "Rejected InvalidNetworkConf",
      "Rejected ValueTooHigh",
    ]);
  });

  test.each([
    ["SecurityProfile", "1", "Rejected NoSecurityDowngrade"],
    ["OcppTransport", "SOAP", "Rejected InvalidNetworkConf"],
    ["OcppVersion", "OCPP16", "Rejected InvalidNetworkConf"],
    ["ApnEnabled", "true", "Rejected ReadOnly"],
    ["MessageTimeout", "0", "Rejected ValueTooLow"],
    ["Identity", "a:b", "Rejected InvalidValue"],
    ["BasicAuthPassword", "too-short", "Rejected InvalidValue"],
    ["BasicAuthPassword", "a bell \u0007 in a password", "Rejected InvalidValue"],
    ["BasicAuthPassword", "sixteen characters!", "Accepted"],
  ])("%s %p is %s", async (variable, value, expected) => {
    charger = await new InProcessCharger().start();
    charger.deviceModel.write(SecurityCtrlr.SecurityProfile, 2, "internal");
    expect(await outcomes([2, variable, value])).toEqual([expected]);
  });

  test("a slot that lacks something cannot become part of the priority list, and says what it lacks", async () => {
    charger = await new InProcessCharger().start();
    await outcomes([2, "OcppCsmsUrl", "ws://second"]);
    const { body } = await charger.call("SetVariables", {
      setVariableData: [
        {
          component: { name: "OCPPCommCtrlr" },
          variable: { name: "NetworkConfigurationPriority" },
          attributeValue: "1,2",
        },
      ],
    });
    expect((body as { setVariableResult: Result[] }).setVariableResult[0]).toMatchObject({
      attributeStatus: "Rejected",
      attributeStatusInfo: {
        reasonCode: "InvalidNetworkConf",
        additionalInfo: "slot 2 holds no whole profile: SecurityProfile, MessageTimeout",
      },
    });
  });

  test("no attempt at all is refused, endless ones are not", async () => {
    charger = await new InProcessCharger().start();
    expect(await setOf("OCPPCommCtrlr", "NetworkProfileConnectionAttempts", "0")).toBe("Rejected ValueTooLow");
    expect(await setOf("OCPPCommCtrlr", "NetworkProfileConnectionAttempts", "-1")).toBe("Accepted");
  });
});

describe("credentials of a slot", () => {
  /** A station whose second slot has an identity and a password of its own and is the one in use. */
  async function withOwnCredentials(): Promise<string[]> {
    const passwords: string[] = [];
    charger = new InProcessCharger();
    charger.judge = ({ password }) => {
      passwords.push(password);
      return undefined;
    };
    await charger.start();
    await setProfile();
    await outcomes([2, "Identity", "second-identity"], [2, "BasicAuthPassword", "password-of-slot-2"]);
    expect(await setOf("OCPPCommCtrlr", "NetworkConfigurationPriority", "2,1")).toBe("Accepted");
    charger.disconnect();
    await charger.clock.advance(5_000);
    return passwords;
  }

  test("are used for it, and told as the station's while it is active", async () => {
    const passwords = await withOwnCredentials();
    expect(passwords.at(-1)).toBe("password-of-slot-2");
    expect(charger.deviceModel.read(SecurityCtrlr.Identity)).toBe("second-identity");
    expect(charger.deviceModel.stored(SecurityCtrlr.Identity)).toBe("cp001");
    expect(list()[1]?.connectionData).toMatchObject({
      identity: "second-identity",
      basicAuthPassword: "password-of-slot-2",
    });
  });

  test("give way to a new password of the station, which is tried, and are tried again when it is refused (A01)", async () => {
    const passwords = await withOwnCredentials();
    charger.judge = ({ password }) => {
      passwords.push(password);
      return password === "password-of-slot-2" ? undefined : { kind: "refused", httpStatus: 401, text: "401" };
    };
    expect(await setOf("SecurityCtrlr", "BasicAuthPassword", "new-password-of-all")).toBe("Accepted");
    charger.deviceModel.write(OCPPCommCtrlr.NetworkConfigurationPriority, ["2"], "internal");
    await charger.clock.advance(120_000);
    expect(passwords).toContain("new-password-of-all");
    expect(charger.csms.connected).toBe(true);
    expect(passwords.at(-1)).toBe("password-of-slot-2");
  });

  test("a new password takes the place of the copies with which August fills every slot", async () => {
    charger = await new InProcessCharger().start();
    await setProfile();
    const station = charger.deviceModel.stored(SecurityCtrlr.BasicAuthPassword) ?? "";
    for (const slot of [1, 2])
      charger.deviceModel.write(NetworkConfiguration.BasicAuthPassword.ofInstance(slot), station, "internal");
    expect(await setOf("SecurityCtrlr", "BasicAuthPassword", "new-password-of-all")).toBe("Accepted");
    const own = [1, 2].map((slot) =>
      charger.deviceModel.stored(NetworkConfiguration.BasicAuthPassword.ofInstance(slot)),
    );
    expect(own).toEqual(["", ""]);
  });

  test("a password that the station has already counts for the active slot as well once it is set again", async () => {
    await withOwnCredentials();
    const present = charger.deviceModel.stored(SecurityCtrlr.BasicAuthPassword) ?? "";
    expect(await setOf("SecurityCtrlr", "BasicAuthPassword", present)).toBe("Accepted");
    expect(charger.deviceModel.stored(NetworkConfiguration.BasicAuthPassword.ofInstance(2))).toBe("");
  });
});

describe("no profile is lost on the way", () => {
  const first = { configurationSlot: 1, connectionData: { ...CONNECTION_DATA, ocppCsmsUrl: "ws://first:1" } };
  const second = { configurationSlot: 2, connectionData: { ...CONNECTION_DATA, ocppCsmsUrl: "ws://second:2" } };

  test("May → ours → May: what May had is here, what was set here is there", async () => {
    charger = await new InProcessCharger().start();
    charger.crash();
    playOlderProgram([first, second]);
    await charger.start();
    expect([urlOf(1), urlOf(2)]).toEqual(["ws://first:1", "ws://second:2"]);
    await setProfile({ ocppCsmsUrl: "ws://third:3" });
    charger.crash();
    const left = withDatabase(
      (database) =>
        database
          .query(`SELECT VALUE FROM VARIABLE_ATTRIBUTE WHERE ID IN (${ATTRIBUTE})`)
          .values("InternalCtrlr", null, "NetworkConnectionProfiles")[0]?.[0],
    );
    expect(JSON.parse(String(left))).toEqual([
      first,
      { configurationSlot: 2, connectionData: { ...CONNECTION_DATA, ocppCsmsUrl: "ws://third:3" } },
    ]);
    await charger.start();
  });

  for (const keepsComponents of [false, true])
    test(`ours → an older program ${keepsComponents ? "that keeps the components" : "that removes the components"} → ours: what it has set counts`, async () => {
      charger = await new InProcessCharger().start();
      await setProfile({ ocppCsmsUrl: "ws://third:3" });
      charger.crash();
      playOlderProgram([first, second], keepsComponents);
      await charger.start();
      expect([urlOf(1), urlOf(2)]).toEqual(["ws://first:1", "ws://second:2"]);
      expect(charger.attempts.at(-1)?.url).toBe("ws://first:1");
    });

  test("August → ours → August: the emptied list is filled again, and August's components stay as they are", async () => {
    charger = await new InProcessCharger().start();
    await setProfile({ ocppCsmsUrl: "ws://third:3" });
    for (const url of ["ws://of-august:4", "ws://of-august:5"]) {
      charger.crash();
      playAugust((database) => write(database, "NetworkConfiguration", "2", "OcppCsmsUrl", url));
      await charger.start();
      expect([urlOf(1), urlOf(2)]).toEqual(["ws://localhost:9000", url]);
      expect(urlsOfList()).toEqual([
        [1, "ws://localhost:9000"],
        [2, url],
      ]);
    }
  });

  test("a crash between component and list leaves neither behind: what was Accepted is there, and the list follows", async () => {
    charger = await new InProcessCharger().start();
    const { write } = charger.deviceModel;
    charger.deviceModel.write = () => {
      throw new Error("killed");
    };
    expect(await setProfile()).toEqual({ status: "Accepted" });
    charger.deviceModel.write = write;
    expect(urlsOfList()).toHaveLength(1);
    charger.crash();
    await charger.start();
    expect(urlOf(2)).toBe(CONNECTION_DATA.ocppCsmsUrl);
    expect(urlsOfList()[1]).toEqual([2, CONNECTION_DATA.ocppCsmsUrl]);
  });

  test("a crash between the list and what is remembered of it changes nothing", async () => {
    charger = await new InProcessCharger().start();
    const { set: remember } = charger.core.keyValues;
    charger.core.keyValues.set = () => {
      throw new Error("killed");
    };
    expect(await setProfile()).toEqual({ status: "Accepted" });
    charger.core.keyValues.set = remember;
    const before = [urlOf(1), urlOf(2), ...urlsOfList()];
    charger.crash();
    await charger.start();
    expect([urlOf(1), urlOf(2), ...urlsOfList()]).toEqual(before);
  });

  test("the components win over a list that nobody has changed since", async () => {
    charger = await new InProcessCharger().start();
    await setProfile({ ocppCsmsUrl: "ws://third:3" });
    charger.crash();
    withDatabase((database) => write(database, "NetworkConfiguration", "2", "OcppCsmsUrl", "ws://changed:5"));
    await charger.start();
    expect(urlOf(2)).toBe("ws://changed:5");
    expect(urlsOfList()[1]).toEqual([2, "ws://changed:5"]);
  });

  test("values of a list that no variable can take are as if they were not there", async () => {
    const connectionData = {
      ...CONNECTION_DATA,
      messageTimeout: "soon",
      ocppInterface: "Carrier0",
      identity: "x".repeat(49),
      basicAuthPassword: "short",
    };
    const broken = { configurationSlot: 2, connectionData: { ...CONNECTION_DATA, securityProfile: 7 } };
    charger = await new InProcessCharger(1, {
      "InternalCtrlr.NetworkConnectionProfiles": JSON.stringify([{ configurationSlot: 1, connectionData }, broken]),
      "OCPPCommCtrlr.NetworkConfigurationPriority": "2,1",
    }).start();
    expect(charger.csms.connected).toBe(true);
    expect(charger.attempts).toEqual([
      { slot: 1, url: CONNECTION_DATA.ocppCsmsUrl, securityProfile: 1, ocppInterface: "Wired0" },
    ]);
    expect([await get(1, "MessageTimeout"), await get(1, "Identity")]).toEqual(["60", ""]);
    expect(charger.deviceModel.stored(NetworkConfiguration.BasicAuthPassword.ofInstance(1))).toBe("short");
    expect(charger.log.join("\n")).toContain("Slot 2 of NetworkConfigurationPriority cannot be used: SecurityProfile");
  });

  test("a disk that is full when the list is taken over does not cut the station off", async () => {
    const { writeAll } = DeviceModel.prototype;
    DeviceModel.prototype.writeAll = function (values, source, volatile = false) {
      if (!volatile) throw new Error("disk full");
      writeAll.call(this, values, source, volatile);
    };
    try {
      charger = await new InProcessCharger().start();
    } finally {
      DeviceModel.prototype.writeAll = writeAll;
    }
    expect(charger.csms.connected).toBe(true);
    expect(charger.log.join("\n")).toContain("The network profiles could not be stored: disk full");
  });

  test("files as August's: the list is empty, the profile stands in the component", async () => {
    charger = await new InProcessCharger(1, {
      "InternalCtrlr.NetworkConnectionProfiles": "",
      "NetworkConfiguration.OcppCsmsUrl": "ws://of-the-component:1",
      "NetworkConfiguration.MessageTimeout": "40",
      "NetworkConfiguration.SecurityProfile": "1",
    }).start();
    expect(charger.attempts[0]).toMatchObject({ slot: 1, url: "ws://of-the-component:1" });
    expect(urlsOfList()[0]).toEqual([1, "ws://of-the-component:1"]);
  });

  test("a slot that only August's database knows is kept, and can be used", async () => {
    charger = await new InProcessCharger(1, { "OCPPCommCtrlr.NetworkConfigurationPriority": "1" }).start();
    charger.crash();
    withDatabase((database) => {
      database.run("UPDATE COMPONENT SET INSTANCE = '7' WHERE NAME = 'NetworkConfiguration' AND INSTANCE = '2'");
      write(database, "NetworkConfiguration", "7", "OcppCsmsUrl", "ws://seventh:7");
      write(database, "NetworkConfiguration", "7", "SecurityProfile", "1");
      write(database, "NetworkConfiguration", "7", "MessageTimeout", "30");
    });
    await charger.start();
    expect(urlOf(7)).toBe("ws://seventh:7");
    expect(urlsOfList().at(-1)).toEqual([7, "ws://seventh:7"]);
  });

  test("a raised security profile empties the slots below it, in both places (A05.FR.06)", async () => {
    charger = new InProcessCharger();
    charger.hardwareAnswers.isCaInstalled = () => true;
    await charger.start();
    await charger.clock.advance(1_000);
    await setProfile({ securityProfile: 2, ocppCsmsUrl: "wss://second" });
    await setOf("OCPPCommCtrlr", "NetworkConfigurationPriority", "2,1");
    charger.disconnect();
    await charger.clock.advance(10_000);
    expect(charger.deviceModel.read(SecurityCtrlr.SecurityProfile)).toBe(2);
    expect([urlOf(1), urlOf(2)]).toEqual(["", "wss://second"]);
    expect(urlsOfList()).toEqual([[2, "wss://second"]]);
    expect(charger.deviceModel.read(OCPPCommCtrlr.NetworkConfigurationPriority)).toEqual(["2"]);
  });
});
