import { afterEach, describe, expect, test } from "bun:test";
import { ClockCtrlr } from "../../../src/device-model/variables.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const setTimes = () =>
  charger.hardwareCalls
    .filter(({ name }) => name === "setSystemTime")
    .map(({ args }) => (args[0] as Date).toISOString());
const securityEvents = () => charger.callsOf("SecurityEventNotification").map(({ type }) => type);
/** A CSMS whose clock is ahead of the station's by so many milliseconds, its answers written with `format`. */
const startWith = async (
  aheadMilliseconds: number,
  format: (time: Date) => string,
  variables: Readonly<Record<string, string>> = {},
) => {
  charger = new InProcessCharger(1, variables);
  charger.react = ({ action }) => {
    const currentTime = format(new Date(charger.clock.now().getTime() + aheadMilliseconds));
    if (action === "BootNotification") return { answer: { currentTime, interval: 300, status: "Accepted" } };
    return { answer: action === "Heartbeat" ? { currentTime } : {} };
  };
  await charger.start();
  await charger.clock.advance(1_000);
};
const withFraction = (time: Date) => time.toISOString();
const wholeSeconds = (time: Date) => time.toISOString().replace(/\.\d+Z$/, "Z");
const set = async (variable: object, attributeValue: string) => {
  const { body } = await charger.call("SetVariables", {
    setVariableData: [{ component: { name: "ClockCtrlr" }, variable, attributeValue }],
  });
  return (body as { setVariableResult: { attributeStatus: string }[] }).setVariableResult[0]?.attributeStatus;
};

describe("the time of the CSMS", () => {
  test("B01.FR.06: is taken from the boot and from each heartbeat, later by half the round trip", async () => {
    await startWith(60_000, withFraction);
    // The station starts at 0, is connected after 1 ms, and the memory CSMS answers after another one.
    expect(setTimes()).toEqual(["2026-01-01T00:01:00.001Z"]);
    expect(securityEvents()).toContain("SettingSystemTime");
    await charger.clock.advance(300_000);
    expect(setTimes()).toHaveLength(2);
  });

  test.each(["2026-01-01T01:00:00.500000", "2026-01-01T01:00:00.5Z", "2026-01-01T03:00:00.5+02:00"])(
    "is understood as %s, and the station is accepted",
    async (text) => {
      await startWith(0, () => text);
      expect(setTimes()).toEqual(["2026-01-01T01:00:00.500Z"]);
      expect(charger.csms.registration).toBe("Accepted");
    },
  );

  test("is left alone when TimeSource does not name the Heartbeat", async () => {
    await startWith(60_000, withFraction, { "ClockCtrlr.TimeSource": "NTP" });
    await charger.clock.advance(300_000);
    expect(setTimes()).toEqual([]);
  });

  test("serves as a fallback when another source comes first and is evidently wrong", async () => {
    await startWith(1_500, withFraction, { "ClockCtrlr.TimeSource": "NTP,Heartbeat" });
    expect(setTimes()).toEqual([]);
    charger.dispose();
    await startWith(5_000, withFraction, { "ClockCtrlr.TimeSource": "NTP,Heartbeat" });
    expect(setTimes()).toHaveLength(1);
  });

  test("told in whole seconds does not set a right clock back by up to a second at each heartbeat", async () => {
    await startWith(400, wholeSeconds);
    await charger.clock.advance(3_000_000);
    expect(setTimes()).toEqual([]);
  });

  test("a small correction is no security event; TimeAdjustmentReportingThreshold says what is small", async () => {
    await startWith(15_000, withFraction);
    expect(setTimes()).toHaveLength(1);
    expect(securityEvents()).not.toContain("SettingSystemTime");
    charger.dispose();
    await startWith(15_000, withFraction, { "ClockCtrlr.TimeAdjustmentReportingThreshold": "10" });
    expect(securityEvents()).toContain("SettingSystemTime");
  });
});

