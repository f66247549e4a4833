import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { SecurityCtrlr } from "../../../src/device-model/variables.ts";
import { credentials } from "../../../src/station/a-security/credentials.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

const OLD = "DEADBEEFDEADBEEF";
const NEW = "a-new-password-of-some-length";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

/** The passwords of the attempts, and the CSMS that takes only some. */
const shown: string[] = [];
const start = async (variables: Record<string, string> = {}, valid: () => readonly string[] = () => [OLD, NEW]) => {
  shown.length = 0;
  charger = new InProcessCharger(1, {
    "OCPPCommCtrlr.RetryBackOffWaitMinimum": "1",
    "OCPPCommCtrlr.RetryBackOffRandomRange": "0",
    ...variables,
  });
  charger.judge = ({ password }) => {
    shown.push(password);
    return valid().includes(password) ? undefined : { kind: "refused", httpStatus: 401, text: "HTTP 401" };
  };
  await charger.start();
  await charger.clock.advance(100);
};
const setPassword = async (attributeValue: string) =>
  (
    (
      await charger.call("SetVariables", {
        setVariableData: [
          { component: { name: "SecurityCtrlr" }, variable: { name: "BasicAuthPassword" }, attributeValue },
        ],
      })
    ).body as { setVariableResult: { attributeStatus: string }[] }
  ).setVariableResult[0]?.attributeStatus;
const password = () => charger.deviceModel.read(SecurityCtrlr.BasicAuthPassword);
const securityLog = () =>
  readFileSync(`${charger.directory}/logs/security-events.log`, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string; techInfo?: string });
const twoProfiles = {
  "InternalCtrlr.NetworkConnectionProfiles": JSON.stringify(
    [1, 2].map((configurationSlot) => ({
      configurationSlot,
      connectionData: { ocppCsmsUrl: `ws://csms${configurationSlot}`, securityProfile: 1 },
    })),
  ),
  "OCPPCommCtrlr.NetworkConfigurationPriority": "1,2",
  "OCPPCommCtrlr.NetworkProfileConnectionAttempts": "1",
};

