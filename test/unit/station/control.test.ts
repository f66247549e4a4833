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

describe("C, D: authorization", () => {
  const authorize = async (idToken: string, type = "ISO14443") => {
    const decision = charger.services.authorization.authorize({ idToken: { idToken, type: type as "ISO14443" } });
    await charger.clock.advance(20);
    return (await decision)?.idTokenInfo.status;
  };
  const list = (versionNumber: number, updateType: string, localAuthorizationList?: object[]) =>
    statusOf("SendLocalList", {
      versionNumber,
      updateType,
      ...(localAuthorizationList !== undefined && { localAuthorizationList }),
    });
  const entry = (idToken: string, status?: string) => ({
    idToken: { idToken, type: "ISO14443" },
    ...(status !== undefined && { idTokenInfo: { status } }),
  });

  test("C01.FR.02, C10.FR.01, C12: asked once, then from the cache; others than Accepted are asked again", async () => {
    await start();
    expect(await authorize("A")).toBe("Accepted");
    expect(await authorize("A")).toBe("Accepted");
    expect(charger.callsOf("Authorize")).toHaveLength(1);
    charger.react = () => ({ answer: { idTokenInfo: { status: "Blocked" } } });
    expect(await authorize("B")).toBe("Blocked");
    expect(await authorize("B")).toBe("Blocked");
    expect(charger.callsOf("Authorize")).toHaveLength(3); // C10.FR.03
  });

  test("C10.FR.13 with errata: what has expired is not kept; C11: ClearCache", async () => {
    await start();
    charger.react = () => ({
      answer: { idTokenInfo: { status: "Accepted", cacheExpiryDateTime: charger.clock.now().toISOString() } },
    });
    await authorize("A");
    await charger.clock.advance(1_000);
    await authorize("A");
    expect(charger.callsOf("Authorize")).toHaveLength(2);
    expect(await statusOf("ClearCache", {})).toBe("Accepted");
  });

  test("C02, C03, C05: tokens that need no question are not asked about", async () => {
    await start();
    expect(await authorize("", "NoAuthorization")).toBe("Accepted");
    expect(await authorize("APP", "Central")).toBe("Accepted");
    expect(charger.callsOf("Authorize")).toHaveLength(0);
  });

  test("C13, C14: the list goes before cache and CSMS", async () => {
    await start();
    expect(await list(1, "Full", [entry("A", "Accepted"), entry("B", "Blocked")])).toBe("Accepted");
    expect(await authorize("A")).toBe("Accepted");
    expect(charger.callsOf("Authorize")).toHaveLength(0);
    await authorize("B");
    expect(charger.callsOf("Authorize")).toHaveLength(1); // C14.FR.03
    charger.reachable = false;
    charger.disconnect();
    expect(await authorize("B")).toBe("Blocked"); // C13.FR.01: offline the list decides, not the cache
  });

  test("C15.FR.08, FR.01: unknown tokens offline by OfflineTxForUnknownIdEnabled, and never into the cache", async () => {
    await start({ "AuthCtrlr.OfflineTxForUnknownIdEnabled": "true" });
    charger.reachable = false;
    charger.disconnect();
    expect(await authorize("A")).toBe("Accepted");
    await charger.call("ClearCache", {}).catch(() => undefined);
    expect(charger.core.authCache.sizeBytes).toBe(0);
  });

  test("offline and not allowed: Unknown", async () => {
    await start({ "AuthCtrlr.OfflineTxForUnknownIdEnabled": "false" });
    charger.reachable = false;
    charger.disconnect();
    expect(await authorize("A")).toBe("Unknown");
  });

  test("D01, D02: versions, differential changes, duplicates, whole or not at all", async () => {
    await start();
    const version = async () =>
      ((await charger.call("GetLocalListVersion", {})).body as { versionNumber: number }).versionNumber;
    expect(await version()).toBe(0);
    expect(await list(5, "Full", [entry("A", "Accepted")])).toBe("Accepted");
    expect(await list(5, "Differential", [entry("B", "Accepted")])).toBe("VersionMismatch");
    expect(await list(6, "Differential", [entry("B", "Accepted"), entry("A")])).toBe("Accepted");
    expect(charger.core.localList.usage.entries).toBe(1);
    expect(await list(7, "Full", [entry("C", "Accepted"), entry("C", "Blocked")])).toBe("Failed");
    expect(await version()).toBe(6);
    expect(await list(8, "Full")).toBe("Accepted");
    expect(charger.core.localList.usage.entries).toBe(0);
  });
});