describe("incident: a time of the CSMS at which no certificate is valid was taken", () => {
  const refusals = () =>
    charger.log.filter((line) => line.includes("is not taken")).map((line) => line.split(": ").at(-1));
  const startAt = async (currentTime: string, serverValidity?: InProcessCharger["serverValidity"]) => {
    charger = new InProcessCharger();
    charger.serverValidity = serverValidity;
    charger.react = ({ action }) =>
      action === "BootNotification" ? { answer: { currentTime, interval: 300, status: "Accepted" } } : { answer: {} };
    await charger.start();
    await charger.clock.advance(1_000);
  };

  test.each([
    ["1970-01-01T00:00:00.000Z", "it is before the release of this program"],
    ["2025-08-31T23:59:59.000Z", "it is before the release of this program"],
    ["2100-01-01T00:00:00.000Z", "it is after 2099"],
    ["9999-12-31T23:59:59.000Z", "it is after 2099"],
  ])("%s: %s", async (currentTime, refusal) => {
    await startAt(currentTime);
    expect(setTimes()).toEqual([]);
    expect(refusals()).toEqual([refusal]);
    expect(charger.csms.registration).toBe("Accepted");
  });

  test.each(["2025-09-01T00:00:00.100Z", "2099-12-31T23:59:59.500Z"])("%s is taken", async (currentTime) => {
    await startAt(currentTime);
    expect(setTimes()).toHaveLength(1);
  });

  test("over TLS none at which the certificate in use is not valid, by the boot or a heartbeat", async () => {
    const serverValidity = { from: new Date("2026-01-01T00:00:00Z"), until: new Date("2026-06-01T00:00:00Z") };
    await startAt("2026-06-01T00:00:01.000Z", serverValidity);
    expect(setTimes()).toEqual([]);
    expect(refusals()).toEqual(["the certificate of the CSMS is not valid then"]);
    charger.react = () => ({ answer: { currentTime: "2025-12-31T23:00:00.000Z" } });
    await charger.clock.advance(300_000);
    expect(setTimes()).toEqual([]);
    charger.react = () => ({ answer: { currentTime: "2026-05-31T23:00:00.000Z" } });
    await charger.clock.advance(300_000);
    expect(setTimes()).toHaveLength(1);
  });

  test("ClockCtrlr.DateTime cannot be set, whatever a component file says", async () => {
    charger = await new InProcessCharger().start();
    const found = charger.deviceModel.find(ClockCtrlr.DateTime);
    if (typeof found !== "string") {
      const actual = found.attributes.get("Actual");
      if (actual !== undefined) Object.assign(actual, { mutability: "ReadWrite" });
    }
    expect(await set({ name: "DateTime" }, "9999-01-01T00:00:00Z")).toBe("Rejected");
  });
});

describe("a clock that jumps", () => {
  test("is reported once, whoever has set it", async () => {
    await startWith(0, withFraction);
    charger.clock.jumpTo("2026-01-01T01:00:00.000Z");
    await charger.clock.advance(25_000);
    expect(securityEvents().filter((type) => type === "SettingSystemTime")).toHaveLength(1);
    charger.dispose();
    await startWith(60_000, withFraction);
    charger.hardwareAnswers.setSystemTime = (time) => {
      charger.clock.jumpTo(time as Date);
      return true;
    };
    await charger.clock.advance(330_000);
    expect(securityEvents().filter((type) => type === "SettingSystemTime")).toHaveLength(2); // boot and heartbeat
  });

  test("by a day either way disturbs neither the heartbeat nor the order of a transaction's events", async () => {
    await startWith(0, withFraction);
    charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
    charger.event(1, {
      kind: "TransactionStarted",
      sessionId: "s",
      token: { idToken: { idToken: "A", type: "ISO14443" }, remote: false },
    });
    charger.clock.jumpTo("2025-12-31T00:00:00.000Z");
    charger.event(1, { kind: "ChargingStarted", sessionId: "s" });
    charger.clock.jumpTo("2026-01-02T00:00:00.000Z");
    charger.event(1, { kind: "SuspendedEV", sessionId: "s" });
    charger.clock.jumpTo("2026-01-01T00:00:00.000Z");
    await charger.clock.advance(1_000);
    expect(charger.callsOf("TransactionEvent").map(({ seqNo }) => seqNo)).toEqual([0, 1, 2]);
    const before = charger.callsOf("Heartbeat").length;
    await charger.clock.advance(301_000);
    expect(charger.callsOf("Heartbeat").length - before).toBe(1);
  });
});

describe("the local time that drivers see", () => {
  const nextTransition = { name: "TimeOffset", instance: "NextTransition" };
  const offset = () => charger.deviceModel.read(ClockCtrlr.TimeOffset);

  test("offsets and time zones are checked", async () => {
    charger = await new InProcessCharger().start();
    expect(await set({ name: "TimeOffset" }, "+01:00")).toBe("Accepted");
    expect(await set({ name: "TimeOffset" }, "1h")).toBe("Rejected");
    expect(await set(nextTransition, "+25:00")).toBe("Rejected");
    expect(await set({ name: "TimeZone" }, "Europe/Oslo")).toBe("Accepted");
    expect(await set({ name: "TimeZone" }, "Europe/Atlantis")).toBe("Rejected");
  });

  test("the offset changes at its appointed time, also when the clock is set or the station restarts before", async () => {
    charger = await new InProcessCharger().start();
    await set({ name: "TimeOffset" }, "+01:00");
    await set({ name: "NextTimeOffsetTransitionDateTime" }, "2026-03-29T01:00:00Z");
    await set(nextTransition, "+02:00");
    charger.crash();
    await charger.start();
    charger.clock.jumpTo("2026-03-29T00:59:30.000Z");
    await charger.clock.advance(20_000);
    expect(offset()).toBe("+01:00");
    await charger.clock.advance(60_000);
    expect(offset()).toBe("+02:00");
    await set({ name: "TimeOffset" }, "+03:00");
    charger.crash();
    await charger.start();
    expect(offset()).toBe("+03:00");
  });
});
