import { afterEach, describe, expect, test } from "bun:test";
import { AuthCtrlr } from "../../../src/device-model/variables.ts";
import type { AuthorizationStatusEnumType, IdTokenType } from "../../../src/ocpp/v201/index.ts";
import { answerTokens, card, entry, goOffline, present, sendLocalList } from "../../support/authorization.ts";
import { InProcessCharger } from "../../support/in-process-charger.ts";

let charger: InProcessCharger;
afterEach(() => charger.dispose());

const start = async (variables: Record<string, string> = {}) => {
  charger = await new InProcessCharger(1, variables).start();
  await charger.clock.advance(100);
  return charger;
};
const asked = () => charger.callsOf("Authorize").length;
const statusOf = async (idToken: IdTokenType) => (await present(charger, idToken)).idTokenInfo.status;
const charge = (idToken: string, groupIdToken?: IdTokenType) => {
  const token = { idToken: card(idToken), ...(groupIdToken !== undefined && { groupIdToken }), remote: false };
  charger.event(1, { kind: "SessionStarted", sessionId: "s", reason: "EVConnected" });
  charger.event(1, { kind: "TransactionStarted", sessionId: "s", token });
};

describe("every type of token", () => {
  test.each(["ISO14443", "ISO15693", "KeyCode", "Local", "MacAddress", "eMAID"] as const)(
    "%s is asked about (C01.FR.02, FR.04, C06.FR.01–03, C08.FR.01)",
    async (type) => {
      await start();
      expect(await statusOf(card("TOKEN", type))).toBe("Accepted");
      expect(charger.callsOf("Authorize")).toEqual([{ idToken: { idToken: "TOKEN", type } }]);
    },
  );

  test.each(["NoAuthorization", "Central"] as const)(
    "%s is accepted without a question, and nothing about it is cached (C02.FR.03, C03.FR.01, FR.02, C05.FR.01, FR.02)",
    async (type) => {
      await start();
      expect(await statusOf(card("", type))).toBe("Accepted");
      charger.services.authorization.learn(card("", type), { status: "Blocked" });
      expect(asked()).toBe(0);
      expect(charger.core.authCache.entries).toBe(0);
    },
  );

  test("SupportedIdTokenTypes tells them all (errata 2.63)", async () => {
    await start();
    expect(charger.deviceModel.read(AuthCtrlr.SupportedIdTokenTypes)).toEqual([
      "Central",
      "eMAID",
      "ISO14443",
      "ISO15693",
      "KeyCode",
      "Local",
      "MacAddress",
      "NoAuthorization",
    ]);
    expect(charger.deviceModel.read(AuthCtrlr.AdditionalInfoItemsPerMessage)).toBe(8);
  });

  test("AuthCtrlr.Enabled false: every token charges; true: only after authorization (C01.FR.01)", async () => {
    await start({ "AuthCtrlr.Enabled": "false" });
    answerTokens(charger, { status: "Blocked" });
    expect(await statusOf(card("A"))).toBe("Accepted");
    charger.dispose();
    await start();
    answerTokens(charger, { status: "Blocked" });
    expect(await statusOf(card("A"))).toBe("Blocked");
  });

  test("a token that no message can carry is refused without one", async () => {
    await start();
    expect(await statusOf(card("X".repeat(37)))).toBe("Invalid");
    expect(asked()).toBe(0);
  });

  test("key codes are cached like other tokens (C04.FR.03)", async () => {
    await start();
    await statusOf(card("4711", "KeyCode"));
    expect((await present(charger, card("4711", "KeyCode"))).source).toBe("cache");
  });

  test("C04.FR.06: guessing key codes takes longer and longer; a card does not wait", async () => {
    await start();
    answerTokens(charger, { status: "Invalid" });
    for (let attempt = 0; attempt < 5; attempt++) await statusOf(card(`100${attempt}`, "KeyCode"));
    answerTokens(charger, { status: "Accepted" });
    expect(await statusOf(card("1234", "KeyCode"))).toBe("NotAtThisTime");
    expect(asked()).toBe(5);
    expect(await statusOf(card("A"))).toBe("Accepted");
    await charger.clock.advance(2_000);
    expect(await statusOf(card("1234", "KeyCode"))).toBe("Accepted");
  });

  test("C04.FR.06: codes that come all at once are tried one after the other", async () => {
    await start();
    answerTokens(charger, { status: "Invalid" });
    const { authorize } = charger.services.authorization;
    const all = Promise.all([..."123456789"].map((idToken) => authorize({ idToken: card(idToken, "KeyCode") })));
    await charger.clock.advance(1_000);
    expect((await all).map(({ idTokenInfo }): string => idTokenInfo.status).slice(4)).toEqual([
      "Invalid",
      ...Array.from({ length: 4 }, () => "NotAtThisTime"),
    ]);
    expect(asked()).toBe(5);
  });

  test("incident: a CSMS that fails does not make right key codes wrong", async () => {
    await start();
    charger.react = () => ({ error: "InternalError" });
    for (let attempt = 0; attempt < 9; attempt++) await statusOf(card("1234", "KeyCode"));
    answerTokens(charger, { status: "Accepted" });
    expect(await statusOf(card("1234", "KeyCode"))).toBe("Accepted");
  });
});

