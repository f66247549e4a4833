import { afterEach, describe, expect, test } from "bun:test";
import { InternalCtrlr, OCPPCommCtrlr, SecurityCtrlr } from "../../../src/device-model/variables.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

const chargers: InProcessCharger[] = [];
afterEach(() => {
  for (const charger of chargers.splice(0)) charger.dispose();
});

const profile = (configurationSlot: number, securityProfile: number) => ({
  configurationSlot,
  connectionData: {
    ocppVersion: "OCPP20",
    ocppTransport: "JSON",
    ocppCsmsUrl: `${securityProfile >= 2 ? "wss" : "ws"}://csms${configurationSlot}.example`,
    messageTimeout: 30,
    securityProfile,
    ocppInterface: "Wired0",
  },
});

interface Scene {
  /** Security profile of slot 1, slot 2, … */
  readonly slots: readonly number[];
  readonly active?: number;
  readonly priority?: string;
  readonly mayDowngrade?: boolean;
  readonly root?: boolean;
  readonly certificate?: boolean;
}

async function station(scene: Scene): Promise<InProcessCharger> {
  const charger = new InProcessCharger(5, {
    "InternalCtrlr.NetworkConnectionProfiles": JSON.stringify(
      scene.slots.map((securityProfile, index) => profile(index + 1, securityProfile)),
    ),
    "OCPPCommCtrlr.NetworkConfigurationPriority": scene.priority ?? "1",
    "SecurityCtrlr.SecurityProfile": String(scene.active ?? scene.slots[0]),
    "SecurityCtrlr.AllowSecurityProfileDowngrade": String(scene.mayDowngrade === true),
  });
  chargers.push(charger);
  charger.hardwareAnswers = {
    isCaInstalled: () => scene.root === true,
    leafCertificateFiles: () =>
      scene.certificate === true ? { certificatePath: "c.pem", keyPath: "k.pem" } : undefined,
  };
  return charger.start();
}

async function setPriority(charger: InProcessCharger, value: string) {
  const { body } = await charger.call("SetVariables", {
    setVariableData: [
      {
        component: { name: "OCPPCommCtrlr" },
        variable: { name: "NetworkConfigurationPriority" },
        attributeValue: value,
      },
    ],
  });
  return (body as { setVariableResult: { attributeStatus: string; attributeStatusInfo?: { reasonCode: string } }[] })
    .setVariableResult[0];
}

describe("a new priority list and the security profile (A05)", () => {
  test.each([
    ["1 to 2 without a root certificate (A05.FR.02)", { slots: [1, 2] }, "2,1", "Rejected"],
    ["1 to 3 without a root certificate (A05.FR.02)", { slots: [1, 3], certificate: true }, "2,1", "Rejected"],
    ["1 to 3 without a station certificate (A05.FR.03)", { slots: [1, 3], root: true }, "2,1", "Rejected"],
    ["1 to 2 with what it needs (A05.FR.04)", { slots: [1, 2], root: true }, "2,1", "Accepted"],
    ["2 to 3 with what it needs (A05.FR.04)", { slots: [2, 3], root: true, certificate: true }, "2,1", "Accepted"],
    ["2 to 2, asked of nobody (A05.FR.04)", { slots: [2, 2] }, "2,1", "Accepted"],
    ["3 to 2 where allowed (A05.FR.08)", { slots: [3, 2], mayDowngrade: true }, "2,1", "Accepted"],
    ["3 to 1 even where downgrading is allowed (A05.FR.09)", { slots: [3, 1], mayDowngrade: true }, "2,1", "Rejected"],
    ["2 to 1 even where downgrading is allowed (A05.FR.09)", { slots: [2, 1], mayDowngrade: true }, "2,1", "Rejected"],
    ["3 to 2 where not allowed (A05.FR.10)", { slots: [3, 2] }, "2,1", "Rejected"],
    ["2 to 1 where not allowed (A05.FR.10)", { slots: [2, 1] }, "1,2", "Rejected"],
  ] satisfies readonly (readonly [string, Scene, string, string])[])("%s", async (_name, scene, priority, expected) => {
    const charger = await station(scene);
    expect(await setPriority(charger, priority)).toMatchObject({ attributeStatus: expected });
    expect(charger.deviceModel.read(OCPPCommCtrlr.NetworkConfigurationPriority)).toEqual(
      expected === "Accepted" ? priority.split(",") : ["1"],
    );
    expect(charger.deviceModel.read(SecurityCtrlr.SecurityProfile)).toBe(scene.slots[0] ?? 0);
    expect(charger.csms.connected).toBe(true);
  });

  test("the profiles written as a variable are no way around (A00.FR.005)", async () => {
    const charger = await station({ slots: [2] });
    const { body } = await charger.call("SetVariables", {
      setVariableData: [
        {
          component: { name: "InternalCtrlr" },
          variable: { name: "NetworkConnectionProfiles" },
          attributeValue: JSON.stringify([profile(1, 1)]),
        },
      ],
    });
    expect(body).toMatchObject({
      setVariableResult: [{ attributeStatus: "Rejected", attributeStatusInfo: { reasonCode: "NoSecurityDowngrade" } }],
    });
  });
});

