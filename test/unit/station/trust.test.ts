import { afterEach, describe, expect, test } from "bun:test";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const start = async (variables: Record<string, string> = {}) => {
  charger = await new InProcessCharger(1, variables).start();
  await charger.clock.advance(100);
  return charger;
};
const statusOf = async (action: string, request: object) =>
  ((await charger.call(action, request)).body as { status: string }).status;
const sent = (name: string) => charger.hardwareCalls.filter((call) => call.name === name).map(({ args }) => args);
describe("A, L, M, N: what a fleet owner trusts", () => {
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

  test("N09, N10: customer information is told, and forgotten except for the local list", async () => {
    await start();
    const customer = { idToken: { idToken: "A", type: "ISO14443" } };
    await charger.call("SendLocalList", {
      versionNumber: 1,
      updateType: "Full",
      localAuthorizationList: [{ ...customer, idTokenInfo: { status: "Accepted" } }],
    });
    expect(await statusOf("CustomerInformation", { requestId: 1, report: true, clear: false })).toBe("Invalid"); // N09.FR.09
    expect(await statusOf("CustomerInformation", { requestId: 1, report: false, clear: false, ...customer })).toBe(
      "Rejected",
    );
    expect(await statusOf("CustomerInformation", { requestId: 1, report: true, clear: true, ...customer })).toBe(
      "Accepted",
    );
    await charger.clock.advance(10);
    expect(String(charger.callsOf("NotifyCustomerInformation")[0]?.data)).toContain("localAuthorizationList");
    expect(charger.core.localList.usage.entries).toBe(1);
  });

  test("without profiles the default limits are told, the station's as their sum, at every interval (BEHAVIOUR 10.1)", async () => {
    await start();
    const told = () =>
      sent("setLimits").map(([limits]) =>
        (limits as { evseId: number; periods: { limit: number }[] }[]).map(({ evseId, periods }) => [
          evseId,
          periods[0]?.limit,
        ]),
      );
    expect(told()).toEqual([
      [
        [0, 96],
        [1, 48],
        [2, 48],
      ],
    ]);
    await charger.clock.advance(61_000);
    expect(told()).toHaveLength(3);
  });

  test("actions of later issues are not supported, unknown ones not implemented, and nothing is Accepted in vain", async () => {
    await start();
    expect((await charger.call("SetDisplayMessage", {})).body).toBe("NotSupported");
    expect((await charger.call("SetChargingProfile", {})).body).toBe("NotSupported");
    expect((await charger.call("MakeCoffee", {})).body).toBe("NotImplemented");
  });
});