describe("A01: a new password", () => {
  test.each([
    ["spaces, umlauts and signs", 'Schlüssel & "Schloß" für 5 € %'],
    ["64 characters of which each is two units", "🔑".repeat(64)],
  ])("incident: %s were refused, though a password may have every symbol (errata 2.1)", async (_, value) => {
    await start({}, () => [OLD, value]);
    expect(await setPassword(value)).toBe("Accepted");
    await charger.clock.advance(3_000);
    expect(shown).toEqual([OLD, value]);
  });

  test("sixteen to sixty-four characters, whatever a component file says", async () => {
    await start({}, () => [OLD, "x".repeat(64)]);
    const found = charger.deviceModel.find(SecurityCtrlr.BasicAuthPassword);
    if (typeof found !== "string") found.characteristics = { ...found.characteristics, minLimit: 20, maxLimit: 40 };
    credentials.create(charger.context);
    expect(typeof found === "string" ? found : found.characteristics).toMatchObject({ minLimit: 16, maxLimit: 64 });
    expect(await setPassword("x".repeat(64))).toBe("Accepted");
  });

  test("is answered, then used, and noted in the security log without being shown (A01.FR.01, FR.02, FR.10–12)", async () => {
    await start();
    expect(await setPassword(NEW)).toBe("Accepted");
    await charger.clock.advance(3_000);
    expect(shown).toEqual([OLD, NEW]);
    expect(charger.csms.connected).toBe(true);
    expect(securityLog()).toContainEqual(
      expect.objectContaining({ type: "ReconfigurationOfSecurityParameters", techInfo: "BasicAuthPassword changed" }),
    );
    expect(JSON.stringify([securityLog(), charger.log])).not.toContain(NEW);
  });

  test.each([
    ["shorter than 16 characters", "fifteen-letters"],
    ["longer than its maxLimit", "x".repeat(65)],
    ["with a control character", "a password of\tsome length"],
    ["with half a character, which UTF-8 does not have", "a password of some \ud83d length"],
    ["of sixteen units, but eight characters", "🔑".repeat(8)],
  ])("%s is rejected and changes nothing", async (_, value) => {
    await start();
    expect(await setPassword(value)).toBe("Rejected");
    await charger.clock.advance(3_000);
    expect(shown).toEqual([OLD]);
    expect(password()).toBe(OLD);
  });

  test("that the CSMS does not take gives way to the previous one, and that is reported", async () => {
    await start({}, () => [OLD]);
    await setPassword(NEW);
    await charger.clock.advance(10_000);
    expect(shown).toEqual([OLD, NEW, OLD]);
    expect(password()).toBe(OLD);
    expect(securityLog().map(({ type }) => type)).toContain("FailedToAuthenticateAtCsms");
    expect(securityLog().at(-1)?.techInfo).toContain("the previous one again");
  });

  test("both are tried in turn until one works: a CSMS that is out of order does not lock the station out", async () => {
    let valid: readonly string[] = [OLD];
    await start({}, () => valid);
    await setPassword(NEW);
    valid = [];
    await charger.clock.advance(600_000);
    expect(new Set(shown.slice(-4))).toEqual(new Set([OLD, NEW]));
    valid = [NEW];
    await charger.clock.advance(600_000);
    expect(charger.csms.connected).toBe(true);
    expect(password()).toBe(NEW);
  });

  test("every network profile sees both", async () => {
    await start(twoProfiles, () => [OLD]);
    await setPassword(NEW);
    charger.unreachableSlots.add(2);
    await charger.clock.advance(600_000);
    expect(charger.csms.connected).toBe(true);
    expect(password()).toBe(OLD);
  });

  test("a profile that refuses whatever it is shown does not keep the others from seeing both", async () => {
    for (const works of [1, 2]) {
      await start(twoProfiles);
      charger.judge = (attempt) =>
        attempt.profile.slot === works && attempt.password === OLD
          ? undefined
          : { kind: "refused", httpStatus: 401, text: "HTTP 401" };
      await setPassword(NEW);
      await charger.clock.advance(600_000);
      expect(charger.csms.connected).toBe(true);
      charger.dispose();
    }
    await start();
  });

  test("kill -9 between the change and the next connection: the one that works is found", async () => {
    for (const valid of [OLD, NEW]) {
      await start({}, () => [valid, OLD]);
      await setPassword(NEW);
      charger.crash();
      charger.judge = (attempt) =>
        attempt.password === valid ? undefined : { kind: "refused", httpStatus: 401, text: "HTTP 401" };
      await charger.start();
      await charger.clock.advance(30_000);
      expect(charger.csms.connected).toBe(true);
      expect(password()).toBe(valid);
      charger.dispose();
    }
    await start();
  });

  test("a second change before the first was proven keeps the one that has worked", async () => {
    await start({}, () => [OLD]);
    charger.reachable = false;
    charger.disconnect();
    for (const value of ["first-new-password", "second-new-password", "third-new-password", "fourth-new-password", NEW])
      await charger.deviceModel.set(
        [{ address: SecurityCtrlr.BasicAuthPassword, attributeType: "Actual", value }],
        "another module",
      );
    charger.reachable = true;
    await charger.clock.advance(600_000);
    expect(charger.csms.connected).toBe(true);
    expect(password()).toBe(OLD);
  });

  test("is kept for later while a client certificate opens the door", async () => {
    await start({
      ...twoProfiles,
      "SecurityCtrlr.SecurityProfile": "3",
      "InternalCtrlr.NetworkConnectionProfiles": JSON.stringify([
        { configurationSlot: 1, connectionData: { ocppCsmsUrl: "wss://csms1", securityProfile: 3 } },
      ]),
      "OCPPCommCtrlr.NetworkConfigurationPriority": "1",
    });
    expect(await setPassword(NEW)).toBe("Accepted");
    await charger.clock.advance(3_000);
    expect(charger.attempts).toHaveLength(1);
    expect(password()).toBe(NEW);
  });
});