describe("after the reboot that follows a higher security profile", () => {
  test("its slot comes first; once accepted the lower ones are gone (A05.FR.05, FR.06)", async () => {
    const charger = await station({ slots: [1, 2], root: true });
    expect(await setPriority(charger, "2,1")).toMatchObject({ attributeStatus: "Accepted" });
    charger.crash();
    charger.attempts.length = 0;
    await charger.start();
    await charger.clock.advance(5_000);
    expect(charger.attempts[0]).toMatchObject({ slot: 2, securityProfile: 2 });
    expect(charger.deviceModel.read(SecurityCtrlr.SecurityProfile)).toBe(2);
    expect(charger.deviceModel.read(OCPPCommCtrlr.NetworkConfigurationPriority)).toEqual(["2"]);
    expect(JSON.parse(charger.deviceModel.read(InternalCtrlr.NetworkConnectionProfiles) ?? "")).toMatchObject([
      { configurationSlot: 2 },
    ]);
  });

  test("from 3 to 2 where AllowSecurityProfileDowngrade says so; the profile of 3 stays (A05.FR.08)", async () => {
    const charger = await station({ slots: [3, 2], mayDowngrade: true });
    await setPriority(charger, "2,1");
    charger.crash();
    await charger.start();
    await charger.clock.advance(5_000);
    expect(charger.deviceModel.read(SecurityCtrlr.SecurityProfile)).toBe(2);
    expect(charger.deviceModel.read(OCPPCommCtrlr.NetworkConfigurationPriority)).toEqual(["2", "1"]);
  });

  test("a CSMS that lets the station connect but does not accept it leaves the old profile in place", async () => {
    const charger = await station({ slots: [1, 2], root: true });
    await setPriority(charger, "2,1");
    charger.crash();
    const accept = charger.react;
    charger.react = (call) =>
      call.action === "BootNotification"
        ? { answer: { currentTime: charger.clock.now().toISOString(), interval: 3_600, status: "Pending" } }
        : accept(call);
    await charger.start();
    await charger.clock.advance(5_000);
    expect(charger.deviceModel.read(SecurityCtrlr.SecurityProfile)).toBe(1);
    expect(charger.deviceModel.read(OCPPCommCtrlr.NetworkConfigurationPriority)).toEqual(["2", "1"]);
  });

  test("without a profile that may be used there is no communication, and the log says so (A00.FR.004)", async () => {
    const charger = await station({ slots: [1], active: 2 });
    await charger.clock.advance(60_000);
    expect(charger.attempts).toEqual([]);
    expect(charger.log.filter((line) => line.includes("No usable network connection profile")).length).toBeGreaterThan(
      1,
    );
  });

  test("a slot that a file or an older stack left less secure is never tried (A00.FR.005)", async () => {
    const charger = await station({ slots: [1, 2], active: 2, priority: "1,2" });
    await charger.clock.advance(60_000);
    expect(charger.attempts.map(({ slot }) => slot)).toEqual([2]);
  });
});

test("messages queued while the station changes its profile are delivered once and in order", async () => {
  const charger = await station({ slots: [1, 2], root: true });
  charger.reachable = false;
  charger.disconnect();
  const types = Array.from({ length: 20 }, (_, index) => `Event${index}`);
  for (const type of types.slice(0, 10)) charger.context.events.emit("securityEvent", { type, critical: true });
  charger.deviceModel.write(OCPPCommCtrlr.NetworkConfigurationPriority, ["2"], "internal");
  charger.csms.reconnect("another profile");
  for (const type of types.slice(10)) charger.context.events.emit("securityEvent", { type, critical: true });
  charger.reachable = true;
  await charger.clock.advance(120_000);
  expect(charger.attempts.at(-1)).toMatchObject({ slot: 2 });
  const told = charger.callsOf("SecurityEventNotification").map(({ type }) => type as string);
  expect(told.filter((type) => type.startsWith("Event"))).toEqual(types);
});