describe("online: who is asked", () => {
  const REFUSALS: readonly AuthorizationStatusEnumType[] = [
    "Blocked",
    "ConcurrentTx",
    "Expired",
    "Invalid",
    "NoCredit",
    "NotAllowedTypeEVSE",
    "NotAtThisLocation",
    "NotAtThisTime",
    "Unknown",
  ];

  test("TC_C_02, 06, 07: every refusal of the CSMS is handed on", async () => {
    await start();
    for (const status of REFUSALS) {
      answerTokens(charger, { status });
      expect(await statusOf(card(`T-${status}`))).toBe(status);
    }
  });

  test("TC_C_08: Accepted in the cache charges without a question (C12.FR.02, C01.FR.05)", async () => {
    await start();
    await statusOf(card("A"));
    expect(await present(charger, card("A"))).toEqual({ idTokenInfo: { status: "Accepted" }, source: "cache" });
    expect(asked()).toBe(1);
  });

  test("TC_C_09–12: refused in the cache is asked again, and Accepted replaces it (C10.FR.03, C12.FR.05)", async () => {
    await start();
    for (const status of REFUSALS) {
      const token = card(`T-${status}`);
      answerTokens(charger, { status });
      await statusOf(token);
      answerTokens(charger, { status: "Accepted" });
      const before = asked();
      expect(await statusOf(token)).toBe("Accepted");
      expect(asked()).toBe(before + 1);
    }
  });

  test("TC_C_57: AuthCacheDisablePostAuthorize spares that question (C10.FR.03)", async () => {
    await start({ "AuthCacheCtrlr.DisablePostAuthorize": "true" });
    answerTokens(charger, { status: "Blocked" });
    await statusOf(card("A"));
    answerTokens(charger, { status: "Accepted" });
    expect(await statusOf(card("A"))).toBe("Blocked");
    expect(asked()).toBe(1);
  });

  test("TC_C_27–31: the list goes before the cache; refused in the list is asked (C14.FR.01–03, C01.FR.05)", async () => {
    await start();
    answerTokens(charger, { status: "Blocked" });
    await statusOf(card("A"));
    await sendLocalList(charger, 1, "Full", [entry("A", "Accepted"), ...REFUSALS.map((one) => entry(`T-${one}`, one))]);
    expect(await present(charger, card("A"))).toMatchObject({ source: "local-list" });
    expect(asked()).toBe(1);
    answerTokens(charger, { status: "Accepted" });
    for (const [index, status] of REFUSALS.entries()) {
      expect(await statusOf(card(`T-${status}`))).toBe("Accepted");
      expect(asked()).toBe(index + 2);
    }
  });

  test("TC_C_58: LocalAuthListDisablePostAuthorize spares that question (C14.FR.03)", async () => {
    await start({ "LocalAuthListCtrlr.DisablePostAuthorize": "true" });
    await sendLocalList(charger, 1, "Full", [entry("A", "Blocked")]);
    expect(await statusOf(card("A"))).toBe("Blocked");
    expect(asked()).toBe(0);
  });

  test("LocalPreAuthorize false: cache and list do not spare the question", async () => {
    await start({ "AuthCtrlr.LocalPreAuthorize": "false" });
    await sendLocalList(charger, 1, "Full", [entry("A", "Accepted")]);
    await statusOf(card("A"));
    await statusOf(card("A"));
    expect(asked()).toBe(2);
  });

  test("TC_E_52: DisableRemoteAuthorization: cache and list alone decide, whatever LocalPreAuthorize says", async () => {
    await start({ "AuthCtrlr.DisableRemoteAuthorization": "true", "AuthCtrlr.LocalPreAuthorize": "false" });
    await sendLocalList(charger, 1, "Full", [entry("A", "Accepted"), entry("B", "Blocked")]);
    expect([await statusOf(card("A")), await statusOf(card("B")), await statusOf(card("C"))]).toEqual([
      "Accepted",
      "Blocked",
      "Unknown",
    ]);
    expect(asked()).toBe(0);
  });

  test("C14.FR.04, FR.05: an entry of the list is good until its date; then the CSMS is asked, whatever the cache says", async () => {
    await start({ "LocalAuthListCtrlr.DisablePostAuthorize": "true" });
    await statusOf(card("A"));
    const expiry = new Date(charger.clock.now().getTime() + 60_000).toISOString();
    await sendLocalList(charger, 1, "Full", [entry("A", "Accepted", { cacheExpiryDateTime: expiry })]);
    expect(await present(charger, card("A"))).toMatchObject({ source: "local-list" });
    await charger.clock.advance(61_000);
    expect(await present(charger, card("A"))).toMatchObject({ source: "csms" });
  });

  test("C14.FR.02: without LocalAuthListSupportsExpiryDateTime the date does not count", async () => {
    await start({ "LocalAuthListCtrlr.SupportsExpiryDateTime": "false" });
    await sendLocalList(charger, 1, "Full", [entry("A", "Accepted", { cacheExpiryDateTime: "2020-01-01T00:00:00Z" })]);
    expect(await present(charger, card("A"))).toMatchObject({ source: "local-list" });
  });

  test("the CSMS does not answer, or with an error: refused, and not cached", async () => {
    await start();
    charger.react = () => ({ error: "InternalError" });
    expect(await statusOf(card("A"))).toBe("Unknown");
    charger.react = () => "silence";
    expect((await present(charger, card("A"), {}, 120_000)).idTokenInfo.status).toBe("Unknown");
    expect(charger.core.authCache.entries).toBe(0);
  });

  test("the connection is lost while the CSMS is asked: decided as offline, with list and cache", async () => {
    await start({ "AuthCtrlr.LocalPreAuthorize": "false", "AuthCtrlr.OfflineTxForUnknownIdEnabled": "false" });
    await sendLocalList(charger, 1, "Full", [entry("A", "Accepted")]);
    charger.react = () => "silence";
    const decision = present(charger, card("A"));
    goOffline(charger);
    expect(await decision).toEqual({ idTokenInfo: { status: "Accepted" }, source: "local-list" });
  });
});

