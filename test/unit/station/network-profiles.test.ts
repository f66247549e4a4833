import { afterEach, describe, expect, test } from "bun:test";
import { InternalCtrlr, OCPPCommCtrlr, SecurityCtrlr } from "../../../src/device-model/variables.ts";
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
const setProfile = async (changes: object = {}, configurationSlot = 2) =>
  (await charger.call("SetNetworkProfile", { configurationSlot, connectionData: { ...CONNECTION_DATA, ...changes } }))
    .body as { status: string; statusInfo?: { reasonCode: string } };
const setPriority = async (attributeValue: string) => {
  const { body } = await charger.call("SetVariables", {
    setVariableData: [
      { component: { name: "OCPPCommCtrlr" }, variable: { name: "NetworkConfigurationPriority" }, attributeValue },
    ],
  });
  const [result] = (body as { setVariableResult: { attributeStatus: string; attributeStatusInfo?: object }[] })
    .setVariableResult;
  return result;
};
const storedSlots = () =>
  (JSON.parse(charger.deviceModel.read(InternalCtrlr.NetworkConnectionProfiles) ?? "[]") as object[]).length;

test('incident: an empty priority was told as "slot  holds no profile"', async () => {
  charger = await new InProcessCharger().start();
  expect(await setPriority("")).toMatchObject({
    attributeStatus: "Rejected",
    attributeStatusInfo: { additionalInfo: "an entry of the list names no slot" },
  });
});

describe("B09: SetNetworkProfile", () => {
  test("B09.FR.01: a valid profile is stored and there after a crash", async () => {
    charger = await new InProcessCharger().start();
    expect(await setProfile()).toEqual({ status: "Accepted" });
    charger.crash();
    await charger.start();
    expect(await setPriority("2,1")).toMatchObject({ attributeStatus: "Accepted" });
  });

  test.each([
    ["another transport", { ocppTransport: "SOAP" }, "InvalidNetworkConf"],
    ["another version", { ocppVersion: "OCPP16" }, "InvalidNetworkConf"],
    [
      "an APN, which nobody here can set up",
      { apn: { apn: "internet", apnAuthentication: "AUTO" } },
      "InvalidNetworkConf",
    ],
    ["a VPN", { vpn: { server: "s", user: "u", password: "p", key: "k", type: "IPSec" } }, "InvalidNetworkConf"],
    ["a URL that is none", { ocppCsmsUrl: "http://host" }, "InvalidNetworkConf"],
    ["a URL that does not fit the security profile", { securityProfile: 2 }, "InvalidNetworkConf"],
    ["no security profile of OCPP", { securityProfile: 4 }, "InvalidNetworkConf"],
    ["no time to answer", { messageTimeout: 0 }, "InvalidNetworkConf"],
  ])("B09.FR.02: %s", async (_name, changes, reasonCode) => {
    charger = await new InProcessCharger().start();
    expect(await setProfile(changes)).toMatchObject({ status: "Rejected", statusInfo: { reasonCode } });
    expect(storedSlots()).toBe(1);
  });

  test("B09.FR.03: a disk that does not take the profile is Failed, and nothing has changed", async () => {
    charger = await new InProcessCharger().start();
    const { writeAll } = charger.deviceModel;
    charger.deviceModel.writeAll = () => {
      throw new Error("disk full");
    };
    expect(await setProfile()).toMatchObject({ status: "Failed" });
    charger.deviceModel.writeAll = writeAll;
    expect(storedSlots()).toBe(1);
  });

  test("B09.FR.04, FR.31: never less secure, except from 3 to 2 where that is allowed", async () => {
    charger = await new InProcessCharger().start();
    charger.deviceModel.write(SecurityCtrlr.SecurityProfile, 3, "internal");
    const wss = { ocppCsmsUrl: "wss://other", securityProfile: 2 };
    const refused = { status: "Rejected", statusInfo: { reasonCode: "NoSecurityDowngrade" } };
    expect(await setProfile(wss)).toMatchObject(refused);
    charger.deviceModel.write(SecurityCtrlr.AllowSecurityProfileDowngrade, true, "internal");
    expect(await setProfile(wss)).toEqual({ status: "Accepted" });
    expect(await setProfile()).toMatchObject(refused);
    charger.deviceModel.write(SecurityCtrlr.SecurityProfile, 2, "internal");
    expect(await setProfile()).toMatchObject(refused);
  });

  test("B09.FR.05, FR.06: there are two slots at least, and no others than the named ones", async () => {
    charger = await new InProcessCharger().start();
    const variable = charger.deviceModel.find(OCPPCommCtrlr.NetworkConfigurationPriority);
    const slots =
      typeof variable === "string" ? [] : (variable.characteristics.valuesList ?? "").split(",").map(Number);
    expect(slots.length).toBeGreaterThanOrEqual(2);
    for (const slot of slots) expect(await setProfile({}, slot)).toEqual({ status: "Accepted" });
    expect(await setProfile({}, Math.max(...slots) + 1)).toMatchObject({
      status: "Rejected",
      statusInfo: { reasonCode: "InvalidConfSlot" },
    });
  });
});

