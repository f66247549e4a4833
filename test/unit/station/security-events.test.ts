import { afterEach, describe, expect, test } from "bun:test";
import { readFileSync, rmSync, statSync } from "node:fs";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const start = async (variables: Record<string, string> = {}) => {
  charger = await new InProcessCharger(1, variables).start();
  await charger.clock.advance(100);
};
const logPath = () => `${charger.directory}/logs/security-events.log`;
const logged = () =>
  readFileSync(logPath(), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { type: string; critical: boolean; techInfo?: string });
const emit = async (type: string, techInfo?: string) => {
  charger.context.events.emit("securityEvent", { type, ...(techInfo !== undefined && { techInfo }) });
  await charger.clock.advance(100);
};
const told = () => charger.callsOf("SecurityEventNotification");
const onBus = () =>
  charger.hardwareCalls.filter(({ name }) => name === "securityEvent").map(({ args }) => args[0] as { type: string });

describe("A04: security events", () => {
  test("a critical one is told, logged and shown on the bus (A04.FR.01, FR.04)", async () => {
    await start();
    await emit("TamperDetectionActivated", "lid");
    expect(told().at(-1)).toEqual({
      type: "TamperDetectionActivated",
      techInfo: "lid",
      timestamp: expect.stringMatching(/Z$/),
    });
    expect(logged().at(-1)).toMatchObject({ type: "TamperDetectionActivated", critical: true });
    expect(onBus().at(-1)).toMatchObject({ type: "TamperDetectionActivated", critical: true });
  });

  test.each(["ReconfigurationOfSecurityParameters", "InvalidMessages", "FailedToAuthenticateAtCsms"])(
    "%s is not critical: logged and shown only (A04.FR.04)",
    async (type) => {
      await start();
      const before = told().length;
      await emit(type);
      expect(told()).toHaveLength(before);
      expect(logged().at(-1)).toMatchObject({ type, critical: false });
      expect(onBus().at(-1)).toMatchObject({ type, critical: false });
    },
  );

  test("what happens offline is told later, in order and over kill -9 (A04.FR.02)", async () => {
    await start();
    charger.reachable = false;
    charger.disconnect();
    await emit("TamperDetectionActivated", "1");
    await emit("MaintenanceLoginFailed", "2");
    charger.crash();
    charger.reachable = true;
    await charger.start();
    await charger.clock.advance(1_000);
    expect(told().map(({ techInfo }) => techInfo)).toEqual(expect.arrayContaining(["1", "2"]));
    const order = told().map(({ techInfo }) => techInfo);
    expect(order.indexOf("1")).toBeLessThan(order.indexOf("2"));
  });

  test("the message fits its schema however much is to be said", async () => {
    await start();
    await emit("TamperDetectionActivated", "x".repeat(1_000));
    expect(String(told().at(-1)?.techInfo)).toHaveLength(255);
    expect(logged().at(-1)?.techInfo).toHaveLength(1_000);
  });

  test("the log is private, and rolls when it is long", async () => {
    await start();
    expect(statSync(logPath()).mode & 0o777).toBe(0o600);
    for (let index = 0; index < 110; index++) await emit("InvalidMessages", "x".repeat(10_000));
    expect(statSync(logPath()).size).toBeLessThan(1_000_000);
    expect(statSync(`${logPath()}.1`).size).toBeGreaterThan(900_000);
  });

  test("a log that somebody has deleted is a security event of its own", async () => {
    await start();
    rmSync(logPath());
    await emit("InvalidMessages");
    expect(logged().map(({ type }) => type)).toEqual(
      expect.arrayContaining(["SecurityLogWasCleared", "InvalidMessages"]),
    );
    expect(told().at(-1)).toMatchObject({ type: "SecurityLogWasCleared" });
  });

  test("a queue of security events is bounded: the oldest give way", async () => {
    await start({ "InternalCtrlr.MessageQueueSizeThreshold": "20" });
    charger.reachable = false;
    charger.disconnect();
    for (let index = 0; index < 100; index++)
      charger.context.events.emit("securityEvent", { type: "TamperDetectionActivated", techInfo: `${index}` });
    expect(charger.csms.durableQueueLength).toBeLessThanOrEqual(20);
    charger.reachable = true;
    await charger.clock.advance(60_000);
    expect(charger.callsOf("SecurityEventNotification").at(-1)?.techInfo).toBe("99");
  });

  test("statuses of log uploads give way before security events", async () => {
    await start({ "InternalCtrlr.MessageQueueSizeThreshold": "20" });
    charger.reachable = false;
    charger.disconnect();
    for (let requestId = 0; requestId < 30; requestId++) {
      charger.core.unitOfWork.run(() =>
        charger.csms.enqueue("LogStatusNotification", { status: "Uploaded", requestId }),
      );
      if (requestId % 3 === 0) await emit("TamperDetectionActivated", String(requestId));
    }
    charger.reachable = true;
    await charger.clock.advance(60_000);
    expect(told().filter(({ type }) => type === "TamperDetectionActivated")).toHaveLength(10);
  });
});