describe("offline (C13, C15)", () => {
  const offlineWith = async (variables: Record<string, string>, list: readonly object[] = []) => {
    await start(variables);
    await sendLocalList(charger, 1, "Full", list);
    answerTokens(charger, { status: "Blocked" });
    await statusOf(card("CACHED-BLOCKED"));
    answerTokens(charger, { status: "Accepted" });
    await statusOf(card("CACHED"));
    goOffline(charger);
  };
  const UNKNOWN_ALLOWED = { "AuthCtrlr.OfflineTxForUnknownIdEnabled": "true" };
  const UNKNOWN_REFUSED = { "AuthCtrlr.OfflineTxForUnknownIdEnabled": "false" };
  const LISTED = [
    entry("LISTED", "Accepted"),
    entry("LISTED-BLOCKED", "Blocked"),
    entry("CACHED-BLOCKED", "Accepted"),
    entry("LAPSED", "Accepted", { cacheExpiryDateTime: "2020-01-01T00:00:00Z" }),
  ];
  const decisions = async () => {
    const found: Record<string, string> = {};
    for (const name of ["LISTED", "LISTED-BLOCKED", "CACHED-BLOCKED", "LAPSED", "CACHED", "STRANGER"])
      found[name] = await statusOf(card(name));
    return found;
  };

  test("TC_C_21–25: unknown ids are refused, the list goes before the cache (C13.FR.01, FR.03, FR.05)", async () => {
    await offlineWith(UNKNOWN_REFUSED, LISTED);
    expect(await decisions()).toEqual({
      LISTED: "Accepted",
      "LISTED-BLOCKED": "Blocked",
      "CACHED-BLOCKED": "Accepted",
      LAPSED: "Expired",
      CACHED: "Accepted",
      STRANGER: "Unknown",
    });
  });

  test("unknown ids are accepted, known and refused ones are not unknown (C13.FR.06, C15.FR.08)", async () => {
    await offlineWith(UNKNOWN_ALLOWED, LISTED);
    expect(await decisions()).toEqual({
      LISTED: "Accepted",
      "LISTED-BLOCKED": "Blocked",
      "CACHED-BLOCKED": "Accepted",
      LAPSED: "Expired",
      CACHED: "Accepted",
      STRANGER: "Accepted",
    });
  });

  test("C13.FR.02, FR.04: dates of the list that is without them do not count", async () => {
    await offlineWith({ ...UNKNOWN_ALLOWED, "LocalAuthListCtrlr.SupportsExpiryDateTime": "false" }, LISTED);
    expect((await decisions()).LAPSED).toBe("Accepted");
  });

  test("LocalAuthorizeOffline false: a token that list or cache know does not charge for that; a blocked one stays blocked", async () => {
    await offlineWith({ ...UNKNOWN_REFUSED, "AuthCtrlr.LocalAuthorizeOffline": "false" }, LISTED);
    expect(await decisions()).toMatchObject({
      LISTED: "NotAtThisTime",
      "LISTED-BLOCKED": "Blocked",
      CACHED: "NotAtThisTime",
      STRANGER: "Unknown",
    });
    charger.dispose();
    await offlineWith({ ...UNKNOWN_ALLOWED, "AuthCtrlr.LocalAuthorizeOffline": "false" }, LISTED);
    expect(await decisions()).toMatchObject({ LISTED: "Accepted", "LISTED-BLOCKED": "Blocked", STRANGER: "Accepted" });
  });

  test("C15.FR.01: who is accepted as unknown is not cached", async () => {
    await start(UNKNOWN_ALLOWED);
    goOffline(charger);
    await statusOf(card("A"));
    expect(charger.core.authCache.entries).toBe(0);
  });

  test("started without network, the station is offline and charges", async () => {
    charger = new InProcessCharger(1, { ...UNKNOWN_ALLOWED, "TxCtrlr.TxBeforeAcceptedEnabled": "false" });
    charger.reachable = false;
    await charger.start();
    expect(await statusOf(card("A"))).toBe("Accepted");
  });

  test.each(["Pending", "Rejected"])(
    "%s: TxBeforeAcceptedEnabled says whether it charges, also when the connection goes (B02.FR.03, B03.FR.01)",
    async (status) => {
      const held = async (enabled: string) => {
        charger = new InProcessCharger(1, { ...UNKNOWN_ALLOWED, "TxCtrlr.TxBeforeAcceptedEnabled": enabled });
        const currentTime = charger.clock.now().toISOString();
        charger.react = () => ({ answer: { currentTime, interval: 300, status } });
        await charger.start();
        await charger.clock.advance(100);
      };
      await held("false");
      expect(await statusOf(card("A"))).toBe("NotAtThisTime");
      goOffline(charger);
      expect(await statusOf(card("A"))).toBe("NotAtThisTime");
      charger.dispose();
      await held("true");
      expect(await statusOf(card("A"))).toBe("Accepted");
      expect(asked()).toBe(0);
    },
  );
});