test("a broken entry in the component configuration does not take the good ones along", async () => {
  charger = await new InProcessCharger(1, {
    "InternalCtrlr.NetworkConnectionProfiles": JSON.stringify([
      { configurationSlot: 2, connectionData: { ocppCsmsUrl: 5 } },
      { configurationSlot: 1, connectionData: CONNECTION_DATA },
    ]),
  }).start();
  expect(charger.csms.connected).toBe(true);
});

test("the list as a whole is only taken when every entry can be used", async () => {
  charger = await new InProcessCharger().start();
  const good = { configurationSlot: 1, connectionData: CONNECTION_DATA };
  const bad = { configurationSlot: 2, connectionData: { ...CONNECTION_DATA, ocppCsmsUrl: "mailto:csms" } };
  const setList = async (list: unknown) => {
    const { body } = await charger.call("SetVariables", {
      setVariableData: [
        {
          component: { name: "InternalCtrlr" },
          variable: { name: "NetworkConnectionProfiles" },
          attributeValue: JSON.stringify(list),
        },
      ],
    });
    return (body as { setVariableResult: { attributeStatus: string }[] }).setVariableResult[0]?.attributeStatus;
  };
  for (const list of [[], {}, [good, bad], [good, { configurationSlot: 2 }]])
    expect(await setList(list)).toBe("Rejected");
  expect(await setList([good])).toBe("Accepted");
});

describe("B10: NetworkConfigurationPriority", () => {
  test("B10.FR.02: a slot without a profile and one whose profile cannot be used", async () => {
    charger = await new InProcessCharger(1, {
      "InternalCtrlr.NetworkConnectionProfiles": JSON.stringify([
        { configurationSlot: 1, connectionData: CONNECTION_DATA },
        { configurationSlot: 2, connectionData: { ...CONNECTION_DATA, ocppCsmsUrl: "mailto:csms" } },
      ]),
    }).start();
    expect(await setPriority("1,2")).toMatchObject({
      attributeStatus: "Rejected",
      attributeStatusInfo: { reasonCode: "InvalidNetworkConf" },
    });
    expect(await setPriority("1,3")).toMatchObject({ attributeStatus: "Rejected" });
  });

  test("B10.FR.07: the profile that worked before the restart is the fallback when the whole list is dead", async () => {
    charger = await new InProcessCharger().start();
    await charger.clock.advance(1_000);
    await setProfile();
    await setPriority("2");
    expect(charger.csms.connected).toBe(true);
    charger.crash();
    charger.unreachableSlots.add(2);
    charger.attempts.length = 0;
    await charger.start();
    await charger.clock.advance(120_000);
    expect(charger.attempts.map(({ slot }) => slot)).toEqual([2, 2, 2, 1]);
    expect(charger.deviceModel.read(OCPPCommCtrlr.ActiveNetworkProfile)).toBe(1);
  });

  test("B10.FR.07: a CSMS that never accepted the station is no fallback", async () => {
    charger = await new InProcessCharger().start();
    await charger.clock.advance(1_000);
    await setProfile();
    await setPriority("2");
    charger.react = ({ action }) => ({
      answer:
        action === "BootNotification"
          ? { currentTime: charger.clock.now().toISOString(), interval: 60, status: "Rejected" }
          : {},
    });
    charger.disconnect();
    await charger.clock.advance(60_000);
    expect(charger.attempts.at(-1)?.slot).toBe(2);
    charger.unreachableSlots.add(2);
    charger.attempts.length = 0;
    charger.disconnect();
    await charger.clock.advance(120_000);
    expect(charger.attempts.map(({ slot }) => slot)).toEqual([2, 2, 2, 1]);
  });
});