describe("where a token may charge (C01.FR.20, FR.21)", () => {
  test("the EVSEs that the CSMS names are told; presented at others the token is refused", async () => {
    await start();
    answerTokens(charger, { status: "Accepted", evseId: [2] });
    expect((await present(charger, card("A"))).idTokenInfo).toEqual({ status: "Accepted", evseId: [2] });
    expect((await present(charger, card("A"), { evseIds: [1] })).idTokenInfo.status).toBe("NotAtThisLocation");
    expect((await present(charger, card("A"), { evseIds: [1, 2] })).idTokenInfo.status).toBe("Accepted");
  });

  test("incident: an empty list of EVSEs, which C01.FR.19 allows, made a good token unknown", async () => {
    await start();
    answerTokens(charger, { status: "Accepted", evseId: [] });
    expect((await present(charger, card("A"), { evseIds: [1] })).idTokenInfo.status).toBe("Accepted");
  });

  test("EVSEs that the charger does not have are no place to charge", async () => {
    await start();
    answerTokens(charger, { status: "Accepted", evseId: [7] });
    expect(await statusOf(card("A"))).toBe("NotAtThisLocation");
  });
});

describe("groups (C09) and the master pass (C16)", () => {
  const family = card("FAMILY", "Central");

  test("TC_C_39: a stranger is asked about, the answer carries the group (C09.FR.03, FR.05)", async () => {
    await start();
    answerTokens(charger, { status: "Accepted", groupIdToken: family });
    charge("A");
    expect((await present(charger, card("B"))).idTokenInfo).toEqual({ status: "Accepted", groupIdToken: family });
    expect(charger.callsOf("Authorize")).toEqual([{ idToken: card("B") }]);
  });

  test.each([
    ["list", "TC_C_40"],
    ["cache", "TC_C_41"],
  ])(
    "a token of the group in the %s stops without a question, even without LocalPreAuthorize (%s, C01.FR.03, C09.FR.07)",
    async (place) => {
      await start({ "AuthCtrlr.LocalPreAuthorize": "false" });
      answerTokens(charger, { status: "Accepted", groupIdToken: family });
      if (place === "list")
        await sendLocalList(charger, 1, "Full", [
          entry("B", "Accepted", { groupIdToken: { ...family, idToken: "family" } }),
        ]);
      else await present(charger, card("B"));
      const before = asked();
      charge("A", family);
      await charger.clock.advance(20);
      expect((await present(charger, card("B"))).idTokenInfo.status).toBe("Accepted");
      expect(asked()).toBe(before);
    },
  );

  test("LocalPreAuthorize false: to start elsewhere a token of the group is asked about", async () => {
    await start({ "AuthCtrlr.LocalPreAuthorize": "false" });
    await sendLocalList(charger, 1, "Full", [entry("B", "Accepted", { groupIdToken: family })]);
    charge("A", family);
    await charger.clock.advance(20);
    await present(charger, card("B"), { evseIds: [1] });
    expect(asked()).toBe(0);
    await present(charger, card("B"), { evseIds: [2] });
    expect(asked()).toBe(1);
  });

  test("TC_C_43, 44: a token of the group that is not Accepted does not stop anything (C09.FR.11)", async () => {
    await start();
    await sendLocalList(charger, 1, "Full", [entry("B", "Blocked", { groupIdToken: family })]);
    charge("A", family);
    answerTokens(charger, { status: "Invalid", groupIdToken: family });
    expect((await present(charger, card("B"))).idTokenInfo.status).toBe("Invalid");
  });

  test("TC_C_14, 49: a master pass is told with its group, from CSMS, cache and list; EVerest's Auth knows the group (C12.FR.09, C16.FR.02–05)", async () => {
    await start();
    const masterPass = card("123", "Central");
    answerTokens(charger, { status: "Accepted", groupIdToken: masterPass });
    for (const source of ["csms", "cache"])
      expect(await present(charger, card("POLICE"))).toEqual({
        idTokenInfo: { status: "Accepted", groupIdToken: masterPass },
        source: source as "csms",
      });
    await sendLocalList(charger, 1, "Full", [entry("MAYOR", "Accepted", { groupIdToken: masterPass })]);
    expect((await present(charger, card("MAYOR"))).idTokenInfo.groupIdToken).toEqual(masterPass);
  });
});

describe("equality of tokens (C01.FR.25)", () => {
  test("by text in whatever letters and type; additionalInfo does not count", async () => {
    await start();
    await present(charger, { ...card("DeadBeef"), additionalInfo: [{ additionalIdToken: "1", type: "x" }] });
    await sendLocalList(charger, 1, "Full", [entry("c0ffEE", "Accepted")]);
    for (const spelling of ["DEADBEEF", "deadbeef", "DeadBeef", "C0FFEE", "c0ffee"]) await statusOf(card(spelling));
    expect(asked()).toBe(1);
    await statusOf(card("DEADBEEF", "ISO15693"));
    expect(asked()).toBe(2);
  });

  test("what is learned of another spelling replaces the entry", async () => {
    await start();
    await statusOf(card("DeadBeef"));
    charger.services.authorization.learn(card("DEADBEEF"), { status: "Blocked" });
    expect(charger.core.authCache.entries).toBe(1);
    expect(charger.core.authCache.get(card("deadbeef"))?.idTokenInfo).toEqual({ status: "Blocked" });
  });
});
